"""Setting the engine up, updating and removing it, from Blender's side: what the child is asked, and its progress."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import bpy

from ...core.errors import BendError, Code
from ...core.privacy import without_private
from ...core.process import accelerators, environment, logs
from ...core.process.environment import Record
from ...core.process.exit_causes import last_words
from ...core.wording import some
from ..host import activity, log_files, preferences
from . import engine_client
from .child import Child, variables
from .tasks import Task

PINS = preferences.ROOT / "wheels" / "engine.txt"
BUNDLED = preferences.ROOT / "wheels"
AGAIN = "bend.set_up_engine"
#: How much of a log is read for a report.
REPORTED_BYTES = 1 << 16


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


def base() -> Path:
    """Where environments lie."""
    return preferences.user_folder("engine")


def log_file() -> Path:
    """What pip said the last time."""
    return log_files.folder() / "setup.log"


def installed() -> Record | None:
    """The environment in use, if it is complete."""
    record = environment.read_record(base())
    return record if record and record.interpreter(base()).exists() else None


def is_outdated(record: Record) -> bool:
    """Whether this version of Bend wants other packages."""
    major, minor = map(int, record.python.split(".")[:2])
    wanted = environment.pins_for(environment.read_pins(PINS), record.tier, (major, minor))
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
            "Choose another Python in Set Up.",
            AGAIN,
        )
    wanted = environment.pins_for(environment.read_pins(PINS), wish.tier, version)
    wheels = Path(bpy.path.abspath(wish.wheels)) if wish.wheels else BUNDLED
    missing = environment.missing_wheels(wheels, wanted, version)
    if wish.wheels and missing:
        raise BendError(
            Code.SETUP_FAILED,
            f"{wheels} has no wheels for Python {version[0]}.{version[1]} of {some(missing, 6)}.",
            "Choose another folder, or leave it empty.",
            AGAIN,
        )
    if missing and not bpy.app.online_access:
        raise BendError(
            Code.OFFLINE,
            "The packages have to be downloaded, but Blender's online access is disabled.",
            "Enable Allow Online Access in the System preferences, or choose a folder of wheels.",
            AGAIN,
        )
    arguments = ["-m", "blender_bend.engine.setup.install", "--base", str(base()), "--log", str(log_file())]
    arguments += ["--tier", wish.tier, "--accelerator", wish.accelerator, "--build", wish.build]
    if not missing:
        arguments += ["--wheels", str(wheels), "--offline"]
    return SetUp(Child(python, arguments, "setup"), "Installing the engine")


def version_of(python: Path) -> tuple[int, int]:
    """Which Python a program is.

    Raises
    ------
    BendError(PYTHON_UNFIT) if it is none
    """
    said = ""
    command = [str(python), "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=20, env=variables(), stdin=subprocess.DEVNULL
        )
        said = last_words(without_private(asked.stderr)).rpartition("\n")[2]
        major, minor = map(int, asked.stdout.split())
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise BendError(
            Code.PYTHON_UNFIT,
            f"{python} can't create environments{f': {said}' if said else ''}.",
            f"Choose Python {environment.range_text()} with the modules venv and ensurepip.",
            AGAIN,
        ) from error
    return major, minor


class SetUp(Task):
    """A set-up, or a removal, under way."""

    def __init__(self, child: Child, title: str) -> None:
        # The next request starts the new engine.
        super().__init__(child, title, _stopped, then=engine_client.shut_down)


def _stopped(child: Child) -> BendError:
    return child.death("The installation", Code.SETUP_FAILED, log_file())


def remove() -> SetUp:
    """Begin to take the environment away."""
    engine_client.shut_down(patience=0.0)  # nothing is removed that an engine runs from
    arguments = ["-m", "blender_bend.engine.setup.install", "--base", str(base()), "--remove"]
    return SetUp(Child(Path(sys.executable), arguments, "remove"), "Removing the engine")


def report() -> str:
    """A report for whoever helps; shown to the person before it goes anywhere."""
    record = environment.read_record(base())
    said = logs.tail(log_file(), REPORTED_BYTES).splitlines()[-80:] or ["no installation has been attempted"]
    lines = [
        f"Blender {bpy.app.version_string}, Python {platform.python_version()}, {platform.platform()}",
        f"Environment: {record}",
        f"Last failure: {activity.last_failure}",
        f"Online access: {bpy.app.online_access}",
        "",
        *said,
    ]
    return without_private("\n".join(lines))
