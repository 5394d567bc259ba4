"""What the doctor found; asked in a process of its own, so that a broken engine can be looked at too."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from ...core.files import caches
from ...core.process import environment
from ..host import activity, preferences
from . import engine_client, engine_setup, tasks
from .child import engine_command

TICK_SECONDS = 0.2


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's, see ``engine.process.doctor``."""

    what: str
    state: str
    repair: str
    action: str


found: list[Finding] = []
#: The examination under way.
running: Examination | None = None


class Examination:
    """The doctor at work.

    Raises
    ------
    BendError(ENGINE_MISSING)
    """

    def __init__(self) -> None:
        global running
        python = preferences.engine_python()
        record = engine_setup.installed()
        own = record is not None and python == record.interpreter(engine_setup.base())
        tier = record.tier if record and own else environment.DIFFUSION
        arguments = ["doctor", "--json", "--smoke", tier]
        arguments += ["--store", str(preferences.frame_folder())]
        if tier == environment.DIFFUSION:
            arguments += ["--devices", "--device", preferences.preferences().device]
            arguments += ["--studies", str(preferences.cache_folder(caches.STUDIES))]
        for name, folder in preferences.model_folders().items():
            arguments += ["--model", f"{name}={folder}"]
        self._child = engine_command(arguments)
        engine_client.forgive()
        found.clear()
        running = self

    def watch(self) -> None:
        """Follow it beside Blender's own work."""
        bpy.app.timers.register(lambda: None if self.take_in() else TICK_SECONDS, persistent=True)

    def take_in(self, wait: bool = False) -> bool:
        """Note what it said; True once it is over."""
        global running
        for said in self._child.poll(wait):
            if said is None:
                if not found:
                    failure = self._child.death("The engine's Python")
                    found.append(Finding(failure.message, "problem", failure.hint, "bend.set_up_engine"))
                running = None
                if all(finding.state != "problem" for finding in found):
                    activity.engine_is_well()
                tasks.redraw()
                return True
            found.extend(Finding(**finding) for finding in said.get("findings", ()))
        return False
