"""Is the engine fit? Answers without importing torch, unless it is asked for the devices or for a picture."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...core.checkpoints import single_files
from ...core.checkpoints.safetensors_file import contents
from ...core.errors import BendError
from ...core.models import model_files
from ...core.process import environment
from ...core.process.environment import AUDIO, DIFFUSION
from ...core.wording import some

NAMED = ("numpy", "scipy", "librosa", "soundfile", "torch", "diffusers", "transformers", "safetensors", "pillow")
PINS = Path(__file__).resolve().parents[3] / "wheels" / "engine.txt"
OK, WARNING, PROBLEM = "ok", "warning", "problem"
#: Below this much free space a generation may not end well.
LITTLE_SPACE = 2e9
#: Up to so many packages and files are all named.
_NAMED = 6
SET_UP = "Set the engine up again."


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    what : the thing and how it is, one sentence
    state : ``ok``, ``warning`` or ``problem``
    repair : what to do about it; empty if nothing
    action : the Blender operator that does it; may be empty
    """

    what: str
    state: str = OK
    repair: str = ""
    action: str = ""


def examine() -> dict[str, Any]:
    """What is installed.

    Returns
    -------
    python, platform, packages (version by name, None if missing), audio and diffusion (whether each tier is complete)
    """
    packages = {name: _version(name) for name in NAMED}
    lacking = {pin.tier for pin, _ in _differences() if _version(pin.name) is None}
    return {
        "python": sys.version.split()[0],
        "executable": sys.executable,
        "platform": platform.platform(),
        "packages": packages,
        "audio": AUDIO not in lacking,
        "diffusion": not lacking,
    }


def findings(
    devices: bool = False,
    smoke: str = "",
    store: Path | None = None,
    models: dict[str, str] | None = None,
    device: str = "auto",
    studies: Path | None = None,
) -> Iterator[Finding]:
    """Look at everything, one after the other.

    Parameters
    ----------
    devices : look for graphics cards, which imports torch
    smoke : ``audio`` or ``diffusion``: measure a sound, and for diffusion also make a picture
    store : the folder of frames
    models : further model folders and single files by name
    device, studies : the device whose speeds are measured if they are not known, and where they are kept
    """
    yield _python()
    yield from _packages(smoke or DIFFUSION)
    if store is not None:
        yield _write_access(store)
    yield from _models({"mini": str(_mini()), **(models or {})})
    if devices:
        yield from _attempt("The devices", lambda: _devices(device, studies))
    if smoke:
        yield from _attempt("Measuring a sound", _measure)
    if smoke == DIFFUSION:
        yield from _attempt("Rendering a picture", _paint)


def report(found: list[Finding]) -> list[dict[str, str]]:
    """Findings as plain data."""
    return [asdict(finding) for finding in found]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _differences() -> list[tuple[environment.Pin, str | None]]:
    """The pinned packages whose installed version is another, or that are missing."""
    pins = environment.pins_for(environment.read_pins(PINS), DIFFUSION, sys.version_info[:2])
    installed = [(pin, _version(pin.name)) for pin in pins]
    return [(pin, version) for pin, version in installed if version is None or version.split("+")[0] != pin.version]


def _python() -> Finding:
    version = sys.version.split()[0]
    if environment.fits(sys.version_info[:2]):
        return Finding(f"Python {version}.")
    words = f"Python {version}; the engine needs {environment.range_text()}."
    return Finding(words, PROBLEM, "Set the engine up with a different Python.", "bend.set_up_engine")


def _packages(tier: str) -> Iterator[Finding]:
    wanted = environment.TIERS[: environment.TIERS.index(tier) + 1]
    differences = [(pin, version) for pin, version in _differences() if pin.tier in wanted]
    missing = [pin.name for pin, version in differences if version is None]
    other = [f"{pin.name} {version} (tested with {pin.version})" for pin, version in differences if version]
    if missing:
        yield Finding(f"Missing packages: {some(missing, _NAMED)}.", PROBLEM, SET_UP, "bend.set_up_engine")
    if other:
        yield Finding(f"Different versions than tested: {some(other, _NAMED)}.", WARNING, SET_UP, "bend.set_up_engine")
    if not differences:
        yield Finding("All packages are the tested versions.")


def _write_access(store: Path) -> Finding:
    repair = "Choose another frame folder in the preferences, or free some space."
    try:
        store.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=store) as file:
            file.write(bytes(1 << 16))
        free = shutil.disk_usage(store).free
    except OSError as error:
        words = f"Frames can't be written to {store}: {error.strerror}."
        return Finding(words, PROBLEM, repair, "bend.open_preferences")
    words = f"Frames are stored in {store}, {free / 1e9:.1f} GB free."
    if free < LITTLE_SPACE:
        return Finding(words, WARNING, repair, "bend.open_preferences")
    return Finding(words)


def _mini() -> Path:
    from ...core.models.references import MINI_PATH

    return MINI_PATH


def _models(paths: dict[str, str]) -> Iterator[Finding]:
    """Whether every model has its parts, and every safetensors file the length that its header speaks of."""
    for name, path in paths.items():
        bad = _faults(Path(path))
        if bad:
            repair = "Reinstall Bend." if name == "mini" else "Download the model again."
            yield Finding(f"Model {name}: missing or damaged: {some(bad, _NAMED)}.", PROBLEM, repair)
        else:
            yield Finding(f"Model {name} is complete.")


def _faults(model: Path) -> list[str]:
    """The files of a model that are missing or damaged."""
    if not single_files.is_one(model):
        damaged = [file.name for file in sorted(model.rglob("*.safetensors")) if not _is_whole(file)]
        return model_files.missing(model) + damaged
    try:
        single_files.kind_of(model)
    except BendError:
        return [model.name]
    return [] if _is_whole(model) else [model.name]


def _is_whole(file: Path) -> bool:
    """Whether a safetensors file is as long as its header says."""
    try:
        contents(file)
    except (OSError, ValueError):
        return False
    return True


def _attempt(what: str, work: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Let a check fail in its own way: whatever it meets is a finding, which is what the doctor is for."""
    try:
        yield from work()
    except Exception as error:
        words = f"{what} failed: {type(error).__name__}: {error}."
        yield Finding(words, PROBLEM, SET_UP, "bend.set_up_engine")


def _devices(device: str, folder: Path | None) -> Iterator[Finding]:
    import torch

    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        yield Finding(f"{torch.cuda.get_device_name(index)}: {free / 1e9:.1f} of {total / 1e9:.1f} GB free.")
    if torch.backends.mps.is_available():
        yield Finding("Metal works.")
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        yield Finding(f"No GPU supported by torch {torch.__version__}; the CPU is used.")
    from ..host.speeds import of_this_machine

    speeds = of_this_machine(device, folder)
    yield Finding(f"{speeds.summary(speeds.precision())}.")
    import psutil  # type: ignore[import-untyped]

    memory = psutil.virtual_memory()
    yield Finding(f"{memory.available / 1e9:.1f} of {memory.total / 1e9:.1f} GB of memory free.")


def _measure() -> Iterator[Finding]:
    """The loudness of a tone that becomes louder."""
    import numpy as np
    import soundfile

    from ...core.timebase import FrameRate
    from ..analysis import measure_file

    rate = 22050
    times = np.arange(rate) / rate
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tone.wav"
        soundfile.write(path, 0.5 * times * np.sin(2 * np.pi * 440 * times), rate)
        loudness = measure_file(path, FrameRate.parse("24"), ["rms"])["rms"]
    if not loudness[20] > loudness[4] > 0:
        yield Finding("Measuring a sound gives wrong results.", PROBLEM, SET_UP, "bend.set_up_engine")
    else:
        yield Finding("Measuring a sound works.")


def _paint() -> Iterator[Finding]:
    """One small picture of mini, by the way that all frames go."""
    import numpy as np
    import PIL.Image

    from ...core.job.job import Frame, Job
    from ...core.models.references import MINI, resolve
    from ..rendering.render import Renderer
    from ..store.frame_store import FrameStore

    mini = resolve(MINI, {})
    frame = Frame(1, prompt=(("a calm sea", 1.0),))
    job = Job(mini.path, mini.fingerprint, (64, 64), 2, 1.0, 7, "", (), (frame,))
    with tempfile.TemporaryDirectory() as folder:
        Renderer("auto").render(job, FrameStore(Path(folder)))
        (picture,) = Path(folder).glob("*.png")
        pixels = np.asarray(PIL.Image.open(picture))
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()[:8]
    if pixels.std() < 1:
        yield Finding("Rendering a picture gives an empty one.", PROBLEM, SET_UP, "bend.set_up_engine")
    else:
        yield Finding(f"Rendering a picture works ({digest}).")
