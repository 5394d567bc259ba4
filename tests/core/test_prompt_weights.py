"""Weights in prompts as artists write them, and the names of embeddings in prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.job.job import Embedding, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.prompts.embeddings import replaced, used
from blender_bend.core.prompts.weights import LEAST, MOST, is_plain, is_weighted, literal, read, words

#: What is written, and how AUTOMATIC1111's web UI documents that it is read; only unbalanced brackets differ from it.
READ: dict[str, list[tuple[str, float]]] = {
    "a (calm:1.3) sea": [("a ", 1.0), ("calm", 1.3), (" sea", 1.0)],
    "(calm) sea": [("calm", 1.1), (" sea", 1.0)],
    "((calm))": [("calm", 1.21)],
    "[calm] sea": [("calm", 0.909091), (" sea", 1.0)],
    "([calm])": [("calm", 1.0)],
    "(a calm (deep:1.2) sea:1.5)": [("a calm ", 1.5), ("deep", 1.8), (" sea", 1.5)],
    "(a (deep:1.2) sea)": [("a ", 1.1), ("deep", 1.32), (" sea", 1.1)],
    "((deep):1.2)": [("deep", 1.32)],
    "(calm:.5)(sea: 2 )": [("calm", 0.5), ("sea", 2.0)],
    "(calm:+1.25)": [("calm", 1.25)],
    "(calm, sea:1.2), fire": [("calm, sea", 1.2), (", fire", 1.0)],
    "(at 12:30)": [("at 12", 10.0)],
    "(ratio 4:3:1.2)": [("ratio 4:3", 1.2)],
    # What is no number is text.
    "(calm:sea)": [("calm:sea", 1.1)],
    "(calm:)": [("calm:", 1.1)],
    "(calm:1.2.3)": [("calm:1.2.3", 1.1)],
    "(calm:-1)": [("calm:-1", 1.1)],
    "(calm:nan)": [("calm:nan", 1.1)],
    "[calm:1.3]": [("calm:1.3", 0.909091)],
    "calm:1.3": [("calm:1.3", 1.0)],
    # Weights have limits.
    "(calm:0)": [("calm", 0.0)],
    "(calm:99)": [("calm", 10.0)],
    "(" * 60 + "calm" + ")" * 60: [("calm", 10.0)],
    # Escaped and unbalanced brackets are letters.
    "a \\(calm\\) sea": [("a (calm) sea", 1.0)],
    "(a \\(calm\\) sea:1.2)": [("a (calm) sea", 1.2)],
    "\\[calm\\] \\\\": [("[calm] \\", 1.0)],
    "a (calm sea": [("a (calm sea", 1.0)],
    "a calm) sea": [("a calm) sea", 1.0)],
    "a ((calm:1.3) sea": [("a (", 1.0), ("calm", 1.3), (" sea", 1.0)],
    "(a [calm) sea]": [("a [calm", 1.1), (" sea]", 1.0)],
    "sad :( or :)": [("sad :", 1.0), (" or :", 1.1)],
    "a\\b": [("a\\b", 1.0)],
    # Nothing is nothing.
    "": [],
    "()": [],
    "(:1.3)": [],
    "[]": [],
}


@pytest.mark.parametrize("prompt", READ)
def test_it_is_read_as_it_is_documented(prompt: str) -> None:
    (part,) = read(prompt)
    assert [(fragment.text, fragment.weight) for fragment in part] == READ[prompt]


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("sea BREAK fire", ["sea", "fire"]),
        ("sea,\nBREAK\nfire BREAK moon", ["sea,", "fire", "moon"]),
        ("BREAK sea", ["", "sea"]),
        ("breaking BREAKER break", ["breaking BREAKER break"]),
    ],
)
def test_break_divides_a_prompt(prompt: str, parts: list[str]) -> None:
    assert ["".join(fragment.text for fragment in part) for part in read(prompt)] == parts


def test_a_weight_goes_on_beyond_a_break() -> None:
    first, second = read("(sea BREAK fire:1.5)")
    assert [(one.text, one.weight) for one in (*first, *second)] == [("sea", 1.5), ("fire", 1.5)]


@given(st.text(alphabet="ab ()[]\\:.1BREAK", max_size=40))
def test_whatever_is_typed_is_read(prompt: str) -> None:
    parts = read(prompt)
    assert parts
    for part in parts:
        for one, after in pairwise(part):
            assert one.weight != after.weight
        for fragment in part:
            assert fragment.text and LEAST <= fragment.weight <= MOST
    if is_plain(prompt):
        assert words(parts) == prompt and not is_weighted(parts)


@given(
    st.text(alphabet=st.characters(exclude_characters="()[]\\"), max_size=40).filter(lambda text: "BREAK" not in text)
)
def test_a_prompt_without_brackets_is_itself(prompt: str) -> None:
    assert read(prompt) == literal(prompt) and words(literal(prompt)) == prompt


@given(st.text(max_size=30))
def test_everything_can_be_escaped(text: str) -> None:
    escaped = "".join(f"\\{letter}" if letter in "()[]\\" else letter for letter in text)
    assert "BREAK" in text or words(read(escaped)) == text


NAMES = ["style", "style-2", "<cat-toy>", "Easy (v2)", "ı"]


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("a sea in style", ["style"]),
        ("STYLE, (style-2:1.3)", ["style", "style-2"]),
        ("styles mystyle my-style style_1 style-3", []),
        ("a<cat-toy>b", ["<cat-toy>"]),
        ("easy (v2)", ["Easy (v2)"]),
        ("style.", ["style"]),
        ("İ ı I i", ["ı"]),
        ("", []),
    ],
)
def test_an_embedding_is_found_by_its_name_as_a_word(prompt: str, found: list[str]) -> None:
    assert used([prompt], NAMES) == found
    assert used([prompt], [*NAMES, ""]) == found


def test_names_make_room_for_what_they_stand_for() -> None:
    assert replaced("Style, (style-2:1.3)", NAMES, lambda name: f"<{name}>") == "<style>, (<style-2>:1.3)"
    assert replaced("a sea", [], str.upper) == "a sea"


EMBEDDING = Embedding("style", "/style.safetensors", "a" * 64)


def key(job: Job, prompt: str = "", negative: str = "", **settings: object) -> str:
    """The key of the job's first frame with other prompts and settings."""
    frame = replace(job.frames[0], prompt=((prompt or "a calm sea", 1.0),))
    changed = replace(job, frames=(frame,), negative=negative or job.negative, **settings)
    return frame_key(resolve(changed, frame))


CHANGES: dict[str, Callable[[Job], str]] = {
    "clip skip": lambda job: key(job, clip_skip=1),
    "an embedding that is named": lambda job: key(job, "a style sea", embeddings=(EMBEDDING,)),
    "another file of that name": lambda job: key(
        job, "a style sea", embeddings=(replace(EMBEDDING, fingerprint="b" * 64),)
    ),
    "the same words without a file": lambda job: key(job, "a style sea"),
    "an embedding in the negative prompt": lambda job: key(job, negative="style", embeddings=(EMBEDDING,)),
    "the same negative words without a file": lambda job: key(job, negative="style"),
    "weights": lambda job: key(job, "a (calm) sea"),
    "the same brackets as letters": lambda job: key(job, "a (calm) sea", prompt_weights=False),
    "negative weights": lambda job: key(job, negative="(blurry)"),
    "the same negative brackets as letters": lambda job: key(job, negative="(blurry)", prompt_weights=False),
}


def test_all_that_changes_an_embedding_is_in_the_key(job: Job) -> None:
    keys = {name: change(job) for name, change in CHANGES.items()} | {"as it was": key(job)}
    assert len(set(keys.values())) == len(keys)


def test_what_changes_no_embedding_is_not_in_the_key(job: Job) -> None:
    assert key(job, prompt_weights=False) == key(job)  # no brackets
    assert key(job, embeddings=(EMBEDDING,)) == key(job)  # not named
    unguided = replace(job, guidance=1.0)
    named = replace(unguided, negative="style (dark)", embeddings=(EMBEDDING,))
    assert key(named, negative=named.negative) == key(unguided)
    elsewhere = replace(EMBEDDING, path="/elsewhere")
    assert key(job, "style", embeddings=(elsewhere,)) == key(job, "style", embeddings=(EMBEDDING,))


def test_a_resolved_frame_in_the_usual_way_is_as_it_was(job: Job) -> None:
    assert not {"weights", "clip_skip", "embeddings"} & resolve(job, job.frames[0]).keys()
