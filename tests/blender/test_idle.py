"""Work in idle moments: begun after a change, given way to everything else, and never ended by a failure."""

from __future__ import annotations

import pytest


@pytest.fixture
def job(addon):
    """An idle job of three slices that notes what it did."""
    did = []

    def begin():
        did.append("begin")
        for number in range(3):
            did.append(number)
            yield None

    made = addon.idle.IdleJob(begin, between=lambda: did.append("between"))
    made.did = did
    yield made
    addon.activity.current = None


def ticks(job, most=20):
    for _ in range(most):
        job.tick()
        if job.rests:
            return
    raise AssertionError("it never rests")


def test_it_works_once_after_a_change_and_then_costs_nothing(job, addon):
    ticks(job)
    assert job.did == ["between", "begin", 0, 1, 2]
    job.did.clear()
    job.tick()
    assert job.did == ["between"] and job.rests
    addon.changes.note_update()
    assert not job.rests
    ticks(job)
    assert job.did[-4:] == ["begin", 0, 1, 2]


def test_a_change_in_the_middle_begins_again(job, addon, monkeypatch):
    monkeypatch.setattr(addon.idle, "TICK_SECONDS", -1.0)
    job.tick()
    assert job.tick() == addon.idle.BUSY_SECONDS and job.did[-1] == 0
    addon.changes.note_update()
    ticks(job)
    assert job.did.count("begin") == 2 and job.did[-3:] == [0, 1, 2]


def test_it_stays_away_while_something_else_goes_on(job, addon):
    addon.activity.begin("Generating")
    assert job.tick() == addon.idle.QUIET_SECONDS and job.did == []
    addon.activity.end()
    ticks(job)
    assert 2 in job.did


def test_what_waits_says_for_how_long_and_holds_no_window(addon):
    left = [0.1, 0.2]

    def begin():
        while left:
            yield left.pop()

    job = addon.idle.IdleJob(begin)
    job.tick()
    assert [job.tick() for _ in range(3)] == [0.2, 0.1, addon.idle.QUIET_SECONDS]


def test_a_failure_is_logged_and_the_next_change_is_worked_on(addon, caplog):
    fails = [True]

    def begin():
        if fails.pop():
            raise ZeroDivisionError("of the test")
        yield None

    job = addon.idle.IdleJob(begin)
    job.tick()
    job.tick()
    assert "unexpected" in caplog.text and job.rests
    fails.append(False)
    addon.changes.note_update()
    ticks(job)
