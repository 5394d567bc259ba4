"""Frames of a bend strip as a numbered sequence, for other programs."""

from __future__ import annotations

from pathlib import Path

from bpy.types import ImageStrip, Scene

from ...core.errors import BendError, Code, store_unwritable
from ...core.files.whole import copy_whole
from ...core.job.resolve import file_name
from ..film import planning
from ..film.plans import Plan
from ..host import activity, reading
from ..host.slices import Slices
from ..timeline import strips
from .frame_use import Tell

DIGITS = 4


def export(
    scene: Scene,
    strip: ImageStrip,
    folder: Path,
    name: str,
    overwrite: bool = False,
    tell: Tell = lambda done, total: None,
) -> Slices[list[Path]]:
    """Copy the frames that a strip shows, as ``name_0001.png`` by their frames on the timeline.

    Raises
    ------
    BendError(FRAMES_MISSING) if some are not rendered, BendError(FILE_EXISTS), BendError(STORE_UNWRITABLE),
    BendError(STRIP_CHANGED) if the strip shows something else by now
    """
    names = scene.name, strip.name
    plan = yield from reading.once_read(lambda: _plan(*names), activity.say)
    if plan.missing:
        raise BendError(
            Code.FRAMES_MISSING,
            f"{len(plan.missing)} of {len(plan.keys)} frames haven't been rendered.",
            "Generate them first.",
            "bend.generate",
        )
    digits = max(DIGITS, *(len(str(number)) for number in plan.keys))
    targets = {number: folder / f"{name}_{number:0{digits}}.png" for number in plan.keys}
    there = sum(target.exists() for target in targets.values())
    if there and not overwrite:
        raise BendError(
            Code.FILE_EXISTS,
            f"{there} files with these names already exist in {folder}.",
            "Choose another folder or name, or enable Overwrite.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index, (number, target) in enumerate(targets.items()):
            copy_whole(plan.store / file_name(plan.keys[number]), target)
            tell(index + 1, len(targets))
            yield
    except OSError as error:
        raise store_unwritable(folder, error) from error
    if not (yield from plan.asked.holds(plan.keys)):
        raise BendError(
            Code.STRIP_CHANGED,
            f"'{plan.strip}' changed while its frames were being exported; the files show its previous state.",
            "Export it again.",
        )
    return list(targets.values())


def _plan(scene_name: str, strip_name: str) -> Slices[Plan]:
    strip = strips.called(scene_name, strip_name)
    return planning.plan(strip.id_data, strip)
