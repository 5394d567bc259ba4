"""Every feature and every kind of moments of a sound, measured in one walk through its spectrum."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from itertools import groupby

import numpy as np

from ...core.errors import BendError, Code
from ...core.sound import features
from ...core.sound.feature_table import Depends
from ...core.sound.features import MOMENT_PREFIX, Asked, Channel, Part
from . import features as subjects
from .features import events, structure
from .features.midi import measure_midi
from .reading import channels
from .registry import MEASURES
from .settings import Settings
from .sound import Sound
from .spectra import parts
from .spectra.spectrum import Grid

__all__ = ["MEASURES", "Sound", "measure", "measure_each"]

#: By name: what the moments need of the spectrum, and how they are found.
MOMENTS: dict[str, Callable[[Sound], np.ndarray]] = {
    "beats": lambda sound: events.beat_grid(sound).times,
    "bars": lambda sound: events.beat_grid(sound).bars,
    "onsets": events.onset_times,
    "sections": structure.section_times,
}
for _module in pkgutil.iter_modules(subjects.__path__, f"{subjects.__name__}."):
    importlib.import_module(_module.name)  # which fills the table


def measure(
    samples: np.ndarray, grid: Grid, names: list[str], settings: Settings | None = None
) -> dict[str, np.ndarray]:
    """Measure features and moments.

    Parameters
    ----------
    samples : float32 array, shape (samples,) or (channels, samples)
    names : spelled as ``core.sound.features`` has it

    Returns
    -------
    for each feature a float32 array, shape (grid.frames,); for each ``times:...`` seconds, float64, ascending

    Raises
    ------
    BendError(PARAMETER_INVALID) for an unknown name; BendError(CANCELLED)
    """
    measured = dict(measure_each(samples, grid, names, settings))
    return {name: measured[name] for name in names}


def measure_each(
    samples: np.ndarray, grid: Grid, names: list[str], settings: Settings | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """The same one by one as they are measured: the whole sound first, then its parts, then each channel alike."""
    settings = settings or Settings()
    features.check_names(names)
    asked = {name: None if features.is_moments(name) else features.parse(name) for name in names}
    midi = {name: each for name, each in asked.items() if each and each.feature.depends is Depends.MIDI}
    yield from _midi(grid, midi, settings)
    rest = [(name, each) for name, each in asked.items() if name not in midi]
    order = [*Channel, *Part]
    rest.sort(key=lambda item: (order.index(_channel(item[1])), order.index(_part(item[1]))))
    for channel, items in groupby(rest, key=lambda item: _channel(item[1])):
        yield from _measure_channel(channels.of(np.atleast_2d(samples), channel), grid, list(items), settings)


def _measure_channel(
    samples: np.ndarray, grid: Grid, asked: list[tuple[str, Asked | None]], settings: Settings
) -> Iterator[tuple[str, np.ndarray]]:
    harmonic = np.zeros((1, 0), dtype=np.float32)
    for part, items in groupby(asked, key=lambda item: _part(item[1])):
        if part != Part.ALL and not harmonic.size:
            harmonic = parts.harmonic(samples, grid, settings)
        if part == Part.PERCUSSIVE:
            np.subtract(samples, harmonic, out=harmonic)  # in place: an hour takes 0.7 GB
        yield from _measure(Sound(samples if part == Part.ALL else harmonic, grid, settings), list(items))


def _measure(sound: Sound, items: list[tuple[str, Asked | None]]) -> Iterator[tuple[str, np.ndarray]]:
    needs = [need for _, asked in items if asked for need in MEASURES[asked.name].needs(asked)]
    moments = any(asked is None for _, asked in items)
    if needs or moments:
        sound.settings.phase("Measuring the sound")
    sound.collect([*needs, "mel of onsets"] if moments else needs)
    said = ""
    for name, asked in items:
        sound.settings.check()
        if asked is None:
            yield name, MOMENTS[name.removeprefix(MOMENT_PREFIX)](sound).astype(np.float64)
            continue
        phase = MEASURES[asked.name].phase
        if phase and phase != said:
            sound.settings.phase(phase)
            said = phase
        yield name, MEASURES[asked.name].function(sound, asked).astype(np.float32)


def _midi(grid: Grid, asked: dict[str, Asked], settings: Settings) -> Iterator[tuple[str, np.ndarray]]:
    if not asked:
        return
    if settings.midi is None:
        raise BendError(
            Code.INPUT_MISSING,
            "MIDI features need a MIDI file.",
            "Choose the file in the Bend tab, or use another feature.",
        )
    settings.phase("Reading the MIDI file")
    measured = measure_midi(settings.midi, settings.midi_start, grid.rate, grid.frames, list(asked.values()))
    yield from ((name, measured[str(each)].astype(np.float32)) for name, each in asked.items())


def _part(asked: Asked | None) -> str:
    return asked.part if asked else Part.ALL


def _channel(asked: Asked | None) -> str:
    return asked.channel if asked else Channel.HEARD
