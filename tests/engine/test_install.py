"""The set-up of the engine for real: pip, a folder of wheels, no network, spaces and other alphabets in the path."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blender_bend.core import environment
from blender_bend.engine import environments as lying
from blender_bend.engine import install
from blender_bend.engine.install_failures import explain

ROOT = Path(__file__).resolve().parents[2]
PINS = environment.read_pins(ROOT / "wheels" / "engine.txt")
PYTHON = sys.version_info[:2]
ALL = os.environ.get("BEND_TEST_ALL") == "1"
#: Every way to the network is shut: an index that nobody answers for, and proxies that do not exist.
NO_NETWORK = dict.fromkeys(("PIP_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY", "https_proxy"), "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of the audio tier, kept between runs."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bend-tests" / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = environment.pins_for(PINS, environment.AUDIO, PYTHON)
    if environment.missing_wheels(folder, wanted, PYTHON):
        command = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:", "--no-deps", "-d", folder]
        subprocess.run([*command, *(pin.requirement for pin in wanted)], check=True)
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Where an artist with a long name keeps the extension."""
    return tmp_path / "Jürgen Ångström 音楽" / "engine"


def start(base: Path, wheels: Path | None, *more: object, **variables: str) -> subprocess.Popen[str]:
    """The set-up as Blender starts it."""
    command = [sys.executable, "-m", "blender_bend.engine.install", "--base", base, "--tier", "audio"]
    if wheels is not None:
        command += ["--wheels", wheels, "--offline"]
    return subprocess.Popen(
        [*map(str, command), *map(str, more)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **NO_NETWORK, **variables},
    )


def ending(process: subprocess.Popen[str]) -> dict[str, object]:
    """The last line."""
    assert process.stdout is not None
    said = [json.loads(line) for line in process.stdout]
    process.wait()
    return dict(said[-1], phases=[line.get("phase") for line in said])


def environments(base: Path) -> list[str]:
    """The environments that lie in the set-up folder."""
    return sorted(path.name for path in base.glob("environment-*"))


def test_the_audio_tier_is_set_up_from_wheels_without_network_and_interrupted_before(base: Path, wheels: Path) -> None:
    """Killed and cancelled at random moments, nothing counts as set up; then it succeeds and leaves nothing else."""
    chance = random.Random(time.time_ns())
    for moment in (chance.uniform(0.3, 8) for _ in range(20 if ALL else 2)):
        killed = start(base, wheels)
        time.sleep(moment)
        killed.kill()
        killed.communicate()
        assert environment.read_record(base) is None, f"killed after {moment} s"
    cancelled = start(base, wheels)
    time.sleep(chance.uniform(0.5, 4))
    assert cancelled.stdin is not None
    cancelled.stdin.close()
    assert ending(cancelled)["code"] == "cancelled"
    assert environments(base) == []

    with start(base, wheels, "--log", base.parent / "setup.log") as process:
        done = ending(process)
    assert done["end"] == "done", done
    record = environment.read_record(base)
    assert record is not None and environments(base) == [record.folder]
    assert record.tier == "audio" and record.size > 50e6
    answer = subprocess.run(
        [record.interpreter(base), "-m", "blender_bend.engine", "doctor", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seen = json.loads(answer.stdout)
    assert seen["audio"] and not seen["diffusion"] and seen["packages"]["torch"] is None
    assert any(finding["state"] == "problem" and finding["repair"] for finding in seen["findings"])
    assert "Successfully installed" in (base.parent / "setup.log").read_text(encoding="utf-8")

    # An attempt that fails leaves the working environment as it was.
    with start(base, base.parent) as process:
        failed = ending(process)
    assert failed["code"] == "setup_failed" and failed["action"]
    assert environment.read_record(base) == record and environments(base) == [record.folder]
    assert record.interpreter(base).exists()

    assert install.main(["--base", str(base), "--remove"]) == 0
    assert environment.read_record(base) is None and environments(base) == []


def torch_index(folder: Path) -> dict[str, str]:
    """Where torch for processors comes from: its publisher, or, where that is not to be reached, pip's own sources."""
    try:
        socket.create_connection(("download.pytorch.org", 443), timeout=5).close()
        return {}
    except OSError:
        (folder / "cpu").mkdir()
        return {"BEND_TORCH_INDEX": folder.as_uri()}


def test_the_diffusion_tier_is_set_up_from_the_index_and_makes_a_picture(base: Path, tmp_path: Path) -> None:
    """The try-out within the set-up makes the picture; the environment that counts then works by itself too."""
    command = [sys.executable, "-m", "blender_bend.engine.install", "--base", base, "--accelerator", "cpu"]
    with subprocess.Popen(
        list(map(str, [*command, "--log", tmp_path / "setup.log"])),
        cwd=ROOT,
        env={**os.environ, **torch_index(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        done = ending(process)
    log = (tmp_path / "setup.log").read_text(encoding="utf-8")
    assert done["end"] == "done", (done, log[-3000:])
    assert "Making a picture works" in log
    record = environment.read_record(base)
    assert record is not None and (record.tier, record.accelerator) == ("diffusion", "cpu")
    script = "import torch, diffusers; print(torch.__version__, torch.version.cuda)"
    command = [record.interpreter(base), "-c", script]
    said = subprocess.run(command, cwd=base, capture_output=True, text=True, check=True).stdout.split()
    assert said == [f"{version_of('torch')}+cpu", "None"]


def version_of(package: str) -> str:
    """What a package is pinned to."""
    return next(pin.version for pin in PINS if pin.name == package)


def test_two_blenders_do_not_set_up_at_once(base: Path, wheels: Path) -> None:
    base.mkdir(parents=True)
    with lying.locked(base / environment.LOCK), start(base, wheels) as process:
        assert ending(process)["code"] == "setup_busy"


def test_it_needs_nothing_but_the_standard_library() -> None:
    command = [sys.executable, "-I", "-S", "-c"]
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import blender_bend.engine.install"
    subprocess.run([*command, script], check=True)


def test_a_full_disk_is_told_before_anything_is_made(base: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.accelerators, "needed_bytes", lambda *_: 10**18)
    with pytest.raises(install.BendError) as raised:
        install.Installer(base, [], "audio", "cpu", wheels, True, "").run()
    assert raised.value.code == "setup_space" and environments(base) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: Failed to establish a new connection", "cannot be reached"),
        ("SSLError(SSLCertVerificationError(CERTIFICATE_VERIFY_FAILED", "not trusted"),
        ("ERROR: No matching distribution found for numba==0.68.1", "no numba==0.68.1"),
        ("ERROR: something new", "something new"),
    ],
)
def test_what_pip_says_becomes_a_cause(line: str, words: str) -> None:
    failure = explain(["Collecting x", line], "It failed")
    assert words in failure.message and failure.hint and failure.action
