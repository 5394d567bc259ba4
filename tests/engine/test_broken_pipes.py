"""Whoever reads what a child says may be gone: it then ends in order, and says nothing about broken pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from blender_bend.core.process import environment
from blender_bend.core.process.messages import GONE
from blender_bend.engine.setup import install
from blender_bend.engine.setup.environments import PATTERN

ROOT = Path(__file__).resolve().parents[2]


def ended_unread(module: str, *arguments: object) -> tuple[int, str]:
    """Run a module whose stdout nobody reads; its exit code, and what it wrote to stderr."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", f"blender_bend.engine{module}", *map(str, arguments)]
    # Its stdin stays open, so that only the pipe that broke tells it.
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert process.stderr is not None and process.stdin is not None
    said = process.stderr.read().decode()
    process.stdin.close()
    process.stderr.close()
    return process.wait(60), said


@pytest.mark.parametrize(
    "arguments", [("doctor", "--json"), ("doctor",), ("delete", "owner/nothing", "--json")], ids=" ".join
)
def test_a_command_that_nobody_listens_to_ends_without_a_traceback(arguments: tuple[str, ...]) -> None:
    assert ended_unread("", *arguments) == (GONE, "")


def test_a_set_up_that_nobody_listens_to_leaves_nothing_behind(tmp_path: Path) -> None:
    base = tmp_path / "engine"
    options = ("--tier", "audio", "--wheels", tmp_path, "--offline", "--log", tmp_path / "setup.log")
    assert ended_unread(".setup.install", "--base", base, *options) == (GONE, "")
    assert environment.read_record(base) is None and list(base.glob(PATTERN)) == []


def test_what_is_said_to_nobody_is_a_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    broken = os.fdopen(writer, "w", closefd=True)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", broken)
        with pytest.raises(install.BendError) as raised:
            install.say(phase="Fetching")
    assert raised.value.code == "cancelled"
    with pytest.raises(BrokenPipeError):
        broken.close()
