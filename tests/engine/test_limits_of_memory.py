"""A real engine under a real limit of memory, and a flood of messages that must not fill it."""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from engine_child import Child, contents, request
from mutations import mutated, scratched
from processes import resident_bytes

from blender_bend.core.errors import Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.process import messages

ALL = os.environ.get("BEND_TEST_ALL") == "1"
LINES = int(os.environ.get("BEND_TEST_LINES", 100_000 if ALL else 3_000))
GROWTH = 48 * 2**20
MakeJob = Callable[..., Job]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and memory as Linux has them")


def address_space(pid: int, what: str) -> int:
    """Bytes of address space that a process has (``VmSize``) or has had at most (``VmPeak``)."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


def test_a_batch_that_does_not_fit_is_halved_until_it_does(fresh: Child, make_job: MakeJob, tmp_path: Path) -> None:
    """The limit is a little above what a picture alone takes, which is measured; one layer of the batch is more."""
    resource = pytest.importorskip("resource")
    frames = 2  # batches are filled up to their size, however few frames there are
    bend = (Bend("Turn", "rotate_channels", "latent"), [{"angle": 0.1 * (index + 1)} for index in range(frames)])
    job = make_job("mini", [bend], frames, steps=1, guidance=1.0, size=(256, 256), batch=64)
    pid = fresh.process.pid

    def render(name: str, job: Job) -> Job:
        """Make the frames; the job with the batch and the way of decoding that it came through with."""
        (tmp_path / name).mkdir()
        fresh.send(messages.RENDER, name, **request(job, tmp_path / name))
        done = fresh.answers(name)[-1]
        assert done.type == messages.DONE, done.data
        return replace(job, batch=int(done.data["batch"]), decode=str(done.data["decode"]))

    render("warm", replace(job, batch=1))
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak
    render("alone", replace(job, batch=1, seed=8))
    limit = max(address_space(pid, "VmPeak"), address_space(pid, "VmSize")) + 96 * 2**20
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    fitted = render("limited", job)
    assert fitted.batch in {1, 2, 4, 8, 16, 32}
    resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    render("free", fitted)
    assert contents(tmp_path / "limited" / "frames") == contents(tmp_path / "free" / "frames")
    assert len(contents(tmp_path / "limited" / "frames")) == frames


def test_a_picture_that_cannot_be_decoded_whole_is_decoded_in_tiles(
    fresh: Child, make_job: MakeJob, tmp_path: Path
) -> None:
    """The limit lies between what a tile takes and what the whole picture does, both of which are measured."""
    resource = pytest.importorskip("resource")
    job = make_job("mini", [], 1, steps=1, guidance=1.0, size=(512, 512))
    pid = fresh.process.pid

    def render(name: str, job: Job) -> str:
        (tmp_path / name).mkdir()
        fresh.send(messages.RENDER, name, **request(job, tmp_path / name))
        done = fresh.answers(name)[-1]
        assert done.type == messages.DONE, done.data
        return str(done.data["decode"])

    def most(name: str, job: Job) -> int:
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak
        render(name, job)
        return max(address_space(pid, "VmPeak"), address_space(pid, "VmSize"))

    render("warm", replace(job, decode="tiled", seed=9))
    tiled = most("tiled", replace(job, decode="tiled"))
    limit = tiled + 32 * 2**20
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    assert render("limited", job) == "tiled"
    resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert contents(tmp_path / "limited" / "frames") == contents(tmp_path / "tiled" / "frames")
    assert most("whole", job) > limit
    assert contents(tmp_path / "whole" / "frames").keys().isdisjoint(contents(tmp_path / "tiled" / "frames"))


def test_a_flood_of_nonsense_is_answered_and_fills_no_memory(fresh: Child) -> None:
    """Every line is answered, and after all of them the engine does its work.

    A cancel that chance writes may name a request that chance wrote and that still waits: that one ends as cancelled.
    """
    chance = random.Random(6)
    honest = {"v": 1, "id": "7", "type": "cancel", "data": {"job": "/gone.json", "store": "/tmp", "numbers": [1]}}

    def lines() -> Iterator[bytes]:
        for number in range(LINES):
            kind = number % 3
            if kind == 0:
                yield chance.randbytes(chance.randrange(200)).replace(b"\n", b"") + b"\n"
            elif kind == 1:
                yield json.dumps(mutated({**honest, "type": "nothing", "id": str(number)}, chance)).encode() + b"\n"
            else:
                yield scratched(json.dumps(honest).encode(), chance).replace(b"\n", b"") + b"\n"

    def flood() -> None:
        for line in lines():
            fresh.write(line)
        fresh.send(messages.HELLO, "after")

    fresh.send(messages.HELLO, "before")
    fresh.answers("before")
    before = resident_bytes(fresh.process.pid)
    writer = threading.Thread(target=flood)
    writer.start()
    codes = set()
    answers = 0
    while (message := fresh.next()).id != "after":
        assert message.type == (messages.CANCELLED if message.data["code"] == Code.CANCELLED else messages.ERROR)
        codes.add(message.data["code"])
        answers += 1
    writer.join()
    assert message.type == messages.DONE
    assert codes <= {Code.MESSAGE_INVALID, Code.ENGINE_VERSION, Code.CANCELLED}
    assert LINES / 3 < answers <= LINES
    assert resident_bytes(fresh.process.pid) - before < GROWTH


def test_more_requests_than_can_wait_are_refused_and_the_first_are_done(fresh: Child) -> None:
    fresh.send(messages.RENDER, "slow", job="/gone.json", store=str(fresh.log.parent / "store"))
    for number in range(3000):
        fresh.send(messages.CANCEL, f"nobody {number}")
        fresh.send("nothing", str(number))
    answered, refused = {}, 0
    while len(answered) < 3001:
        message = fresh.next()
        if message.type in messages.ENDINGS:
            assert message.id not in answered
            answered[message.id] = message.data["code"]
            refused += "are already waiting" in message.data["message"]
    assert refused > 1000, "torch is imported for the first, so that most come too early"
    assert answered.pop("slow") == Code.JOB_INVALID
    assert set(answered.values()) == {Code.MESSAGE_INVALID}
    fresh.send(messages.HELLO, "after")
    assert fresh.answers("after")[-1].type == messages.DONE
