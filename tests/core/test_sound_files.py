"""A sound is told by how its file begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from blender_bend.core.sound.sound_files import looks_like_sound

SOUNDS = [b"RIFF\x24\0\0\0WAVE", b"fLaC\0\0\0\x22", b"OggS\0\x02", b"ID3\x04", b"\xff\xfb\x90", b"\xff\xf1\x50"]
SOUNDS += [b"\0\0\0\x20ftypM4A ", b"\x1a\x45\xdf\xa3\x01", b"MThd\0\0\0\x06", b"FORM\0\0\0\0AIFF"]
OTHERS = [
    b"",
    b"-----BEGIN OPENSSH PRIVATE KEY-----",
    b"root:x:0:0:root",
    b"PK\x03\x04",
    b"\x89PNG\r\n\x1a\n",
    b"%PDF-1.7",
]
OTHERS += [b"SQLite format 3\0", b"\x7fELF\x02", b"\xff\xd8\xff"[:1], b"{}"]


@pytest.mark.parametrize("content", SOUNDS)
def test_sounds_are_known(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content + bytes(100))
    assert looks_like_sound(tmp_path / "file")


@pytest.mark.parametrize("content", OTHERS)
def test_other_files_are_not_taken_for_sounds(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert not looks_like_sound(tmp_path / "file")
    assert not looks_like_sound(tmp_path) and not looks_like_sound(tmp_path / "none")
