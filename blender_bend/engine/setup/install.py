"""Makes the engine's private environment: beside the old one, tried out, then swapped in. Standard library only.

    python -m blender_bend.engine.setup.install --base FOLDER --tier audio
        [--accelerator cpu] [--wheels FOLDER] [--offline]

It says what it does in JSON lines on stdout and keeps pip's words in a log. When its stdin closes it stops, and so does
pip: nothing goes on behind a Blender that is gone.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from ...core.errors import BendError, Code
from ...core.files.whole import size_of, write_whole
from ...core.process import accelerators, environment, logs, package_hashes
from ...core.process.environment import Pin, Record
from ...core.process.messages import GONE, print_line
from ...core.process.package_hashes import Package
from .environments import locked, remove, sweep
from .install_failures import explain

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[3]
TORCH = "torch"
#: Lines of a command's output that are looked at if it fails.
LINES = 500
#: Runs a module in a process that ends when its stdin closes, so that it never outlives the one who started it.
WITH_PARENT = f"""
import os, runpy, sys, threading
pipe = os.dup(0)  # the module may put something else in the place of its stdin
def watch():
    while os.read(pipe, 64): pass
    os._exit({GONE})
threading.Thread(target=watch, daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
#: Settings of pip that would send packages elsewhere than into the environment.
_MISLEADING = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_REQUIREMENT", "PIP_PYTHON", "PIP_DRY_RUN"}
_MISLEADING |= {"PIP_REQUIRE_HASHES", "PIP_NO_DEPS", "PIP_NO_BINARY"}


def say(**data: Any) -> None:
    """One line for the one who started us.

    Raises
    ------
    BendError(CANCELLED) if that one is gone
    """
    try:
        print_line(**data)
    except OSError as error:
        raise BendError(
            Code.CANCELLED, "The program that started the installation has exited; nothing has changed."
        ) from error


class Installer:
    """One run.

    Parameters
    ----------
    base : the set-up folder, in which environments lie beside each other
    pins : of all tiers
    hashes : of the wheels that may be installed, by package
    wheels : a folder of wheels; None for the package index
    offline : take packages from ``wheels`` only
    build : which build of torch, as ``cu130``; empty for the accelerator's usual one
    """

    def __init__(
        self,
        base: Path,
        pins: list[Pin],
        hashes: Mapping[str, Package],
        tier: str,
        accelerator: str,
        wheels: Path | None,
        offline: bool,
        build: str,
    ) -> None:
        self.base, self.all_pins, self.hashes, self.tier = base, pins, hashes, tier
        self.wheels, self.offline = wheels, offline
        self.pins = environment.pins_for(pins, tier, sys.version_info[:2])
        self.accelerator = accelerator if tier == environment.DIFFUSION else ""
        self.build = build or accelerators.build_of(self.accelerator)
        self.cancelled = threading.Event()
        self._running: subprocess.Popen[str] | None = None
        self._lines: deque[str] = deque(maxlen=LINES)
        self._fetching = False
        self._collected, self._package = 0, ""

    def run(self) -> Record:
        """Make the environment and put it in the place of the old one.

        Raises
        ------
        BendError(SETUP_BUSY, PYTHON_UNFIT, SETUP_SPACE, SETUP_FAILED, CANCELLED); the old environment is then as it was
        """
        if not environment.fits(sys.version_info[:2]):
            raise BendError(
                Code.PYTHON_UNFIT,
                f"The engine needs Python {environment.range_text()}; this one is {sys.version.split()[0]}.",
                "Choose another Python in Set Up.",
                "bend.set_up_engine",
            )
        listed = self.listed_packages()
        self.base.mkdir(parents=True, exist_ok=True)
        with locked(self.base / environment.LOCK):
            sweep(self.base)
            self._require_space()
            folder = Path(tempfile.mkdtemp(prefix="environment-", dir=self.base))
            try:
                self._make(folder)
                self._install(folder, listed)
                self._try_out(folder)
                self._check_cancelled()
                record = Record(
                    folder.name,
                    ".".join(map(str, sys.version_info[:3])),
                    self.tier,
                    self.accelerator,
                    environment.digest_of(self.pins),
                    size_of(folder),
                )
                record.write(self.base)
            finally:
                sweep(self.base)
            shutil.rmtree(self.base / "downloads", ignore_errors=True)
            return record

    def cancel(self) -> None:
        """Stop soon; may be called from another thread."""
        self.cancelled.set()
        running = self._running
        if running is not None:
            running.kill()

    def _check_cancelled(self) -> None:
        if self.cancelled.is_set():
            raise BendError(Code.CANCELLED, "The installation was canceled; nothing has changed.")

    def _require_space(self) -> None:
        needed, free = accelerators.needed_bytes(self.tier, self.accelerator), shutil.disk_usage(self.base).free
        if free < needed:
            raise BendError(
                Code.SETUP_SPACE,
                f"The engine needs {needed / 1e9:.1f} GB in {self.base}, but only {free / 1e9:.1f} GB are free.",
                "Free some space and set the engine up again.",
                "bend.set_up_engine",
            )

    def _make(self, folder: Path) -> None:
        say(phase="Creating the environment", done=0, total=len(self.pins))
        builder = venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt")
        try:
            builder.create(folder)
        except (OSError, subprocess.CalledProcessError) as error:
            raise explain([str(error)], "The environment couldn't be created") from error
        self._check_cancelled()
        self._call(folder, ["ensurepip", "--default-pip"], "This Python has no pip")

    def _install(self, folder: Path, listed: str) -> None:
        """Install what is listed with its hashes, and a build of torch that has none.

        Raises
        ------
        BendError(SETUP_FAILED), BendError(CANCELLED)
        """
        temporary = folder / "unpacking"
        temporary.mkdir()
        file = temporary / "requirements.txt"
        write_whole(file, listed.encode())
        # Unpacking in our own folder: /tmp is often too small for torch.
        watcher = threading.Thread(target=self._watch_growth, args=(temporary,), daemon=True)
        watcher.start()
        self._fetching = True
        try:
            # The list is complete: what it does not name is not fetched.
            self._pip(folder, temporary, "--no-deps", "--require-hashes", "-r", str(file))
            if self.own_torch and not self.offline:
                requirements = [f"{pin.requirement}+{self.build}" for pin in self.pins if pin.name == TORCH]
                self._pip(folder, temporary, *requirements, "--extra-index-url", accelerators.index_of(self.build))
            elif self.own_torch:
                self._pip(folder, temporary, *[pin.requirement for pin in self.pins if pin.name == TORCH])
        finally:
            self._fetching = False
            shutil.rmtree(temporary, ignore_errors=True)

    @property
    def own_torch(self) -> bool:
        """Whether torch is a build that PyPI does not have, so that nobody tells its hash."""
        wanted = [pin for pin in self.pins if pin.name == TORCH]
        if not wanted:
            return False
        if self.offline and self.wheels is not None:
            return any(self.wheels.glob(f"{TORCH}-{wanted[0].version}+*.whl"))
        return bool(self.build)

    def listed_packages(self) -> str:
        """What is installed by its hashes, as pip reads it.

        Raises
        ------
        BendError(SETUP_FAILED) for a package without a hash
        """
        own = self.own_torch
        text = package_hashes.requirements([pin for pin in self.pins if not (own and pin.name == TORCH)], self.hashes)
        if self.tier == environment.DIFFUSION:
            text += package_hashes.brought(self.all_pins, self.hashes, cuda=not own)
        return text

    def _pip(self, folder: Path, temporary: Path, *arguments: str) -> None:
        """Let pip install something.

        Raises
        ------
        BendError(SETUP_FAILED), BendError(CANCELLED)
        """
        command = ["pip", "install", "--no-input", "--disable-pip-version-check", "--only-binary", ":all:"]
        # Compiling every module takes as long as all the rest; Python compiles what is used, when it is used.
        command += ["--no-compile", "--no-warn-script-location", "--cache-dir", str(self.base / "downloads")]
        if self.wheels is not None:
            command += ["--find-links", str(self.wheels)]
        if self.offline:
            command += ["--no-index"]
        self._call(folder, [*command, *arguments], "The packages couldn't be installed", temporary)

    def _try_out(self, folder: Path) -> None:
        say(phase="Testing the environment", done=len(self.pins), total=len(self.pins))
        arguments = ["blender_bend.engine", "doctor", "--json", "--smoke", self.tier]
        self._call(folder, arguments, "The new environment doesn't work")

    def _call(self, folder: Path, arguments: list[str], words: str, temporary: Path | None = None) -> None:
        """Run a module in the new environment, note every line, and say what pip is at.

        Raises
        ------
        BendError(SETUP_FAILED), BendError(CANCELLED)
        """
        self._lines.clear()
        log.info("> %s", " ".join(arguments))
        self._running = subprocess.Popen(
            [str(environment.interpreter(folder)), "-c", WITH_PARENT, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._variables(temporary),
            cwd=folder,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        with self._running as process:
            if self.cancelled.is_set():
                process.kill()
            assert process.stdout is not None
            for line in process.stdout:
                log.info("%s", line.rstrip())
                self._lines.append(line.rstrip())
                self._note(line)
        self._running = None
        self._check_cancelled()
        if process.returncode != 0:
            raise explain(list(self._lines), words, process.returncode)

    def _variables(self, temporary: Path | None) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name.upper() not in _MISLEADING}
        if self.offline:  # a mirror named in a pip.conf would be asked in spite of everything
            kept = {name: value for name, value in kept.items() if not name.upper().startswith("PIP_")}
            kept |= {"PIP_CONFIG_FILE": os.devnull, "HF_HUB_OFFLINE": "1"}
        for name in ("PYTHONHOME", "PYTHONSTARTUP"):
            kept.pop(name, None)
        kept |= {"PYTHONPATH": str(ROOT), "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        if temporary is not None:
            kept |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
        return kept

    def _note(self, line: str) -> None:
        words = line.split()
        if line.startswith(("Collecting", "Processing")) and len(words) > 1 and self._fetching:
            self._collected += 1
            self._package = Path(words[1]).name.split("==")[0].split("-")[0]
            say(phase=f"Downloading {self._package}", done=self._collected, total=len(self.pins))
        elif line.startswith("Installing collected") and self._fetching:
            say(phase="Unpacking", done=len(self.pins), total=len(self.pins))

    def _watch_growth(self, temporary: Path) -> None:
        """Say how much of a large package has come, which pip itself only shows in a terminal."""
        while temporary.exists():
            time.sleep(0.5)
            size = size_of(temporary)
            if size > 20e6:
                with suppress(BendError):  # the main thread finds it out too
                    say(phase=f"Downloading {self._package}", bytes=size)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line, or from Blender.

    Returns
    -------
    exit code: 0 done, 1 failed; the last line says which failure
    """
    parser = argparse.ArgumentParser(prog="python -m blender_bend.engine.setup.install", description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--tier", choices=environment.TIERS, default=environment.DIFFUSION)
    parser.add_argument("--accelerator", choices=accelerators.NAMES, default="auto")
    parser.add_argument(
        "--build", default="", help="build of torch, for example cu126 (default: chosen by accelerator)"
    )
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--log", type=Path)
    parser.add_argument("--pins", type=Path, default=ROOT / "wheels" / "engine.txt")
    parser.add_argument("--hashes", type=Path, default=ROOT / "wheels" / "engine-hashes.txt")
    parser.add_argument("--remove", action="store_true")
    options = parser.parse_args(arguments)
    if options.log:
        _log_to(options.log)
    try:
        if options.remove:
            remove(options.base)
            return _say_end(0, end="done")
        pins, hashes = environment.read_pins(options.pins), package_hashes.read(options.hashes)
        accelerator = accelerators.detect() if options.accelerator == "auto" else options.accelerator
        installer = Installer(
            options.base, pins, hashes, options.tier, accelerator, options.wheels, options.offline, options.build
        )
        threading.Thread(target=_until_stdin_closes, args=(installer,), daemon=True).start()
        record = installer.run()
    except (BendError, OSError) as error:
        failure = error if isinstance(error, BendError) else explain([str(error)], "The installation failed")
        log.error("%s", failure)
        return _say_end(1, end="error", **failure.to_dict())
    return _say_end(0, end="done", folder=record.folder, size=record.size)


def _say_end(returned: int, **data: Any) -> int:
    """Say how it went; the exit code, which is another one if nobody is there to be told."""
    try:
        say(**data)
    except BendError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - what is left is for nobody
        return GONE
    return returned


def _log_to(file: Path) -> None:
    """Begin a log that stays small, whatever pip and the packages print."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    handler = RotatingFileHandler(file, maxBytes=logs.MOST, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _until_stdin_closes(installer: Installer) -> None:
    while os.read(0, 64):
        pass
    installer.cancel()


if __name__ == "__main__":
    sys.exit(main())
