"""A folder of sounds, pictures and captions, encoded once: ``CLASS/NAME.wav``, ``NAME.png`` and ``NAME.txt``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import PIL.Image
import soundfile
import torch
from torch import Tensor

from ....core.errors import BendError, Code
from ....core.files import foreign_json, png_file
from ....core.files.whole import open_regular
from ...analysis.reading.sound_file import read_mono
from ...families import family_of
from ...store.frame_store import UNREADABLE
from ..clap import AudioTower
from ..inversion import source_latents
from ..mel import prepare, window
from .training import Examples

_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_FORMATS = ("PNG", "JPEG", "WEBP")
#: Bytes of a caption; CLIP reads some 300 letters.
_LONGEST_CAPTION = 100_000


def read_examples(folder: Path, pipeline: Any, tower: AudioTower, size: int = 512, pictures: bool = True) -> Examples:
    """Encode everything in a folder.

    Parameters
    ----------
    folder : with a folder for each class of sounds; a sound without a caption is called after its class
    size : side of the pictures in pixels, which are cut to the middle
    pictures : whether they are needed; sounds without one are left out then

    Raises
    ------
    BendError(INPUT_MISSING) if there is nothing to learn from
    """
    kept = [(sound, picture) for sound, picture in pairs_in(folder) if picture is not None or not pictures]
    if not kept:
        raise BendError(
            Code.INPUT_MISSING,
            f"There is nothing to train on in {folder}.",
            "Put sounds into one folder per class, each with a picture of the same name.",
        )
    family = family_of(pipeline)
    names = sorted({sound.parent.name for sound, _ in kept})

    def words(caption: str) -> Tensor:
        with torch.inference_mode():
            return family.encode_prompt(caption, "", False)["prompt_embeds"].clone()

    captions = {caption: words(caption) for caption in {caption_of(sound) for sound, _ in kept}}
    latents = [
        source_latents(family, read_picture(picture), (size, size)) for _, picture in kept if picture is not None
    ]
    return Examples(
        torch.cat([embed(tower, sound) for sound, _ in kept]),
        torch.cat([captions[caption_of(sound)] for sound, _ in kept]),
        torch.tensor([names.index(sound.parent.name) for sound, _ in kept]),
        words(""),
        torch.cat(latents).clone() if pictures else None,
    )


def pairs_in(folder: Path) -> list[tuple[Path, Path | None]]:
    """Every sound of a folder of classes, with the picture that belongs to it."""
    sounds = [path for path in sorted(folder.glob("*/*")) if path.suffix[1:].upper() in soundfile.available_formats()]
    return [(sound, _picture_of(sound)) for sound in sounds]


def embed(tower: AudioTower, sound: Path) -> Tensor:
    """CLAP's vector of the first ten seconds of a file, shape (1, 1024)."""
    return tower(window(prepare(*read_mono(sound)))[None])


def _picture_of(sound: Path) -> Path | None:
    return next((path for suffix in _PICTURES if (path := sound.with_suffix(suffix)).is_file()), None)


def caption_of(sound: Path) -> str:
    try:
        text = foreign_json.read_text(sound.with_suffix(".txt"), _LONGEST_CAPTION)
    except foreign_json.Unreadable as error:
        raise BendError(Code.INPUT_MISSING, f"A caption isn't text: {error}.", "Save it as text in UTF-8.") from error
    return sound.parent.name.replace("_", " ") if text is None else text.strip()


def read_picture(path: Path) -> PIL.Image.Image:
    """A picture in three colours.

    Raises
    ------
    BendError(INPUT_MISSING) if it is none, or larger than any
    """
    try:
        with open_regular(path, follow=True) as file, PIL.Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > png_file.MOST_PIXELS:
                raise ValueError(f"{image.width} × {image.height} pixels")
            return image.convert("RGB")
    except UNREADABLE as error:
        raise BendError(
            Code.INPUT_MISSING,
            f"{path.name} is not a readable image.",
            "Save it again as PNG, JPEG or WebP, or remove it from the folder.",
        ) from error
