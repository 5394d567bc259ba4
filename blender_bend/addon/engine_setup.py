"""Setting the engine up, updating and removing it, from Blender's side: what the child is asked, and its progress."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core import accelerators, environment
from ..core.environment import Record
from ..core.errors import BendError, Code
from . import activity, engine_client, preferences
from .activity import Activity
from .child import Child, variables

TICK_SECONDS = 0.2
PINS = preferences.ROOT / "wheels" / "engine.txt"
BUNDLED = preferences.ROOT / "wheels"
AGAIN = "bend.set_up_engine"


@dataclass(frozen=True)
class Wish:
    """What is to be set up.

    Parameters
    ----------
    python : the Python that the environment is made from; empty for Blender's own
    wheels : a folder of wheels; empty for the bundled ones or the package index
    build : which build of torch; empty for the accelerator's usual one
    """

    tier: str = environment.DIFFUSION
    accelerator: str = "auto"
    python: str = ""
    wheels: str = ""
    build: str = ""


@dataclass
class SettingUp(Activity):
    """A set-up under way."""

    bytes: int = 0

    def text(self) -> str:
        """One line for the progress bar."""
        if self.cancel_asked:
            return "Cancelling…"
        size = f", {self.bytes / 1e6:.0f} MB" if self.bytes else ""
        return f"{self.phase or self.title}{size}"


def base() -> Path:
    """Where environments lie."""
    return preferences.user_folder("engine")


def log_file() -> Path:
    """What pip said the last time."""
    return preferences.user_folder("logs") / "setup.log"


def installed() -> Record | None:
    """The environment in use, if it is whole."""
    record = environment.read_record(base())
    return record if record and record.interpreter(base()).exists() else None


def is_outdated(record: Record) -> bool:
    """Whether this version of Bend wants other packages."""
    python = tuple(map(int, record.python.split(".")[:2]))
    wanted = environment.pins_for(environment.read_pins(PINS), record.tier, python)
    return environment.digest_of(wanted) != record.pins


def room(wish: Wish) -> tuple[int, int]:
    """How many bytes are needed, and how many are free where they go."""
    accelerator = accelerators.detect() if wish.accelerator == "auto" else wish.accelerator
    return accelerators.needed_bytes(wish.tier, accelerator), shutil.disk_usage(base()).free


def start(wish: Wish) -> SetUp:
    """Begin.

    Raises
    ------
    BendError(PYTHON_UNFIT), BendError(OFFLINE)
    """
    python = Path(bpy.path.abspath(wish.python)) if wish.python else Path(sys.executable)
    version = version_of(python)
    if not environment.fits(version):
        raise BendError(
            Code.PYTHON_UNFIT,
            f"The engine needs Python {environment.range_text()}; {python} is {version[0]}.{version[1]}.",
            "Name another Python for the set-up.",
            AGAIN,
        )
    wanted = environment.pins_for(environment.read_pins(PINS), wish.tier, version)
    wheels = Path(bpy.path.abspath(wish.wheels)) if wish.wheels else BUNDLED
    missing = environment.missing_wheels(wheels, wanted, version)
    if wish.wheels and missing:
        raise BendError(
            Code.SETUP_FAILED,
            f"{wheels} has no wheel for Python {version[0]}.{version[1]} of {', '.join(missing[:5])}"
            f"{f' and {len(missing) - 5} more' if len(missing) > 5 else ''}.",
            "Choose another folder, or none.",
            AGAIN,
        )
    if missing and not bpy.app.online_access:
        raise BendError(
            Code.OFFLINE,
            "The packages must be fetched from the network, and Blender may not go online.",
            "Allow Online Access in the preferences, under System, or choose a folder of wheels.",
            AGAIN,
        )
    arguments = ["-m", "blender_bend.engine.install", "--base", str(base()), "--log", str(log_file())]
    arguments += ["--tier", wish.tier, "--accelerator", wish.accelerator, "--build", wish.build]
    if not missing:
        arguments += ["--wheels", str(wheels), "--offline"]
    return SetUp(Child(python, arguments))


def version_of(python: Path) -> tuple[int, int]:
    """Which Python a program is.

    Raises
    ------
    BendError(PYTHON_UNFIT) if it is none
    """
    command = [str(python), "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=20, env=variables(), stdin=subprocess.DEVNULL
        )
        major, minor = map(int, asked.stdout.split())
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise BendError(
            Code.PYTHON_UNFIT,
            f"{python} is not a Python that can make environments.",
            f"Name a Python {environment.range_text()}, with its modules venv and ensurepip.",
            AGAIN,
        ) from error
    return major, minor


class SetUp:
    """A set-up under way; the panels show its activity, and its cancel button stops it."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._ending: dict[str, str] | None = None
        self.shown = activity.current = SettingUp("Setting up the engine", phase="Starting")
        activity.last_failure = None
        self._over = False

    def watch(self) -> None:
        """Follow it beside Blender's own work. A timer, for a modal operator dies with the window it was called in."""
        bpy.app.timers.register(self._tick, persistent=True)

    def wait(self) -> None:
        """Follow it to the end.

        Raises
        ------
        BendError with what went wrong
        """
        while not self._over:
            self._take_in(wait=True)
        failure = self._finish()
        if failure:
            raise failure

    def _tick(self) -> float | None:
        if self.shown.cancel_asked:
            self._child.stop()
        self._take_in()
        redraw_preferences()
        activity.redraw()
        if not self._over:
            return TICK_SECONDS
        self._finish()
        redraw_preferences()
        return None

    def _take_in(self, wait: bool = False) -> None:
        for said in self._child.poll(wait):
            if said is None:
                self._over = True
            elif "end" in said:
                self._ending = said
            else:
                shown = self.shown
                shown.phase, shown.bytes = str(said.get("phase", "")), int(said.get("bytes", 0))
                shown.done, shown.total = int(said.get("done", shown.done)), int(said.get("total", shown.total))

    def _finish(self) -> BendError | None:
        failure = None
        if self._ending is None:
            failure = BendError(
                Code.SETUP_FAILED,
                f"The set-up stopped (exit code {self._child.process.returncode}); nothing has changed.",
                "Press Set Up again.",
                AGAIN,
            )
        elif self._ending["end"] != "done":
            failure = BendError.from_dict(self._ending)
        else:
            engine_client.shut_down()  # the next request starts the new one
        activity.end(failure)
        return failure


def remove() -> None:
    """Take the environment away.

    Raises
    ------
    BendError with what went wrong
    """
    engine_client.shut_down()
    SetUp(Child(Path(sys.executable), ["-m", "blender_bend.engine.install", "--base", str(base()), "--remove"])).wait()


def report() -> str:
    """What somebody who helps needs to know."""
    record = environment.read_record(base())
    try:
        said = log_file().read_text(encoding="utf-8", errors="replace").splitlines()[-80:]
    except OSError:
        said = ["no set-up has been tried"]
    lines = [
        f"Blender {bpy.app.version_string}, Python {platform.python_version()}, {platform.platform()}",
        f"Environment: {record}",
        f"Last failure: {activity.last_failure}",
        f"Online access: {bpy.app.online_access}",
        "",
        *said,
    ]
    return "\n".join(lines).replace(str(Path.home()), "~")


def redraw_preferences() -> None:
    """Let open preferences show the progress."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
