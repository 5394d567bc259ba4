"""Pictures from sound on a stock pipeline: guidance, scale, window, and the base model without sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from make_adapters import in_memory
from torch import Tensor

from blender_bend.engine.sampling.sound_picture import sound_picture
from blender_bend.engine.sonic.condition import Branch, Guidance, SoundConditioner

SIZE = {"size": (64, 64), "steps": 4, "seed": 3}


@pytest.fixture(scope="module")
def pipeline(load: Callable[..., Any]) -> Any:
    return load("sd15")


@pytest.fixture(scope="module")
def conditioner(pipeline: Any) -> SoundConditioner:
    return in_memory(pipeline.unet, gate=1.0, louder=4)


FIRE, RAIN = torch.eye(32)[3], torch.eye(32)[20]


def pixels(picture: Any) -> np.ndarray:
    return np.asarray(picture).astype(int)


def stock(pipeline: Any, guidance: float, **arguments: Any) -> np.ndarray:
    generator = torch.Generator("cpu").manual_seed(SIZE["seed"])
    return pixels(
        pipeline(
            num_inference_steps=SIZE["steps"], width=64, height=64, guidance_scale=guidance, generator=generator,
            **arguments,
        ).images[0]
    )  # fmt: skip


@pytest.mark.parametrize("guidance", [7.5, 1.0])
@pytest.mark.parametrize("prompt", ["a calm sea", ""])
def test_scale_0_is_the_base_models_picture_to_the_bit(
    pipeline: Any, conditioner: SoundConditioner, guidance: float, prompt: str
) -> None:
    got = sound_picture(pipeline, conditioner, FIRE, prompt=prompt, guidance=Guidance(guidance), scale=0.0, **SIZE)
    assert np.array_equal(pixels(got), stock(pipeline, guidance, prompt=prompt))


def test_joint_guidance_is_the_stock_pipeline_with_the_sounds_tokens_in_its_two_rows(
    pipeline: Any, conditioner: SoundConditioner
) -> None:
    got = sound_picture(pipeline, conditioner, FIRE, prompt="a calm sea", guidance=Guidance(7.5), **SIZE)
    context = torch.cat([conditioner.null, conditioner.tokens(FIRE[None])])
    with conditioner.adapters.applied(pipeline.unet, context):
        assert np.array_equal(pixels(got), stock(pipeline, 7.5, prompt="a calm sea"))


@pytest.mark.parametrize("guidance", [Guidance(7.5), Guidance(3.0, 7.5), Guidance(1.0)], ids=str)
def test_with_an_empty_prompt_the_sound_alone_makes_the_picture(
    pipeline: Any, conditioner: SoundConditioner, guidance: Guidance
) -> None:
    fire, rain, none = (
        pixels(sound_picture(pipeline, conditioner, sound, guidance=guidance, **SIZE)) for sound in (FIRE, RAIN, None)
    )
    assert np.abs(fire - rain).max() > 2 and np.abs(fire - none).max() > 2


def test_silent_guidance_is_the_prompts_alone(pipeline: Any, conditioner: SoundConditioner) -> None:
    """With a guidance of 0 the sound does not count, only the tokens of no sound."""
    fire = sound_picture(pipeline, conditioner, FIRE, prompt="a sea", guidance=Guidance(5.0, 0.0), **SIZE)
    none = sound_picture(pipeline, conditioner, None, prompt="a sea", guidance=Guidance(5.0), **SIZE)
    assert np.array_equal(pixels(fire), pixels(none))


def test_the_window_says_in_which_steps_the_sound_counts(pipeline: Any, conditioner: SoundConditioner) -> None:
    def made(window: tuple[float, float]) -> np.ndarray:
        return pixels(sound_picture(pipeline, conditioner, FIRE, prompt="a sea", window=window, **SIZE))

    whole, early, late, never = (made(w) for w in ((0.0, 1.0), (0.0, 0.5), (0.5, 1.0), (0.5, 0.5)))
    assert np.array_equal(never, stock(pipeline, 7.5, prompt="a sea"))
    assert len({picture.tobytes() for picture in (whole, early, late, never)}) == 4


def test_the_scale_acts_smoothly(pipeline: Any, conditioner: SoundConditioner) -> None:
    made = [
        pixels(sound_picture(pipeline, conditioner, FIRE, prompt="a sea", scale=scale, **SIZE))
        for scale in (0.0, 0.05, 1.0)
    ]
    assert 0 < np.abs(made[1] - made[0]).mean() < np.abs(made[2] - made[0]).mean()


NOTHING, PROMPT, BOTH = Branch(False, False), Branch(True, False), Branch(True, True)
BRANCHES = {
    Guidance(7.5): (NOTHING, BOTH),
    Guidance(1.0): (BOTH,),
    Guidance(3.0, 7.5): (NOTHING, PROMPT, BOTH),
    Guidance(4.0, 4.0): (NOTHING, BOTH),
    Guidance(1.0, 4.0): (PROMPT, BOTH),
    Guidance(4.0, 0.0): (NOTHING, PROMPT),
    Guidance(0.0, 0.0): (NOTHING,),
    Guidance(1.0, 1.0): (BOTH,),
    Guidance(0.0, 2.0): (NOTHING, PROMPT, BOTH),
}


@pytest.mark.parametrize(("guidance", "branches"), BRANCHES.items(), ids=str)
def test_only_what_counts_is_evaluated_and_the_sum_is_that_of_the_formula(
    guidance: Guidance, branches: tuple[Branch, ...]
) -> None:
    assert guidance.branches == branches
    generator = torch.Generator().manual_seed(0)
    said: dict[Branch, Tensor] = {
        branch: torch.randn(1, 4, generator=generator, dtype=torch.float64) for branch in (NOTHING, PROMPT, BOTH)
    }
    got = guidance.combine([said[branch] for branch in branches])
    if guidance.sound is None:
        wanted = said[NOTHING] + guidance.text * (said[BOTH] - said[NOTHING])
        wanted = wanted if guidance.text > 1 else said[BOTH]
    else:
        wanted = said[NOTHING] + guidance.text * (said[PROMPT] - said[NOTHING])
        wanted = wanted + guidance.sound * (said[BOTH] - said[PROMPT])
    assert torch.allclose(got, wanted)
