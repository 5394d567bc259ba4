"""The engine as a child process, talked to over its real pipes."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_child import ROOT, SECONDS, Child, request

from blender_bend.core.errors import Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.process import messages
from blender_bend.core.process.messages import Message
from blender_bend.engine.process.server import Server

MakeJob = Callable[..., Job]


@pytest.fixture
def long_job(make_job: MakeJob, tmp_path: Path) -> dict[str, str]:
    """A render request of sixty different frames of mini."""
    bend = (Bend("Turn", "rotate_channels", "latent"), [{"angle": 0.05 * (index + 1)} for index in range(60)])
    return request(make_job("mini", [bend], 60, steps=8), tmp_path)


def test_hello_says_who_is_there(child: Child) -> None:
    child.send(messages.HELLO, "1")
    (done,) = child.answers("1")
    assert done.type == messages.DONE
    assert done.data["pid"] == child.process.pid
    assert done.data["audio"] and done.data["diffusion"]


def test_a_sound_is_analysed_into_a_file(child: Child, write_sound: Callable[..., Path], tmp_path: Path) -> None:
    sound = write_sound(np.random.default_rng(1).normal(0, 0.1, 48000).astype(np.float32))
    child.send(
        messages.MEASURE,
        "1",
        sound=str(sound),
        fps="30000/1001",
        frames=40,
        features=["rms", "onset"],
        cache=str(tmp_path / "cache"),
        out=str(tmp_path / "features.npz"),
    )
    assert child.answers("1")[-1].type == messages.DONE
    with np.load(tmp_path / "features.npz") as measured:
        assert {name: measured[name].shape for name in measured} == {"rms": (40,), "onset": (40,)}


def test_moments_settings_and_phases_travel_with_an_analysis(
    child: Child, write_sound: Callable[..., Path], tmp_path: Path
) -> None:
    sound = write_sound(np.random.default_rng(1).normal(0, 0.1, 96000).astype(np.float32))
    child.send(
        messages.MEASURE,
        "1",
        sound=str(sound),
        fps="24",
        frames=48,
        features=["percussive/onset", "times:beats", "beat_phase", "band:200-800"],
        cache=str(tmp_path / "cache"),
        out=str(tmp_path / "features.npz"),
        beats={"source": "tempo", "bpm": 120.0, "first": 0.25, "meter": 3},
        midi=None,
        encodec=None,
    )
    *phases, done = child.answers("1")
    assert done.type == messages.DONE
    assert "Separating harmonic and percussive" in [message.data["text"] for message in phases]
    with np.load(tmp_path / "features.npz") as measured:
        assert measured["times:beats"].tolist() == [0.25, 0.75, 1.25, 1.75]
        assert measured["percussive/onset"].shape == measured["band:200-800"].shape == (48,)


def test_an_analysis_is_cancelled_between_features(
    child: Child, write_sound: Callable[..., Path], tmp_path: Path
) -> None:
    sound = write_sound(np.random.default_rng(1).normal(0, 0.1, 48000 * 60).astype(np.float32))
    data = {"sound": str(sound), "fps": "24", "frames": 1440, "cache": str(tmp_path), "out": str(tmp_path / "out.npz")}
    child.send(messages.MEASURE, "1", **data, features=["rms", "percussive/onset", "harmonic/pitch"])
    while child.next().data.get("text") != "Separating harmonic and percussive":
        pass
    child.send(messages.CANCEL, "1")
    assert child.answers("1")[-1].type == messages.CANCELLED
    assert not (tmp_path / "out.npz").exists()
    child.send(messages.MEASURE, "2", **data, features=["rms"])
    assert child.answers("2")[-1].type == messages.DONE


def test_frames_are_announced_when_they_are_there(child: Child, make_job: MakeJob, tmp_path: Path) -> None:
    bend = (Bend("Turn", "rotate_channels", "latent"), [{"angle": angle} for angle in (0.2, 0.4, 0.2)])
    job = make_job("mini", [bend], 3, steps=2)
    data = request(job, tmp_path)
    child.send(messages.RENDER, "1", **data)
    *before, done = child.answers("1")
    frames = [message for message in before if message.type == messages.FRAME]
    assert sorted(message.data["number"] for message in frames) == [1, 2, 3]
    assert all((tmp_path / "frames" / f"{message.data['key']}.png").is_file() for message in frames)
    assert {message.type for message in before} == {messages.PHASE, messages.FRAME}
    assert (done.type, done.data["frames"], done.data["rendered"]) == (messages.DONE, 3, 2)
    child.send(messages.RENDER, "2", **data)
    assert child.answers("2")[-1].data["found"] == 3


def test_only_the_frames_asked_for_are_rendered(child: Child, long_job: dict[str, str]) -> None:
    child.send(messages.RENDER, "1", **long_job, numbers=[7, 9])
    answers = child.answers("1")
    assert [message.data["number"] for message in answers if message.type == messages.FRAME] == [7, 9]


def test_a_render_is_cancelled_in_the_middle_and_the_engine_goes_on(child: Child, long_job: dict[str, str]) -> None:
    child.send(messages.RENDER, "1", **long_job)
    while child.next().type != messages.FRAME:
        pass
    child.send(messages.CANCEL, "1")
    *_, end = child.answers("1")
    assert end.type == messages.CANCELLED
    assert 1 <= len(list(Path(long_job["store"]).iterdir())) < 60
    child.send(messages.RENDER, "2", **long_job, numbers=[60])
    assert child.answers("2")[-1].type == messages.DONE


def test_a_request_that_still_waits_can_be_cancelled(child: Child, long_job: dict[str, str]) -> None:
    child.send(messages.RENDER, "1", **long_job, numbers=list(range(1, 21)))
    child.send(messages.RENDER, "2", **long_job, numbers=[50, 51])
    child.send(messages.CANCEL, "2")
    endings = []
    while len(endings) < 2:
        if (message := child.next()).type in messages.ENDINGS:
            endings.append((message.id, message.type))
    assert endings == [("2", messages.CANCELLED), ("1", messages.DONE)], "it did not wait for its turn"
    assert len(list(Path(long_job["store"]).iterdir())) == 20


def test_an_urgent_render_comes_first_and_the_rest_goes_on(child: Child, long_job: dict[str, str]) -> None:
    child.send(messages.RENDER, "film", **long_job, numbers=list(range(1, 21)))
    while child.next().type != messages.FRAME:
        pass
    child.send(messages.RENDER, "waits", **long_job, numbers=[59])
    child.send(messages.RENDER, "still", **long_job, numbers=[60, 20], urgent=True)
    told: dict[str, list[Message]] = {"film": [], "waits": [], "still": []}
    endings = []
    while len(endings) < 3:
        message = child.next()
        told[message.id].append(message)
        if message.type in messages.ENDINGS:
            endings.append((message.id, message.type))
    assert endings[0] == ("still", messages.DONE) and {kind for _, kind in endings} == {messages.DONE}
    numbers = [message.data["number"] for message in told["film"] if message.type == messages.FRAME]
    assert len(numbers) == len(set(numbers)) == 18, "all but the one before, and the one that the still has made"
    assert told["film"][-1].data["rendered"] == 19 and told["film"][-1].data["found"] == 1
    assert len(list(Path(long_job["store"]).glob("*.png"))) == 22


def test_an_interrupted_render_can_be_cancelled_while_it_waits(child: Child, long_job: dict[str, str]) -> None:
    child.send(messages.RENDER, "film", **long_job)
    while child.next().type != messages.FRAME:
        pass
    child.send(messages.RENDER, "still", **long_job, numbers=[60], urgent=True)
    while (message := child.next()).id != "still":
        pass
    child.send(messages.CANCEL, "film")
    endings = []
    while len(endings) < 2:
        if (message := child.next()).type in messages.ENDINGS:
            endings.append((message.id, message.type))
    assert sorted(endings) == [("film", messages.CANCELLED), ("still", messages.DONE)]
    child.send(messages.HELLO, "1")
    assert child.answers("1")[-1].type == messages.DONE


def test_an_id_can_be_used_again_as_soon_as_it_is_answered() -> None:
    """Whoever reads the answer may send the next request at once, and cancel it."""
    hello = Message(messages.HELLO, "same", {})
    lines: list[bytes] = []

    class Blender(io.BytesIO):
        """Sends the next request of the same id while the engine still writes its answer."""

        def write(self, line: Any) -> int:
            lines.append(line)
            if len(lines) == 1:
                server.take(hello)
            return len(line)

    server = Server(io.BytesIO(), Blender())
    server.take(hello)
    server.answer_next()
    server.take(Message(messages.CANCEL, "same", {}))
    assert messages.decode(lines[-1]).type == messages.CANCELLED, "the cancel was taken for one of the request before"


def test_a_cancel_without_a_request_is_forgiven(child: Child) -> None:
    child.send(messages.CANCEL, "nothing")
    child.send(messages.HELLO, "1")
    assert child.answers("1")[-1].type == messages.DONE


@pytest.mark.parametrize(
    "line",
    [b"hello?\n", b"\n", b"\xff\xfe\x00\n", b"{}\n", b"[" * 100_000 + b"\n", b"x" * 2_000_000 + b"\n"],
    ids=range(6),
)
def test_a_garbage_line_is_answered_and_survived(child: Child, line: bytes) -> None:
    child.write(line)
    answer = child.next()
    assert (answer.type, answer.data["code"]) == (messages.ERROR, Code.MESSAGE_INVALID)
    child.send(messages.HELLO, "1")
    assert child.answers("1")[-1].type == messages.DONE


def test_a_message_of_another_version_is_answered_as_such(child: Child) -> None:
    child.write(b'{"v": 99, "id": "1", "type": "hello", "data": {}}\n')
    assert child.next().data["code"] == Code.ENGINE_VERSION


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [
        ("dance", {}, Code.MESSAGE_INVALID),
        (messages.RENDER, {"job": "/gone.json", "store": "/tmp"}, Code.JOB_INVALID),
        (messages.RENDER, {}, Code.MESSAGE_INVALID),
        (messages.MEASURE, {"sound": 3}, Code.MESSAGE_INVALID),
        (
            messages.MEASURE,
            {
                "sound": "/gone.wav",
                "fps": "24",
                "features": ["rms"],
                "frames": 1,
                "cache": "/tmp/x",
                "out": "/tmp/x.npz",
            },
            Code.SOUND_MISSING,
        ),
    ],
)
def test_a_request_that_cannot_be_done_is_answered_and_survived(
    child: Child, kind: str, data: dict[str, Any], code: Code
) -> None:
    child.send(kind, "1", **data)
    (*_, end) = child.answers("1")
    assert (end.type, end.data["code"]) == (messages.ERROR, code)
    assert end.data["message"]
    child.send(messages.HELLO, "2")
    assert child.answers("2")[-1].type == messages.DONE


@pytest.mark.parametrize("kind", [kind for kind in messages.ANSWERS if messages.FIELDS[kind]])
def test_a_request_without_one_of_its_fields_is_answered_with_its_name(kind: str) -> None:
    server = Server(io.BytesIO(), sent := io.BytesIO(), "cpu")
    fields = messages.FIELDS[kind]
    for lacking in (name for name, described in fields.items() if described.needed):
        data = {name: "1" for name, described in fields.items() if described.needed and name != lacking}
        data |= {name: [] for name in data if fields[name] in (messages.TEXTS, messages.LIST)}
        data |= {name: 1 for name in data if fields[name] == messages.WHOLE}
        data |= {name: True for name in data if fields[name] == messages.FLAG}
        server.take(Message(kind, "1", data))
        server.answer_next()
        said = messages.decode(sent.getvalue().splitlines()[-1])
        assert (said.type, said.data["code"]) == (messages.ERROR, Code.MESSAGE_INVALID)
        assert said.data["message"] == f"'{lacking}' is missing in the message '{kind}'."


def test_a_store_that_cannot_be_written_is_answered_with_its_button(
    child: Child, long_job: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    child.send(messages.RENDER, "1", job=long_job["job"], store=str(tmp_path / "file" / "frames"))
    end = child.answers("1")[-1]
    assert (end.data["code"], end.data["action"]) == (Code.STORE_UNWRITABLE, "bend.open_preferences")


def test_a_closed_stdin_ends_the_engine(fresh: Child) -> None:
    fresh.send(messages.HELLO, "1")
    fresh.answers("1")
    fresh.process.stdin.close()
    assert fresh.process.wait(SECONDS) == 0


def test_a_closed_stdin_ends_the_engine_in_the_middle_of_a_render(fresh: Child, long_job: dict[str, str]) -> None:
    fresh.send(messages.RENDER, "1", **long_job)
    while fresh.next().type != messages.FRAME:
        pass
    fresh.process.stdin.close()
    assert fresh.process.wait(SECONDS) == 0
    assert len(list(Path(long_job["store"]).glob("*.png"))) < 60


def test_what_libraries_print_goes_to_the_log_and_never_among_the_messages(tmp_path: Path) -> None:
    script = f"""
import os, subprocess, sys
from pathlib import Path
from blender_bend.engine.process.server import redirect_output
outgoing = redirect_output(Path({str(tmp_path / "engine.log")!r}))
print("printed", flush=True)
print("complained", file=sys.stderr, flush=True)
os.write(1, b"written by C code\\n")
subprocess.run([sys.executable, "-c", "print('printed by a child')"])
outgoing.write(b"message\\n")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"message\n", b"")
    log = (tmp_path / "engine.log").read_text()
    assert all(words in log for words in ("printed", "complained", "written by C code", "printed by a child"))


def test_the_log_tells_what_the_engine_did(child: Child, long_job: dict[str, str]) -> None:
    child.send(messages.RENDER, "1", **long_job, numbers=[1])
    child.answers("1")
    assert "Summary(frames=1" in child.log.read_text()
