"""Frames of another folder come along on Generate, and only those that prove to be what their names say."""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
import zlib
from pathlib import Path

import bpy
import numpy as np
import pytest
from sounds import clicks, write_wav
from timeline import trim

FRAMES = 6


@pytest.fixture
def short(short):
    """A baked bend strip of fewer frames, every one different."""
    trim(short, 1, 1 + FRAMES)
    return short


def frames(store: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(store.glob("*.png")) if len(file.stem) == 64}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def parts(content: bytes) -> list[tuple[bytes, bytes]]:
    found, place = [], 8
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        found.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def whole(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def with_origin(content: bytes, origin: bytes) -> bytes:
    return whole([(kind, origin if kind == b"beNd" else data) for kind, data in parts(content)])


def with_pixels(content: bytes, pixels: bytes) -> bytes:
    others = [part for part in parts(content) if part[0] != b"IDAT"]
    return whole([*others[:-1], (b"IDAT", pixels), others[-1]])


def other_size(content: bytes) -> bytes:
    """The origin of a frame of 64 x 64 with a picture of 32 x 32."""
    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    smaller = with_pixels(content, zlib.compress(bytes(97 * 32)))
    return whole([(kind, header if kind == b"IHDR" else data) for kind, data in parts(smaller)])


def renamed(content: bytes) -> bytes:
    """An origin of which one value is another."""
    origin = json.loads(zlib.decompress(dict(parts(content))[b"beNd"]))
    return with_origin(content, zlib.compress(json.dumps({**origin, "seed": origin["seed"] + 1}).encode()))


FORGERIES = {
    "a picture of its own": lambda c: whole([part for part in parts(c) if part[0] != b"beNd"]),
    "the origin of another frame": renamed,
    "no JSON": lambda c: with_origin(c, zlib.compress(b"[" * 100_000)),
    "not an object": lambda c: with_origin(c, zlib.compress(b"[1]")),
    "numbers that are none": lambda c: with_origin(c, zlib.compress(b'{"bends": [], "x": NaN}')),
    "an origin that is a bomb": lambda c: with_origin(c, zlib.compress(bytes(1 << 28))),
    "another size": other_size,
    "pixels that are a bomb": lambda c: with_pixels(c, zlib.compress(bytes(1 << 28))),
    "too few pixels": lambda c: with_pixels(c, zlib.compress(bytes(193 * 63))),
    "a part more": lambda c: whole([*parts(c)[:1], (b"iCCP", b"x\0\0" + zlib.compress(b"x")), *parts(c)[1:]]),
    "damage": lambda c: c[:-30] + b"\0" + c[-29:],
    "an end too soon": lambda c: c[: len(c) // 2],
    "bytes behind it": lambda c: c + b"#!/bin/sh\n",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_frame_is_rendered_anew(forgery, short, scene, addon, tmp_path):
    store = addon.preferences.frame_folder()
    assert addon.generate.fill_store(scene, short).rendered == FRAMES
    before = frames(store)
    forged = sorted(before)[3]
    (store / forged).write_bytes(FORGERIES[forgery](before[forged]))
    assert (store / forged).read_bytes() != before[forged]
    addon.preferences.preferences().frame_folder = str(tmp_path / "new")
    assert addon.generate.fill_store(scene, short).rendered == 1
    assert frames(tmp_path / "new") == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_links_pipes_folders_and_devices_are_left_where_they_are(short, scene, addon, tmp_path):
    store = addon.preferences.frame_folder()
    addon.generate.fill_store(scene, short)
    before = frames(store)
    names = sorted(before)
    (tmp_path / "private.png").write_bytes(before[names[0]])
    for name in names[:4]:
        (store / name).unlink()
    (store / names[0]).symlink_to(tmp_path / "private.png")
    os.mkfifo(store / names[1])
    (store / names[2]).mkdir()
    (store / names[3]).symlink_to("/dev/zero")
    with open(store / names[4], "r+b") as file:
        file.truncate(1 << 28)
    addon.preferences.preferences().frame_folder = str(tmp_path / "new")
    assert addon.generate.fill_store(scene, short).rendered == 5
    assert frames(tmp_path / "new") == before
    assert not any(path.is_symlink() for path in (tmp_path / "new").iterdir())


def counted(addon, scene, strip, monkeypatch):
    """What the panel knows once the timer has counted."""
    monkeypatch.setattr(addon.strips, "shown", lambda: (scene, strip))
    for _ in addon.status.count():
        pass
    return addon.status.shown


def test_counting_frames_brings_none_and_says_where_they_may_be(short, scene, addon, tmp_path, monkeypatch):
    store = addon.preferences.frame_folder()
    addon.generate.fill_store(scene, short)
    assert not counted(addon, scene, short, monkeypatch).elsewhere
    addon.preferences.preferences().frame_folder = str(tmp_path / "new")
    known = counted(addon, scene, short, monkeypatch)
    assert (known.frames, known.missing, known.elsewhere) == (FRAMES, FRAMES, True)
    assert not (tmp_path / "new").exists() and Path(bpy.path.abspath(short.directory)) == store


def test_a_render_that_fails_writes_nothing_into_the_folder_that_a_file_names(short, scene, addon, tmp_path):
    (tmp_path / "theirs").mkdir()
    short.directory = f"{tmp_path / 'theirs'}/"
    before = [element.filename for element in short.elements]
    short.bend_settings.model = "a model that is not here"
    scene.render.filepath = str(tmp_path / "film")
    scene.frame_set(3)
    short.bend_settings.fitted_size = (2**31 - 1, 2**31 - 1)
    bpy.ops.render.render()
    assert addon.activity.last_failure is not None
    assert list((tmp_path / "theirs").iterdir()) == []
    assert (addon.preferences.frame_folder() / "failed-256x256.png").is_file()
    assert [element.filename for element in short.elements] == before
    assert short.directory == f"{tmp_path / 'theirs'}/"


def test_a_forged_input_is_not_brought_along(bend_strip, scene, addon, core, tmp_path):
    bend_strip.channel = 10
    trim(bend_strip, 1, 3)
    bend_strip.bend_settings.source = "pictures"
    picture = tmp_path / "below.png"
    picture.write_bytes(addon.png.encode(np.full((64, 64, 3), 90, np.uint8)))
    trim(scene.sequence_editor.strips.new_image("Below", str(picture), 3, 1), 1, 3)
    addon.capture.capture_all(scene, bend_strip)
    addon.generate.fill_store(scene, bend_strip)
    store = addon.preferences.frame_folder()
    captured = next((store / "inputs").glob("*.png"))
    honest = captured.read_bytes()
    for name in frames(store):
        (store / name).unlink()
    addon.preferences.preferences().frame_folder = str(tmp_path / "new")
    captured.write_bytes(addon.png.encode(np.full((64, 64, 3), 91, np.uint8)))
    with pytest.raises(core.errors.BendError, match="been captured"):
        addon.generate.fill_store(scene, bend_strip)
    assert not (tmp_path / "new").exists()
    captured.write_bytes(honest)
    assert addon.generate.fill_store(scene, bend_strip).rendered > 0
    assert (tmp_path / "new" / "inputs" / captured.name).read_bytes() == honest


def test_collecting_takes_no_file_that_a_strip_only_names(short, scene, addon, tmp_path):
    """Neither what lies elsewhere by way of .., nor what is no sound."""
    addon.generate.fill_store(scene, short)
    private = tmp_path / "private"
    private.mkdir()
    for name in ("key.pem", "key.mid"):
        (private / name).write_text("secret")
    store = addon.preferences.frame_folder()
    (store / ("ab" * 32 + ".png")).symlink_to(private / "key.pem")
    names = ["../private/key.pem", "../../../../../../../../etc/passwd", "ab" * 32 + ".png", "key.pem"]
    for element, name in zip(short.elements, names, strict=False):
        element.filename = name
    short.bend_settings.midi_file = str(private / "key.mid")
    song = scene.sequence_editor.strips["Song"]
    write_wav(private / "song.wav", clicks(1.0, 48000)[0], 48000)
    other = scene.sequence_editor.strips.new_sound("Other", str(private / "song.wav"), 20, 1)
    other.sound.filepath = str(private / "key.pem")
    (tmp_path / "project").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project" / "film.blend"))
    result = addon.slices.at_once(addon.collect.collect())
    copied = [path for path in (tmp_path / "project").rglob("*") if path.is_file()]
    assert not [path for path in copied if b"secret" in path.read_bytes() or b"root:" in path.read_bytes()]
    assert set(result.refused) == {"key.pem", "key.mid"}
    assert any(path.name == Path(bpy.path.abspath(song.sound.filepath)).name for path in copied)
    shutil.rmtree(private)
