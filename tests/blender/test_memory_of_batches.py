"""The batch that came through is remembered: the next job begins with it, and frames made before stay."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from timeline import MODULE, trim


@pytest.fixture
def batches():
    """What is remembered, empty as in a Blender that was just started."""
    module = importlib.import_module(f"{MODULE}.blender_bend.addon.process.memory_fit")
    module.remembered.clear()
    yield module
    module.remembered.clear()


@pytest.fixture
def wide(bend_strip, addon):
    """A bend strip of four different frames whose states are computed eight at once."""
    trim(bend_strip, 1, 5)
    bend_strip.bend_settings.walk_amount = 1.0
    preferences = addon.preferences.preferences()
    preferences.batch = 8
    yield bend_strip
    preferences.batch = 1


def planned(scene, strip, addon):
    return addon.slices.at_once(addon.generate.plan(scene, strip))


def test_the_next_plan_begins_with_the_batch_that_fitted_and_keeps_what_was_made(wide, scene, addon, batches):
    addon.generate.fill_store(scene, wide, [1, 2])
    before = planned(scene, wide, addon)
    assert (before.job.batch, before.missing) == (8, [3, 4])
    batches.learn(before.job, 2)
    after = planned(scene, wide, addon)
    assert (after.job.batch, after.missing) == (2, [3, 4])
    assert [after.keys[number] == before.keys[number] for number in (1, 2, 3, 4)] == [True, True, False, False]
    work = addon.generate.fill_store(scene, wide)
    assert (work.rendered, planned(scene, wide, addon).missing) == (2, [])


def test_only_jobs_of_that_model_size_and_precision_are_made_in_smaller_batches(wide, scene, addon, batches):
    batches.learn(planned(scene, wide, addon).job, 2)
    wide.bend_settings.width = 128
    assert planned(scene, wide, addon).job.batch == 8
    wide.bend_settings.width = 64
    wide.bend_settings.seed += 1
    assert planned(scene, wide, addon).job.batch == 2
    preferences = addon.preferences.preferences()
    preferences.precision = "bfloat16"
    assert planned(scene, wide, addon).job.batch == 8
    preferences.precision = "float32"


def test_a_batch_that_fitted_says_nothing_about_smaller_ones_or_chains(wide, scene, addon, batches):
    job = planned(scene, wide, addon).job
    batches.learn(job, 8)
    assert planned(scene, wide, addon).job.batch == 8
    batches.learn(job, 4)
    addon.preferences.preferences().batch = 2
    assert planned(scene, wide, addon).job.batch == 2
    addon.preferences.preferences().batch = 8
    wide.bend_settings.source = "previous"
    chain = planned(scene, wide, addon)
    assert chain.missing == [1, 2, 3, 4], "a frame of a chain has no neighbours: its key has no batch"


@pytest.mark.skipif(sys.platform != "linux", reason="a limit and memory as Linux has them")
def test_what_a_real_limit_of_memory_taught_is_known_to_the_next_job(wide, scene, addon, batches, monkeypatch):
    resource = pytest.importorskip("resource")
    # A thread that glibc gives an arena of its own reserves 64 MB or twice that, and when one begins is chance.
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    # Address space that glibc doesn't give back would count as well: what is freed goes back from the beginning.
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", str(2**20))
    settings, preferences = wide.bend_settings, addon.preferences.preferences()
    settings.width = settings.height = 256
    settings.steps = 1
    preferences.batch = 1
    addon.engine_client.shut_down()  # what an engine has had before counts as what it needs
    addon.generate.fill_store(scene, wide, [1])
    pid = addon.engine_client.client().process.pid
    assert b"MALLOC_ARENA_MAX=1" in Path(f"/proc/{pid}/environ").read_bytes()

    def most() -> int:
        """The most address space that the engine has had, in bytes."""
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return 1024 * max(int(line.split()[1]) for line in lines if line.startswith(("VmPeak", "VmSize")))

    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak of loading
    addon.generate.fill_store(scene, wide, [2])
    resource.prlimit(pid, resource.RLIMIT_AS, (most() + 96 * 2**20, resource.RLIM_INFINITY))
    try:
        # With mini, sixteen pictures take less than decoding one: nobody can set as many as it takes to fill memory.
        raw = getattr(preferences, "bl_system_properties_get", lambda: preferences)()
        raw["batch"] = 64
        first = addon.generate.fill_store(scene, wide, [3])
        assert (first.plan.job.batch, first.rendered) == (64, 1)
        assert addon.engine_client.client().process.pid == pid, "the engine lives on"
        fitted = planned(scene, wide, addon).job.batch
        assert 1 <= fitted < 64
        second = addon.generate.fill_store(scene, wide)
        assert second.plan.job.batch == fitted
        assert planned(scene, wide, addon).missing == []
    finally:
        addon.engine_client.shut_down()
