"""The training of mini: every stage at toy size, stopping and resuming, captions, and the model that ships."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from blender_bend.core.models.references import MINI_PATH
from blender_bend.engine.scenes import MOODS, PALETTES, SCENES

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))

from mini import captions  # noqa: E402
from mini.audio_tower import train_tower  # noqa: E402
from mini.autoencoder import train_autoencoder  # noqa: E402
from mini.captions import Attributes  # noqa: E402
from mini.classifier import train_classifier  # noqa: E402
from mini.denoiser import train_denoiser  # noqa: E402
from mini.loop import Budget  # noqa: E402
from mini.pictures import TRAINING, attributes, numbers_of_batch, painted  # noqa: E402
from mini.recipe import TOY  # noqa: E402
from mini.sounds import SOUNDS, sound  # noqa: E402
from mini.tokenizer import make_tokenizer  # noqa: E402

STAGES: dict[str, Callable[[Path, Budget], None]] = {
    "autoencoder": lambda folder, budget: train_autoencoder(0, 1, TOY, folder, budget, None),
    "denoiser16": lambda folder, budget: train_denoiser(0, 1, TOY, folder, budget, TOY.latent // 2, None),
    "classifier": lambda folder, budget: train_classifier(0, 1, TOY, folder, budget),
    "tower": lambda folder, budget: train_tower(0, 1, TOY, folder, budget),
}


def run(*options: object) -> None:
    """The training script, as a person starts it."""
    command = [sys.executable, str(ROOT / "tools" / "mini" / "train.py"), "--toy", *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every stage has run at toy size."""
    folder = tmp_path_factory.mktemp("training")
    run("--stage", "all", "--folder", folder, "--steps", 2, "--ranks", 1)
    return folder


def test_every_stage_runs_from_pictures_to_a_measured_pipeline(trained: Path) -> None:
    for stage in ("autoencoder", "denoiser16", "denoiser32", "classifier", "tower"):
        with (trained / f"{stage}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["step"] for row in rows] == ["1", "2"]
        assert all(np.isfinite(float(row["loss"])) for row in rows)
    figures = json.loads((trained / "gate-export.json").read_text())
    assert {"generated_subject", "generated_palette", "frechet", "psnr", "mid_block_change", "sweep"} <= set(figures)
    assert (trained / "grids" / "prompts_and_seeds.jpg").is_file()
    assert (trained / "export" / "model_index.json").is_file()
    figures = json.loads((trained / "adapters.json").read_text())
    assert set(figures["scene_right"]) == set(SOUNDS) and len(figures["edit_edge_correlation"]) == 4
    assert {path.name for path in (trained / "sound").iterdir()} == {
        "clap.safetensors",
        "projector.safetensors",
        "adapters.safetensors",
    }


@pytest.mark.parametrize("stage", STAGES)
def test_a_stopped_and_resumed_training_equals_an_undisturbed_one(trained: Path, tmp_path: Path, stage: str) -> None:
    states = []
    for name, stops in (("undisturbed", (0,)), ("resumed", (1, 3, 0))):
        folder = tmp_path / name
        shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("*.pt", "*.csv", "export", "grids*"))
        for stop_at in stops:
            STAGES[stage](folder, Budget(steps=5, stop_at=stop_at))
        states.append(torch.load(folder / f"{stage}.pt", weights_only=True))
        with (folder / f"{stage}.csv").open(newline="") as file:
            assert [row["step"] for row in csv.DictReader(file)] == ["1", "2", "3", "4", "5"]
    undisturbed, resumed = states
    for part in ("module", "average"):
        assert undisturbed[part].keys() == resumed[part].keys()
        for name, weight in undisturbed[part].items():
            assert torch.equal(weight, resumed[part][name]), name


def test_two_ranks_train_together(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "pictures", tmp_path / "pictures")
    run("--stage", "classifier", "--folder", tmp_path, "--steps", 2, "--ranks", 2)
    assert torch.load(tmp_path / "classifier.pt", weights_only=True)["step"] == 2


def test_every_picture_is_seen_once_before_any_is_seen_again() -> None:
    seen = [numbers_of_batch(32, 1, step, rank, 2, 4) for step in range(8) for rank in range(2)]
    assert sorted(np.concatenate(seen[:8])) == list(range(32))
    assert sorted(np.concatenate(seen[8:])) == list(range(32))
    assert not np.array_equal(np.concatenate(seen[:8]), np.concatenate(seen[8:]))


def test_a_picture_is_painted_the_same_whenever_it_is_painted() -> None:
    assert np.array_equal(painted(TOY, TRAINING, 7), painted(TOY, TRAINING, 7))
    assert {attributes(TOY, TRAINING, number).scene for number in range(len(SCENES))} == set(SCENES)


def test_captions_use_every_word_of_every_scene_palette_and_mood() -> None:
    random = np.random.default_rng(0)
    for table, part in ((SCENES, "scene"), (PALETTES, "palette"), (MOODS, "mood")):
        for name, entry in table.items():
            if name == "none":
                continue
            what = Attributes(**({"scene": "orb", "palette": "red", "mood": "none"} | {part: name}))
            drawn = " | ".join(captions.caption(what, random) for _ in range(400))
            for word in entry.words:
                assert word.removeprefix("a ").removeprefix("an ").removeprefix("the ") in drawn, (name, word)


def test_a_tenth_of_the_captions_is_empty_and_a_tenth_the_bare_scene() -> None:
    random = np.random.default_rng(1)
    drawn = [captions.caption(Attributes("waves", "teal"), random) for _ in range(4000)]
    assert 0.07 < np.mean([text == "" for text in drawn]) < 0.13
    assert 0.07 < np.mean([text in SCENES["waves"].words for text in drawn]) < 0.13


def test_each_known_word_is_one_token_and_any_other_can_be_spelt() -> None:
    tokenizer = make_tokenizer(32)
    for word in captions.vocabulary():
        assert len(tokenizer(word, add_special_tokens=False).input_ids) == 1, word
    spelt = tokenizer("flibbertigibbet ünïcode 漢字", add_special_tokens=False).input_ids
    assert tokenizer.unk_token_id not in spelt


def test_the_model_that_ships_works_with_stock_diffusers_alone(tmp_path: Path) -> None:
    program = f"""
import sys
import numpy as np
from diffusers import StableDiffusionPipeline
pipeline = StableDiffusionPipeline.from_pretrained({str(MINI_PATH)!r})
picture = pipeline("golden mandala", num_inference_steps=3, height=128, width=192, output_type="np").images[0]
assert picture.shape == (128, 192, 3) and np.isfinite(picture).all() and picture.std() > 0.02, picture.std()
assert not [name for name in sys.modules if name.startswith("blender_bend")]
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert sum(path.stat().st_size for path in MINI_PATH.rglob("*.safetensors")) <= 30_000_000


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_sound_is_of_its_seed_alone_and_can_be_figures(kind: str) -> None:
    first, again, other = sound(kind, 3, 2.0), sound(kind, 3, 2.0), sound(kind, 4, 2.0)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert first.shape == (88_200,) and first.dtype == np.float32
    assert 0.09 < np.abs(first).max() < 0.91 and first.std() > 1e-3
    assert SOUNDS[kind].scene in SCENES


def test_every_sound_has_a_scene_of_its_own() -> None:
    assert len({kind.scene for kind in SOUNDS.values()}) == len(SOUNDS) >= 8
