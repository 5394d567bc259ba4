"""What the engine is asked for when a bend strip's sound is measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bpy
from bpy.types import ImageStrip, Scene

from ...core.errors import BendError, Code
from ...core.sound import features
from ...core.sound.feature_table import Depends
from ..host import preferences
from ..sound import mixdown
from ..timeline.timing import Placement


def request(
    scene: Scene, strip: ImageStrip, placed: Placement, spellings: Iterable[str], folder: Path
) -> dict[str, Any]:
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
    frames, spelled = placed.heard, sorted(set(spellings))
    if not frames:
        raise BendError(Code.SOUND_NONE, "The bend strip ends before frame 0.", "Move it to the right.")
    settings = strip.bend_settings
    pcm = mixdown.mixdown(scene, [] if _only_midi(spelled) else mixdown.chosen_sounds(scene, strip), frames, folder)
    asked: dict[str, Any] = {
        "sound": str(pcm),
        "fps": str(placed.rate),
        "frames": len(frames),
        "features": spelled,
        "cache": str(preferences.user_folder("features")),
        "out": str(folder / "features.npz"),
        "beats": asdict(settings.beats.settings(placed)),
    }
    if settings.midi_file:
        begins = placed.start + settings.midi_start - frames.start
        asked["midi"] = {"path": bpy.path.abspath(settings.midi_file), "start": float(placed.rate.seconds(begins))}
    if preferences.encodec_folder():
        asked["encodec"] = preferences.encodec_folder()
    return asked


def _only_midi(spelled: list[str]) -> bool:
    """Whether nothing is asked of the sound itself."""
    return all(features.depends(text) is Depends.MIDI for text in spelled)
