"""Logs: bounded, whatever is printed, and quoted without what is private."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from blender_bend.core.process import logs
from blender_bend.core.process.exit_causes import death


def kept(path: Path, script: str, most: int = logs.MOST) -> subprocess.Popen[bytes]:
    """Run a script with its stderr kept; it has ended."""
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE)
    assert process.stderr is not None
    thread = logs.keep(process.stderr, path, most)
    process.wait(60)
    thread.join(60)
    assert not thread.is_alive()
    return process


def test_a_process_that_prints_megabytes_keeps_a_small_log_with_its_last_words(tmp_path: Path) -> None:
    path, most = tmp_path / "child.log", 1 << 16
    script = "import sys\nfor n in range(40_000): sys.stderr.write(f'{n:06} {90 * chr(120)}\\n')\nsys.exit('the end')"
    assert kept(path, script, most).returncode == 1
    assert path.stat().st_size <= most
    assert logs.tail(path).endswith("the end") and b"left out" in path.read_bytes()


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    process = kept(tmp_path / "no folder" / "child.log", "import sys; sys.stderr.write('x' * 1_000_000)")
    assert process.returncode == 0


def test_what_appends_goes_on_while_its_log_is_shortened(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    with os.fdopen(logs.open_new(path), "wb", buffering=0) as file:
        file.write(b"a" * 5000 + b"\nlast\n")
        logs.shorten(path, 1000)
        file.write(b"later\n")
    assert path.stat().st_size < 700 and logs.tail(path).splitlines()[-2:] == ["last", "later"]


def test_a_short_log_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"all of it")
    logs.shorten(tmp_path / "log", 9)
    assert (tmp_path / "log").read_bytes() == b"all of it"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("import os, sys, signal; sys.stderr.write('working'); sys.stderr.flush(); os.kill(os.getpid(), 9)", "SIGKILL"),
        ("import nothing_like_it", "A package is missing"),
        ("import os, sys; sys.exit(f'hf_abcdefgh in {os.path.expanduser(chr(126))}/x')", "hf_… in ~/x"),
    ],
)
def test_a_death_quotes_its_log_and_names_it_without_what_is_private(tmp_path: Path, script: str, words: str) -> None:
    path = tmp_path / "child.log"
    code = kept(path, script).returncode
    assert "hf_abc" not in logs.tail(path) and f"{Path.home()}/x" not in logs.tail(path)
    error = death("The download", code, path.read_text(), path.name)
    assert words in error.message and "Last output" in error.message and "child.log" in error.hint
    assert str(Path.home()) + "/" not in str(error) and "hf_abc" not in str(error)


def test_the_end_of_a_long_log_is_read_alone_and_from_the_beginning_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for text, most, end in (
        (b"", 10, ""),
        (b"one\ntwo\n", 8, "one\ntwo"),
        (b"one\ntwo\n", 7, "two"),
        (b"with hf_secretsecret\nlast\n", 15, "last"),
        (b"one long line", 4, "line"),
        (b"ok\n\xff\xfe", 100, "ok\n\ufffd\ufffd"),
    ):
        path.write_bytes(text)
        assert logs.tail(path, most) == end
    with path.open("wb") as file:
        file.truncate(1 << 32)
        file.seek(0, 2)
        file.write(b"\nlast words\n")
    tracemalloc.start()
    assert logs.tail(path, 1 << 12) == "last words"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 17
    assert logs.tail(tmp_path / "none") == ""
