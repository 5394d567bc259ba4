"""An update takes no environment away from an engine that runs from it; the next start clears up."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blender_bend.core.process import environment, messages
from blender_bend.core.process.environment import Record
from blender_bend.core.process.messages import Message
from blender_bend.engine.setup import environments

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120


class Engine:
    """An engine as Blender starts it, from one of several environments."""

    def __init__(self, base: Path, folder: str) -> None:
        command = [environment.interpreter(base / folder), "-m", "blender_bend.engine", "serve"]
        self.process = subprocess.Popen(
            list(map(str, [*command, "--log", base.parent / f"{folder}.log"])),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=base,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def prefix(self) -> Path:
        """The folder it runs from, in its own words."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(Message(messages.HELLO, "1").encode())
        self.process.stdin.flush()
        answers = (messages.decode(line) for line in self.process.stdout)
        hello = next(answer for answer in answers if answer.id == "1")
        return Path(hello.data["executable"]).parents[1]

    def end(self) -> None:
        """Close its stdin, as a Blender does that quits."""
        self.process.communicate()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A set-up folder with an environment in use."""
    base = tmp_path / "Jürgen Ångström 音楽" / "engine"
    make(base, "environment-old")
    use(base, "environment-old")
    return base


@pytest.fixture
def start(base: Path) -> Iterator[Callable[[str], Engine]]:
    """Starts engines; none outlives the test."""
    started: list[Engine] = []

    def start(folder: str) -> Engine:
        started.append(Engine(base, folder))
        return started[-1]

    yield start
    for engine in started:
        engine.process.kill()
        engine.process.communicate()


def make(base: Path, folder: str) -> None:
    """An environment with the packages of this one."""
    venv.create(base / folder, symlinks=os.name != "nt")
    packages = next((base / folder).glob("[Ll]ib/**/site-packages"))
    (packages / "these.pth").write_text(sysconfig.get_path("purelib"))


def use(base: Path, folder: str) -> None:
    """Make an environment the one in use."""
    Record(folder, sys.version.split()[0], "audio", "", "pins", 1).write(base)


def wait_until(reached: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    until = time.monotonic() + PATIENCE
    while not reached() and time.monotonic() < until:
        time.sleep(0.05)
    return reached()


def test_an_update_leaves_the_environment_of_a_running_engine_until_the_next_start(
    base: Path, start: Callable[[str], Engine]
) -> None:
    old = start("environment-old")
    assert old.prefix() == base / "environment-old"
    make(base, "environment-new")
    use(base, "environment-new")
    environments.sweep(base)
    new = start("environment-new")
    assert new.prefix() == base / "environment-new"
    assert environment.interpreter(base / "environment-old").exists()
    assert old.prefix() == base / "environment-old"

    old.end()
    assert (base / "environment-old").exists()
    again = start("environment-new")
    assert wait_until(lambda: not (base / "environment-old").exists())
    assert again.prefix() == new.prefix() == base / "environment-new"


def test_a_killed_engine_keeps_nothing(base: Path, start: Callable[[str], Engine]) -> None:
    engine = start("environment-old")
    engine.prefix()
    assert environments.is_used(base / "environment-old")
    engine.process.kill()
    engine.process.communicate()
    assert not environments.is_used(base / "environment-old")
    environments.remove(base)
    assert list(base.glob("environment-*")) == []


def test_an_engine_that_starts_leaves_a_set_up_under_way_alone(base: Path) -> None:
    make(base, "environment-new")
    with environments.locked(base / environment.LOCK):
        sweeping = environments.sweep_later(base / "environment-old")
        assert sweeping is not None
        sweeping.join()
    assert (base / "environment-new").exists()
    sweeping = environments.sweep_later(base / "environment-old")
    assert sweeping is not None
    sweeping.join()
    assert not (base / "environment-new").exists()


def test_another_python_takes_no_lease_and_sweeps_nothing(base: Path, tmp_path: Path) -> None:
    make(base, "environment-new")
    with environments.leased(tmp_path):
        assert list(tmp_path.glob("leases")) == []
    assert environments.sweep_later(base / "environment-new") is None  # not the one in use
    assert environments.sweep_later(tmp_path) is None
    assert (base / "environment-new").exists()
