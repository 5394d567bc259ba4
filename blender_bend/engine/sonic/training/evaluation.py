"""Makes a picture of every sound of a folder, without a prompt, and measures how well they fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import PIL.Image
import torch
from torch import Tensor

from ....core.errors import BendError, Code
from ...analysis.reading.sound_file import read_mono
from ...host.results import write_picture, write_text
from ..clap import AudioTower
from ..mel import prepare
from .dataset import embed, pairs_in, read_picture
from .measures import Clip, audio_image_content, similarity, wav2clip


def evaluate(
    paint: Callable[[Tensor, int], PIL.Image.Image],
    tower: AudioTower,
    data: Path,
    out: Path,
    *,
    clip: Path,
    clip_b: Path | None = None,
) -> dict[str, float]:
    """Measure AIC and IIS, and AIS if there is a CLIP ViT-B/32 for it; the pool is the folder itself.

    Parameters
    ----------
    paint : makes the picture of a sound's vector, with a seed
    data : ``CLASS/NAME.wav`` with ``NAME.png`` beside it; sounds without a picture are left out
    out : folder for ``CLASS/NAME.png`` of what was made, and ``figures.json``
    clip, clip_b : folders of CLIP ViT-L/14 and ViT-B/32

    Raises
    ------
    BendError(INPUT_MISSING) if there is nothing to measure, BendError(MODEL_MISSING)
    """
    pairs = [(sound, picture) for sound, picture in pairs_in(data) if picture is not None]
    if not pairs:
        raise BendError(
            Code.INPUT_MISSING,
            f"There is nothing to measure in {data}.",
            "Put sounds into one folder per class, each with a picture of the same name.",
        )
    large = Clip(clip)
    made = []
    for number, (sound, _) in enumerate(pairs, 1):
        picture = paint(embed(tower, sound), number)
        path = out / sound.parent.name / f"{sound.stem}.png"
        write_picture(path, picture)
        made.append(picture)
        print(f"picture {number}/{len(pairs)}", flush=True)
    classes = sorted({sound.parent.name for sound, _ in pairs})
    vectors, partners = large.pictures(made), large.pictures([read_picture(picture) for _, picture in pairs])
    numbers = torch.tensor([classes.index(sound.parent.name) for sound, _ in pairs])
    names = large.words([name.replace("_", " ") for name in classes])
    figures = {
        "pictures": float(len(made)),
        "AIC": audio_image_content(vectors, names, numbers),
        "IIS": similarity(vectors, partners, partners),
    }
    if clip_b is not None:
        sounds = wav2clip([prepare(*read_mono(sound)) for sound, _ in pairs])
        figures["AIS"] = similarity(Clip(clip_b).pictures(made), sounds, sounds)
    write_text(out / "figures.json", json.dumps(figures, indent=2) + "\n")
    return figures
