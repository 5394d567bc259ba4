"""Live at work: it notices what the playhead's frame needs, asks the engine for the latest, and says what is shown.

Nothing of the file is touched: no strip, no undo step. One step of it takes a few milliseconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import bpy
from bpy.types import ImageStrip, Scene

from ...core.errors import BendError, Code
from ...core.files import caches
from ...core.job.rough_to_fine import rough_to_fine
from ...core.models.file_hashes import Unread
from ...core.process.shared_picture import Picture
from ..film import curve_values
from ..host import activity, changes, preferences, reading
from ..process import automatic
from ..timeline import strips
from ..timeline.timing import frame_rate
from . import others
from . import wanted as wanted_frames
from .asking import Asking
from .kept import Kept
from .knobs import Knobs
from .wanted import Models, Wanted

#: So long after the last change drafts of other frames are made.
QUIET_SECONDS = 1.0
#: What ends Live: without an engine there is nothing to ask.
ENDING = {Code.ENGINE_DIED, Code.ENGINE_MISSING, Code.ENGINE_VERSION, Code.STORE_UNWRITABLE}


def is_playing() -> bool:
    """Whether Blender plays in one of its windows."""
    return any(window.screen.is_animation_playing for window in bpy.context.window_manager.windows)


class Live:
    """Drafts of one strip's frames, for as long as Live is on.

    Parameters
    ----------
    playing : whether Blender plays
    look : gives the strip

    Raises
    ------
    BendError(STORE_UNWRITABLE)
    """

    def __init__(
        self,
        playing: Callable[[], bool] = is_playing,
        look: Callable[[], tuple[Any, Any]] = strips.shown,
    ) -> None:
        folder = preferences.cache_folder(caches.DRAFTS)
        self._playing, self._look = playing, look
        self.asking, self.kept = Asking(folder), Kept(folder)
        self._models, self._knobs = Models(), Knobs()
        #: What was looked at last: the changes of the file, and the frame.
        self._looked: tuple[Any, ...] = ()
        self._changed = 0.0
        self._filling: Iterator[int] | None = None
        self._measuring = automatic.Measuring()
        #: What the playhead's frame needs; None outside of the strip, or where it cannot be made.
        self.wanted: Wanted | None = None
        #: The draft that is shown, and of which frame it is; None while the strip shows itself.
        self.picture: Picture | None = None
        self.shown: Wanted | None = None
        #: Why there is no draft; None if nothing is wrong.
        self.problem: BendError | None = None
        self.paused = False

    def step(self) -> None:
        """Go on for a moment.

        Raises
        ------
        BendError if the engine has died, or cannot be started
        """
        self.paused = activity.current is not None or activity.rendering or activity.renders()
        if self.paused:
            self.asking.cancel()
            self._looked = ()
            return
        self._take(self.asking.wanted, self._followed())
        if self._measures():
            return
        scene, strip = self._look()
        if scene is None or strip is None:
            self._show(None, None)
            return
        playing = self._playing()
        now = (changes.updates, scene.name, strip.name, scene.frame_current)
        if now != self._looked:
            self._looked, self._changed, self._filling = now, time.monotonic(), None
            self._notice(scene, strip, scene.frame_current, playing)
        elif playing:
            self._ask_ahead(scene, strip)
        elif time.monotonic() - self._changed > QUIET_SECONDS and self.asking.wanted is None and not self.problem:
            self._fill(scene, strip)

    def close(self) -> None:
        """End all of it."""
        self._measuring.close()
        self.asking.close()
        self._show(None, None)

    def _followed(self) -> Picture | None:
        """The picture that has come; a draft that cannot be made is a problem of its frame."""
        try:
            return self.asking.follow()
        except BendError as error:
            if error.code in ENDING:
                raise
            self.problem = error
            activity.redraw()
            return None

    def _take(self, made: Wanted | None, picture: Picture | None) -> None:
        if picture is None:
            return
        self.kept.put(picture)
        if made is not None and self.wanted is not None and picture.key == self.wanted.key:
            self._show(self.wanted, picture)
        activity.redraw()

    def _measures(self) -> bool:
        """Whether the engine still measures what Automatic means here: else drafts would be of another precision."""
        began = self._measuring.under_way
        if self._measuring.goes_on():
            return True
        if began:
            self._looked = ()
        return False

    def _notice(self, scene: Scene, strip: ImageStrip, number: int, playing: bool) -> None:
        """The playhead's frame, or what makes it, has changed."""
        self.problem = None
        if number not in strips.frame_range(strip):
            self.wanted = None
            self.asking.cancel()
            self._show(None, None)
            return
        self.wanted = self._of(scene, strip, number, not playing)
        wanted = self.wanted
        if wanted is None or wanted.ready:
            self._show(None, None)
            if not playing:
                self.asking.cancel()
            return
        if (found := self.kept.get(wanted.key)) is not None:
            self._show(wanted, found)
        elif not playing and (self.asking.wanted is None or self.asking.wanted.key != wanted.key):
            self.asking.ask(wanted)
            activity.redraw()

    def _ask_ahead(self, scene: Scene, strip: ImageStrip) -> None:
        """While Blender plays: ask for the frame that will be shown when its draft is ready."""
        if self.asking.wanted is not None or self.problem is not None:
            return
        seconds = 0.0 if math.isnan(self.asking.seconds) else self.asking.seconds
        frames = _range(scene, strip)
        if not frames or curve_values.is_driven(scene, strip):
            return
        ahead = scene.frame_current + math.ceil(seconds * float(frame_rate(scene).value))
        self._ask_unless_there(scene, strip, frames.start + (ahead - frames.start) % len(frames))

    def _fill(self, scene: Scene, strip: ImageStrip) -> None:
        """One more frame of the range, from rough to fine."""
        if others.waiting:
            return
        if curve_values.is_driven(scene, strip):  # its other frames would have to be played
            return
        if self._filling is None:
            self._filling = rough_to_fine(_range(scene, strip), scene.frame_current)
        if (number := next(self._filling, None)) is not None and number != scene.frame_current:
            self._ask_unless_there(scene, strip, number)

    def _ask_unless_there(self, scene: Scene, strip: ImageStrip, number: int) -> None:
        wanted = self._of(scene, strip, number, now=False)
        if wanted is not None and not wanted.ready and not self.kept.has(wanted.key):
            self.asking.ask(wanted)

    def _of(self, scene: Scene, strip: ImageStrip, number: int, now: bool) -> Wanted | None:
        """What is wanted of a frame; None, with the problem, if it cannot be made.

        Parameters
        ----------
        now : whether the knobs are those of this frame
        """
        tracks = self._knobs.tracks if now else curve_values.tracks
        try:
            return wanted_frames.of(scene, strip, number, self._models.resolve, tracks)
        except Unread as unread:
            reading.begin(unread)
            self._looked = ()
        except BendError as error:
            self.problem = error
            activity.redraw()
        return None

    def _show(self, wanted: Wanted | None, picture: Picture | None) -> None:
        if (self.picture is picture) and self.shown == wanted:
            return
        self.shown, self.picture = wanted, picture
        activity.redraw_previews()


def _range(scene: Scene, strip: ImageStrip) -> range:
    """The frames to be filled: those of the preview range if there is one, as far as the strip has them."""
    frames = strips.frame_range(strip)
    if not scene.use_preview_range:
        return frames
    return range(max(frames.start, scene.frame_preview_start), min(frames.stop, scene.frame_preview_end + 1))
