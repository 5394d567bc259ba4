"""The pinned packages and the record of the engine's environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blender_bend.core.process import accelerators, environment
from blender_bend.core.process.environment import Record

ROOT = Path(__file__).resolve().parents[2]
PINS = environment.read_pins(ROOT / "wheels" / "engine.txt")
RECORD = Record("environment-x", "3.11.7", "audio", "", "abc", 12)


def test_the_audio_tier_is_small_and_has_no_torch() -> None:
    names = {pin.name for pin in environment.pins_for(PINS, "audio", (3, 11))}
    assert {"librosa", "numpy", "soundfile"} <= names and not {"torch", "diffusers"} & names


def test_a_newer_python_needs_what_left_the_standard_library() -> None:
    older, newer = ({pin.name for pin in environment.pins_for(PINS, "audio", (3, minor))} for minor in (11, 13))
    assert newer - older == {"audioop-lts", "standard-aifc", "standard-chunk", "standard-sunau"}


def test_a_line_that_pins_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("numpy>=2\n")
    with pytest.raises(ValueError, match="numpy"):
        environment.read_pins(tmp_path / "list.txt")


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    assert environment.read_record(tmp_path) == RECORD


@pytest.mark.parametrize("change", [{"folder": "../x"}, {"folder": ".."}, {"tier": "all"}, {"schema": 9}, {"more": 1}])
def test_a_record_from_elsewhere_counts_as_none(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / environment.RECORD).write_text(json.dumps({**vars(RECORD), **change}))
    assert environment.read_record(tmp_path) is None


def test_wheels_that_are_missing_are_named(tmp_path: Path) -> None:
    wanted = [pin for pin in PINS if pin.name in {"numpy", "pooch", "msgpack"}]
    for pin in wanted[:2]:
        tag = "py3-none-any" if pin.name == "pooch" else "cp311-cp311-win_amd64"
        (tmp_path / f"{pin.name}-{pin.version}-{tag}.whl").touch()
    assert environment.missing_wheels(tmp_path, wanted, (3, 11)) == [wanted[2].name]
    assert len(environment.missing_wheels(tmp_path, wanted, (3, 13))) == 3


def test_an_accelerator_is_found_by_its_driver(tmp_path: Path) -> None:
    (tmp_path / "opt" / "rocm").mkdir(parents=True)
    assert accelerators.detect("linux", tmp_path) == "rocm"
    (tmp_path / "proc/driver/nvidia").mkdir(parents=True)
    (tmp_path / "proc/driver/nvidia/version").touch()
    assert accelerators.detect("linux", tmp_path) == "cuda"


@pytest.mark.parametrize("name", [name for name in accelerators.NAMES if name != "auto"])
def test_every_accelerator_knows_its_size(name: str) -> None:
    assert accelerators.needed_bytes("diffusion", name) > accelerators.needed_bytes("audio", name) > 0


def test_on_linux_the_processor_never_gets_the_graphics_build() -> None:
    assert accelerators.build_of("cpu", "linux") == "cpu"
