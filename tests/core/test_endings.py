"""What a dead process is said to have died of, and when the next one may start."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from blender_bend.core.errors import BendError, Code
from blender_bend.core.process.exit_causes import cause_of, engine_died, last_words, signal_name
from blender_bend.core.process.restarts import FREE, LIMIT, LONGEST_SECONDS, Restarts


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (-9, "SIGKILL"), (137, "SIGKILL"), (-11, "SIGSEGV"), (139, "SIGSEGV"), (-6, "SIGABRT"), (0xC0000005, "SIGSEGV"),
        (0xC0000005 - 2**32, "SIGSEGV"), (0xC0000017, "SIGKILL"), (0, ""), (1, ""), (3, ""), (255, ""), (-500, ""),
    ],
)  # fmt: skip
def test_an_exit_code_names_its_signal(code: int, name: str) -> None:
    assert signal_name(code) == name


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL", "SIGBUS", "SIGILL", "SIGFPE", "SIGTERM"])
def test_a_real_death_by_a_signal_has_a_cause(name: str) -> None:
    script = f"import faulthandler, os, signal; faulthandler.enable(); os.kill(os.getpid(), signal.{name})"
    died = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    error = engine_died(died.returncode, died.stderr)
    assert f"exit code {-getattr(signal, name)}, {name}" in error.message
    assert cause_of(died.returncode, died.stderr).words
    assert error.hint and error.action and "Extension modules" not in error.message


def test_the_last_words_are_those_that_say_something() -> None:
    died = subprocess.run(
        [sys.executable, "-c", "print('one\\ntwo')\nimport nothing_like_it"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert last_words(died.stderr).splitlines()[-1] == "ModuleNotFoundError: No module named 'nothing_like_it'"
    assert "File" not in last_words(died.stderr)
    assert last_words("") == ""
    assert len(last_words("x" * 10_000)) <= 200


def test_words_tell_more_than_a_code() -> None:
    assert "Out of memory" in cause_of(1, "torch.OutOfMemoryError: CUDA out of memory.").words
    assert cause_of(1, "No module named 'torch'").action == "bend.set_up_engine"
    assert cause_of(1, "").words == ""


def refusal(restarts: Restarts, now: float) -> BendError | None:
    """What is said at a time; None if it may start."""
    try:
        restarts.check(now)
    except BendError as error:
        return error
    return None


def test_the_first_deaths_are_followed_at_once_and_then_it_waits_longer_and_longer() -> None:
    restarts, now, waits = Restarts(), 100.0, []
    for _ in range(LIMIT - 1):
        restarts.died(useful=False, now=now)
        began = now
        while refusal(restarts, now):
            now += 0.5
        waits.append(now - began)
    assert waits[:FREE] == [0.0] * FREE
    assert waits[FREE:] == [2.0, 4.0, 8.0, 16.0, 32.0]
    assert max(waits) <= LONGEST_SECONDS


def test_after_many_deaths_in_a_row_it_is_left_alone_until_it_is_forgiven() -> None:
    restarts = Restarts()
    for _ in range(LIMIT):
        restarts.died(useful=False, now=0.0)
    refused = refusal(restarts, 1e9)
    assert refused and (refused.code, refused.action) == (Code.ENGINE_DIED, "bend.check_engine")
    restarts.forgive()
    assert refusal(restarts, 0.0) is None


def test_one_that_got_something_done_begins_a_new_row() -> None:
    restarts = Restarts()
    for _ in range(50):
        restarts.died(useful=True, now=0.0)
        assert refusal(restarts, 0.0) is None
