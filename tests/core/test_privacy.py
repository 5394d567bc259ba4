"""A report tells where something happened, not whose machine it was."""

from __future__ import annotations

import pytest

from blender_bend.core.privacy import without_private


@pytest.mark.parametrize(
    ("home", "user", "text", "left"),
    [
        ("/home/anna", "anna", "/home/anna/films/a.blend", "~/films/a.blend"),
        ("/home/anna", "anna", "/home/annabel/films", "/home/annabel/films"),
        ("/home/anna", "anna", "/media/anna/disk and joanna", "/media/…/disk and joanna"),
        ("C:\\Users\\Anna", "Anna", "c:\\users\\anna\\AppData", "~\\AppData"),
        ("C:\\Users\\Anna", "Anna", "C:/Users/Anna/AppData", "~/AppData"),
        ("C:\\Users\\Anna", "Anna", "'C:\\\\Users\\\\Anna\\\\AppData'", "'~\\\\AppData'"),
        ("/home/anna", "anna", "http://anna:secret@proxy:8080/simple", "http://…@proxy:8080/simple"),
        ("/home/anna", "anna", "token hf_abcDEF123456 sent", "token hf_… sent"),
        ("/", "anna", "/usr/lib and 3/4", "/usr/lib and 3/4"),
    ],
)
def test_what_is_private_is_left_out(home: str, user: str, text: str, left: str) -> None:
    assert without_private(text, home, user) == left


def test_without_a_word_it_is_the_person_who_runs_it() -> None:
    from pathlib import Path

    assert str(Path.home()) not in without_private(f"at {Path.home() / 'films'} and on") or str(Path.home()) == "/"
