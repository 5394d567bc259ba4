"""Which files of sound adapters a name means, and which windows of the sound condition a frame."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.core.models import sonic_files
from blender_bend.core.sound.windows import Windows
from blender_bend.core.timebase import FrameRate

RATE = FrameRate.parse("10")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name in ("landscape.pt", "audio_projector_landscape.pth", "my_clap.safetensors"):
        (folder / name).write_text(name)
    (folder / "README.md").write_text("")
    return folder


def refused(call: Callable[[], object], code: Code, *words: str) -> None:
    with pytest.raises(BendError) as caught:
        call()
    assert caught.value.code == code and caught.value.hint
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_folder_has_adapters_a_projector_and_a_tower(folder: Path, tmp_path: Path) -> None:
    files = sonic_files.resolve("mine", {"mine": str(folder)}, clap=str(tmp_path / "unused.pth"))
    assert [Path(file.path).name for file in (files.adapters, files.projector, files.tower)] == [
        "landscape.pt", "audio_projector_landscape.pth", "my_clap.safetensors",
    ]  # fmt: skip
    assert len({files.adapters.fingerprint, files.projector.fingerprint, files.tower.fingerprint}) == 3
    (folder / "my_clap.safetensors").rename(tmp_path / "CLAP.safetensors")
    refused(lambda: sonic_files.resolve("mine", {"mine": str(folder)}), Code.MODEL_MISSING, "CLAP's audio tower")
    files = sonic_files.resolve("mine", {"mine": str(folder)}, clap=str(tmp_path / "CLAP.safetensors"))
    assert files.tower.path == str(tmp_path / "CLAP.safetensors")


def test_what_is_missing_or_too_much_is_named(folder: Path) -> None:
    folders = {"mine": str(folder), "gone": str(folder / "gone")}
    refused(lambda: sonic_files.resolve("yours", folders), Code.MODEL_MISSING, "'yours' not found")
    refused(lambda: sonic_files.resolve("", folders), Code.MODEL_MISSING, "No sound adapters are chosen")
    refused(lambda: sonic_files.resolve("gone", folders), Code.MODEL_MISSING, "not found")
    (folder / "greatest_hits.pt").write_text("")
    refused(lambda: sonic_files.resolve("mine", folders), Code.MODEL_INVALID, "greatest_hits.pt, landscape.pt")
    for path in folder.glob("*.pt"):
        path.unlink()
    refused(lambda: sonic_files.resolve("mine", folders), Code.MODEL_MISSING, "Audio adapters", "'mine'")


def test_without_a_step_every_frame_has_its_own_window_around_its_middle() -> None:
    windows = Windows(FrameRate.parse("30000/1001"), blended=True)
    assert [windows.shares(frame) for frame in (0, 7, 100_000)] == [[(0, 1.0)], [(7, 1.0)], [(100_000, 1.0)]]
    assert windows.centre(7) == Fraction(15, 2) * Fraction(1001, 30000)


def test_a_held_window_is_that_of_its_frames() -> None:
    windows = Windows(RATE, 0.5)
    assert [windows.shares(frame)[0][0] for frame in range(11)] == [0] * 5 + [1] * 5 + [2]
    assert windows.centre(1) == Fraction(3, 4)
    assert windows.numbers(range(3, 12)) == [0, 1, 2]


def test_between_the_middles_of_two_windows_both_count() -> None:
    windows = Windows(RATE, 0.5, blended=True)
    assert windows.shares(2) == [(0, 1.0)]
    assert windows.shares(5) == [(0, pytest.approx(0.4)), (1, pytest.approx(0.6))]
    assert windows.blend(5, {0: "a", 1: "b"}) == ((("a", pytest.approx(0.4)), ("b", pytest.approx(0.6))), 1.0)
    assert windows.blend(5, {0: "a", 1: "a"}) == ((("a", 1.0),), 1.0), "the same is one"
    assert windows.blend(5, {1: "b"}) == ((("b", 1.0),), pytest.approx(0.6)), "silence fades"
    assert windows.blend(5, {}) == ((), 0)


def test_factors_of_blocks_are_read_from_text() -> None:
    assert sonic_files.parse_blocks(" mid_block 0.5, up_blocks.1  0 ,") == {"mid_block": 0.5, "up_blocks.1": 0.0}
    assert sonic_files.parse_blocks("") == {}
    for wrong in ("mid_block", "0.5", "mid_block 0.5 0.6", "mid_block 1.2.3"):
        refused(lambda wrong=wrong: sonic_files.parse_blocks(wrong), Code.PARAMETER_INVALID, wrong)
