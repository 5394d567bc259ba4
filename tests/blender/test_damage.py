"""What a stranger's file says beyond all measure, as Blender's side meets it: refused in words, without a freeze."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import bpy
import numpy as np
import pytest
from strange_files import as_anybody, each_kind, put, unix
from timeline import trim

#: What Blender's own fields take at their ends.
RATES = {"fastest": (32767, 1e-5), "fast": (1000, 1.0), "slow": (1, 1.0), "slowest": (1, 1e6)}


def part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG with one bit a pixel, of which only some rows may be there."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows, 9)) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


DAMAGED = {
    "a line of 10^8 pixels": png(10**8, 1, bytes(1 + 10**8 // 8)),
    "a column of 10^8 pixels": png(1, 10**8),
    "2^31 by 2^31": png(2**31 - 1, 2**31 - 1),
    "65,536 by 65,536": png(65536, 65536),
    "no pixels": png(0, 0),
    "a head alone": png(64, 64)[:33],
    "half a head": png(64, 64)[:20],
    "nothing": b"",
    "another kind": b"GIF89a" + bytes(100),
    "text": b"<svg/>",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_picture_is_refused(content, scene, addon, core, tmp_path):
    path = tmp_path / "grab.png"
    path.write_bytes(content)
    before = len(bpy.data.images)
    with pytest.raises(core.errors.BendError) as caught:
        addon.png.read(path)
    assert caught.value.code == core.errors.Code.INPUT_MISSING
    assert len(bpy.data.images) == before


@unix
@each_kind
def test_a_strange_picture_is_refused_at_once(kind, scene, addon, core, tmp_path):
    path = tmp_path / "grab.png"
    path.write_bytes(addon.png.encode(np.zeros((8, 8, 3), np.uint8)))
    assert addon.png.read(path).shape == (8, 8, 3)
    put(kind, path)
    with as_anybody(), pytest.raises(core.errors.BendError):
        addon.png.read(path)


@pytest.mark.parametrize("rate", RATES)
def test_a_frame_rate_at_the_ends_of_blenders_field_is_baked_or_refused(rate, scene, bend_strip, addon, core):
    """Blender's own mixdown would go on for ever, fill the disk, or end Blender."""
    scene.render.fps, scene.render.fps_base = RATES[rate]
    addon.changes.mark_changed()
    assert addon.sound_print.of(scene, bend_strip) is not None
    if rate in {"fast", "slow"}:
        addon.bake.Bake(scene, bend_strip).finish()
        return
    with pytest.raises(core.errors.BendError) as caught:
        addon.bake.Bake(scene, bend_strip)
    assert caught.value.code == core.errors.Code.PARAMETER_INVALID and "fps" in caught.value.message


@pytest.mark.parametrize("fps", [120, 700])
def test_a_strip_of_a_single_short_frame_is_baked(fps, scene, bend_strip, addon, curve):
    """Blender ends itself when it mixes down less than 1024 samples, unless they are a multiple of 32."""
    scene.render.fps = fps
    trim(bend_strip, 1, 2)
    addon.bake.Bake(scene, bend_strip).finish()
    assert len(curve(bend_strip, "Rotate Channels · angle").keyframe_points) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[" * 3000,
        '{"mode": ' + "9" * 4000 + "}",
        '{"first": 1e400}',
        '{"mode": "\\ud800"}',
        "null",
        "[]",
        "\ufeff{}",
        "{",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_options_that_are_none_are_the_usual_ones(text, addon):
    assert addon.bake_settings.Options.from_text(text, 1) in (
        addon.bake_settings.Options(),
        addon.bake_settings.Options(first=2, last=251),
    )


@pytest.mark.parametrize(
    "text",
    ["[" * 3000, '{"a": 1}', "[1, 2]", '[["beat 1.1", 1e400]]', '[["beat 1.1", NaN]]', "7", '[["a", "\\ud800"]]'],
)
def test_remembered_markers_that_are_none_are_forgotten(text, scene, bend_strip, addon):
    scene.timeline_markers.new("beat 1.1", frame=1)
    bend_strip.bend_settings.beats.marked = text
    assert addon.markers.remembered(bend_strip, text) == []


def test_what_a_child_prints_beside_its_answers_is_passed_over(addon, tmp_path: Path):
    import sys

    lines = ["[" * 5000, '{"half": ', "a library says", "[1, 2]", '{"a": ' + "9" * 5000 + "}", '{"end": "done"}']
    script = tmp_path / "child.py"
    script.write_text(f"print({chr(10).join(lines)!r})")
    child = addon.child.Child(Path(sys.executable), [str(script)], "test")
    said = []
    while None not in said:
        said += child.poll(wait=True)
    assert said == [{"end": "done"}, None]
