"""The engine killed at any moment: the store is right, and the next run makes what is missing, byte for byte."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine_child import ENGINE, PATIENCE, ROOT, Child, contents, request
from processes import gone

from blender_bend.core.job.job import Bend, Job
from blender_bend.core.process import messages

ALL = os.environ.get("BEND_TEST_ALL") == "1"
KILLS = int(os.environ.get("BEND_TEST_KILLS", 50 if ALL else 5))
CANCELS = int(os.environ.get("BEND_TEST_CANCELS", 200 if ALL else 20))
FRAMES = 16
MakeJob = Callable[..., Job]

#: Runs the engine and kills it in the middle of writing its third frame, at the moment named first.
WRITING = """
import os, runpy, signal, sys, tempfile
moment, writes = sys.argv.pop(1), 0
real = {name: getattr(os, name) for name in ("fsync", "chmod", "replace")}

def dying(name, after):
    def call(*arguments):
        global writes
        writes += name == "fsync" or str(arguments[-1]).endswith(".png")
        if after:
            real[name](*arguments)
        if writes == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if not after:
            real[name](*arguments)
    return call

class Cut:
    def __init__(self, file):
        self._file = file
    def __getattr__(self, name):
        return getattr(self._file, name)
    def write(self, data):
        global writes
        writes += data[:4] == bytes((137, 80, 78, 71))  # a picture is written in one piece, which is cut in its middle
        self._file.write(data[: len(data) // 2] if writes == 3 else data)
        self._file.flush()
        if writes == 3:
            os.kill(os.getpid(), signal.SIGKILL)

if moment == "content":
    from blender_bend.core.files import leftovers
    temporary = leftovers.temporary
    class Cutting:
        def __init__(self, file):
            self.file = file
        def __enter__(self):
            return Cut(self.file)
        def __exit__(self, *_):
            self.file.close()
    leftovers.temporary = lambda folder: Cutting(temporary(folder))
else:
    name, _, when = moment.partition(" ")
    setattr(os, name, dying(name, when == "after"))
runpy.run_module("blender_bend.engine", run_name="__main__")
"""


@pytest.fixture(scope="module")
def job(make_job: MakeJob) -> Job:
    """Different frames of mini, small and short."""
    bend = (Bend("Turn", "rotate_channels", "latent"), [{"angle": 0.1 * (index + 1)} for index in range(FRAMES)])
    return make_job("mini", [bend], FRAMES, steps=2)


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """An engine that nobody kills."""
    child = Child(tmp_path_factory.mktemp("living") / "engine.log")
    yield child
    child.close()


@pytest.fixture(scope="module")
def undisturbed(job: Job, living: Child, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The frames of a run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    living.send(messages.RENDER, "1", **request(job, folder))
    assert living.answers("1")[-1].type == messages.DONE
    frames = contents(folder / "frames")
    assert len(frames) == FRAMES
    return frames


def whole(folder: Path, undisturbed: dict[str, bytes]) -> int:
    """How many frames are there; each must be byte-equal to that of the undisturbed run."""
    frames = {name: data for name, data in contents(folder / "frames").items() if name.endswith(".png")}
    assert frames.items() <= undisturbed.items()
    return len(frames)


def test_killed_at_random_moments_and_resumed_it_makes_the_same_bytes(
    job: Job, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(1)
    data = request(job, tmp_path)
    died_at = []
    for number in range(KILLS):
        if whole(tmp_path, undisturbed) > FRAMES - 4:
            for path in (tmp_path / "frames").glob("*.png"):
                path.unlink()
        child = Child(tmp_path / "engine.log")
        child.send(messages.RENDER, str(number), **data)
        there = whole(tmp_path, undisturbed)
        for _ in range(chance.randrange(8)):  # the first messages are those of starting and loading
            if child.next().type in messages.ENDINGS:
                break
        time.sleep(chance.uniform(0.0, 0.3))
        child.kill()
        died_at.append(whole(tmp_path, undisturbed) - there)
    child = Child(tmp_path / "engine.log")
    child.send(messages.RENDER, "last", **data)
    assert child.answers("last")[-1].type == messages.DONE
    child.close()
    assert contents(tmp_path / "frames") == undisturbed
    assert len(set(died_at)) > 1, "the kills were not at different moments"


@pytest.mark.parametrize("moment", ["content", "fsync before", "fsync after", "replace before", "replace after"])
def test_killed_while_it_writes_a_frame_it_leaves_nothing_wrong(
    moment: str, job: Job, living: Child, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    data = request(job, tmp_path)
    child = Child(tmp_path / "engine.log", python=("-c", WRITING, moment))
    child.send(messages.RENDER, "1", **data)
    assert child.process.wait(PATIENCE) == -9
    assert whole(tmp_path, undisturbed) == (3 if moment == "replace after" else 2)
    left = [name for name in contents(tmp_path / "frames") if name.endswith(".tmp")]
    assert len(left) == (0 if moment == "replace after" else 1)
    living.send(messages.RENDER, "2", **data)
    assert living.answers("2")[-1].type == messages.DONE
    assert contents(tmp_path / "frames") == undisturbed


def test_cancelled_at_random_moments_the_next_request_is_always_right(
    job: Job, living: Child, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(2)
    data = request(job, tmp_path)
    endings = []
    for number in range(CANCELS):
        for path in (tmp_path / "frames").glob("*.png"):
            path.unlink()
        first, second, wanted = f"{number} first", f"{number} second", chance.randrange(1, FRAMES + 1)
        living.send(messages.RENDER, first, **data)
        for _ in range(chance.randrange(6)):
            assert living.next().id == first
        time.sleep(chance.choice((0.0, chance.uniform(0.0, 0.1))))
        living.send(messages.CANCEL, first)
        living.send(messages.RENDER, second, **data, numbers=[wanted])
        endings.append(living.answers(first)[-1].type)
        *before, done = living.answers(second)
        assert (done.type, done.data["frames"]) == (messages.DONE, 1)
        assert {message.data["number"] for message in before if message.type == messages.FRAME} <= {wanted}
        assert whole(tmp_path, undisturbed) >= 1
    assert set(endings) <= {messages.CANCELLED, messages.DONE}
    assert endings.count(messages.CANCELLED) > CANCELS / 2
    living.send(messages.RENDER, "last", **data)
    assert living.answers("last")[-1].type == messages.DONE
    assert contents(tmp_path / "frames") == undisturbed


def test_two_engines_make_the_frames_of_one_store_together(
    job: Job, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    data = request(job, tmp_path)
    children = [Child(tmp_path / f"engine {number}.log") for number in range(2)]
    for child in children:
        child.send(messages.RENDER, "1", **data)
    for child in children:
        assert child.answers("1")[-1].type == messages.DONE
        child.close()
    assert contents(tmp_path / "frames") == undisturbed


def test_it_ends_with_its_parent_even_if_somebody_holds_its_pipes(tmp_path: Path) -> None:
    """Another process has inherited the other ends, as a child that another add-on forks does."""
    incoming, outgoing = os.pipe(), os.pipe()
    arguments = [sys.executable, *ENGINE, "serve", "--log", str(tmp_path / "log"), "--device", "cpu"]
    script = f"""
import subprocess, time
child = subprocess.Popen({arguments!r}, stdin={incoming[0]}, stdout={outgoing[1]})
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, pass_fds=(incoming[0], outgoing[1]))
    with open(outgoing[0], "rb") as answers:
        beat = messages.decode(answers.readline())
        assert beat.type == messages.ALIVE
        parent.kill()
        parent.wait()
        drain = threading.Thread(target=answers.read, daemon=True)
        os.close(outgoing[1])
        drain.start()
        assert gone(beat.data["pid"])
        drain.join()
    os.close(incoming[0])
    os.close(incoming[1])
