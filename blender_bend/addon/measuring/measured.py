"""What is known of a bend strip's sound without baking, fetched from the engine while Blender stays free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from bpy.types import ImageStrip, Scene

from ...core.errors import BendError, Code
from ...core.process import messages
from ...core.sound import beats
from ...core.sound.beats import Grid
from ...core.timebase import FrameRate
from ..host import temporary
from ..process import engine_client
from ..sound import sound_print
from ..timeline.anchor import Anchor
from ..timeline.timing import Placement
from . import measurement

WAVEFORM = "peak"
BEATS, SECTIONS = "times:beats", "times:sections"
_BARS = "times:bars"


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of one strip's sound.

    Parameters
    ----------
    features : on every frame of the strip's sound, and moments in seconds, by spelling
    beats : seconds of the detected beats, before any correction; None if they were not asked for
    print, sound : ``fingerprint.of`` and ``fingerprint.sound_of`` when the sound was mixed down
    number : counts the measurements
    """

    features: dict[str, np.ndarray]
    beats: np.ndarray | None
    print: str
    sound: str
    number: int


known_by_name: dict[tuple[str, str], Measured] = {}
_stale: set[tuple[str, str]] = set()
_count = 0


def of(strip: ImageStrip) -> Measured | None:
    """All that is known of a strip, old or not."""
    return known_by_name.get((strip.id_data.name, strip.name))


def known(strip: ImageStrip) -> dict[str, np.ndarray] | None:
    """The features and moments that are known of a strip, by spelling; None if nothing was measured yet."""
    found = of(strip)
    return found.features if found else None


def look(scene: Scene, strip: ImageStrip) -> bool:
    """Compare the sound with what was measured; whether the answer differs from the one before."""
    name = scene.name, strip.name
    before, found = name in _stale, of(strip)
    if found is not None and sound_print.sound_of(scene, strip) not in {found.sound, ""}:
        _stale.add(name)
    else:
        _stale.discard(name)
    return before != (name in _stale)


def is_stale(strip: ImageStrip) -> bool:
    """Whether the sound had changed since it was measured, at the last look."""
    return (strip.id_data.name, strip.name) in _stale


def forget() -> None:
    """Forget everything: another file was opened."""
    known_by_name.clear()
    _stale.clear()


def needed(strip: ImageStrip) -> list[str]:
    """What the strip's routes, its waveform and its beats need; the corrections of beats are made here."""
    asked = {text for parameter, _ in strip.bend_settings.routed() for text in parameter.asked()}
    options = strip.bend_settings.baking.chosen_options()
    return sorted((asked | set(options.moments()) | {WAVEFORM, BEATS}) - {_BARS})


def fresh(scene: Scene, strip: ImageStrip, spellings: Iterable[str]) -> bool:
    """Whether all of that is known for the current sound."""
    found = of(strip)
    if found is None or found.sound != sound_print.sound_of(scene, strip):
        return False
    if BEATS in spellings and found.beats is None:
        return False
    missing = set(spellings) - {BEATS} - set(found.features)
    return not missing and (found.print == sound_print.of(scene, strip) or not _follow_beats(spellings))


def _follow_beats(spellings: Iterable[str]) -> bool:
    """Whether something measured depends on the corrections of the beats, or on MIDI."""
    independent = {WAVEFORM, BEATS, SECTIONS}
    return any(text not in independent for text in spellings)


def grid(strip: ImageStrip, placed: Placement) -> Grid | None:
    """The beats of a strip, corrected as its settings say now; None if they must be measured first."""
    found = of(strip)
    settings = strip.bend_settings.beats.settings(placed)
    if strip.bend_settings.beats.fixed:
        detected = np.empty(0)
    elif found is None or found.beats is None:
        return None
    else:
        detected = found.beats
    return beats.build(detected, settings, float(placed.rate.seconds(len(placed.sound_frames))))


def require_grid(scene: Scene, strip: ImageStrip, placed: Placement) -> Grid:
    """The beats of a strip.

    Raises
    ------
    BendError(PARAMETER_INVALID) if they must be measured first, or there are none; BendError(STRIP_CHANGED) if they are
    those of another sound, or of another part of it
    """
    found = grid(strip, placed)
    if found is None:
        raise BendError(
            Code.PARAMETER_INVALID, "Beats haven't been detected yet.", "Press Measure, or set a tempo.", "bend.measure"
        )
    if not strip.bend_settings.beats.fixed and look(scene, strip) | is_stale(strip):
        raise BendError(
            Code.STRIP_CHANGED, "The sound has changed since its beats were detected.", "Press Measure.", "bend.measure"
        )
    if not len(found.times):
        raise BendError(Code.PARAMETER_INVALID, "This strip has no beats.", "Set or tap a tempo in the Beats panel.")
    return found


class Measuring:
    """A measurement in progress: the sound is mixed down at once, the engine then measures by itself.

    Parameters
    ----------
    spellings : what to measure; None means what the strip needs

    Raises
    ------
    BendError if there is no usable sound, or no engine
    """

    def __init__(self, scene: Scene, strip: ImageStrip, spellings: Iterable[str] | None = None) -> None:
        self.scene_name, self.strip_name = scene.name, strip.name
        wanted = {WAVEFORM, *(needed(strip) if spellings is None else spellings)}
        self.print = sound_print.of(scene, strip)
        self._anchor = Anchor.at(scene, strip, "its sound was being measured", sound_print.sound_of)
        placed = Placement.of(strip)
        self.rate: FrameRate = placed.rate
        self.cancelled = False
        self._folder = temporary.folder()
        folder = Path(self._folder.name)
        try:
            asked = measurement.request(scene, strip, placed, wanted - {BEATS}, folder)
            client = engine_client.client()
            self.requests = [client.request(messages.MEASURE, **asked.to_data())]
            if BEATS in wanted:
                # The beats as detected: whatever corrects them is applied here, without asking again.
                neutral = replace(asked, features=(BEATS,), beats=beats.Settings(), out=folder / "beats.npz")
                self.requests.append(client.request(messages.MEASURE, **neutral.to_data()))
        except BaseException:
            self._folder.cleanup()
            raise

    def poll(self) -> bool:
        """Take in what came; whether the engine has finished."""
        for request in self.requests:
            request.poll()
        return all(request.ended for request in self.requests)

    def finish(self) -> Measured:
        """Keep what was measured, once the engine has finished; waits until then.

        Raises
        ------
        BendError with what the engine said; BendError(CANCELLED); BendError(STRIP_MISSING), BendError(STRIP_CHANGED)
        if the sound of the strip has changed by now
        """
        global _count
        measured: dict[str, np.ndarray] = {}
        try:
            for request in self.requests:
                with np.load(request.result()["out"]) as file:
                    measured |= dict(file)
        finally:
            self._folder.cleanup()
        if self.cancelled:
            raise BendError(Code.CANCELLED, "Canceled.")
        strip, sound = self._anchor.find(), self._anchor.asked
        before = of(strip)
        if before and before.sound == sound and before.print == self.print:
            measured = before.features | measured
        detected = measured.pop(BEATS, before.beats if before and before.sound == sound else None)
        _count += 1
        found = Measured(measured, detected, self.print, sound, _count)
        known_by_name[strip.id_data.name, strip.name] = found
        look(strip.id_data, strip)
        return found

    def cancel(self) -> None:
        """Give up; what was known stays."""
        self.cancelled = True
        for request in self.requests:
            request.cancel()
