"""Bake: from the sound to keyframes on the bend strip's parameters, without touching what a person did."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bpy.types import ImageStrip, Scene

from ..core import curves, messages
from ..core.errors import BendError, Code
from ..core.timebase import FrameRate
from . import compat, engine_client, preferences, sound, strips
from .keyframes import KeyTable, Memory, hand_keys, merge, read_keys, select, table_of, write_keys
from .parameters import BEND_PG_parameter


@dataclass(frozen=True)
class Options:
    """How keys are written.

    Parameters
    ----------
    simplify : few Bézier keys instead of one a frame
    tolerance : largest error of simplified keys, as a share of the route's range
    keep_hand_keys : leave keys that a person moved, added or deleted as they are
    """

    simplify: bool = False
    tolerance: float = 0.02
    keep_hand_keys: bool = True


@dataclass
class Report:
    """What a bake did."""

    curves: int = 0
    keys: int = 0
    kept: int = 0

    def summary(self) -> str:
        """One line for the artist."""
        kept = f", {self.kept} kept by hand" if self.kept else ""
        return f"Baked {self.keys} keys on {self.curves} curve{'s' if self.curves != 1 else ''}{kept}"


def frame_rate(scene: Scene) -> FrameRate:
    """The scene's frame rate, as a fraction."""
    return FrameRate.from_blender(scene.render.fps, scene.render.fps_base)


def routed_parameters(strip: ImageStrip) -> list[BEND_PG_parameter]:
    """Every parameter of the bends and of the strip itself that a feature drives."""
    holders = strip.bend_settings.holders()
    return [parameter for holder in holders for parameter, _ in holder.shown_parameters() if parameter.routed]


class Bake:
    """One bake under way: mixes the sound down, asks the engine for features, writes the keys when they are there.

    Parameters
    ----------
    keys : names of the custom properties to bake; None means every routed one

    Raises
    ------
    BendError if there is no route, no usable sound, or no engine
    """

    def __init__(self, scene: Scene, strip: ImageStrip, options: Options, keys: list[str] | None = None) -> None:
        self.scene_name, self.strip_name, self.options = scene.name, strip.name, options
        parameters = [p for p in routed_parameters(strip) if keys is None or p.key in keys]
        if not parameters:
            raise BendError(
                Code.PARAMETER_INVALID,
                "No parameter follows the sound yet.",
                "Choose a feature for a parameter under Route.",
            )
        self.keys = [parameter.key for parameter in parameters]
        self.rate = frame_rate(scene)
        # Blender's mixdown cannot begin before frame 0.
        self.frames = range(max(0, compat.left_handle(strip)), compat.right_handle(strip))
        if not self.frames:
            raise BendError(Code.SOUND_NONE, "The bend strip ends before frame 0.", "Move it to the right.")
        self.cancelled = False
        self._folder = tempfile.TemporaryDirectory(prefix="bend-", ignore_cleanup_errors=True)
        try:
            folder = Path(self._folder.name)
            pcm = sound.mixdown(scene, sound.chosen_sounds(scene, strip), self.frames, folder)
            self.request = engine_client.client().request(
                messages.ANALYSE,
                sound=str(pcm),
                fps=str(self.rate),
                frames=len(self.frames),
                features=sorted({parameter.feature for parameter in parameters}),
                cache=str(preferences.user_folder("features")),
                out=str(folder / "features.npz"),
            )
        except BaseException:
            self._folder.cleanup()
            raise

    def finish(self) -> Report:
        """Write the keys, once the request has ended.

        Raises
        ------
        BendError with what the engine said; BendError(STRIP_MISSING) if the strip is gone
        """
        try:
            result = self.request.result()
            with np.load(result["out"]) as file:
                features = dict(file)
        finally:
            self._folder.cleanup()
        if self.cancelled:
            raise BendError(Code.CANCELLED, "Cancelled.")
        strip = strips.find(self.scene_name, self.strip_name)
        if strip is None:
            raise BendError(Code.STRIP_MISSING, f"The bend strip '{self.strip_name}' is gone.")
        report = Report()
        for parameter in routed_parameters(strip):
            if parameter.key in self.keys and parameter.feature in features:
                values = parameter.route().shape(features[parameter.feature], self.rate)
                _write(strip, parameter, values, self.frames, self.options, report)
        return report

    def cancel(self) -> None:
        """Give up; nothing is written."""
        self.cancelled = True
        self.request.cancel()


def _write(
    strip: ImageStrip, parameter: BEND_PG_parameter, values: np.ndarray, frames: range, options: Options, report: Report
) -> None:
    scene, start = strip.id_data, compat.content_start(strip)
    values = np.clip(values, *_limits(strip, parameter))
    if options.simplify:
        span = max(abs(parameter.high - parameter.low), 1e-6)
        baked = table_of(curves.simplify(values, frames[0], options.tolerance * span))
    else:
        baked = table_of(curves.dense(values, frames[0]))
    curve = compat.ensure_fcurve(scene, strips.data_path(strip, parameter.key), strip.name)
    kept, removed = None, np.empty(0, np.float32)
    if options.keep_hand_keys:
        before = read_keys(curve)
        touched, removed = hand_keys(before, Memory.decode(parameter.baked), start)
        kept = select(before, touched)
    parameter.baked, baked = _give_way(baked, kept, removed, start)
    write_keys(curve, merge(kept, baked) if kept else baked)
    report.curves += 1
    report.keys += len(baked["co"])
    report.kept += len(kept["co"]) + len(removed) if kept else 0


def _give_way(baked: KeyTable, kept: KeyTable | None, removed: np.ndarray, start: int) -> tuple[str, KeyTable]:
    """Leave out the keys whose frames a person has taken or cleared.

    Returns
    -------
    the encoded memory of this bake, and the keys to write
    """
    frames = np.round(baked["co"][:, 0] - start, 3)
    hand = Memory.of(kept, start).keys if kept else Memory.empty().keys
    hand[:, 1] = np.nan
    free = select(baked, ~np.isin(frames, np.round(np.concatenate([hand[:, 0], removed]), 3)))
    memory = Memory(np.concatenate([Memory.of(free, start).keys, hand]), removed)
    return memory.encode(), free


def _limits(strip: ImageStrip, parameter: BEND_PG_parameter) -> tuple[float, float]:
    shown = [pair for holder in strip.bend_settings.holders() for pair in holder.shown_parameters()]
    described = next(described for item, described in shown if item.key == parameter.key)
    return described.minimum, described.maximum
