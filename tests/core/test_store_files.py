"""Files of a frame store are counted by kind, and what is not Bend's is not counted."""

from __future__ import annotations

import pytest

from blender_bend.core.job.store_files import kind_of, tallies
from blender_bend.core.wording import counted

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"{DIGEST}.png", "frame"),
        (f"inputs/{DIGEST}.png", "captured picture"),
        (f"inputs/{DIGEST}.f32", "sound embedding"),
        (".tmpabc.tmp", "unfinished file"),
        ("inputs/.tmpabc.tmp", "unfinished file"),
        (f"{DIGEST}.f32", ""),
        (f"{DIGEST[1:]}.png", ""),
        (f"inputs/x/{DIGEST}.png", ""),
        ("not-rendered-256x256.png", ""),
        ("notes.txt", ""),
    ],
)
def test_a_file_is_named_by_its_kind(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_every_kind_is_counted_on_its_own() -> None:
    files = [(f"{number:064x}.png", 10) for number in range(5)]
    files += [(f"inputs/{number:064x}.png", 3) for number in range(24)] + [("notes.txt", 99)]
    assert [(tally.words(), tally.bytes) for tally in tallies(files)] == [
        ("5 frames", 50),
        ("24 captured pictures", 72),
    ]
    assert tallies([]) == ()


@pytest.mark.parametrize(("count", "text"), [(0, "0 frames"), (1, "1 frame"), (1440, "1,440 frames")])
def test_a_number_with_its_noun(count: int, text: str) -> None:
    assert counted(count, "frame") == text
