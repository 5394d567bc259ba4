"""Many bakes, one after the other: all are measured before the first key is written, so cancelling leaves nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bpy.types import ImageStrip, Scene

from ...core.errors import BendError, Code
from ...core.process import messages
from ..host import activity, named_files
from ..host.slices import Slices, at_once
from ..settings import enums
from ..settings.bake_settings import Options
from ..sound import mixdown
from ..timeline import anchor, strips
from .bake import Bake, stale_parameters
from .curve_writer import Report

#: What a bake is called while it is under way.
TITLE = "Measuring the sound"
#: How long writing keys may hold the window at a time; a slice that has begun is done.
WRITING_SECONDS = 0.005


@dataclass(frozen=True)
class Order:
    """What is to be baked of one strip.

    Parameters
    ----------
    options : how keys are written; None writes every parameter as it was written last
    keys : names of custom properties; None means every routed one
    """

    strip: str
    options: Options | None = None
    keys: tuple[str, ...] | None = None


def everything(scene: Scene) -> list[Order]:
    """Every bend strip of a scene that follows the sound, each as its own settings say."""
    routed = [strip for strip in strips.bend_strips(scene) if strip.bend_settings.routed()]
    for strip in routed:
        enums.check(strip.bend_settings.baking)
    return [Order(strip.name, strip.bend_settings.baking.chosen_options()) for strip in routed]


def changed(scene: Scene, among: Iterable[ImageStrip] | None = None) -> list[Order]:
    """The parameters whose sound or route has changed since they were baked, each as it was baked; for a button."""
    orders = []
    for strip in strips.bend_strips(scene) if among is None else among:
        with named_files.press():
            stale = stale_parameters(scene, strip)
        if stale:
            orders.append(Order(strip.name, None, tuple(parameter.key for parameter in stale)))
    return orders


def still(strip: ImageStrip) -> tuple[str, ...]:
    """What follows the sound but has no curve yet, so that a film of it would stand still; none without a sound."""
    settings = strip.bend_settings
    active = (settings, *(bend for bend in settings.bends if bend.enabled))
    routed = (parameter.key for holder in active for parameter, _ in holder.shown_parameters() if parameter.routed)
    found = tuple(key for key in routed if not strips.is_animated(strip, key))
    return found if found and (settings.midi_file or mixdown.sound_strips(strip.id_data)) else ()


def unbaked(among: Iterable[ImageStrip]) -> list[Order]:
    """What of some strips would stand still, as their own settings say that it is baked."""
    orders = []
    for strip in among:
        if keys := still(strip):
            enums.check(strip.bend_settings.baking)
            orders.append(Order(strip.name, strip.bend_settings.baking.chosen_options(), keys))
    return orders


class Bakes:
    """Several bakes under way.

    Parameters
    ----------
    orders : at least one
    """

    def __init__(self, scene: Scene, orders: Sequence[Order]) -> None:
        self._scene, self.orders = scene.session_uid, list(orders)
        self.activity = activity.begin(TITLE, len(self.orders))
        self._under_way: Bake | None = None
        self._measured: list[Bake] = []
        self.failures: list[tuple[str, BendError]] = []
        self._begun = 0
        self._cancelled = False
        #: The writing of all keys, once it has begun, and what came of it.
        self.writing: Slices[Report] | None = None
        self._report: Report | None = None

    def update(self) -> bool:
        """Take in what the engine did, begin the next strip, and in the end write keys; False when all is done."""
        if self._cancelled:
            return False
        if self.writing or (self._under_way is None and not self._begin_next()):
            return self._write_on()
        assert self._under_way is not None
        for message in self._under_way.request.poll():
            if message.type == messages.PHASE:
                self._tell(str(message.data.get("text", "")))
        if self._under_way.request.ended:
            self._collect()
        return True

    def run(self) -> Report:
        """All at once, waiting for the engine."""
        while self._begin_next():
            self._collect()
        return self.finish()

    def finish(self) -> Report:
        """Write the keys of all strips that are not written yet.

        Raises
        ------
        BendError(CANCELLED); the failure of the first strip if not one could be baked
        """
        if self._cancelled:
            raise BendError(Code.CANCELLED, "Canceled.")
        total = self._report or at_once(self.writing or self._write())
        if self.failures and not total.curves:
            raise self.failures[0][1]
        return total

    def _write_on(self) -> bool:
        """Go on writing keys for a moment; False once all are written."""
        self.writing = self.writing or self._write()
        until = time.monotonic() + WRITING_SECONDS
        while True:
            try:
                next(self.writing)
            except StopIteration as done:
                self._report = done.value
                return False
            if time.monotonic() >= until:
                return True

    def _write(self) -> Slices[Report]:
        """Write the keys of all strips."""
        self.activity.says = "Writing the keys"
        total = Report()
        for bake in self._measured:
            try:
                report = yield from bake.write()
            except BendError as error:
                self.failures.append((bake.strip_name, error))
                continue
            total.curves, total.keys, total.kept = (
                total.curves + report.curves,
                total.keys + report.keys,
                total.kept + report.kept,
            )
        return total

    def cancel(self) -> None:
        """Give up, and nothing is written; what is being written by now is written to the end, which takes a moment."""
        if self.writing:
            return
        self._cancelled = True
        if self._under_way is not None:
            self._under_way.cancel()

    def _begin_next(self) -> bool:
        """Begin the next strip that can be baked; what keeps one from it does not stop the others."""
        while self._begun < len(self.orders) and not self._cancelled:
            order = self.orders[self._begun]
            self._begun += 1
            self._tell("measuring the sound")
            try:
                strip = anchor.named(self._scene, order.strip)
                self._under_way = Bake(strip.id_data, strip, order.options, order.keys)
                return True
            except BendError as error:
                self.failures.append((order.strip, error))
        return False

    def _collect(self) -> None:
        bake, self._under_way = self._under_way, None
        assert bake is not None
        try:
            bake.collect()
            self._measured.append(bake)
        except BendError as error:
            self.failures.append((bake.strip_name, error))

    def _tell(self, text: str) -> None:
        several = len(self.orders) > 1
        self.activity.done = self._begun - 1
        self.activity.says = f"Strip {self._begun} of {len(self.orders)}: {text}" if several else text.capitalize()
