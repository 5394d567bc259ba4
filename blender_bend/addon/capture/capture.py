"""Capture: pictures of the strips below, and of mask strips, from the sequencer into the frame store's inputs."""

from __future__ import annotations

import hashlib
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.types import ImageStrip, Scene, Strip

from ...core.catalogue import MASK
from ...core.catalogue.strip import StartsFrom
from ...core.errors import BendError, Code, store_unwritable
from ...core.files.whole import write_whole
from ...core.job.resolve import input_path
from ..host import activity, compat, named_files, png, preferences
from ..host.slices import Slices, at_once
from ..settings.parameters import Holder
from ..timeline import strips
from ..timeline.anchor import Anchor
from ..timeline.timing import Placement
from . import record, sources


@dataclass(frozen=True)
class Target:
    """What is captured: for the strip itself what lies below it, for a bend its mask.

    Parameters
    ----------
    holder : where the record goes
    shown : the strips that are seen
    words : what the panel calls it
    """

    holder: Holder
    shown: list[Strip]
    words: str


def targets(strip: ImageStrip) -> list[Target]:
    """Everything of a bend strip that must be captured.

    Raises
    ------
    BendError(STRIP_MISSING)
    """
    settings = strip.bend_settings
    found = []
    if settings.source == StartsFrom.PICTURES:
        found.append(Target(settings, sources.strips_below(strip), "The strips below"))
    for bend in settings.bends:
        if bend.enabled and bend.region == MASK:
            mask = sources.mask_strip(strip.id_data, bend.mask_strip)
            if mask == strip:
                raise BendError(Code.STRIP_MISSING, "A strip can't be its own mask.", "Choose another Mask Strip.")
            found.append(Target(bend, [mask], f"The mask of {bend.title}"))
    return found


def _frames(strip: ImageStrip, placed: Placement) -> range:
    """The frames whose pictures are needed: those shown, and in a chain all that lead to them."""
    chained = strip.bend_settings.source == StartsFrom.PREVIOUS
    return range(placed.start, placed.frames.stop) if chained else placed.frames


def outdated(strip: ImageStrip) -> Slices[str]:
    """What has changed since it was captured, in words; empty if nothing has, or if nothing was captured yet."""
    try:
        found = targets(strip)
    except BendError as error:
        return error.message
    placed = Placement.of(strip)
    frames = _frames(strip, placed)
    # A later slice must not touch the strip: undo may have taken it away.
    checks = [(t.words, t.holder.captured_from, sources.fingerprint(strip, placed, t.shown, frames)) for t in found]
    for _, _, check in checks:
        next(check)
    yield
    for words, before, check in checks:
        now = yield from check
        if before and now and now != before:
            return f"{words} have changed" if words.endswith("below") else f"{words} has changed"
    return ""


def look(scene: Scene, strip: ImageStrip) -> list[tuple[str, bytes]]:
    """All that decides what is captured, but the files that it is made of."""
    placed = Placement.of(strip)
    frames = _frames(strip, placed)
    return [(target.words, sources.look(strip, placed, target.shown, frames)[0].digest()) for target in targets(strip)]


class Capture:
    """One capture under way: a picture for every frame, a few at a time.

    Between two calls of ``advance`` the scene is as the artist left it.

    Raises
    ------
    BendError if there is nothing to capture, or a lower bend strip is not rendered
    """

    def __init__(self, scene: Scene, strip: ImageStrip) -> None:
        self.store = preferences.frame_folder()
        found, placed = targets(strip), Placement.of(strip)
        frames = _frames(strip, placed)
        if not found:
            raise BendError(
                Code.CAPTURE_MISSING,
                "This strip doesn't use pictures from the sequencer.",
                "Only Starts From: Strips Below and bends with a mask need them.",
            )
        if strip.bend_settings.source == StartsFrom.PICTURES:
            _check_lower_bends(scene, strip, frames)
        self._anchor = Anchor.at(scene, strip, "it was being captured", look)
        self._prints = _prints(strip, placed, found)
        self._waiting = [(place, number - placed.start) for place in range(len(found)) for number in frames]
        self._digests: list[dict[int, str]] = [{} for _ in found]
        self.total, self.done = len(self._waiting), 0

    @property
    def running(self) -> bool:
        """Whether there are frames left."""
        return self.done < self.total

    def advance(self, count: int = 4) -> None:
        """Capture a few more frames.

        Raises
        ------
        BendError if the strip is gone or asks for something else, Blender cannot render it, or the store cannot be
        written
        """
        strip = self._anchor.find()
        scene, found, start = strip.id_data, targets(strip), compat.content_start(strip)
        batch = self._waiting[self.done : self.done + count]
        with tempfile.TemporaryDirectory(prefix="bend-") as folder, _output(scene, strip, Path(folder)) as output:
            for place in sorted({place for place, _ in batch}):
                with sources.only(scene, found[place].shown):
                    for number in [number for other, number in batch if other == place]:
                        picture = _render(scene, strip, start + number, output)
                        self._digests[place][number] = self._store(picture)
                        self.done += 1

    def finish(self) -> None:
        """Keep the record on the strip.

        Raises
        ------
        BendError(STRIP_MISSING), BendError(STRIP_CHANGED) if something else is to be captured by now
        """
        strip = self._anchor.find()
        found = targets(strip)
        if _prints(strip, Placement.of(strip), found) != self._prints:
            raise self._anchor.changed()
        for target, digests, fingerprint in zip(found, self._digests, self._prints, strict=True):
            target.holder.captured = record.encode(digests)
            target.holder.captured_from = fingerprint

    def _store(self, picture: np.ndarray) -> str:
        data = png.encode(picture)
        digest = hashlib.sha256(data).hexdigest()
        path = input_path(self.store, digest)
        try:
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, data)
        except OSError as error:
            raise store_unwritable(path.parent, error) from error
        return digest


def _prints(strip: ImageStrip, placed: Placement, found: list[Target]) -> list[str]:
    """The fingerprints of what is captured, for a button: files are looked at."""
    frames = _frames(strip, placed)
    with named_files.press():
        return [at_once(sources.fingerprint(strip, placed, target.shown, frames)) for target in found]


def capture_all(scene: Scene, strip: ImageStrip) -> int:
    """Capture and wait; the number of pictures."""
    work = Capture(scene, strip)
    while work.running:
        work.advance(64)
    work.finish()
    return work.total


def _check_lower_bends(scene: Scene, strip: ImageStrip, frames: range) -> None:
    shown = {other.name for other in sources.strips_below(strip)}
    for other in strips.bend_strips(scene):
        if sources.outermost(other).name not in shown:
            continue
        numbers = strips.element_range(other)
        common = range(max(numbers.start, frames.start), min(numbers.stop, frames.stop))
        if any(other.elements[number - numbers.start].filename.startswith("not-rendered") for number in common):
            raise BendError(
                Code.CAPTURE_MISSING,
                f"The bend strip '{other.name}' below has frames that haven't been rendered.",
                "Generate it first.",
            )


def _percentage(scene: Scene, size: tuple[int, int]) -> int:
    """The resolution at which the strip's part of the frame has at least the strip's pixels, if the scene has them."""
    render = scene.render
    fit = min(render.resolution_x / size[0], render.resolution_y / size[1])
    return max(min(math.ceil(100 / fit - 1e-6), 100), 1)


def _crop(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The part of a frame that pictures of a size cover when they are fitted into it."""
    height, width = picture.shape[:2]
    fit = min(width / size[0], height / size[1])
    wide, high = min(round(size[0] * fit), width), min(round(size[1] * fit), height)
    left, top = (width - wide) // 2, (height - high) // 2
    return picture[top : top + high, left : left + wide]


def _render(scene: Scene, strip: ImageStrip, number: int, output: Path) -> np.ndarray:
    scene.frame_set(number)
    try:
        bpy.ops.render.render(write_still=True, scene=scene.name)
    except RuntimeError as error:
        raise BendError(
            Code.CAPTURE_MISSING,
            f"Blender can't render the strips at frame {number}: {error}.",
            "Render this frame in Blender to find the cause.",
        ) from error
    return _crop(png.read(output), strip.bend_settings.frame_size)


#: What a scene's render must be set to, so that its file holds the strips' pixels and nothing else.
_RENDER: dict[str, Any] = {
    "use_sequencer": True,
    "use_border": False,
    "use_stamp": False,
    "use_multiview": False,
    "use_file_extension": True,
    "use_overwrite": True,
    "dither_intensity": 0.0,
}
_IMAGE = {"color_mode": "RGB", "color_depth": "8", "compression": 0}
_IMAGE_KEPT = ("media_type", "file_format", "color_mode", "color_depth", "compression")


@contextmanager
def _output(scene: Scene, strip: ImageStrip, folder: Path) -> Iterator[Path]:
    """Let the scene render to a file of ours; everything comes back, whatever happens."""
    render, image = scene.render, scene.render.image_settings
    names = [*_RENDER, "filepath", "resolution_percentage"]
    kept = {name: getattr(render, name) for name in names}
    kept_image = {name: getattr(image, name) for name in _IMAGE_KEPT if name in image.bl_rna.properties}
    frame, subframe = scene.frame_current, scene.frame_subframe
    activity.grabbing = True
    try:
        for name, value in _RENDER.items():
            setattr(render, name, value)
        compat.set_image_output(scene)
        for name, value in _IMAGE.items():
            setattr(image, name, value)
        render.filepath = str(folder / "grab.png")
        render.resolution_percentage = _percentage(scene, strip.bend_settings.frame_size)
        yield folder / "grab.png"
    finally:
        for name, value in kept.items():
            setattr(render, name, value)
        for name, value in kept_image.items():
            setattr(image, name, value)
        scene.frame_set(frame, subframe=subframe)
        activity.grabbing = False
