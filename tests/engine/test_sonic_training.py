"""Training sound adapters: the losses against their formulas, what moves and what does not, going on after a stop."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.sonic.adapters import AudioAdapters
from blender_bend.engine.sonic.projector import AudioProjector
from blender_bend.engine.sonic.training.losses import info_nce, token_distance, token_weights
from blender_bend.engine.sonic.training.training import Examples, Recipe, Training, smoothed

SIZES = {"embedding": 32, "tokens": 77, "width": 32, "inner": 16, "heads": 2}


def examples(count: int = 12) -> Examples:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    classes = torch.arange(count) % 3
    centres = draw(3, 32)
    sounds = torch.nn.functional.normalize(centres[classes] + 0.3 * draw(count, 32), dim=-1)
    return Examples(sounds, draw(3, 77, 32)[classes], classes, draw(1, 77, 32), draw(3, 4, 8, 8)[classes])


def training(stage: int, load: Callable[..., Any] | None = None, **settings: Any) -> Training:
    torch.manual_seed(0)
    projector = AudioProjector("stacked" if stage == 1 else "official", **SIZES)
    recipe = Recipe(stage, **{"steps": 3, "batch": 2, "negatives": 5, **settings})
    if stage == 1:
        return Training(recipe, projector)
    assert load is not None
    pipeline = load("sd15")
    return Training(recipe, projector, AudioAdapters.for_unet(pipeline.unet, 32), pipeline)


def test_the_contrast_is_that_of_the_formula() -> None:
    a, p, n = torch.randn(2, 7, 5), torch.randn(2, 7, 5), torch.randn(2, 4, 7, 5)

    def cosine(x: torch.Tensor, y: torch.Tensor) -> float:
        x, y = x.mean(0), y.mean(0)
        return float(x @ y / (x.norm() * y.norm()))

    wanted = 0.0
    for row in range(2):
        near = math.exp(cosine(a[row], p[row]) / 0.07)
        far = sum(math.exp(cosine(a[row], n[row, k]) / 0.07) for k in range(4))
        wanted -= math.log(near / (near + far)) / 2
    assert float(info_nce(a, p, n)) == pytest.approx(wanted, rel=1e-4)


def test_the_first_tokens_weigh_most() -> None:
    weights = token_weights(77)
    assert float(weights[20]) == pytest.approx(0.5) and float(weights[0]) == pytest.approx(1 / (1 + math.exp(-4)))
    assert bool((weights.diff() < 0).all())
    one, two = torch.randn(2, 77, 6), torch.randn(2, 77, 6)
    wanted = sum(
        float(weights[k]) * float(((one[row, k] - two[row, k]) ** 2).sum()) / 6 for row in range(2) for k in range(77)
    ) / (2 * 77)
    assert float(token_distance(one, two, weights)) == pytest.approx(wanted, rel=1e-4)


def test_stage_1_teaches_the_projector_classes_and_words() -> None:
    run = training(1, steps=20, rate=1e-3)
    run.run(examples())
    assert smoothed(run.losses, 5) < 0.8 * run.losses[0]


def test_stage_2_moves_all_adapters_and_leaves_the_model_alone(load: Callable[..., Any]) -> None:
    run = training(2, load)
    assert run.adapters is not None
    base = {name: tensor.clone() for name, tensor in run.pipeline.unet.state_dict().items()}
    before = copy.deepcopy(run.adapters.state_dict())
    run.run(examples())
    assert all(not torch.equal(before[name], tensor) for name, tensor in run.adapters.state_dict().items())
    assert all(torch.equal(base[name], tensor) for name, tensor in run.pipeline.unet.state_dict().items())
    assert all(math.isfinite(loss) for loss in run.losses)


@pytest.mark.parametrize("stage", [1, 2])
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(
    stage: int, load: Callable[..., Any], tmp_path: Path
) -> None:
    whole = training(stage, load)
    whole.run(examples())
    training(stage, load, steps=2).run(examples(), tmp_path)
    resumed = training(stage, load)
    resumed.run(examples(), tmp_path)
    assert resumed.losses == whole.losses
    for name, module in whole.modules.items():
        again = resumed.modules[name].state_dict()
        assert all(torch.equal(tensor, again[key]) for key, tensor in module.state_dict().items())


def test_a_folder_of_another_training_is_refused(tmp_path: Path) -> None:
    training(1, steps=1).run(examples(), tmp_path)
    with pytest.raises(BendError) as caught:
        training(1, rate=0.5).run(examples(), tmp_path)
    assert caught.value.code == Code.PARAMETER_INVALID and "rate" in caught.value.message


def test_what_cannot_be_learned_from_is_refused(load: Callable[..., Any]) -> None:
    some = examples()
    alike = Examples(some.embeddings, some.words, torch.zeros(12), some.silence)
    for run in (training(1), training(2, load)):
        with pytest.raises(BendError):
            run.run(alike)
