"""The set-up of the engine for real: pip, a folder of wheels, no network, spaces and other alphabets in the path."""

from __future__ import annotations

import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from blender_bend.core.process import environment, package_hashes
from blender_bend.core.process.environment import canonical
from blender_bend.core.process.messages import GONE
from blender_bend.engine.setup import environments as lying
from blender_bend.engine.setup import install
from blender_bend.engine.setup.install_failures import explain

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
    command = [sys.executable, "-m", "blender_bend.engine.setup.install", "--base", base, "--tier", "audio"]
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
    command = [sys.executable, "-m", "blender_bend.engine.setup.install", "--base", base, "--accelerator", "cpu"]
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
    assert "Rendering a picture works" in log
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
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import blender_bend.engine.setup.install"
    subprocess.run([*command, script], check=True)


def test_a_full_disk_is_told_before_anything_is_made(base: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.accelerators, "needed_bytes", lambda *_: 10**18)
    with pytest.raises(install.BendError) as raised:
        install.Installer(base, [], {}, "audio", "cpu", wheels, True, "").run()
    assert raised.value.code == "setup_space" and environments(base) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: Failed to establish a new connection", "can't be reached"),
        ("SSLError(SSLCertVerificationError(CERTIFICATE_VERIFY_FAILED", "not trusted"),
        ("ERROR: No matching distribution found for numba==0.68.1", "numba==0.68.1 isn't available"),
        ("ERROR: something new", "something new"),
    ],
)
def test_what_pip_says_becomes_a_cause(line: str, words: str) -> None:
    failure = explain(["Collecting x", line], "It failed")
    assert words in failure.message and failure.hint and failure.action


def wheel(folder: Path, name: str, content: bytes = b"") -> str:
    """A small wheel of version 1.0; its hash."""
    folder.mkdir(exist_ok=True)
    about = f"{name}-1.0.dist-info"
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", content)
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def lists(folder: Path, pins: str, hashes: str) -> tuple[object, ...]:
    """Options that name other packages."""
    (folder / "pins.txt").write_text(pins)
    (folder / "hashes.txt").write_text(hashes)
    return ("--pins", folder / "pins.txt", "--hashes", folder / "hashes.txt")


def test_a_package_of_another_content_is_refused_in_words(base: Path, tmp_path: Path) -> None:
    """A folder of wheels, or an index, in which one file was exchanged for another of the same name and version."""
    right = wheel(tmp_path / "wheels", "honest")
    expected = wheel(tmp_path / "wheels", "exchanged")
    wheel(tmp_path / "wheels", "exchanged", b"import os")
    pins = "honest==1.0  # audio\nexchanged==1.0  # audio\n"
    hashes = f"honest==1.0 --hash=sha256:{right}\nexchanged==1.0 \\\n    --hash=sha256:{expected}\n"
    with start(base, tmp_path / "wheels", *lists(tmp_path, pins, hashes)) as process:
        failed = ending(process)
    assert failed["code"] == "setup_failed" and "exchanged==1.0 isn't the file" in str(failed["message"])
    assert "trust" in str(failed["hint"]) and environments(base) == []


def test_an_index_that_states_the_hash_of_a_forged_package_is_not_believed(base: Path, tmp_path: Path) -> None:
    expected = wheel(tmp_path / "wheels", "small")
    forged = wheel(tmp_path / "wheels", "small", b"import os")
    pages = tmp_path / "index" / "small"
    pages.mkdir(parents=True)
    link = (tmp_path / "wheels" / "small-1.0-py3-none-any.whl").as_uri()
    (pages / "index.html").write_text(f'<a href="{link}#sha256={forged}">small-1.0-py3-none-any.whl</a>')
    options = lists(tmp_path, "small==1.0  # audio\n", f"small==1.0 --hash=sha256:{expected}\n")
    index = {"PIP_INDEX_URL": pages.parent.as_uri(), "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    with start(base, None, *options, **index) as process:
        failed = ending(process)
    assert failed["code"] == "setup_failed" and "small==1.0 isn't the file" in str(failed["message"]), failed


def test_a_pin_without_a_hash_is_refused_in_words(base: Path, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "honest")
    with start(base, tmp_path / "wheels", *lists(tmp_path, "honest==1.0  # audio\n", "")) as process:
        failed = ending(process)
    assert failed["code"] == "setup_failed" and "no hash for honest==1.0" in str(failed["message"])


@pytest.mark.parametrize(
    ("accelerator", "build", "offline", "file", "own"),
    [
        ("cpu", "cpu", False, "", True),
        ("cuda", "", False, "", False),
        ("cuda", "cu126", False, "", True),
        ("cpu", "cpu", True, "torch-{}+cpu-cp311-cp311-linux_x86_64.whl", True),
        ("cpu", "cpu", True, "torch-{}-cp311-none-macosx_11_0_arm64.whl", False),
    ],
)
def test_only_builds_of_torch_that_pypi_lacks_come_without_a_hash(
    tmp_path: Path, accelerator: str, build: str, offline: bool, file: str, own: bool
) -> None:
    (tmp_path / (file.format(version_of("torch")) or "none")).touch()
    known = package_hashes.read(ROOT / "wheels" / "engine-hashes.txt")
    installer = install.Installer(tmp_path, PINS, known, "diffusion", accelerator, tmp_path, offline, build)
    if not build:
        installer.build = ""
    listed = installer.listed_packages()
    assert installer.own_torch == own
    assert ("\ntorch==" in listed, "\nnvidia-cublas==" in listed) == (not own, not own)
    assert all(
        f"\n{canonical(pin.name)}=={pin.version} " in f"\n{listed}" for pin in installer.pins if pin.name != "torch"
    )


def test_a_module_that_closes_its_stdin_still_ends_with_its_parent_only(tmp_path: Path) -> None:
    """The engine puts the null device in the place of its stdin; whoever watches the pipe keeps the pipe."""
    (tmp_path / "module.py").write_text(
        "import os, sys, time\n"
        "os.dup2(os.open(os.devnull, os.O_RDONLY), 0)\n"
        "print('closed', flush=True)\n"
        "time.sleep(float(sys.argv[1]))\n"
    )
    for seconds, code in (("1", 0), ("600", GONE)):
        command = [sys.executable, "-c", install.WITH_PARENT, "module", seconds]
        with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdin is not None
            assert process.stdout.readline() == b"closed\n"
            process.stdin.write(b"x")  # the watcher looks again, after stdin was closed
            process.stdin.flush()
            if code:
                process.stdin.close()
            assert process.wait(60) == code
