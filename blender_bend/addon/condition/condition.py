"""The sound condition of a bend strip: its adapters, the embeddings of its frames, and whether they are up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import bpy
from bpy.types import ImageStrip, Scene, Strip

from ...core.errors import BendError, Code
from ...core.job.job import SoundCondition
from ...core.job.resolve import settle, vector_path
from ...core.job.stored_frames import read_input
from ...core.models import sonic_files
from ...core.models.sonic_files import SoundAdapterFiles
from ...core.prompts.schedule import Blend
from ...core.sound.windows import Windows
from ..capture import record
from ..host import compat, preferences
from ..sound import mixdown, sound_print
from ..timeline.timing import Placement


def files_of(strip: ImageStrip) -> SoundAdapterFiles:
    """The files of the strip's sound adapters.

    Raises
    ------
    BendError(MODEL_MISSING), BendError(MODEL_INVALID)
    """
    name = strip.bend_settings.condition.adapters.strip()
    return sonic_files.resolve(name, preferences.sound_adapter_folders(), preferences.clap_file())


def condition_of(strip: ImageStrip) -> SoundCondition:
    """The sound condition, as a job has it.

    Raises
    ------
    BendError for missing files, and for blocks that cannot be read
    """
    condition, files = strip.bend_settings.condition, files_of(strip)
    start = settle(condition.start)
    return SoundCondition(
        adapters=files.adapters.path,
        adapters_fingerprint=files.adapters.fingerprint,
        projector=files.projector.path,
        projector_fingerprint=files.projector.fingerprint,
        separate=condition.guidance == "SEPARATE",
        start=start,
        end=max(start, settle(condition.end)),
        blocks=sonic_files.parse_blocks(condition.blocks),
    )


def windows_of(strip: ImageStrip, placed: Placement) -> Windows:
    """The windows of the sound that condition the strip's frames."""
    condition = strip.bend_settings.condition
    return Windows(placed.rate, settle(condition.step), condition.blended)


def sounds_of(scene: Scene, strip: ImageStrip) -> list[Strip]:
    """The sound strips that condition the pictures: those named for the condition, else those of the features.

    Raises
    ------
    BendError(SOUND_NONE), BendError(SOUND_MISSING), BendError(SOUND_UNREADABLE)
    """
    return mixdown.chosen_sounds(scene, strip, strip.bend_settings.condition.sounds)


def sound_frames(strip: ImageStrip, placed: Placement, sounds: Sequence[Strip]) -> range:
    """The frames of the timeline whose sound conditions the strip's elements, shown or not: half a window beyond.

    Blender's mixdown cannot begin before frame 0.

    Raises
    ------
    BendError(SOUND_NONE) if there is no sound
    """
    beyond = int(placed.rate.value * round(strip.bend_settings.condition.length * 500) / 1000) + 1
    frames = range(
        max(0, placed.start - beyond, min(compat.left_handle(one) for one in sounds)),
        min(placed.elements.stop + beyond, max(compat.right_handle(one) for one in sounds)),
    )
    if not frames:
        raise BendError(
            Code.SOUND_NONE,
            "There is no sound at the bend strip.",
            "Move the strip or its sound, or choose other sound strips in the Sound Condition panel.",
        )
    return frames


def print_of(scene: Scene, strip: ImageStrip, placed: Placement) -> str:
    """A fingerprint of all that decides the embeddings of the frames; the strip together with its sound may be slid.

    It is empty until the files of the sound have been checked.

    Raises
    ------
    BendError for missing sounds and files
    """
    condition, sounds = strip.bend_settings.condition, sounds_of(scene, strip)
    frames = sound_frames(strip, placed, sounds)
    sound = sound_print.of_sounds(scene, sounds, frames, placed.start)
    if not sound:
        return ""
    parts = (
        sound,
        frames.start - placed.start,
        placed.count,
        *(settle(condition.length), settle(condition.step), condition.blended),
        files_of(strip).tower.fingerprint,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[: sound_print.LENGTH]


def not_embedded(changed: bool = False) -> BendError:
    """What to say when the sound must be embedded first."""
    what = (
        "has changed since it was embedded for the pictures"
        if changed
        else ("hasn't been embedded for the pictures yet")
    )
    return BendError(
        Code.SOUND_NOT_EMBEDDED,
        f"The sound {what}.",
        "Generate does this by itself; press this before rendering.",
        "bend.embed_sound",
    )


def check(scene: Scene, strip: ImageStrip, placed: Placement) -> None:
    """Make sure that what was embedded is the sound of now, as far as that is known before a button is pressed.

    Raises
    ------
    BendError(SOUND_NOT_EMBEDDED), and those of missing sounds and files
    """
    before, now = strip.bend_settings.condition.embedded_from, print_of(scene, strip, placed)
    if not before or (now and before != now):
        raise not_embedded(changed=bool(before))


def blends(strip: ImageStrip, placed: Placement, frames: Sequence[int]) -> Iterator[tuple[Blend, float]]:
    """The embeddings that condition each frame, and how much of its sound is not silence, 0...1.

    The strip is read at once; what is given one by one no longer needs it.

    Parameters
    ----------
    frames : frame numbers of the timeline
    """
    windows = windows_of(strip, placed)
    embedded = record.decode(strip.bend_settings.condition.embedded, placed.count)
    return (windows.blend(number - placed.start, embedded) for number in frames)


def is_ready(scene: Scene, strip: ImageStrip, store: Path) -> bool:
    """Whether the embeddings of all frames are known, and are in the store or in the one that the strip used until now.

    Raises
    ------
    BendError for missing sounds and files
    """
    condition, placed = strip.bend_settings.condition, Placement.of(strip)
    if condition.embedded_from != print_of(scene, strip, placed):
        return False
    old = Path(bpy.path.abspath(strip.directory))
    digests = record.decode(condition.embedded, placed.count).different()
    return all(vector_path(store, digest).is_file() or _can_be_brought(old, digest) for digest in digests)


def _can_be_brought(folder: Path, digest: str) -> bool:
    """Whether a folder that a .blend names has the vector of a sound."""
    try:
        read_input(vector_path(folder, digest), digest, (0, 0))
    except (OSError, ValueError):
        return False
    return True
