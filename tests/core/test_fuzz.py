"""Thousands of dishonest messages, jobs and presets: each is read or refused clearly, and none fills the memory."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mutations import HOSTILE, mutated, mutated_text, scratched
from processes import resident_bytes

from blender_bend.core.errors import LONGEST_MESSAGE, BendError, Code
from blender_bend.core.job.job import Bend, Job, Lora, SoundCondition
from blender_bend.core.job.resolve import file_name, trace
from blender_bend.core.presets import presets
from blender_bend.core.process import messages
from blender_bend.core.process.messages import Message

LONG = os.environ.get("BEND_TEST_ALL") == "1"
LINES, FILES = (100_000, 10_000) if LONG else (5_000, 1_000)
GROWTH = 32 * 2**20

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux tells it")


def survive(attempts: Iterator[bool], count: int) -> None:
    """Make every attempt: some are refused, some are not, and after the first tenth no more memory is taken."""
    refused, before = 0, 0
    for number, was_refused in enumerate(attempts):
        refused += was_refused
        if number == count // 10:
            before = resident_bytes()
    assert resident_bytes() - before < GROWTH
    assert count / 3 < refused < count


def refused_clearly(read: Callable[[], object]) -> bool:
    """Whether something is refused, in words of a length that can be shown."""
    try:
        read()
    except BendError as error:
        assert error.code != Code.INTERNAL
        assert 10 < len(error.message) <= LONGEST_MESSAGE
        str(error).encode()
        return True
    return False


def test_mutated_message_lines_are_read_or_refused() -> None:
    chance = random.Random(1)
    honest = {"v": 1, "id": "7", "type": "render", "data": {"job": "/tmp/job.json", "store": "/tmp", "numbers": [1, 2]}}

    def attempts() -> Iterator[bool]:
        for _ in range(LINES):
            kind = chance.randrange(3)
            if kind == 0:
                line = chance.randbytes(chance.randrange(300))
            elif kind == 1:
                line = json.dumps(mutated(honest, chance)).encode()
            else:
                line = scratched(json.dumps(honest).encode(), chance)
            yield refused_clearly(lambda line=line: messages.decode(line))

    survive(attempts(), LINES)


def test_mutated_lines_do_not_lose_the_honest_ones_between_them(tmp_path: Path) -> None:
    chance = random.Random(2)
    sent = [Message("hello", str(number)).encode() for number in range(200)]
    with open(tmp_path / "stream", "wb") as file:
        for line in sent:
            file.write(scratched(line, chance).replace(b"\n", b"") + b"\n" + line)
        file.write(b"x" * (3 * messages.LONGEST_LINE) + b"\n" + sent[0] + b"y" * (2 * messages.LONGEST_LINE))
    with open(tmp_path / "stream", "rb") as file:
        read = list(messages.lines(file))
    assert max(map(len, read)) <= messages.LONGEST_LINE + 1
    assert read[1:400:2] == sent
    assert read[-2] == sent[0]


@pytest.fixture
def rich(job: Job) -> Job:
    """A job in which everything stands that can stand in a job."""
    lora = Lora("ink", "/loras/ink.safetensors", "1" * 64)
    sound_condition = SoundCondition(
        "/a.safetensors", "a" * 64, "/p.safetensors", "b" * 64, True, 0.1, 0.9, {"mid_block": 0.5}
    )
    masked = (*job.bends, Bend("Where", "multiply", "lora:ink", region="mask", inverted=True))
    frames = tuple(
        replace(
            frame,
            values=(*frame.values, {"factor": 2.0, "mix": 0.5}),
            masks=("", "", "", "c" * 64),
            picture="d" * 64,
            strip={"strength": 0.5, "seed_travel": 1.25},
            sound=(("e" * 64, 1.0),),
        )
        for frame in job.frames
    )
    return replace(job, bends=masked, frames=frames, loras=(lora,), sound_condition=sound_condition, source="pictures")


def test_mutated_jobs_are_resolved_or_refused(rich: Job) -> None:
    chance = random.Random(3)
    honest = [json.loads(replace(rich, source=source).to_json()) for source in ("pictures", "previous", "procedural")]

    def render(text: str) -> None:
        for traced in trace(Job.from_json(text)):
            name = Path(file_name(traced.key))
            assert name.name == str(name), "a frame's name is no path"
            json.dumps(traced.data, ensure_ascii=False, allow_nan=False).encode()

    def attempts() -> Iterator[bool]:
        for _ in range(FILES):
            text = mutated_text(chance.choice(honest), chance)
            yield refused_clearly(lambda text=text: render(text))

    survive(attempts(), FILES)


def test_mutated_presets_are_read_or_refused(tmp_path: Path) -> None:
    chance = random.Random(4)
    honest = [json.loads(path.read_text(encoding="utf-8")) for path in presets.paths()]
    file = tmp_path / "preset.json"

    def attempts() -> Iterator[bool]:
        for _ in range(FILES):
            file.write_text(mutated_text(chance.choice(honest), chance), encoding="utf-8")
            yield refused_clearly(lambda: presets.read(file))

    survive(attempts(), FILES)


@pytest.mark.parametrize("field", ["picture", "previous", "anchor"])
@pytest.mark.parametrize("hostile", [text for text in HOSTILE if isinstance(text, str) and text.strip("af")])
def test_no_name_in_a_job_leads_out_of_the_store(field: str, hostile: str, job: Job) -> None:
    frame = replace(job.frames[0], **{field: hostile})
    with pytest.raises(BendError) as caught:
        Job.from_json(replace(job, frames=(frame,)).to_json())
    assert caught.value.code == Code.JOB_INVALID
