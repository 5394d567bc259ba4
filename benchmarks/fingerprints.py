"""The first and the second fingerprint of a large file, against reading it and against hashing it with hashlib alone.

.venv/engine/bin/python benchmarks/fingerprints.py [--gigabytes 2] [--rounds 3]

Each measurement is a process of its own, in turn, with the file in the system's cache. The last one is a file as
huggingface_hub leaves it. Besides, how long a thread waits for its turn that does what Blender's main thread does while
another one reads: it wakes up every millisecond.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

#: The first one, as a multiple of hashlib alone; the second and that of a downloaded file, as a part of reading.
MOST_FIRST, MOST_SECOND = 1.2, 0.02

BEGIN = """
import sys, threading, time
from pathlib import Path
from blender_bend.core.files import hash_cache
from blender_bend.core.models import file_hashes
path = Path(sys.argv[1])
hash_cache.place = lambda: Path(sys.argv[2])
began = time.perf_counter()
"""
END = """
print("took", time.perf_counter() - began)
"""
READING = """
block = bytearray(1 << 24)
with open(path, "rb", buffering=0) as file:
    while file.readinto(block):
        pass
"""
HASHING = """
import hashlib
with open(path, "rb") as file:
    hashlib.file_digest(file, "sha256")
"""
FINGERPRINT = """
file_hashes.of(path)
"""
BESIDE = """
thread = threading.Thread(target=lambda: file_hashes.of(path))
longest, thread_began = 0.0, thread.start()
while thread.is_alive():
    woken = time.perf_counter()
    time.sleep(0.001)
    longest = max(longest, time.perf_counter() - woken)
began = time.perf_counter() - longest
"""


def took(what: str, path: Path, cache: Path) -> float:
    """Seconds that a process says something took."""
    command = [sys.executable, "-c", BEGIN + what + END, str(path), str(cache)]
    environment = {**os.environ, "HF_HUB_CACHE": str(path.parent / "hub")}
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=environment).stdout
    return float(said.split()[1])


def write(folder: Path, gigabytes: float) -> tuple[Path, Path]:
    """A large file, and the same as a download: a link to a blob that is named by its content."""
    path = folder / "model.safetensors"
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(round(gigabytes * 1e9 / (1 << 24))):
            block = os.urandom(1 << 24)
            digest.update(block)
            file.write(block)
    blob = folder / "hub" / "models--owner--painter" / "blobs" / digest.hexdigest()
    blob.parent.mkdir(parents=True)
    os.link(path, blob)
    link = folder / "link.safetensors"
    link.symlink_to(blob)
    return path, link


def measure(folder: Path, gigabytes: float, rounds: int) -> dict[str, float]:
    """Median seconds by what was done."""
    path, link = write(folder, gigabytes)
    time.sleep(2.5)  # what was written a moment ago is not kept
    cache, rows = folder / "hashes.json", []
    for _ in range(rounds + 1):
        cache.unlink(missing_ok=True)
        rows.append(
            {
                "reading": took(READING, path, cache),
                "hashlib": took(HASHING, path, cache),
                "first": took(FINGERPRINT, path, cache),
                "second": took(FINGERPRINT, path, cache),
                "download": took(FINGERPRINT, link, folder / "none.json"),
                "longest wait": took(BESIDE, path, folder / "none" / "none.json"),
            }
        )
    return {name: statistics.median(row[name] for row in rows[1:]) for name in rows[0]}


def main() -> int:
    """Measure, say the ratios; exit code 1 if one is too large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bend-prints-") as folder:
        found = measure(Path(folder), arguments.gigabytes, arguments.rounds)
    print(f"{arguments.gigabytes:g} GB, medians of {arguments.rounds} rounds")
    for name, seconds in found.items():
        print(f"  {name:14} {seconds:8.4f} s, {seconds / found['reading']:8.4f} of reading")
    first = found["first"] / found["hashlib"]
    later = max(found["second"], found["download"]) / found["reading"]
    print(f"first / hashlib alone: {first:.2f} (at most {MOST_FIRST})")
    print(f"second, or of a download / reading: {later:.4f} (at most {MOST_SECOND})")
    return 0 if first <= MOST_FIRST and later <= MOST_SECOND else 1


if __name__ == "__main__":
    sys.exit(main())
