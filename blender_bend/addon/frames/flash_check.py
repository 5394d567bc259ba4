"""The flashes of a bend strip's film: found in its frames, marked on the timeline, and softened in the routes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass
from functools import partial

import numpy as np
from bpy.types import ImageStrip, Scene

from ...core.curves.routes import LIMITS
from ...core.errors import BendError, Code
from ...core.files import foreign_json
from ...core.job.resolve import file_name
from ...core.pictures.flashes import KINDS, MOST_FLASHES, SATURATED, Flashes, Stretch
from ...core.timebase import FrameRate
from ...core.wording import some
from ..film import planning
from ..film.plans import Plan
from ..host import activity, changes, compat, png, reading
from ..host.slices import Slices, at_once
from ..settings.parameters import BEND_PG_parameter
from ..timeline import markers, strips
from ..timeline.timing import frame_rate

#: Told how many frames are done, of how many.
Tell = Callable[[int, int], None]

#: Frames whose names are taken note of without a pause.
SLICE = 1000
#: Characters of a frame's key, with which its file's name begins.
DIGITS = 64
#: Characters of a result; a film of hours that flashes all the time has less.
_LONGEST = 1 << 20
#: A curve that causes flashes moves through its range at least so often in a second, and at least half as often as the
#: one that moves most; its release is doubled, and at least so long.
_TIMES, _SHARE, _RELEASE = 1.0, 0.5, 0.5
#: Frames of a stretch on which curves are looked at.
_LOOKED_AT = 2000


@dataclass(frozen=True)
class Checked:
    """What a check has found.

    Parameters
    ----------
    frames : how many were looked at
    missing : how many are not rendered
    text : where they are above the limit; empty if they are within it
    """

    frames: int
    missing: int
    text: str


def check(scene: Scene, strip: ImageStrip, tell: Tell = lambda done, total: None) -> Slices[Checked]:
    """Look for flashes in the frames that a strip asks for and that are rendered; show them, and mark the flashes.

    Raises
    ------
    BendError(FRAMES_MISSING) if none is rendered, BendError(INPUT_MISSING) for a damaged one,
    BendError(STRIP_CHANGED) if the strip asks for others by now
    """
    plan = yield from reading.once_read(partial(_plan, scene.name, strip.name), activity.say)
    if not plan.there:
        raise BendError(Code.FRAMES_MISSING, "No frames have been rendered.", "Generate them first.", "bend.generate")
    stretches = yield from _find(plan, tell)
    strip = strips.called(plan.scene, plan.strip)
    start = compat.content_start(strip)
    settings = strip.bend_settings
    placed = [(f"{'red ' if one.kind == SATURATED else ''}flash", one.first + start) for one in stretches]
    former = markers.remembered(strip, settings.flash_markers)
    settings.flash_markers = markers.place(strip.id_data, placed, former)
    changes.mark_changed()
    return Checked(len(plan.there), len(plan.missing), words(strip, stretches))


def check_new(scene_name: str, strip_name: str, tell: Tell = lambda done, total: None) -> Slices[None]:
    """The same for frames that were just made, for the warning alone: nothing is marked, and nothing checked twice.

    Raises
    ------
    BendError as ``check`` does
    """
    plan = yield from reading.once_read(partial(_plan, scene_name, strip_name), activity.say)
    checked, _ = found(strips.called(scene_name, strip_name))
    if plan.there and checked != (yield from _digest(key for _, key in _there(plan))):
        yield from _find(plan, tell)
        changes.mark_changed()


def _find(plan: Plan, tell: Tell) -> Slices[list[Stretch]]:
    """Look for flashes in the frames of a plan, show these, and keep what was found, from the strip's first element on.

    Raises
    ------
    BendError(INPUT_MISSING) for a damaged frame, BendError(STRIP_CHANGED) if the strip asks for others by now
    """
    stretches = yield from _look(plan, frame_rate(strips.called(plan.scene, plan.strip).id_data), tell)
    if not (yield from plan.asked.holds(plan.keys)):
        raise BendError(
            Code.STRIP_CHANGED, f"'{plan.strip}' changed while its frames were being checked.", "Check it again."
        )
    yield from plan.show_ready()
    digest = yield from _digest(key for _, key in _there(plan))
    strip = strips.called(plan.scene, plan.strip)
    start = compat.content_start(strip)
    from_start = [Stretch(one.kind, one.first - start, one.last - start, one.flashes) for one in stretches]
    strip.bend_settings.flashes = json.dumps({"frames": digest, "stretches": [astuple(one) for one in from_start]})
    return from_start


def _plan(scene_name: str, strip_name: str) -> Slices[Plan]:
    strip = strips.called(scene_name, strip_name)
    return planning.plan(strip.id_data, strip)


def _look(plan: Plan, rate: FrameRate, tell: Tell) -> Slices[list[Stretch]]:
    """The stretches above the limit; where a frame is missing, the one before it stays."""
    flashes, shown = Flashes(rate, plan.job.size), ""
    for index, (number, key) in enumerate(_there(plan)):
        if key and key != shown:
            flashes.add(number, png.read(plan.store / file_name(key), "Render it again."))
            shown = key
        else:
            flashes.add(number, None)
        tell(index + 1, len(plan.keys))
        yield
    return flashes.stretches


def _there(plan: Plan) -> Iterator[tuple[int, str]]:
    """The frames that were asked for, with the keys of those that are rendered."""
    return ((number, key if number in plan.there else "") for number, key in plan.keys.items())


def _digest(keys: Iterable[str]) -> Slices[str]:
    """A digest of the frames that are shown one after the other."""
    digest = hashlib.sha256()
    for index, key in enumerate(keys):
        digest.update(f"{key}\n".encode())
        if index % SLICE == SLICE - 1:
            yield
    return digest.hexdigest()


def found(strip: ImageStrip) -> tuple[str, list[Stretch]]:
    """The digest of the frames that were checked last, and what was found, counted from the strip's first element."""
    try:
        data = foreign_json.parse(strip.bend_settings.flashes or "{}", _LONGEST)
        stretches = [Stretch(kind, int(first), int(last), float(most)) for kind, first, last, most in data["stretches"]]
        if all(one.kind in KINDS and 0 <= one.first <= one.last < len(strip.elements) for one in stretches):
            return str(data["frames"]), stretches
    except (KeyError, TypeError, ValueError, OverflowError):
        pass  # not checked, or not written by Bend
    return "", []


def warning(strip: ImageStrip, plan: Plan) -> Slices[str]:
    """What the last check has found, if it was of the frames of a plan; empty if they are within the limit."""
    name = strip.name
    checked, stretches = found(strip)
    if not stretches or checked != (yield from _digest(key for _, key in _there(plan))):
        return ""
    strip = strips.called(plan.scene, name)
    return words(strip, stretches)


def warning_of_shown(strip: ImageStrip) -> str:
    """The same for the frames that a strip shows, all of which are rendered."""
    checked, stretches = found(strip)
    if not stretches:
        return ""
    start = compat.content_start(strip)
    names = (strip.elements[number - start].filename for number in strips.frame_range(strip))
    return words(strip, stretches) if checked == at_once(_digest(name[:DIGITS] for name in names)) else ""


def words(strip: ImageStrip, stretches: list[Stretch]) -> str:
    """Where a strip is above the limit, in words, by the frames of the timeline."""
    if not stretches:
        return ""
    start = compat.content_start(strip)
    red = " in red" if all(one.kind == SATURATED for one in stretches) else ""
    places = some([f"{one.first + start}–{one.last + start}" for one in stretches])
    most = max(one.flashes for one in stretches)
    return f"Flashes up to {most:g} times a second{red}, more than {MOST_FLASHES} can trigger seizures: frames {places}"


def soften(strip: ImageStrip) -> list[str]:
    """Lengthen the release of the routes whose curves move fast where the last check has found flashes.

    Returns
    -------
    names of the custom properties whose routes were changed

    Raises
    ------
    BendError(PARAMETER_INVALID) if no route causes them
    """
    _, stretches = found(strip)
    start, rate = compat.content_start(strip), frame_rate(strip.id_data)
    speeds = [
        (parameter, max((_speed(strip, parameter, one, start, rate) for one in stretches), default=0.0))
        for parameter, _ in strip.bend_settings.routed()
        if parameter.baked
    ]
    least = max(_TIMES, _SHARE * max((speed for _, speed in speeds), default=0.0))
    changed = [parameter.key for parameter, speed in speeds if speed >= least and _lengthen(parameter)]
    if not changed:
        raise BendError(
            Code.PARAMETER_INVALID,
            "No baked curve moves fast enough to cause the flashes.",
            "Look at keyframes set by hand, the prompts, and the source.",
        )
    return changed


def _speed(strip: ImageStrip, parameter: BEND_PG_parameter, stretch: Stretch, start: int, rate: FrameRate) -> float:
    """How often in a second a parameter moves through its range and back, over a stretch."""
    span, curve = abs(parameter.high - parameter.low), strips.find_curve(strip, parameter.key)
    if curve is None or span == 0:
        return 0.0
    last = min(stretch.last, stretch.first + _LOOKED_AT)
    values = np.array([curve.evaluate(start + number) for number in range(stretch.first, last + 1)])
    return float(np.abs(np.diff(values)).sum()) / span / 2 / float(rate.seconds(last - stretch.first + 1))


def _lengthen(parameter: BEND_PG_parameter) -> bool:
    """Double the release of a route, at least to ``_RELEASE``; whether any of its features has one."""
    layers = [layer for layer in (parameter, *parameter.layers) if layer.routed and layer.chain == "bend"]
    for layer in layers:
        layer.release = min(max(2 * layer.release, _RELEASE), LIMITS["release"][1])
    return bool(layers)
