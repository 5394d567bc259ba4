"""What is kept to save work stays within its limit: the least recently used goes first, what is in use never."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as some

from blender_bend.core.files import caches

NOW = 1_000_000_000.0


def fill(folder: Path, ages: list[tuple[int, int]], cache: caches.Cache) -> list[Path]:
    """Files of some sizes that were used so many minutes ago."""
    paths = []
    for number, (size, minutes) in enumerate(ages):
        path = folder / f"model {number % 3}" / cache.pattern.replace("*", str(number))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(size))
        os.utime(path, (NOW - 60 * minutes, NOW - 60 * minutes))
        paths.append(path)
    return paths


@given(some.lists(some.tuples(some.integers(0, 300), some.integers(-5, 60)), max_size=12), some.integers(0, 1500))
def test_the_least_recently_used_goes_first_and_what_is_in_use_never(ages: list[tuple[int, int]], most: int) -> None:
    for cache in caches.ALL:
        with tempfile.TemporaryDirectory() as folder:
            paths = fill(Path(folder), ages, cache)
            freed = replace(cache, most=most).trim(Path(folder), NOW)
            stayed = [path.exists() for path in paths]
            assert freed == sum(size for (size, _), there in zip(ages, stayed, strict=True) if not there)
            in_use = [there for (_, minutes), there in zip(ages, stayed, strict=True) if minutes <= 0]
            assert all(in_use)
            left = sum(size for (size, _), there in zip(ages, stayed, strict=True) if there)
            used = sum(size for size, minutes in ages if minutes <= 0)
            assert left <= max(most, used)
            gone = [minutes for (_, minutes), there in zip(ages, stayed, strict=True) if not there]
            kept = [minutes for (_, minutes), there in zip(ages, stayed, strict=True) if there]
            assert not gone or not kept or min(gone) >= max(kept)
            if sum(size for size, _ in ages) <= most:
                assert freed == 0 and all(stayed)


def test_other_files_are_left_alone_and_empty_folders_go(tmp_path: Path) -> None:
    (tmp_path / "speeds-cpu.json").write_bytes(bytes(100))
    fill(tmp_path, [(10, 5)], caches.STUDIES)
    assert replace(caches.STUDIES, most=0).trim(tmp_path, NOW) == 10
    assert [path.name for path in tmp_path.rglob("*")] == ["speeds-cpu.json"]


def test_what_is_touched_was_used_last(tmp_path: Path) -> None:
    first, second = fill(tmp_path, [(10, 60), (10, 30)], caches.FEATURES)
    caches.touch(first)
    replace(caches.FEATURES, most=10).trim(tmp_path, time.time())
    assert first.exists() and not second.exists()
    caches.touch(tmp_path / "nowhere")


def test_a_folder_that_is_not_there_keeps_nothing(tmp_path: Path) -> None:
    assert caches.FEATURES.trim(tmp_path / "nowhere", NOW) == 0


def test_every_limit_is_a_size_that_a_disk_has() -> None:
    assert all(1 << 20 < cache.most <= 4 << 30 for cache in caches.ALL)
    assert len({cache.name for cache in caches.ALL}) == len({cache.pattern for cache in caches.ALL}) == 4
