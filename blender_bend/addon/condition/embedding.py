"""Sound embeddings for the pictures: the engine embeds the window of every frame, and the strip keeps the record."""

from __future__ import annotations

import json
from pathlib import Path

from bpy.types import ImageStrip, Scene

from ...core.files import caches
from ...core.models import file_hashes
from ...core.process import messages
from ...core.sound.embed_request import EmbedRequest
from ..capture import record
from ..host import activity, named_files, preferences, temporary
from ..host.slices import Slices
from ..process import engine_client
from ..sound import mixdown
from ..timeline.anchor import Anchor
from ..timeline.timing import Placement
from . import condition


class Embedding:
    """Embedding in progress: the sound is mixed down at once, the engine then works by itself.

    Raises
    ------
    BendError if there is no usable sound, no sound adapters, or no engine
    """

    def __init__(self, scene: Scene, strip: ImageStrip) -> None:
        self.phase = ""
        self._anchor = Anchor.at(scene, strip, "its sound was being embedded", sound_now)
        settings, placed = strip.bend_settings.condition, Placement.of(strip)
        windows = condition.windows_of(strip, placed)
        sounds = condition.sounds_of(scene, strip)
        frames = condition.sound_frames(strip, placed, sounds)
        self._folder = temporary.folder()
        folder = Path(self._folder.name)
        try:
            asked = EmbedRequest(
                mixdown.mixdown(scene, sounds, frames, folder),
                Path(condition.files_of(strip).tower.path),
                windows,
                placed.count,
                float(windows.rate.seconds(placed.start - frames.start)),
                settings.length,
                preferences.frame_folder(),
                preferences.cache_folder(caches.SOUNDS),
                folder / "embedded.json",
            )
            self.request = engine_client.client().request(messages.EMBED, **asked.to_data())
        except BaseException:
            self._folder.cleanup()
            raise

    def poll(self) -> bool:
        """Take in what came; whether the engine has finished."""
        for message in self.request.poll():
            if message.type == messages.PHASE:
                self.phase = str(message.data["text"])
        return self.request.ended

    def finish(self) -> int:
        """Keep the record on the strip, once the engine has finished; waits until then.

        Returns
        -------
        how many different windows there are

        Raises
        ------
        BendError with what the engine said, CANCELLED included; BendError(STRIP_MISSING), BendError(STRIP_CHANGED) if
        the sound of the pictures has changed by now
        """
        try:
            embedded = json.loads(Path(self.request.result()["out"]).read_text(encoding="utf-8"))
        finally:
            self._folder.cleanup()
        settings = self._anchor.find().bend_settings.condition
        settings.embedded = record.encode({int(number): digest for number, digest in embedded.items()})
        settings.embedded_from = self._anchor.asked
        return len(set(embedded.values()))

    def cancel(self) -> None:
        """Ask the engine to stop; what was known stays."""
        self.request.cancel()


def sound_now(scene: Scene, strip: ImageStrip) -> str:
    """The sound that conditions the pictures, for a button: its files are looked at."""
    with named_files.press():
        return condition.print_of(scene, strip, Placement.of(strip))


def needed(scene: Scene, strip: ImageStrip) -> bool:
    """Whether the sound must be embedded before the pictures can be made.

    Raises
    ------
    BendError for missing sounds and files
    """
    with named_files.press():
        ready = not strip.bend_settings.condition.enabled or condition.is_ready(
            scene, strip, preferences.frame_folder()
        )
    return not ready


def ensure(scene: Scene, strip: ImageStrip) -> None:
    """Embed and wait, if needed; not while Blender renders, when the sound can't be mixed down.

    Raises
    ------
    BendError
    """
    if not activity.rendering and needed(scene, strip):
        embed(scene, strip)


@file_hashes.reading_here()
def embed(scene: Scene, strip: ImageStrip) -> int:
    """Embed and wait, needed or not; how many different windows there are.

    Raises
    ------
    BendError
    """
    with named_files.press():
        work = Embedding(scene, strip)
    return work.finish()


def ensure_in_slices(scene: Scene, strip: ImageStrip) -> Slices[None]:
    """The same for a caller with a window, who shows what the engine is at; closing the generator cancels.

    Raises
    ------
    BendError
    """
    if needed(scene, strip):
        yield from embed_in_slices(scene, strip)


def embed_in_slices(scene: Scene, strip: ImageStrip) -> Slices[int]:
    """The same for a caller with a window.

    Raises
    ------
    BendError
    """
    with named_files.press():
        work = Embedding(scene, strip)
    try:
        while not work.poll():
            if work.phase:
                activity.say(work.phase)
            yield
    except GeneratorExit:
        work.cancel()
        raise
    return work.finish()
