"""Editing by sound: inversion and injection against the formulas written out again, and what an artist sees of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import PIL.Image
import pytest
import sonic_formulas as formulas
import torch
from diffusers import UNet2DConditionModel
from make_adapters import in_memory
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.engine.families import family_of
from blender_bend.engine.sampling import Sampler, denoise_plain
from blender_bend.engine.sampling.sound_picture import Given, sound_frame, sound_picture
from blender_bend.engine.scenes import paint
from blender_bend.engine.sonic.condition import Guidance, SoundConditioner
from blender_bend.engine.sonic.editing import attention_places, feature_places, injected
from blender_bend.engine.sonic.inversion import ddim_of, invert, source_latents

SIZE, STEPS = (64, 64), 5


@pytest.fixture(scope="module")
def pipeline(load: Callable[..., Any]) -> Any:
    return load("sd15")


@pytest.fixture(scope="module")
def conditioner(pipeline: Any) -> SoundConditioner:
    return in_memory(pipeline.unet, gate=1.0)


@pytest.fixture(scope="module")
def start() -> Tensor:
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))


SOUND = torch.eye(32)[3]


def alphas() -> Tensor:
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float32) ** 2
    return torch.cumprod(1 - betas, dim=0)


def test_the_inversion_is_that_of_the_formula(pipeline: Any, start: Tensor) -> None:
    got = invert(family_of(pipeline), start, STEPS, SIZE)
    assert list(got) == [1 + 200 * step for step in range(STEPS)]
    text = pipeline.encode_prompt("", "cpu", 1, False)[0]
    z, bar = start, alphas()
    for step, t in enumerate(got):
        before = bar[got_before] if (got_before := t - 200) > 0 else bar[0]
        with torch.no_grad():
            eps = pipeline.unet(z, t, encoder_hidden_states=text).sample
        clean = (z - (1 - before).sqrt() * eps) / before.sqrt()
        z = bar[t].sqrt() * clean + (1 - bar[t]).sqrt() * eps
        assert formulas.relative(got[t], z) < 1e-6, step


def test_fifty_steps_are_the_published_timesteps(pipeline: Any, start: Tensor) -> None:
    timesteps = list(invert(family_of(pipeline), start, 50, SIZE))
    assert (timesteps[:2], timesteps[-1], len(timesteps)) == ([1, 21], 981, 50)


def test_layout_is_taken_from_the_published_places() -> None:
    with torch.device("meta"):
        unet = UNet2DConditionModel(**formulas.SD14)
    assert feature_places(unet) == ["up_blocks.1.resnets.1.conv2", "up_blocks.1.resnets.2.conv2"]
    blocks = [(1, 1), (1, 2), *((b, n) for b in (2, 3) for n in range(3))]
    assert attention_places(unet) == [
        f"up_blocks.{b}.attentions.{n}.transformer_blocks.0.attn1.{part}"
        for b, n in blocks
        for part in ("to_q", "to_k")
    ]


Kept = tuple[float, float]


def edited(
    pipeline: Any, conditioner: SoundConditioner, trajectory: dict[int, Tensor], sound: Tensor | None, **told: Any
) -> Tensor:
    """The finished latent of a picture whose way back to noise is known."""
    sampler = Sampler(pipeline)
    sampler.conditioner = conditioner
    sampler.inversions.of = lambda *_: trajectory  # type: ignore[method-assign]
    return denoise_plain(sampler, sound_frame(True, steps=len(trajectory), **told), Given(None, sound))


def transcribed(pipeline: Any, conditioner: SoundConditioner, trajectory: dict[int, Tensor], kept: Kept) -> Tensor:
    """The edit in separate evaluations of the UNet: the source's is recorded, the others' are overwritten by it."""
    unet, bar = pipeline.unet, alphas()
    empty, prompt = (pipeline.encode_prompt(words, "cpu", 1, False)[0] for words in ("", "a sea"))
    null, tokens = conditioner.null, conditioner.projector(SOUND[None])
    recorded: dict[str, Tensor] = {}

    def ask(z: Tensor, t: int, text: Tensor, sound: Tensor, places: list[str], record: bool) -> Tensor:
        def hook(path: str) -> Any:
            def change(module: Any, arguments: Any, output: Tensor) -> Tensor | None:
                if not record:
                    return recorded[path]
                recorded[path] = output
                return None

            return change

        handles = [unet.get_submodule(path).register_forward_hook(hook(path)) for path in places]
        with conditioner.adapters.applied(unet, sound):
            eps: Tensor = unet(z, t, encoder_hidden_states=text).sample
        for handle in handles:
            handle.remove()
        return eps

    timesteps = sorted(trajectory, reverse=True)
    x = trajectory[timesteps[0]]
    for step, t in enumerate(timesteps):
        places = feature_places(unet) if step < int(STEPS * kept[0]) else []
        places = places + (attention_places(unet) if step < int(STEPS * kept[1]) else [])
        ask(trajectory[t], t, empty, null, places, True)
        without, within = ask(x, t, empty, null, places, False), ask(x, t, prompt, tokens, places, False)
        eps = without + 5.0 * (within - without)
        before = bar[t - 200] if t > 200 else bar[0]
        x = before.sqrt() * (x - (1 - bar[t]).sqrt() * eps) / bar[t].sqrt() + (1 - before).sqrt() * eps
    return x


@pytest.mark.parametrize("kept", [(0.8, 0.5), (0.0, 0.3), (0.0, 0.0), (1.0, 1.0)], ids=str)
@torch.no_grad()
def test_the_edit_is_that_of_the_formula(
    pipeline: Any, conditioner: SoundConditioner, start: Tensor, kept: Kept
) -> None:
    trajectory = invert(family_of(pipeline), start, STEPS, SIZE)
    got = edited(pipeline, conditioner, trajectory, SOUND, prompt="a sea", size=SIZE, guidance=Guidance(5.0), kept=kept)
    assert formulas.relative(got, transcribed(pipeline, conditioner, trajectory, kept)) < 1e-5


def test_layout_and_shapes_are_kept_for_the_first_part_of_the_steps() -> None:
    assert sound_frame(True, kept=(0.5, 0.1), steps=50)["source"]["kept"] == (25, 5)


@pytest.mark.parametrize("steps", [8, 25])
def test_without_guidance_and_sound_the_picture_comes_back(load: Callable[..., Any], steps: int) -> None:
    """The way forward is the way back, also in few steps and from pure noise: an edit keeps the picture itself."""
    pipeline = load("mini")
    picture = PIL.Image.fromarray((paint("tree", "golden", height=128, width=128, seed=3) * 255).astype(np.uint8))
    conditioner = in_memory(pipeline.unet)
    family, size = family_of(pipeline), (128, 128)
    source = source_latents(family, picture, size)
    trajectory = invert(family, source, steps, size)
    other = {timestep: torch.randn(source.shape) * latents.std() for timestep, latents in trajectory.items()}
    free = {"size": size, "guidance": Guidance(1.0), "scale": 0.0, "kept": (0.0, 0.0)}
    likeness = [
        float(torch.cosine_similarity(source.flatten(), made.flatten(), dim=0))
        for start in (trajectory, other)
        for made in [edited(pipeline, conditioner, start, None, **free)]
    ]
    assert likeness[0] > 0.97 and likeness[1] < 0.8, likeness


@pytest.mark.parametrize(("kind", "steps"), [("mini", 5), ("sd21", 25), ("sd21", 40)])
def test_of_velocities_the_step_forward_leads_to_where_the_step_back_began(
    load: Callable[..., Any], start: Tensor, kind: str, steps: int
) -> None:
    pipeline = load(kind)
    pipeline.scheduler.register_to_config(prediction_type="v_prediction")
    family = family_of(pipeline)
    trajectory = invert(family, start, steps, SIZE)
    scheduler = ddim_of(family, steps)
    assert list(trajectory) == sorted(scheduler.timesteps.tolist())
    text = {"prompt_embeds": family.encode_prompt("", "", False)["prompt_embeds"]}
    timesteps = [t for t in trajectory if steps >= 16 and t > 1]  # with fewer steps there are others in between
    for before, timestep in pairwise(timesteps):
        with torch.no_grad():
            velocity = family.predict(trajectory[timestep], torch.tensor(timestep), text, 1.0, SIZE)
        back = scheduler.step(velocity, timestep, trajectory[timestep], return_dict=False)[0]
        assert float((back - trajectory[before]).abs().mean()) < 0.02, timestep


def test_the_first_row_gives_the_layout_and_hooks_go_again(pipeline: Any) -> None:
    unet, path = pipeline.unet, feature_places(pipeline.unet)[0]
    x, text = torch.randn(3, 4, 8, 8), torch.randn(3, 77, 32)
    seen: list[Tensor] = []
    with torch.no_grad(), injected(unet, 3, True, True):
        handle = unet.get_submodule(path).register_forward_hook(lambda *call: seen.append(call[2]))
        unet(x, 1, encoder_hidden_states=text)
    handle.remove()
    assert torch.equal(seen[0][0], seen[0][1]) and torch.equal(seen[0][0], seen[0][2])
    assert not any(module._forward_hooks for module in unet.modules())


@pytest.mark.parametrize("kind", ["sd15", "mini"])
def test_a_picture_is_edited_at_the_size_that_was_asked_for(load: Callable[..., Any], kind: str) -> None:
    pipeline = load(kind)
    conditioner = in_memory(pipeline.unet)
    picture = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 200, 3), dtype=np.uint8))
    assert sound_picture(pipeline, conditioner, SOUND, picture, size=(96, 64), steps=3).size == (96, 64)


def test_a_wide_picture_is_cut_to_its_middle(pipeline: Any) -> None:
    grey = np.full((64, 64, 3), 90, dtype=np.uint8)
    wide = np.zeros((64, 128, 3), dtype=np.uint8)
    wide[:, 32:96] = grey
    family = family_of(pipeline)
    narrow, cut = (source_latents(family, PIL.Image.fromarray(pixels), SIZE) for pixels in (grey, wide))
    assert torch.allclose(narrow, cut)


def test_a_unet_without_attention_cannot_be_edited() -> None:
    with pytest.raises(BendError) as caught:
        feature_places(torch.nn.Linear(2, 2))
    assert caught.value.code == Code.MODEL_INVALID
