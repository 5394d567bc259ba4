"""Numbers that no one means, on the command line and in messages: used rightly, or refused in words before any work."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.core.process import messages
from blender_bend.core.process.messages import Message
from blender_bend.core.timebase import FrameRate
from blender_bend.engine.__main__ import command_line, main
from blender_bend.engine.analysis import measure_file
from blender_bend.engine.process.server import Server

WriteSound = Callable[..., Path]
#: Huge, tiny, negative, zero, not finite, too many digits, and what is no number at all.
ABSURD = ("1e308", "1e30", "1e9", "9" * 5000, "1e-308", "1e-9", "0", "-1", "-1e9", "0.5", "7.3", "nan", "inf", "-inf")
ABSURD += ("1e999999999", "", "three", "1/0", "1-1e9", "9-1", "-", "1,,2", "1,nan")

RENDER, MEASURE = ["render", "job.json"], ["measure", "a.wav", "--out", "a.npz"]
EXPLORE = ["explore", "job.json", "--operator", "add"]
TRAIN = ["sonic", "train", "a", "--model", "m", "--clap", "c", "--out", "o", "--stage", "1"]
FILES = ["--model", "m", "--clap", "c", "--projector", "p", "--adapters", "a", "--clip", "l", "--out", "o"]
EVALUATE = ["sonic", "evaluate", "a", *FILES]
LISTEN = ["sonic", "embed", "a.wav", "--clap", "c", "--out", "o"]
#: Every numeric option: the command with what else it needs, the option, and the least and most that come through.
OPTIONS: tuple[tuple[list[str], str, float, float], ...] = (
    (MEASURE, "fps", 0.01, 32_767),
    ([*MEASURE, "--fps=24"], "bpm", -1e6, 1e6),
    ([*MEASURE, "--fps=24"], "first-beat", -172_800, 172_800),
    (RENDER, "frames", -1_048_574, 1_048_574),
    ([*EXPLORE, "--values=1"], "frame", -1_048_574, 1_048_574),
    ([*EXPLORE, "--values=1"], "cell", 8, 4096),
    (EXPLORE, "values", -1e9, 1e9),
    (["sites"], "depth", 0, 100),
    (TRAIN, "steps", 1, 10_000_000),
    (TRAIN, "batch", 1, 1024),
    (TRAIN, "rate", 1e-9, 1),
    (TRAIN, "size", 64, 4096),
    (TRAIN, "every", 1, 10_000_000),
    (EVALUATE, "size", 64, 4096),
    (EVALUATE, "steps", 1, 1000),
    (EVALUATE, "guidance", 0, 100),
    ([*LISTEN, "--fps=24"], "window", 0.05, 10),
    ([*LISTEN, "--fps=24"], "step", 0, 3600),
)


def numbers_of(value: Any) -> list[float]:
    """What an option was read as."""
    if isinstance(value, range):
        return [value.start, value.stop - 1]
    if isinstance(value, FrameRate):
        return [float(value.value)]
    return list(value) if isinstance(value, list) else [value]


@pytest.mark.parametrize(("command", "option", "least", "most"), OPTIONS, ids=[f"{o[0][0]} {o[1]}" for o in OPTIONS])
def test_an_option_is_within_its_limits_or_refused_in_words(
    command: list[str], option: str, least: float, most: float, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in ABSURD:
        try:
            found = command_line().parse_args([*command, f"--{option}={text}"])
        except SystemExit as ended:
            said = capsys.readouterr().err.partition(f"error: argument --{option}: ")[2]
            assert ended.code == 2 and 20 < len(said) < 250 and " Give " in said
        else:
            numbers = numbers_of(getattr(found, option.replace("-", "_")))
            assert numbers and all(least <= number <= most for number in numbers), text


def test_every_option_with_a_number_is_in_the_table() -> None:
    """What argparse itself would read as a number has no limits."""
    waiting, untested = [command_line()], []
    while waiting:
        for action in waiting.pop()._actions:
            waiting += list((action.choices or {}).values()) if isinstance(action.choices, dict) else []
            untested += [action.dest] if action.type is float or (action.type is int and not action.choices) else []
    assert not untested


@pytest.mark.parametrize("text", [text for text in ABSURD if text != "64"])
def test_the_size_that_sites_are_shown_for_is_a_size_of_pictures(text: str) -> None:
    with pytest.raises(SystemExit):
        command_line().parse_args(["sites", "--size", "256", text])


@pytest.mark.parametrize("fps", [text for text in ABSURD if text not in ("7.3", "0.5")])
def test_measuring_refuses_an_absurd_rate_with_words_and_no_traceback(
    fps: str, write_sound: WriteSound, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = write_sound(np.ones(4800, dtype=np.float32) / 2)
    with pytest.raises(SystemExit) as ended:
        main(["measure", str(sound), f"--fps={fps}", "--features=rms", f"--out={tmp_path / 'a.npz'}"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert "--fps: The frame rate can't be" in said and "Give a number from 0.01 to 32,767." in said


def test_more_frames_than_a_timeline_has_are_refused(write_sound: WriteSound) -> None:
    sound = write_sound(np.ones(48000 * 40, dtype=np.float32) / 2)
    with pytest.raises(BendError, match="The number of frames can't be 1310680") as caught:
        measure_file(sound, FrameRate.parse("32767"), ["rms"])
    assert "1,048,574" in caught.value.hint
    with pytest.raises(BendError, match="A time in seconds can't be"):
        measure_file(sound, FrameRate.parse("0.01"), ["rms"], frames=1_000_000)


def test_a_sheet_of_more_pictures_than_a_thousand_is_refused(tmp_path: Path) -> None:
    values = ",".join(["1"] * 2000)
    assert main(["explore", str(tmp_path / "job.json"), "--operator", "add", f"--values={values}"]) == 1


VALUES: tuple[Any, ...] = (*ABSURD, 1e308, -1, 10**5000, 2**64, math.nan, math.inf, None, [], True)


@pytest.fixture
def server() -> Server:
    return Server(io.BytesIO(), io.BytesIO(), "cpu")


def answered(server: Server, kind: str, data: dict[str, Any]) -> Message:
    server.take(Message(kind, "1", data))
    server.answer_next()
    assert isinstance(server.outgoing, io.BytesIO)
    return messages.decode(server.outgoing.getvalue().splitlines()[-1])


@pytest.mark.parametrize("name", ["fps", "frames", "start", "shift", "one", "meter", "bpm"])
def test_a_request_to_analyse_with_any_number_is_answered_in_words(
    name: str, server: Server, write_sound: WriteSound, tmp_path: Path
) -> None:
    sound = write_sound(np.random.default_rng(1).normal(0, 0.1, 4800).astype(np.float32))
    for value in VALUES:
        data: dict[str, Any] = {"sound": str(sound), "fps": "24", "frames": 3, "features": ["beat"]}
        data |= {"cache": str(tmp_path / "cache"), "out": str(tmp_path / "out.npz"), "beats": {"source": "tempo"}}
        if name in data:
            data[name] = value
        elif name == "start":
            data["midi"] = {"path": "a.mid", "start": value}
        else:
            data["beats"][name] = value
        answer = answered(server, messages.MEASURE, data)
        if answer.type == messages.DONE:
            assert np.isfinite(np.load(tmp_path / "out.npz")["beat"]).all()
        else:
            assert answer.data["code"] == Code.PARAMETER_INVALID, (value, answer.data)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_request_to_render_absurd_frames_is_refused_in_words(value: Any, server: Server, tmp_path: Path) -> None:
    answer = answered(server, messages.RENDER, {"job": "none.json", "store": str(tmp_path), "numbers": [value]})
    assert answer.type == messages.ERROR and answer.data["code"] in (Code.PARAMETER_INVALID, Code.JOB_INVALID)
