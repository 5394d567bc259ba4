"""The table of samplers: every entry says all there is to say, and refuses what it does not have."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Job
from blender_bend.core.job.resolve import resolve
from blender_bend.core.samplers import few_steps, schedulers
from blender_bend.core.samplers.schedulers import OPTIONS, SCHEDULERS


def test_names_and_labels_are_used_once() -> None:
    assert len(set(schedulers.NAMES)) == len({row.label for row in SCHEDULERS}) == len(SCHEDULERS)
    for rows in OPTIONS.values():
        assert rows[0][0] == schedulers.AUTO
        assert len({name for name, _, _ in rows}) == len({label for _, label, _ in rows}) == len(rows)


@pytest.mark.parametrize("row", SCHEDULERS, ids=lambda row: row.name)
def test_an_entry_takes_what_it_names_and_refuses_the_rest(row: schedulers.Scheduler, job: Job) -> None:
    for option, rows in OPTIONS.items():
        for name, label, _ in rows:
            told = replace(job, scheduler=row.name, **{option: name})
            if name == schedulers.AUTO or name in row.choices(option):
                told.check()
                assert Job.from_json(told.to_json()) == told
                continue
            with pytest.raises(BendError) as caught:
                told.check()
            assert caught.value.code == Code.PARAMETER_INVALID
            assert row.label in caught.value.message and label in caught.value.message
            assert option.title() in caught.value.hint


@pytest.mark.parametrize("wrong", ["", "sgm_uniform", None, 3, ["karras"], {}])
def test_a_choice_that_no_sampler_has_is_refused(job: Job, wrong: object) -> None:
    for option in (*OPTIONS, "scheduler"):
        data = {**json.loads(job.to_json()), option: wrong}
        with pytest.raises(BendError) as caught:
            Job.from_json(json.dumps(data))
        assert caught.value.code in (Code.PARAMETER_INVALID, Code.JOB_INVALID)


def test_a_job_of_before_there_were_choices_can_be_read(job: Job) -> None:
    data = json.loads(job.to_json())
    for option in OPTIONS:
        del data[option]
    assert Job.from_json(json.dumps(data)) == job


def test_what_a_sampler_does_not_offer_does_not_reach_it() -> None:
    chosen = {"spacing": "trailing", "sigmas": "karras", "prediction": "epsilon"}
    assert schedulers.reaching("own", **chosen) == schedulers.reaching("dpm", **chosen) == chosen
    assert schedulers.reaching("ddim", **chosen) == {"spacing": "trailing", "prediction": "epsilon"}
    assert schedulers.reaching("flow_euler", **chosen) == {"sigmas": "karras"}
    assert schedulers.reaching("flow_heun", **chosen) == schedulers.reaching("of another version", **chosen) == {}


@pytest.mark.parametrize("kind", few_steps.FEW_STEPS, ids=lambda kind: kind.name)
def test_few_step_models_are_set_to_what_the_samplers_have(kind: few_steps.FewSteps, job: Job) -> None:
    chosen = {"scheduler": kind.scheduler, "spacing": kind.spacing, "prediction": kind.prediction}
    replace(job, **chosen).check()
    assert kind.guidance[0] <= kind.guidance[1] and kind.steps == tuple(sorted(kind.steps))


def test_a_spacing_that_sigmas_overrule_does_not_count(job: Job) -> None:
    spaced = replace(job, spacing="trailing", sigmas="karras")
    for row in SCHEDULERS:
        if row.sigmas and row.spacings:
            kept = "spacing" in resolve(replace(spaced, scheduler=row.name), job.frames[0])
            assert kept != row.spaced_by_sigmas
            assert "spacing" in resolve(replace(job, scheduler=row.name, spacing="trailing"), job.frames[0])
