"""What begins, and when: onset strength, events, and everything that follows the grid of beats."""

from __future__ import annotations

import numpy as np
from librosa.onset import onset_detect

from ....core.sound import beats
from ....core.sound.features import Asked
from ..registry import measures
from ..rhythm.beats import detect
from ..sound import Sound
from ..spectra.onsets import strongest_per_frame

ONSET_BANDS = ("onset_low", "onset_mid", "onset_high")
PEAK_SECONDS = 0.03
#: dB; what rises less is no beginning, however strong it is beside the rest.
LEAST_ONSET = 0.2
_BEATS_PHASE = "Tracking beats"


@measures("onset", needs=("mel of onsets",))
def onset(sound: Sound, asked: Asked) -> np.ndarray:
    """The strongest onset of a frame's hops in dB, at its attack."""
    return strongest_per_frame(sound.novelty, sound.times, sound.grid)


@measures(*ONSET_BANDS, needs=("mel of onsets",))
def band_onset(sound: Sound, asked: Asked) -> np.ndarray:
    """The strongest onset of a frame's hops within one band in dB, at its attack."""
    novelty = sound.band_novelty[ONSET_BANDS.index(asked.name)]
    return strongest_per_frame(novelty, sound.aligned(novelty), sound.grid)


@measures("event", needs=("mel of onsets",))
def event(sound: Sound, asked: Asked) -> np.ndarray:
    """The strength of each onset as a share of the strongest, in the frame where it begins; 0 elsewhere."""
    hops = onsets(sound)
    events = np.zeros(sound.grid.frames)
    strength = sound.novelty[hops] / max(float(sound.novelty.max(initial=0.0)), 1e-12)
    np.maximum.at(events, sound.grid.frame_of(sound.times[hops]), strength)
    return events


def onsets(sound: Sound) -> np.ndarray:
    """The hops where something begins (librosa.onset.onset_detect), int array.

    Left to itself librosa looks only back and takes the first hop of a rise; it is the hop of the peak that is wanted.
    The peaks of steady noise are none.
    """
    rate = sound.grid.hops_per_second
    ahead = max(1, round(PEAK_SECONDS * rate)) + 1
    hops = onset_detect(onset_envelope=sound.novelty, sr=rate, hop_length=1, units="frames", post_max=ahead)
    return hops[(sound.novelty[hops] >= LEAST_ONSET) & ~sound.still[hops]]


def onset_times(sound: Sound) -> np.ndarray:
    """The seconds where something begins, ascending."""
    return np.unique(sound.times[onsets(sound)]) / sound.grid.sample_rate


@measures("tempo", needs=("mel of onsets",), phase=_BEATS_PHASE)
def tempo(sound: Sound, asked: Asked) -> np.ndarray:
    """Beats per minute; 0 where there are no beats."""
    return beat_grid(sound).tempo(sound.grid.rate, sound.grid.frames)


@measures("beat", needs=("mel of onsets",), phase=_BEATS_PHASE)
def beat(sound: Sound, asked: Asked) -> np.ndarray:
    """1 in the frame of each beat, then falling to 1/e in 0.15 s."""
    return beat_grid(sound).pulse(sound.grid.rate, sound.grid.frames)


@measures("beat_phase", needs=("mel of onsets",), phase=_BEATS_PHASE)
def beat_phase(sound: Sound, asked: Asked) -> np.ndarray:
    """0 on a beat, rising to 1 until the next."""
    return beat_grid(sound).phase(sound.grid.rate, sound.grid.frames)


@measures("bar", needs=("mel of onsets",), phase=_BEATS_PHASE)
def bar(sound: Sound, asked: Asked) -> np.ndarray:
    """1 on the first beat of each bar, then falling to 1/e in 0.15 s."""
    return beat_grid(sound).pulse(sound.grid.rate, sound.grid.frames, 1)


@measures("bar_phase", needs=("mel of onsets",), phase=_BEATS_PHASE)
def bar_phase(sound: Sound, asked: Asked) -> np.ndarray:
    """0 on the first beat of a bar, rising to 1 until the next bar."""
    return beat_grid(sound).bar_phase(sound.grid.rate, sound.grid.frames)


@measures("beat_number", needs=("mel of onsets",), phase=_BEATS_PHASE)
def beat_number(sound: Sound, asked: Asked) -> np.ndarray:
    """1 on one beat of each bar, then falling to 1/e in 0.15 s."""
    return beat_grid(sound).pulse(sound.grid.rate, sound.grid.frames, asked.which)


def beat_grid(sound: Sound) -> beats.Grid:
    """The beats of the sound, detected or set, as the settings correct them."""
    settings = sound.settings.beats
    detected = sound.shared("beats", lambda: detect(sound)) if settings.source == beats.Source.SOUND else np.zeros(0)
    return beats.build(detected, settings, sound.seconds)
