"""What the engine is asked for when a bend strip's sound is measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import bpy
from bpy.types import ImageStrip, Scene

from ...core.errors import BendError, Code
from ...core.files import caches
from ...core.sound import features
from ...core.sound.feature_table import Depends
from ...core.sound.measure_request import MeasureRequest
from ..host import preferences
from ..sound import mixdown
from ..timeline.timing import Placement


def request(
    scene: Scene, strip: ImageStrip, placed: Placement, spellings: Iterable[str], folder: Path
) -> MeasureRequest:
    """What the engine needs to measure a bend strip's sound; the sound is mixed down on the way.

    Parameters
    ----------
    placed : where the strip lies
    spellings : features and moments, as ``core.sound.features`` spells them
    folder : for the sound and the answer; it must outlive the request

    Raises
    ------
    BendError if there is no usable sound
    """
    frames, spelled = placed.sound_frames, sorted(set(spellings))
    if not frames:
        raise BendError(Code.SOUND_NONE, "The bend strip ends before frame 0.", "Move it to the right.")
    settings = strip.bend_settings
    pcm = mixdown.mixdown(scene, [] if _only_midi(spelled) else mixdown.chosen_sounds(scene, strip), frames, folder)
    midi = bpy.path.abspath(settings.midi_file) if settings.midi_file else ""
    begins = placed.start + settings.midi_start - frames.start
    encodec = preferences.encodec_folder()
    return MeasureRequest(
        pcm,
        placed.rate,
        len(frames),
        tuple(spelled),
        preferences.cache_folder(caches.FEATURES),
        folder / "features.npz",
        settings.beats.settings(placed),
        Path(midi) if midi else None,
        float(placed.rate.seconds(begins)) if midi else 0.0,
        Path(encodec) if encodec else None,
    )


def _only_midi(spelled: list[str]) -> bool:
    """Whether nothing is asked of the sound itself."""
    return all(features.depends(text) is Depends.MIDI for text in spelled)
