"""The engine reads model files as a whole before its first frame: it says so, can be stopped, and misses no change."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from engine_child import request

from blender_bend.core.errors import Code
from blender_bend.core.files import hash_cache
from blender_bend.core.job.job import Job
from blender_bend.core.models import file_hashes
from blender_bend.core.models.references import MINI_PATH
from blender_bend.core.process import messages
from blender_bend.core.process.messages import Message
from blender_bend.engine.__main__ import main
from blender_bend.engine.process.server import Server

MakeJob = Callable[..., Job]


@pytest.fixture(autouse=True)
def unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of any file, and every reading is told of."""
    monkeypatch.setattr(hash_cache, "place", lambda: tmp_path / "cache" / "hashes.json")
    monkeypatch.setattr(file_hashes, "SILENT_SECONDS", 0.0)
    hash_cache.forget()


@pytest.fixture
def job(make_job: MakeJob, tmp_path: Path) -> Job:
    """One frame of a copy of mini that nobody has read yet."""
    made = make_job("mini", frames=1, steps=1)
    shutil.copytree(MINI_PATH, tmp_path / "mini")
    hash_cache.forget()
    return replace(made, model=str(tmp_path / "mini"))


class Blender(io.BytesIO):
    """The other end of an engine in this process; what it does at a message is the test's."""

    def __init__(self, at: Callable[[Message], None] = lambda message: None) -> None:
        super().__init__()
        self.got: list[Message] = []
        self._at = at

    def write(self, line: bytes) -> int:
        self.got.append(messages.decode(line))
        self._at(self.got[-1])
        return len(line)

    @property
    def phases(self) -> list[str]:
        """What the engine said that it is at."""
        return [message.data["text"] for message in self.got if message.type == messages.PHASE]


def is_reading(text: str) -> bool:
    """Whether a phase is the reading of the network's weights."""
    return text.startswith("Reading once, ") and "diffusion_pytorch_model" in text


def answer(server: Server, job: Job, folder: Path) -> None:
    server.take(Message(messages.RENDER, "1", request(job, folder)))
    server.answer_next()


def test_the_reading_is_a_phase_of_its_own_and_the_next_goes_on_where_it_was(job: Job, tmp_path: Path) -> None:
    blender = Blender()
    server = Server(io.BytesIO(), blender, "cpu")
    answer(server, job, tmp_path)
    assert blender.got[-1].type == messages.DONE
    reading = [index for index, text in enumerate(blender.phases) if is_reading(text)]
    assert blender.phases[reading[-1]].startswith("Reading once, 100%: ")
    assert blender.phases[reading[-1] + 1] == "Loading the model"
    assert blender.phases[-1] == "Rendering"
    again = Blender()
    server.outgoing = again
    answer(server, replace(job, seed=8), tmp_path)
    assert again.got[-1].data["rendered"] == 1
    assert not [text for text in again.phases if is_reading(text)]


def test_the_reading_can_be_cancelled(job: Job, tmp_path: Path) -> None:
    def cancel(message: Message) -> None:
        if message.type == messages.PHASE and is_reading(message.data["text"]):
            server.take(Message(messages.CANCEL, "1", {}))

    blender = Blender(cancel)
    server = Server(io.BytesIO(), blender, "cpu")
    answer(server, job, tmp_path)
    assert blender.got[-1].type == messages.CANCELLED
    assert not list((tmp_path / "frames").glob("*.png"))


def test_weights_that_were_changed_in_one_byte_are_not_those_of_the_job(job: Job, tmp_path: Path) -> None:
    weights = Path(job.model) / "unet" / "diffusion_pytorch_model.safetensors"
    size = weights.stat().st_size
    place = (size - (1 << 16)) * 7 // 16 + (1 << 16) + 100  # between two of the places once looked at
    with open(weights, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))
    blender = Blender()
    answer(Server(io.BytesIO(), blender, "cpu"), job, tmp_path)
    assert (blender.got[-1].type, blender.got[-1].data["code"]) == (messages.ERROR, Code.MODEL_INVALID)
    assert "has changed since the job was created" in blender.got[-1].data["message"]


def test_the_command_line_says_what_it_reads(job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "job.json").write_text(job.to_json())
    assert main(["render", str(tmp_path / "job.json"), "--store", str(tmp_path / "frames"), "--device", "cpu"]) == 0
    assert "Reading once, 100%: diffusion_pytorch_model.safetensors" in capsys.readouterr().err
