"""Generation: the engine's work on what a plan found missing, followed without waiting or with."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ...core.errors import BendError, Code, store_unwritable
from ...core.job.tiling import WHOLE
from ...core.process import messages
from ...core.resources.ways import telling, way_of
from ..film import picture_states
from ..film.plans import Plan
from ..film.stored import Stored
from ..host import activity, temporary
from ..host.slices import Slices, at_once
from ..process import engine_client, memory_fit
from ..process.engine_request import Request
from ..prompts import notices

#: Frames that came from the engine and are shown without a pause.
SLICE = 10
#: How long showing frames, and planning the rest, may each hold the window at a time.
SHOWING_SECONDS, PLANNING_SECONDS = 0.008, 0.008


class Generation:
    """The rendering of what a plan found missing. The rest of a film is planned meanwhile, and rendered afterwards.

    Parameters
    ----------
    urgent : whether it comes before whatever the engine is at, which goes on afterwards
    playhead : frames come from rough to fine from this number on; None means in their order

    Raises
    ------
    BendError if frames are missing and there is no engine, or if the store cannot be written
    """

    def __init__(self, plan: Plan, urgent: bool = False, playhead: int | None = None) -> None:
        self.plan = plan
        self._urgent, self._playhead = urgent, playhead
        self.done = 0
        self.phase = ""
        self.rendered = 0
        self._began = 0.0
        self.request: Request | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        #: What the engine is at, and all that was planned.
        self.current, self.plans = plan, [plan]
        #: How many frames are not planned yet, and how many came before a chain was begun again.
        self._unknown, self._former = plan.unknown, 0
        #: What goes on with the rest of the film; whether it waits for the engine, and what kept it from being planned.
        self._rest = self._follow(plan) if plan.rest or (plan.again and plan.missing) else None
        self._waits = False
        self._failure: BendError | None = None
        self._notices: list[dict[str, str]] = []
        #: The keys of all frames that came, and of those of them that are still to be shown.
        self.made: dict[int, str] = {}
        self._arrived: dict[int, str] = {}
        self._waited_for = self._over = False
        if plan.missing:
            notices.keep(plan.scene, plan.strip, plan.model, ())
            at_once(self._start(plan))
        self._showing = self._show()

    @property
    def frames(self) -> int:
        """How many frames were asked for, as far as they are planned."""
        return sum(len(plan.keys) for plan in self.plans)

    @property
    def total(self) -> int:
        """How many frames were missing at the start, or may have been: not all are planned yet."""
        unknown = self._unknown if self._rest is not None else 0
        return self._former + sum(len(plan.missing) for plan in self.plans) + unknown

    @property
    def running(self) -> bool:
        """Whether the engine is still at work, or frames are still to be planned or shown."""
        return (self.request is not None or self._rest is not None) and not self._over

    @property
    def _working(self) -> bool:
        return self.request is not None and not self.request.ended

    @property
    def _busy(self) -> bool:
        return self._working or self._rest is not None

    @property
    def failed(self) -> bool:
        """Whether ``finish`` will raise, once nothing runs."""
        return self._failure is not None or (self.request is not None and bool(self.request.failed))

    def update(self) -> None:
        """Take in what the engine has done since the last time; never waits."""
        if self.running:
            self._take_in(self.request.poll() if self.request else [])
            self._go_on(time.monotonic() + PLANNING_SECONDS)
            self._show_on(time.monotonic() + SHOWING_SECONDS)

    def wait(self, progress: Callable[[Generation], None] = lambda _: None) -> None:
        """Wait until the end.

        Raises
        ------
        BendError with what the engine said
        """
        self._waited_for = True
        while self._busy:
            self._go_on(math.inf)
            message = self.request.wait() if self.request and self._working else None
            if message:
                self._take_in([message])
                self._show_on(math.inf)
                progress(self)
        self._show_on(math.inf)
        self.finish()

    def _start(self, plan: Plan) -> Slices[None]:
        """Give the engine a plan."""
        plan.remember(way_of(plan.job))
        client = engine_client.client()
        self._clean_up()
        try:
            self._folder = temporary.folder()
            path = Path(self._folder.name) / "job.json"
            with path.open("w", encoding="utf-8") as file:
                for piece in plan.job.pieces():
                    file.write(piece)
                    yield
        except OSError as error:
            raise store_unwritable(Path(tempfile.gettempdir()), error) from error
        picture_states.making(plan)
        self.current, self._began = plan, 0.0
        self.request = client.request(
            messages.RENDER, job=str(path), store=str(plan.store), urgent=self._urgent, playhead=self._playhead
        )

    def _follow(self, plan: Plan) -> Slices[None]:
        """Plan the rest, and give it to the engine once that has done what came before.

        Where memory ran out, the rest is made in the same way as what came before had to be. A chain is another one
        then, from its first link.
        """
        given = plan.rest is None
        if plan.rest is not None:
            plan = yield from plan.rest
            self.plans.append(plan)
            self._unknown = 0
            if self._may_write():
                yield from plan.show_ready()
        while not (yield from self._failed()):
            way = memory_fit.fitting(plan.job)
            if plan.again is not None and telling(way, plan.job) != telling(way_of(plan.job), plan.job):
                plan, given = (yield from plan.again(way)), False
                self.plans, self._former = [plan], self.done
            if given or not plan.missing:
                return
            yield from self._start(replace(plan, job=way.of(plan.job)))
            given = True

    def _failed(self) -> Slices[bool]:
        """Whether the engine failed at what it was given, once it is over."""
        while self._working:
            self._waits = True
            yield
        self._waits = False
        return self.request is not None and bool(self.request.failed)

    def _go_on(self, until: float) -> None:
        """Go on with the rest while there is something to do, and time; what stops that ends everything."""
        if self.plan.asked.driven and not self._is_free():
            return  # it would be played below a render's hands
        try:
            while self._rest is not None:
                if next(self._rest, self._rest) is self._rest:
                    self._rest = None
                elif self._waits or time.monotonic() >= until:
                    return
        except BendError as error:
            self._give_up(error)

    def _give_up(self, failure: BendError) -> None:
        self._rest, self._failure = None, failure
        if self.request:
            self.request.cancel()

    def _show_on(self, until: float) -> None:
        """Go on showing frames while there are some, and time."""
        while not self._over:
            self._over = next(self._showing, True) is True
            if time.monotonic() >= until or (self._busy and not self._may_show()):
                return

    def _may_show(self) -> bool:
        """Whether frames have come, and can be shown now."""
        return bool(self._arrived) and self._may_write()

    def _may_write(self) -> bool:
        """Whether frames can be shown now: not below a render's hands, nor by playing what is driven."""
        return self._is_free() and not self.plan.asked.driven

    def _is_free(self) -> bool:
        """Whether the file is not in a render's hands."""
        return self._waited_for or not activity.renders()

    def _show(self) -> Slices[None]:
        """Show frames as they come, and at the end all that are there: an undo may have taken some away."""
        while self._busy:
            some = sorted(self._arrived)[:SLICE] if self._may_show() else []
            yield from self.plan.show({number: self._arrived.pop(number) for number in some})
            if some:
                picture_states.arrived(self.plan, some)
                activity.redraw_pictures()
            yield
        for plan in self.plans:
            yield from self._show_all(plan)

    def _show_all(self, plan: Plan) -> Slices[None]:
        stored = Stored(plan.store, len(plan.missing))
        yield from stored.look()  # a render may have made some meanwhile
        for some in plan.numbers():
            ready = {}
            for number in some:
                key = self.made.get(number) or plan.keys[number]
                if number in self.made or number in plan.there or stored.has(key):
                    ready[number] = key
            yield from plan.show(ready)
            picture_states.arrived(plan, ready)

    def _take_in(self, news: list[messages.Message]) -> None:
        arrived = {message.data["number"]: message.data["key"] for message in news if message.type == messages.FRAME}
        for message in news:
            if message.type == messages.PHASE:
                self.phase = str(message.data["text"])
                self._began = time.monotonic()  # the last phase is the rendering itself
            elif message.type == messages.NOTICES:
                self._notices += [notice for notice in message.data["notices"] if notice not in self._notices]
                notices.keep(self.plan.scene, self.plan.strip, self.plan.model, self._notices)
                activity.redraw()
            elif message.type == messages.DONE:
                self._take_in_end(message)
        self.done += len(arrived)
        self._arrived |= arrived
        self.made |= arrived

    def _take_in_end(self, message: messages.Message) -> None:
        plan, rendered = self.current, int(message.data["rendered"])
        batch, decode = int(message.data["batch"]), str(message.data.get("decode", WHOLE))
        self.rendered += rendered
        memory_fit.learn(plan.job, batch, decode)
        plan.remember(replace(way_of(plan.job), batch=batch, decode=decode))
        if self._began and rendered and plan.work.states:
            activity.seconds_per_state = (time.monotonic() - self._began) / plan.work.states

    def cancel(self) -> None:
        """Stop within one denoising step; finished frames stay."""
        if self._rest is not None:
            self._rest.close()
            self._give_up(BendError(Code.CANCELLED, "Canceled."))
        elif self.request:
            self.request.cancel()

    def finish(self) -> None:
        """Clean up after the end.

        Raises
        ------
        BendError with what the engine said, or why the rest could not be planned; CANCELLED included
        """
        try:
            if self._failure is not None:
                raise self._failure
            if self.request:
                self.request.result()
        finally:
            picture_states.rest(self.plan)
            self._clean_up()

    def _clean_up(self) -> None:
        if self._folder:
            self._folder.cleanup()
