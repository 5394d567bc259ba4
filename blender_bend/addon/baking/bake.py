"""Bake: from the sound to keyframes on the bend strip's parameters, without touching what a person did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from bpy.types import ImageStrip, Scene

from ...core.catalogue import Parameter
from ...core.errors import BendError, Code
from ...core.process import messages
from ...core.timebase import FrameRate
from ..host import named_files, temporary
from ..host.slices import Slices, at_once
from ..measuring import measurement
from ..process import engine_client
from ..settings import enums
from ..settings.bake_settings import EVENTS, Options
from ..settings.parameters import BEND_PG_parameter
from ..sound import sound_print
from ..timeline.anchor import Anchor
from ..timeline.timing import Placement
from . import curve_writer
from .curve_writer import Report


def sound_now(scene: Scene, strip: ImageStrip) -> str:
    """What a bake depends on, for a button: the files of the sound are looked at."""
    with named_files.press():
        return sound_print.of(scene, strip)


def stale_parameters(scene: Scene, strip: ImageStrip) -> list[BEND_PG_parameter]:
    """The baked parameters whose route, or whose sound as far as it is known, has changed since."""
    now = sound_print.of(scene, strip)
    return [
        parameter
        for parameter, _ in strip.bend_settings.routed()
        if parameter.baked
        and ((now and parameter.baked_from != now) or parameter.baked_route != parameter.route_text())
    ]


class Bake:
    """One bake under way: mixes the sound down, asks the engine for features, writes the keys when they are there.

    Parameters
    ----------
    options : how keys are written; None writes every parameter as it was written last
    keys : names of the custom properties to bake; None means every routed one

    Raises
    ------
    BendError if there is no route, no usable sound, or no engine
    """

    def __init__(
        self, scene: Scene, strip: ImageStrip, options: Options | None = None, keys: Iterable[str] | None = None
    ) -> None:
        self.strip_name = strip.name
        wanted = None if keys is None else set(keys)
        enums.check(strip.bend_settings.beats)
        shown = (p for holder in strip.bend_settings.holders() for p, _ in holder.shown_parameters())
        chosen = [p for p in shown if wanted is None or p.key in wanted]
        for parameter in chosen:
            parameter.check()
        parameters = [p for p in chosen if p.routed]
        if not parameters:
            raise BendError(
                Code.PARAMETER_INVALID,
                "No parameter follows the sound yet.",
                "Choose a feature for a parameter in the Route panel.",
            )
        placed = Placement.of(strip)
        self.options = {p.key: options or Options.from_text(p.baked_as, placed.start) for p in parameters}
        self.rate, self.frames = placed.rate, placed.sound_frames
        if self.frames and not any(chosen.within(self.frames) for chosen in self.options.values()):
            raise BendError(
                Code.PARAMETER_INVALID,
                "The chosen frames are outside the bend strip.",
                f"Its sound covers frames {self.frames.start}–{self.frames.stop - 1}.",
            )
        spelled = [text for p in parameters for text in (*p.asked(), *self.options[p.key].moments())]
        self.cancelled = False
        self.measured: dict[str, np.ndarray] = {}
        self._folder = temporary.folder()
        try:
            self._anchor = Anchor.at(scene, strip, "its sound was being measured", sound_now)
            with named_files.press():
                asked = measurement.request(scene, strip, placed, spelled, Path(self._folder.name))
            self.request = engine_client.client().request(messages.MEASURE, **asked.to_data())
        except BaseException:
            self._folder.cleanup()
            raise

    def collect(self) -> None:
        """Take in what the engine measured; waits until it is there.

        Raises
        ------
        BendError with what the engine said; BendError(CANCELLED)
        """
        if self.cancelled:
            raise BendError(Code.CANCELLED, "Canceled.")
        try:
            result = self.request.result()
            with np.load(result["out"]) as file:
                self.measured = dict(file)
        finally:
            self._folder.cleanup()

    def write(self) -> Slices[Report]:
        """Write the keys of what was collected, where the strip is now, curve by curve.

        Raises
        ------
        BendError(STRIP_MISSING), BendError(STRIP_CHANGED) if the sound of the strip has changed by now
        """
        report, strip = Report(), self._anchor.find()
        strip.bend_settings.baking.report = report.counts()
        for key in [parameter.key for parameter, _ in strip.bend_settings.routed()]:
            # A person may change the curve between two slices; who goes on doing so gets it in one.
            for pauses in (True, True, False):
                yield
                if (yield from self._write(key, report, pauses)):
                    break
        return report

    def _write(self, key: str, report: Report, pauses: bool) -> Slices[bool]:
        """Write the keys of a parameter, if it is there to be baked; False if it was changed meanwhile."""
        place = self._place(key)
        if place is None:
            return True
        strip, placed, parameter, described = place
        frames, route = placed.sound_frames, parameter.route_text()
        options = self._options(parameter, frames.start - self.frames.start)
        if options is None or not set(parameter.asked()) <= set(self.measured) or not options.within(frames):
            return True
        values = shaped(parameter, described, self.measured, frames, self.rate, options)
        if pauses:
            yield
        place = self._place(key, frames)
        if place is None:
            return False
        work = curve_writer.Writing(*place[:3], values, options)
        if pauses:
            yield
        if pauses:
            yield from work.work_out()
            yield
        else:
            at_once(work.work_out())
        place = self._place(key, frames)
        if place is None or not work.holds(*place[:3]):
            return False
        strip, _, parameter, _ = place
        work.write(strip, parameter, report)
        parameter.baked_rate = str(self.rate)
        parameter.baked_from, parameter.baked_route = self._anchor.asked, route
        parameter.baked_as = options.as_text(parameter.baked_as, placed.start)
        strip.bend_settings.baking.report = report.counts()
        return True

    def _place(
        self, key: str, frames: range | None = None
    ) -> tuple[ImageStrip, Placement, BEND_PG_parameter, Parameter] | None:
        """The strip, where it lies, and a routed parameter of it; None if there is none, or the strip was moved.

        Parameters
        ----------
        key : name of the custom property
        frames : whose sound was measured before; None for any

        Raises
        ------
        BendError, see ``write``
        """
        strip = self._anchor.find()
        placed = Placement.of(strip)
        if frames is not None and placed.sound_frames != frames:
            return None
        found = (one for one in strip.bend_settings.routed() if one[0].key == key)
        return next(((strip, placed, *one) for one in found), None)

    def _options(self, parameter: BEND_PG_parameter, moved: int) -> Options | None:
        """How a parameter is written, after the strip was moved by a number of frames; None if it was not asked for."""
        options = self.options.get(parameter.key)
        return options and replace(options, first=options.first + moved, last=options.last + moved)

    def finish(self) -> Report:
        """Collect and write, once the request has ended."""
        self.collect()
        return at_once(self.write())

    def cancel(self) -> None:
        """Give up at once, whenever the engine takes note; nothing is written."""
        self.cancelled = True
        self.request.cancel()
        self._folder.cleanup()


def shaped(
    parameter: BEND_PG_parameter,
    described: Parameter,
    measured: Mapping[str, np.ndarray],
    frames: range,
    rate: FrameRate,
    options: Options,
) -> curve_writer.Sound:
    """What the measured features ask of one parameter.

    Parameters
    ----------
    measured : features and moments by spelling
    frames : frames of the timeline that the features are for
    """
    route, limits = parameter.route(), (described.minimum, described.maximum)
    rest, full = np.clip([route.low, route.high], *limits).tolist()
    if route.layers[0].rest:
        rest, full = full, rest
    hits = None
    if options.mode == EVENTS:
        hits = rate.frames_at(measured[options.moments()[0]] + route.layers[0].offset) + frames.start
    values = np.clip(route.shape(measured, rate), *limits)
    return curve_writer.Sound(values, frames, limits, rate, abs(route.high - route.low), rest, full, hits)
