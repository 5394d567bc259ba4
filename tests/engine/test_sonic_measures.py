"""AIS, IIS and AIC against counting by hand, with a tiny real CLIP; and a whole evaluation of a folder."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import soundfile
import torch
from make_adapters import in_memory
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

from blender_bend.core.errors import BendError, Code
from blender_bend.core.models.references import MINI_PATH
from blender_bend.engine.sampling.sound_picture import sound_picture
from blender_bend.engine.sonic.clap import AudioTower
from blender_bend.engine.sonic.training.evaluation import evaluate
from blender_bend.engine.sonic.training.measures import Clip, audio_image_content, rank_share, similarity, wav2clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CLIP with random weights, in a folder as users have it."""
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    tokenizer = CLIPTokenizer.from_pretrained(MINI_PATH / "tokenizer")
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {**small, "vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "projection_dim": 8}
    vision = {**small, "image_size": 32, "patch_size": 16, "projection_dim": 8}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)).save_pretrained(folder)
    sizes = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    CLIPProcessor(CLIPImageProcessor(**sizes), tokenizer).save_pretrained(folder)
    return folder


def test_ranks_count_what_is_strictly_less_alike() -> None:
    own, pool = torch.tensor([0.5, 0.9]), torch.tensor([[0.1, 0.5, 0.9, 0.4], [0.9, 0.8, 0.95, 1.0]])
    assert rank_share(own, pool) == pytest.approx((2 / 4 + 1 / 4) / 2)


def test_similarity_is_a_rank_of_cosines() -> None:
    random = np.random.default_rng(1)
    pictures, sounds, pool = (random.normal(size=(n, 5)) for n in (4, 4, 9))

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    wanted = np.mean(
        [
            [cosine(picture, other) < cosine(picture, sound) for other in pool]
            for picture, sound in zip(pictures, sounds, strict=True)
        ]
    )
    found = similarity(*(torch.from_numpy(x) for x in (pictures, sounds, pool)))
    assert found == pytest.approx(wanted)


def test_content_is_the_share_of_nearest_names() -> None:
    names = torch.eye(3)
    pictures = torch.tensor([[5.0, 1, 0], [0, 1, 0.9], [0.2, 0.1, 0.3], [1, 0, 0]])
    assert audio_image_content(pictures, names, torch.tensor([0, 2, 2, 1])) == 0.5


def test_clips_vectors_are_those_of_transformers(clip: Path) -> None:
    pictures = [PIL.Image.new("RGB", (50, 40), colour) for colour in ("red", "blue", "white")]
    mine = Clip(clip)
    assert mine.pictures(pictures, batch=2).shape == (3, 8)
    assert torch.allclose(mine.pictures(pictures, batch=2), mine.pictures(pictures), atol=1e-5)
    words = mine.words(["fire", "rain on a window"])
    assert words.shape == (2, 8) and not torch.allclose(words[0], words[1])


def test_a_folder_is_measured(clip: Path, tmp_path: Path, load: Callable[..., Any]) -> None:
    pipeline = load("sd15")
    conditioner = in_memory(pipeline.unet, embedding=8)
    for number, name in enumerate(("fire/one", "fire/two", "rain/one")):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path.with_suffix(".wav"), np.sin(np.arange(8000) * (number + 1) / 9), 16000)
        PIL.Image.new("RGB", (80, 60), (number * 90, 10, 10)).save(path.with_suffix(".png"))
    tower = AudioTower((2, 2, 2, 2, 2, 2), 8)
    paint = functools.partial(sound_picture, pipeline, conditioner, size=(64, 64), steps=2)
    seeded = lambda vector, seed: paint(vector, seed=seed)  # noqa: E731
    figures = evaluate(seeded, tower, tmp_path / "data", tmp_path / "out", clip=clip)
    assert json.loads((tmp_path / "out" / "figures.json").read_text()) == figures
    assert figures["pictures"] == 3 and 0 <= figures["AIC"] <= 1 and 0 <= figures["IIS"] <= 1
    assert len(list((tmp_path / "out").glob("*/*.png"))) == 3
    with pytest.raises(BendError) as caught:
        evaluate(seeded, tower, tmp_path / "out" / "fire", tmp_path / "none", clip=clip)
    assert caught.value.code == Code.INPUT_MISSING


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(BendError) as caught:
        Clip(tmp_path)
    assert caught.value.code == Code.MODEL_MISSING and "clip-vit-large" in caught.value.hint
    with pytest.raises(BendError) as caught:
        wav2clip([torch.zeros(10)])
    assert caught.value.code == Code.MODEL_MISSING and "pip install wav2clip" in caught.value.hint
