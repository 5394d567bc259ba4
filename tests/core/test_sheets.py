"""Sheets: what their cells are, and in which order they are made."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from blender_bend.core import catalogue
from blender_bend.core.errors import BendError
from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.models.references import MINI_PATH
from blender_bend.core.presets import presets
from blender_bend.core.sheets import axes
from blender_bend.core.sheets.kinds import Kind
from blender_bend.core.sheets.sheet import Axis, Line, Sheet, coarse_to_fine


@pytest.fixture
def job() -> Job:
    """One frame with two bends; the second is explored."""
    bends = (
        Bend("First", "multiply", "latent"),
        Bend("Second", "rotate_channels", "unet:mid_block", 0.2, 0.8, choices={"plane": "0-1"}),
    )
    values = ({"mix": 1.0, "factor": 1.5}, {"mix": 0.75, "angle": 0.5})
    frame = Frame(7, (("teal ocean waves", 1.0),), values)
    return Job(str(MINI_PATH), "0" * 64, (64, 64), 8, 5.0, 3, "", bends, (frame,))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (8, 5), (4, 9)])
def test_coarse_to_fine_makes_every_cell_once_and_some_all_over_first(rows: int, columns: int) -> None:
    order = list(coarse_to_fine(rows, columns))
    assert sorted(order) == [(row, column) for row in range(rows) for column in range(columns)]
    first = order[: math.ceil(rows / 4) * math.ceil(columns / 4)]
    assert first == [(row, column) for row in range(0, rows, 4) for column in range(0, columns, 4)]


def test_every_axis_has_what_is_set_now(job: Job) -> None:
    found = presets.read(presets.paths()[0])
    for axis in (
        axes.prompts(job, ["a forest"], 3),
        axes.seeds(job, 3),
        axes.operators(job, 1, 6),
        axes.sites(job, 1, 6),
        axes.steps(job, 1, 5),
        axes.values(job, 1, "angle", 5),
        axes.presets([found], 3),
    ):
        assert [line.change(job) for line in axis.lines].count(job) == 1, axis.title


def test_a_cell_changes_what_its_lines_say_and_nothing_else(job: Job) -> None:
    sheet = Sheet(job, axes.values(job, 1, "angle", 4, Kind.SITES), axes.sites(job, 1, 4))
    for cell in sheet.cells():
        assert cell.job.bends[0] == job.bends[0] and cell.job.frames[0].values[0] == job.frames[0].values[0]
        own = replace(cell.job.bends[1], site=job.bends[1].site)
        assert own == job.bends[1] and cell.job.frames[0].values[1]["mix"] == 0.75
    places = {(cell.job.bends[1].site, cell.job.frames[0].values[1]["angle"]) for cell in sheet.cells()}
    assert len(places) == 16


def test_rows_and_columns_can_be_exchanged(job: Job) -> None:
    sites, values = axes.operators(job, 1, 5), axes.values(job, 1, "angle", 4, Kind.OPERATORS)
    one, other = Sheet(job, sites, values), Sheet(job, values, sites)
    assert all(one.cell(row, column).job == other.cell(column, row).job for row in range(5) for column in range(4))


def test_another_operator_has_its_own_values_and_keeps_the_mix(job: Job) -> None:
    for line in axes.operators(job, 1, 100).lines[1:]:
        changed = line.change(job)
        operator = catalogue.operator(changed.bends[1].operator)
        values = changed.frames[0].values[1]
        assert values["mix"] == 0.75
        assert set(values) == {p.name for p in catalogue.animated_parameters(operator.name)}
        assert changed.bends[1].choices == {choice.name: choice.default for choice in operator.choices}
        changed.check()


def test_few_operators_are_of_many_families(job: Job) -> None:
    lines = axes.operators(job, 1, 9).lines
    families = [catalogue.operator(line.change(job).bends[1].operator).family for line in lines]
    assert families[0] == catalogue.operator("rotate_channels").family and len(set(families)) >= 5


def test_values_where_the_range_is_another_are_shares_of_it(job: Job) -> None:
    latent = replace(job, bends=(job.bends[0], Bend("Second", "add", "latent")))
    latent = replace(latent, frames=(replace(job.frames[0], values=(job.frames[0].values[0], {"amount": 0.0})),))
    axis = axes.values(latent, 1, "amount", 3, Kind.SITES)
    assert [line.label for line in axis.lines] == ["0%", "50%", "100%"]
    parameter = catalogue.animated_parameter("amount", "add")
    inside = replace(latent, bends=(latent.bends[0], Bend("Second", "add", "unet:mid_block")))
    found = [line.change(inside).frames[0].values[1]["amount"] for line in axis.lines]
    low, high = parameter.soft_at("unet")
    assert found == pytest.approx([low, (low + high) / 2, high])


def test_an_angle_is_not_compared_with_itself(job: Job) -> None:
    found = [line.change(job).frames[0].values[1]["angle"] for line in axes.values(job, 1, "angle", 6).lines]
    assert len({round(math.cos(angle) + 2 * math.sin(angle), 6) for angle in found}) == 6


def test_a_preset_changes_with_the_sound(job: Job) -> None:
    found = [presets.read(path) for path in presets.paths()[:4]]
    sheet = Sheet(job, axes.presets(found, 9), axes.sound(found, 3))
    for row in range(1, 5):
        silent, _, loud = (sheet.cell(row, column).job for column in range(3))
        assert silent.bends == loud.bends and silent.frames != loud.frames
    assert sheet.cell(0, 0).job == job


def test_what_cannot_be_compared_is_refused_in_words(job: Job) -> None:
    lines = tuple(Line(str(number), lambda job: job) for number in range(40))
    with pytest.raises(BendError, match="at most 1,000 pictures"):
        Sheet(job, Axis(Kind.SEEDS, "Seeds", lines), Axis(Kind.STEPS, "Steps", lines)).cells()
    with pytest.raises(BendError, match="no other prompt"):
        axes.prompts(job, [" ", "teal ocean waves"], 4)
    with pytest.raises(BendError, match="no presets"):
        axes.presets([], 4)


def test_sites_are_those_of_the_model(job: Job, tmp_path: Path) -> None:
    (tmp_path / "transformer").mkdir()
    (tmp_path / "transformer" / "config.json").write_text('{"num_layers": 2}')
    of_transformer = [line.label for line in axes.sites(replace(job, model=str(tmp_path)), 0, 50).lines]
    of_unet = [line.label for line in axes.sites(job, 0, 50).lines]
    assert any(site.startswith("transformer:") for site in of_transformer)
    assert not any(site.startswith(("unet:", "lora:")) for site in of_transformer)
    assert any(site.startswith("unet:") for site in of_unet)
    assert not any(site.startswith("transformer:") for site in of_unet)
