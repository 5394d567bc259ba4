"""Processes as the system sees them."""

from __future__ import annotations

import time
from pathlib import Path

#: A deadline far away, for busy machines.
SECONDS = 120


def gone(pid: int) -> bool:
    """Whether a process has ended within the time; one that only waits for its parent has."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def resident_bytes(pid: int | str = "self") -> int:
    """How much memory a process has in use."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096
