"""What measuring costs: Bend's shared spectrum against librosa function by function, the cache, an hour's memory."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import librosa
import numpy as np
import soundfile
from threadpoolctl import threadpool_limits

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tools" / "demo_parts"))
import music  # noqa: E402

from blender_bend.core.sound.features import FEATURES  # noqa: E402
from blender_bend.core.timebase import FrameRate  # noqa: E402
from blender_bend.engine.analysis import measure_file  # noqa: E402

SAMPLE_RATE, FPS = 48000, 24
RATE = FrameRate(Fraction(FPS))
#: Bend's window, and its hop at 24 frames a second: five in a frame.
WINDOW, HOP = 2048, 400
RATIO, CACHE_SECONDS, HOUR_GIGABYTES = 0.55, 0.3, 2.0
SEPARATED = ("pitch", "voicing", "percussive/onset", "harmonic/chroma:1")


def song(folder: Path, minutes: int) -> Path:
    """The demo's piece over and over, a little different each time, as Blender mixes down: mono, float, 48 kHz."""
    music.compose(folder / "piece.wav")
    piece = soundfile.read(folder / "piece.wav", dtype="float32")[0].mean(axis=1)
    random = np.random.default_rng(1)
    path = folder / f"{minutes}.wav"
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "FLOAT") as file:
        for _ in range(minutes * 60 * SAMPLE_RATE // len(piece)):
            hiss = random.normal(0, 1e-3, len(piece)).astype(np.float32)
            file.write(piece * np.float32(random.uniform(0.5, 1.0)) + hiss)
    return path


def level_and_spectrum() -> list[str]:
    """Every feature of the two families, all bands of the contrast."""
    names = []
    for feature in FEATURES:
        if feature.family in ("Level", "Spectrum"):
            numbers = range(feature.first, feature.first + feature.which)
            names += [f"{feature.name}:{number}" for number in numbers] if feature.which else [feature.name]
    return names


def by_librosa() -> dict[str, Callable[[np.ndarray], object]]:
    """What a user of librosa calls, each from the samples.

    Loudness, skewness and kurtosis are not in librosa: they cost nothing on this side, and Bend measures them.
    """
    shape = {"n_fft": WINDOW, "hop_length": HOP}
    spectral = {"sr": SAMPLE_RATE, **shape}

    def frames(y: np.ndarray) -> np.ndarray:
        return librosa.util.frame(y, frame_length=SAMPLE_RATE // FPS, hop_length=SAMPLE_RATE // FPS)

    def peak(y: np.ndarray) -> np.ndarray:
        return np.abs(frames(y)).max(axis=0)

    def crest(y: np.ndarray) -> np.ndarray:
        size = SAMPLE_RATE // FPS
        return peak(y) / librosa.feature.rms(y=y, frame_length=size, hop_length=size, center=False)[0]

    def flux(y: np.ndarray) -> np.ndarray:
        return np.maximum(np.diff(np.abs(librosa.stft(y, **shape)), axis=1), 0).sum(axis=0)

    return {
        "rms": lambda y: librosa.feature.rms(y=y, frame_length=WINDOW, hop_length=HOP),
        "peak": peak,
        "crest": crest,
        "centroid": lambda y: librosa.feature.spectral_centroid(y=y, **spectral),
        "spread": lambda y: librosa.feature.spectral_bandwidth(y=y, **spectral),
        "flatness": lambda y: librosa.feature.spectral_flatness(y=y, **shape),
        "rolloff": lambda y: librosa.feature.spectral_rolloff(y=y, **spectral),
        "flux": flux,
        "zero_crossings": lambda y: librosa.feature.zero_crossing_rate(y, frame_length=WINDOW, hop_length=HOP),
        "contrast": lambda y: librosa.feature.spectral_contrast(y=y, **spectral),
    }


def timed(function: Callable[[], object]) -> float:
    """Processor seconds."""
    began = time.process_time()
    function()
    return time.process_time() - began


def report(name: str, value: float, bound: float, unit: str, note: str = "") -> bool:
    """One line of the table."""
    kept = value <= bound
    print(f"{name:<56} {value:7.3f}{unit}  at most {bound:5.2f}{unit} {'ok' if kept else 'HIGH':<5} {note}", flush=True)
    return kept


def speed(minutes: int, folder: Path) -> list[bool]:
    """Bend against librosa, then Bend again with all in the cache; from the file, as when baking."""
    path, names = song(folder, minutes), level_and_spectrum()
    short = song(folder, 1)
    measure_file(short, RATE, names)  # numba compiles, and libraries load
    y = soundfile.read(short, dtype="float32")[0]
    functions = by_librosa()
    for function in functions.values():
        function(y[: 5 * SAMPLE_RATE])
    cache = folder / "cache"
    bend = timed(lambda: measure_file(path, RATE, names, cache=cache))
    y = soundfile.read(path, dtype="float32")[0]
    each = {name: timed(lambda function=function: function(y)) for name, function in functions.items()}
    note = f"Bend {bend:.2f} s; librosa {sum(each.values()):.2f} s: "
    note += ", ".join(f"{name} {seconds:.2f}" for name, seconds in each.items())
    began = time.perf_counter()
    measure_file(path, RATE, names, cache=cache)
    again = time.perf_counter() - began
    return [
        report(
            f"{len(names)} level and spectrum features, {minutes} minutes", bend / sum(each.values()), RATIO, "x", note
        ),
        report("the same song again, from the cache", again, CACHE_SECONDS, " s"),
    ]


_HOUR = """
import resource, sys
from blender_bend.engine.__main__ import main
code = main(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("peak", peak * (1 if sys.platform == "darwin" else 1024))
sys.exit(code)
"""


def memory(minutes: int, folder: Path, everything: bool) -> bool:
    """Peak memory of a fresh engine that measures a long song, the interpreter and its libraries included."""
    from blender_bend.core.sound.features import PLAIN

    names = [*PLAIN, "chroma", "mfcc", "mel", "times:sections"]
    names = [*names, *SEPARATED[2:]] if everything else [name for name in names if name not in SEPARATED]
    path = song(folder, minutes)
    arguments = ["measure", str(path), f"--fps={FPS}", "--features", ",".join(names), "--out", str(folder / "out.npz")]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _HOUR, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    peak = int(done.stdout.split("peak ")[-1]) / 1e9
    note = f"{'everything' if everything else 'without pitch and parts'}, {time.perf_counter() - began:.0f} s"
    return report(f"peak memory for {minutes} minutes", peak, HOUR_GIGABYTES, " GB", note)


def main() -> int:
    """Run; the exit code says whether all bounds were kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter songs, to see that it runs")
    parser.add_argument("--everything", action="store_true", help="the hour with pitch and separated parts: 20 minutes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bend-") as name, threadpool_limits(1):
        folder = Path(name)
        good = speed(1 if options.quick else 5, folder)
        good.append(memory(5 if options.quick else 60, folder, options.everything))
    print(f"{sum(good)} of {len(good)} bounds kept")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
