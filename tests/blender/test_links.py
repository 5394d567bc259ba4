"""Which links of a chain must be rendered, found out part by part as it would be with all of them known."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest


def needed_of(numbers, lacking, asked, matched):
    """The links to be rendered, with all of the chain known."""
    needed, leads = [], False
    for number in reversed(numbers):
        leads = number in lacking and (leads or number in asked)
        if leads:
            needed.insert(0, number)
    if numbers[0] in lacking and numbers[0] not in needed and set(needed) & matched:
        needed.insert(0, numbers[0])
    return needed


@pytest.fixture
def chain_of(core):
    """A chain of links of which some have their colors matched to the first."""

    def make(numbers, matched):
        frame, job = core.job.Frame, core.job.Job
        frames = core.frames.Frames(
            frame(number, (("sea", 1.0),), (), strip={"colour_match": 0.8 if number in matched else 0.0})
            for number in numbers
        )
        return job("m", "f" * 64, (64, 64), 4, 1.0, 1, "", (), frames, source="previous")

    return make


def takes(job, chance):
    """The frames of a job, some at a time, with pauses."""
    frames = list(job.frames)
    while frames:
        some = chance.randint(1, 6)
        yield frames[:some]
        yield None
        del frames[:some]


@pytest.mark.parametrize("seed", range(60))
def test_links_are_needed_as_if_all_of_the_chain_were_known(seed, chain_of, addon, core, tmp_path):
    chance = random.Random(seed)
    numbers = range(3, 3 + chance.randint(1, 30))
    some = lambda share: {number for number in numbers if chance.random() < share}  # noqa: E731
    matched, lacking = some(chance.choice((0.0, 0.3, 1.0))), some(chance.choice((0.2, 0.6, 0.9, 1.0)))
    asked = set(numbers) if chance.random() < 0.3 else some(chance.choice((0.05, 0.3, 0.8)))
    job = chain_of(numbers, matched)
    traced = {one.frame.number: one for one in core.resolve.trace(job)}
    stored = addon.stored.Stored(tmp_path, 100)
    stored.listed = {bytes.fromhex(traced[number].key) for number in numbers if number not in lacking}
    gathered = addon.plans.Gathered(asked, set())
    for part in addon.links.Links(job, stored, [], asked).parts(takes(job, chance)):
        if part is not None:
            addon.slices.at_once(gathered.add(part))
    wanted = needed_of(numbers, lacking, asked, matched - {numbers[0]})
    assert gathered.missing == [frame.number for frame in gathered.frames] == wanted
    assert dict(gathered.keys) == {number: traced[number].key for number in sorted(asked)}
    assert dict(gathered.there) == {number: traced[number].key for number in sorted(asked - lacking)}
    rendered = {one.frame.number: one.key for one in core.resolve.trace(replace(job, frames=gathered.frames))}
    assert rendered == {number: traced[number].key for number in wanted}, "the engine finds the same keys"
