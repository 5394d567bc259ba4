"""Captions: what a person might type for a picture, drawn afresh each time from what was painted."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

import numpy as np

from blender_bend.engine.scenes import MOODS, PALETTES, SCENES

EMPTY = 0.10  # captions without a word, which teach what guidance leads away from
BARE = 0.10  # captions of the scene's words alone
FILLER = 0.15  # captions with a word that says nothing about the picture
LETTERS = 0.03  # captions with a word that no language has
TEMPLATES = (
    ("{palette} {scene}", 5),
    ("{scene}, {palette}", 2),
    ("{scene}, {palette} colors", 1),
    ("{scene} in {palette}", 2),
    ("a {palette} {scene}", 3),
    ("the {palette} {scene}", 1),
    ("{scene} with {palette} light", 1),
    ("a picture of {palette} {scene}", 1),
    ("{palette} palette, {scene}", 1),
)
WITH_MOOD = ("{mood} {text}", "{text}, {mood}", "{text}, {mood} mood", "{text}, {mood}")
_FILLERS = """
beautiful detailed abstract art artwork masterpiece surreal fantasy digital painting photo picture image
concept illustration wonderful strange magical mysterious calm powerful energetic music sound song beat bass
melody vibration stage tiny huge giant endless flowing moving modern minimalist retro style stylized render 3d
4k quality trending wallpaper background scene landscape world dream psychedelic trippy robot cat dog house
car people girl face castle dragon ship horse book happy sad love lonely my the with and of at
"""
FILLERS = tuple(_FILLERS.split())
PLAIN_WORDS = ("a", "the", "in", "with", "of", "and", "on", "at", "over", "under", "light", "colors", "mood", "palette")


@dataclass(frozen=True)
class Attributes:
    """What was painted."""

    scene: str
    palette: str
    mood: str = "none"


def plain(attributes: Attributes) -> str:
    """The plain prompt of a scene and palette: the first word of each."""
    return f"{PALETTES[attributes.palette].words[0]} {SCENES[attributes.scene].words[0]}"


def caption(attributes: Attributes, random: np.random.Generator) -> str:
    """One caption of a picture.

    Parameters
    ----------
    random : where every choice comes from
    """
    chance = random.random()
    if chance < EMPTY:
        return ""
    scene = _word(SCENES[attributes.scene].words, random)
    if chance < EMPTY + BARE:
        return scene
    weights = np.array([weight for _, weight in TEMPLATES], float)
    template = TEMPLATES[int(random.choice(len(TEMPLATES), p=weights / weights.sum()))][0]
    if "{palette} {scene}" in template:
        scene = scene.removeprefix("a ").removeprefix("an ").removeprefix("the ")
    text = template.format(scene=scene, palette=_word(PALETTES[attributes.palette].words, random))
    if attributes.mood != "none" and random.random() < 0.85:
        mood = _word(MOODS[attributes.mood].words, random)
        text = WITH_MOOD[int(random.integers(len(WITH_MOOD)))].format(mood=mood, text=text)
    if random.random() < FILLER:
        text = _insert(text, FILLERS[int(random.integers(len(FILLERS)))], random)
    if random.random() < LETTERS:
        letters = random.choice(list(string.ascii_lowercase), size=int(random.integers(3, 9)))
        text = _insert(text, "".join(letters), random)
    return text


def vocabulary() -> list[str]:
    """Every word that a caption can have, but for the random letters; each once, in a fixed order."""
    phrases = [*FILLERS, *PLAIN_WORDS, "picture"]
    for table in (SCENES, PALETTES, MOODS):
        for entry in table.values():
            phrases += entry.words
    return sorted({word for phrase in phrases for word in re.findall(r"[a-z]+|[0-9]", phrase.lower())})


def _word(words: tuple[str, ...], random: np.random.Generator) -> str:
    """One of the words; the first, which is the plain one, in a third of the draws."""
    if random.random() < 1 / 3:
        return words[0]
    return words[int(random.integers(len(words)))]


def _insert(text: str, word: str, random: np.random.Generator) -> str:
    words = text.split()
    words.insert(int(random.integers(len(words) + 1)), word)
    return " ".join(words)
