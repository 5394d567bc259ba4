"""Prompts of any length, weights, clip skip: plain ones are the stock pipeline's bit for bit, the rest by formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import CLIPTextModel

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.engine.families import Conditioning, family_of
from blender_bend.engine.prompts.encoder import PromptEncoder, Reading
from blender_bend.engine.sampling import Sampler

MakeJob = Callable[..., Job]
Load = Callable[..., Any]

EVERY_KIND = ("sd15", "sd21", "sdxl", "mini", "lcm", "sd3", "flux")
CLIP_KINDS = ("sd15", "sd21", "sdxl")
NAMES = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
WEIGHTS = Reading(weights=True)
#: Each of the parts fills CLIP's 75 tokens with 37 words and commas, so that a chunk ends where it does.
LONG = [", ".join([word] * 37) + "," for word in ("sea", "fire", "moon")]
LENGTH = 77


@pytest.fixture(scope="module")
def published(load: Load) -> Callable[[str], Any]:
    """Pipelines whose tokenizers take 77 tokens, as those that are published do."""
    known: dict[str, Any] = {}

    def get(kind: str) -> Any:
        if kind not in known:
            known[kind] = load(kind)
            for name in ("tokenizer", "tokenizer_2"):
                if "CLIP" in type(getattr(known[kind], name, None)).__name__:
                    getattr(known[kind], name).model_max_length = LENGTH
        return known[kind]

    return get


def stock(pipeline: Any, prompt: str, negative: str, guided: bool, **more: Any) -> Conditioning:
    """What the pipeline's own encode_prompt gives, by name."""
    if "Flux" in type(pipeline).__name__:
        embeddings, pooled, _ = pipeline.encode_prompt(prompt, None)
        return {"prompt_embeds": embeddings, "pooled_prompt_embeds": pooled}
    further = {"prompt_2": None, "prompt_3": None} if "Diffusion3" in type(pipeline).__name__ else {}
    if "XL" not in type(pipeline).__name__ and not further:
        further = {"num_images_per_prompt": 1, "device": "cpu"}
    found = pipeline.encode_prompt(
        prompt=prompt,
        negative_prompt=negative or None,
        do_classifier_free_guidance=guided,
        **{"device": torch.device("cpu"), **further, **more},
    )
    return {name: tensor for name, tensor in zip(NAMES, found, strict=False) if tensor is not None}


def encoded(pipeline: Any, prompt: str, negative: str = "", guided: bool = True, reading: Reading = WEIGHTS) -> Any:
    """What Bend tells the network."""
    return PromptEncoder(family_of(pipeline)).encode([[prompt, 1.0]], negative, guided, reading=reading)


def assert_stock(found: Conditioning, wanted: Conditioning, guided: bool) -> None:
    """The same tensors, bit for bit."""
    names = [name for name in wanted if guided or not name.startswith("negative_")]
    assert {"prompt_embeds", *names} <= found.keys() | {"prompt_embeds"}
    for name in names:
        assert torch.equal(found[name], wanted[name]), name


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize("guided", [True, False])
@pytest.mark.parametrize("negative", ["", "dark fire"])
@torch.no_grad()
def test_a_plain_short_prompt_is_that_of_the_stock_pipeline_bit_for_bit(
    kind: str, guided: bool, negative: str, load: Load
) -> None:
    pipeline = load(kind)
    for prompt in ("a calm sea", "", "a, b; c. :) é 海 " * 2):
        for reading in (Reading(), WEIGHTS):
            reading = Reading() if ":)" in prompt else reading
            found = encoded(pipeline, prompt, negative, guided, reading)
            assert_stock(found, stock(pipeline, prompt, negative, guided), guided)


@pytest.mark.parametrize("kind", EVERY_KIND)
@pytest.mark.parametrize(
    ("written", "plain"),
    [("a \\(calm\\) sea", "a (calm) sea"), ("a (calm:1.0) sea", "a calm sea"), ("a (calm sea", "a (calm sea")],
)
@torch.no_grad()
def test_brackets_without_weight_are_the_stock_pipelines_words(kind: str, written: str, plain: str, load: Load) -> None:
    pipeline = load(kind)
    assert_stock(encoded(pipeline, written, written), stock(pipeline, plain, plain, True), True)


@torch.no_grad()
def test_brackets_are_letters_where_weights_are_off(load: Load) -> None:
    pipeline = load("sd15")
    found = encoded(pipeline, "a (calm:1.3) sea", reading=Reading())
    assert_stock(found, stock(pipeline, "a (calm:1.3) sea", "", True), True)


@pytest.mark.parametrize("kind", CLIP_KINDS)
@torch.no_grad()
def test_a_long_prompt_is_its_chunks_as_stock_encodes_them_side_by_side(
    kind: str, published: Callable[[str], Any]
) -> None:
    pipeline = published(kind)
    assert len(pipeline.tokenizer(LONG[0])["input_ids"]) == 2 * 37 + 2  # one place is free
    found = encoded(pipeline, " ".join(LONG), " ".join(LONG[::-1]))
    for side, parts in (("", LONG), ("negative_", LONG[::-1])):
        chunks = [stock(pipeline, part, "", False) for part in parts]
        assert torch.equal(
            found[f"{side}prompt_embeds"], torch.cat([chunk["prompt_embeds"] for chunk in chunks], dim=1)
        )
        if kind == "sdxl":
            assert torch.equal(found[f"{side}pooled_prompt_embeds"], chunks[0]["pooled_prompt_embeds"])


@pytest.mark.parametrize("kind", CLIP_KINDS)
@torch.no_grad()
def test_break_begins_a_chunk(kind: str, published: Callable[[str], Any]) -> None:
    pipeline = published(kind)
    found = encoded(pipeline, "a calm sea BREAK fire")["prompt_embeds"]
    wanted = [stock(pipeline, part, "", False)["prompt_embeds"] for part in ("a calm sea", "fire")]
    assert torch.equal(found, torch.cat(wanted, dim=1))


@torch.no_grad()
def test_no_word_of_a_long_prompt_is_lost_wherever_it_is_cut(published: Callable[[str], Any]) -> None:
    """The last word counts, and no word is cut in two."""
    pipeline = published("sd15")
    for count in (74, 75, 76, 150, 151):
        prompt = " ".join(["sea"] * (count - 1))
        first, second = (encoded(pipeline, f"{prompt} {word}")["prompt_embeds"] for word in ("fire", "moon"))
        assert first.shape[1] == LENGTH * math.ceil(count / 75)
        assert not torch.equal(first, second)


def by_formula(pipeline: Any, encoder: Any, tokenizer: Any, fragments: Sequence[tuple[str, float]], hidden: Any) -> Any:
    """compel's weights by its published description, for a prompt of one chunk.

    Parameters
    ----------
    hidden : takes the layer from what the encoder gives
    """
    ids, weights, spans = [tokenizer.bos_token_id], [1.0], []
    for text, weight in fragments:
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        spans.append((len(ids), len(ids) + len(tokens), weight))
        ids += tokens
        weights += [weight] * len(tokens)
    ids.append(tokenizer.eos_token_id)
    ids += [tokenizer.pad_token_id] * (LENGTH - len(ids))
    weight = torch.tensor(weights + [1.0] * (LENGTH - len(weights)))[None, :, None]
    nothing = tokenizer("", padding="max_length", max_length=LENGTH, return_tensors="pt").input_ids
    empty = hidden(encoder(nothing, output_hidden_states=True))

    def moved(mask: Tensor | None) -> Tensor:
        found = hidden(encoder(torch.tensor([ids]), attention_mask=mask, output_hidden_states=True))
        return empty + weight * (found - empty)

    total, shares = moved(None), 1.0
    for begin, end, factor in spans:
        if factor < 1:
            mask = torch.ones(1, LENGTH, dtype=torch.long)
            mask[:, begin:end] = 0
            share = math.tan((1 - max(factor, 1e-5)) * math.pi / 2)
            total, shares = total + share * moved(mask), shares + share
    return total / shares


def sides_of(pipeline: Any, kind: str) -> list[tuple[Any, Any, Callable[[Any], Tensor]]]:
    """Encoders with their tokenizers and the layer that the stock pipeline takes."""
    if kind == "sdxl":
        pairs = ((pipeline.text_encoder, pipeline.tokenizer), (pipeline.text_encoder_2, pipeline.tokenizer_2))
        return [(*pair, lambda found: found.hidden_states[-2]) for pair in pairs]
    return [(pipeline.text_encoder, pipeline.tokenizer, lambda found: found.last_hidden_state)]


WEIGHTED: dict[str, list[tuple[str, float]]] = {
    "a (calm:1.3) sea": [("a ", 1.0), ("calm", 1.3), (" sea", 1.0)],
    "(calm) sea": [("calm", 1.1), (" sea", 1.0)],
    "((calm)) sea": [("calm", 1.21), (" sea", 1.0)],
    "calm [sea]": [("calm ", 1.0), ("sea", 1 / 1.1)],
    "(calm:0.4) (sea:1.6), [fire], moon": [
        ("calm", 0.4),
        (" ", 1.0),
        ("sea", 1.6),
        (", ", 1.0),
        ("fire", 1 / 1.1),
        (", moon", 1.0),
    ],
}


@pytest.mark.parametrize("kind", CLIP_KINDS)
@pytest.mark.parametrize("prompt", WEIGHTED)
@pytest.mark.parametrize("side", ["", "negative_"])
@torch.no_grad()
def test_weights_are_those_of_the_formula(kind: str, prompt: str, side: str, published: Callable[[str], Any]) -> None:
    pipeline = published(kind)
    wanted = [
        by_formula(pipeline, encoder, tokenizer, WEIGHTED[prompt], hidden)
        for encoder, tokenizer, hidden in sides_of(pipeline, kind)
    ]
    found = encoded(pipeline, "sea" if side else prompt, prompt if side else "")[f"{side}prompt_embeds"]
    torch.testing.assert_close(found, torch.cat(wanted, dim=-1), rtol=0, atol=2e-5)
    assert not torch.allclose(found, encoded(pipeline, "calm sea")["prompt_embeds"], atol=1e-3)


@torch.no_grad()
def test_the_pooled_embedding_of_xl_is_that_of_the_words(published: Callable[[str], Any]) -> None:
    pipeline = published("sdxl")
    found = encoded(pipeline, "a (calm:1.3) sea", "(dark:0.5) fire")
    wanted = stock(pipeline, "a calm sea", "dark fire", True)
    for name in ("pooled_prompt_embeds", "negative_pooled_prompt_embeds"):
        assert torch.equal(found[name], wanted[name])


@torch.no_grad()
def test_a_word_of_weight_0_is_as_good_as_hidden_and_weights_act_steadily(published: Callable[[str], Any]) -> None:
    pipeline = published("sd15")
    plain = encoded(pipeline, "calm sea fire")["prompt_embeds"]
    before = 0.0
    for weight in (1.001, 1.1, 1.5, 2.0):
        distance = float((encoded(pipeline, f"calm (sea:{weight}) fire")["prompt_embeds"] - plain).norm())
        assert distance > before
        before = distance
    near = encoded(pipeline, "calm (sea:0.9999) fire")["prompt_embeds"]
    torch.testing.assert_close(near, plain, rtol=0, atol=0.01)
    # With a weight of 0 the words around it no longer know which word it was.
    hidden = [encoded(pipeline, f"calm ({word}:0) fire")["prompt_embeds"] for word in ("sea", "moon")]
    torch.testing.assert_close(hidden[0][:, 3:], hidden[1][:, 3:], rtol=0, atol=1e-3)


def mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers 0.42 looks for the norm in a part of CLIP that transformers 5 has dissolved."""
    monkeypatch.setattr(CLIPTextModel, "text_model", property(lambda self: self), raising=False)


@pytest.mark.parametrize("kind", ["sd15", "sd21", "sdxl", "sd3", "mini"])
@pytest.mark.parametrize("skip", [1, 2])
@torch.no_grad()
def test_clip_skip_is_that_of_the_stock_pipeline_bit_for_bit(
    kind: str, skip: int, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = load(kind)
    reading = Reading(clip_skip=skip)
    if skip > pipeline.text_encoder.config.num_hidden_layers - (2 if kind in ("sdxl", "sd3") else 1):
        with pytest.raises(BendError) as caught:
            encoded(pipeline, "a calm sea", reading=reading)
        assert caught.value.code == Code.PARAMETER_INVALID and "CLIP Skip 3" in caught.value.message
        return
    found = encoded(pipeline, "a calm sea", "dark", True, reading)
    mend(monkeypatch)
    wanted = stock(pipeline, "a calm sea", "dark", True, clip_skip=skip)
    assert_stock(found, wanted, True)
    assert not torch.equal(found["prompt_embeds"], encoded(pipeline, "a calm sea", "dark")["prompt_embeds"])


@pytest.mark.parametrize("kind", CLIP_KINDS)
@torch.no_grad()
def test_long_prompts_skip_the_layers_that_short_ones_skip(
    kind: str, published: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = published(kind)
    found = encoded(pipeline, " ".join(LONG[:2]), reading=Reading(clip_skip=1))["prompt_embeds"]
    mend(monkeypatch)
    chunks = [stock(pipeline, part, "", False, clip_skip=1)["prompt_embeds"] for part in LONG[:2]]
    assert torch.equal(found, torch.cat(chunks, dim=1))


@pytest.mark.parametrize(("kind", "closely"), [("sd15", 1e-6), ("sd21", 1e-6), ("sdxl", 1e-6), ("mini", 2e-3)])
@torch.no_grad()
def test_a_short_prompt_means_the_same_beside_a_long_one(kind: str, closely: float, load: Load) -> None:
    """It is repeated to the other's length, which cross-attention does not notice.

    mini also sums its tokens up, with one more for their mean: there repeating them comes close.
    """
    pipeline = load(kind)
    family = family_of(pipeline)
    short = encoded(pipeline, "a calm sea", guided=False)
    beside = encoded(pipeline, "a calm sea", " ".join(["dark"] * 100))
    assert beside["prompt_embeds"].shape == beside["negative_prompt_embeds"].shape
    assert beside["prompt_embeds"].shape[1] >= 4 * short["prompt_embeds"].shape[1]
    x = torch.randn(family.latent_shape((64, 64)), generator=torch.Generator().manual_seed(0))
    alone, repeated = (family.predict(x, torch.tensor(500), told, 3.0, (64, 64)) for told in (short, beside))
    torch.testing.assert_close(repeated, alone, rtol=0, atol=closely)


@pytest.mark.parametrize("blending", ["linear", "spherical"])
@torch.no_grad()
def test_prompts_of_different_lengths_blend_without_a_jump(blending: str, samplers: dict[str, Sampler]) -> None:
    sampler = samplers["mini"]
    short, long = "a calm sea", " ".join(["burning forest,"] * 20)
    family = sampler.family
    x = torch.randn(family.latent_shape((64, 64)), generator=torch.Generator().manual_seed(0))

    def predicted(blend: list[list[Any]]) -> Tensor:
        told = sampler.prompts.encode(blend, "", False, blending)
        return family.predict(x, torch.tensor(500), told, 3.0, (64, 64))

    for end, share in ((short, 1e-4), (long, 1 - 1e-4)):
        near, there = predicted([[short, 1 - share], [long, share]]), predicted([[end, 1.0]])
        torch.testing.assert_close(near, there, rtol=0, atol=2e-2)
    middle = predicted([[short, 0.5], [long, 0.5]])
    assert float((middle - there).norm()) > 10 * float((near - there).norm())


def pictures(sampler: Sampler, job: Job) -> list[np.ndarray]:
    """The pictures of a job's frames, rendered together."""
    frames = {frame_key(data): data for data in (resolve(job, frame) for frame in job.frames)}
    found: dict[str, np.ndarray] = {}
    sampler.render_all(frames, lambda key, picture: found.__setitem__(key, np.asarray(picture)))
    return [found[key] for key in frames]


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
def test_a_batch_holds_prompts_of_one_length_and_neighbors_change_no_picture(
    kind: str, samplers: dict[str, Sampler], make_job: MakeJob
) -> None:
    told = ["a calm sea", " ".join(["fire"] * 40), "a (calm:1.3) sea", "fire BREAK moon BREAK sea", "moon"]
    frames = [{"prompt": ((text, 1.0),)} for text in told]
    bend = Bend("Strong", "multiply", "latent", 0.0, 1.0)
    job = make_job(kind, [(bend, [{"factor": 1.2}] * len(told))], frames, batch=2, steps=2)
    together = pictures(samplers[kind], job)
    for index, frame in enumerate(job.frames):
        (alone,) = pictures(samplers[kind], Job(**{**vars(job), "frames": (frame,)}))
        assert np.array_equal(together[index], alone), told[index]


@pytest.mark.parametrize("kind", ["sd15", "sdxl", "mini"])
def test_long_prompts_are_bent_as_short_ones(kind: str, samplers: dict[str, Sampler], make_job: MakeJob) -> None:
    frames = [{"prompt": ((" ".join(["fire"] * 80), 1.0),)}] * 2
    bends = [
        (Bend("Words", "multiply", "text"), [{"factor": 1.0}, {"factor": 1.5}]),
        (Bend("Look", "multiply", "unet:**.attn2"), [{"factor": 1.0}, {"factor": 0.5}]),
    ]
    plain, bent = pictures(samplers[kind], make_job(kind, bends, frames, negative="(dark:1.4)", steps=2))
    assert not np.array_equal(plain, bent)


@torch.no_grad()
def test_weights_in_bfloat16_stay_bfloat16(load: Load) -> None:
    pipeline = load("sdxl", torch.bfloat16)
    found = encoded(pipeline, "a (calm:1.3) [sea]", "(dark:0.3)")
    assert {tensor.dtype for tensor in found.values()} == {torch.bfloat16}
    assert all(tensor.isfinite().all() for tensor in found.values())


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
@torch.no_grad()
def test_no_prompt_that_can_be_typed_fails(kind: str, load: Load) -> None:
    pipeline = load(kind)
    shape = encoded(pipeline, "sea")["prompt_embeds"].shape
    odd = "() | (:1.3) | ( :0.5) | BREAK | BREAK BREAK | ((( | ))) | [\\ | (\n:0.2) | (!:0.5)!! | \u200b"
    for prompt in odd.split(" | "):
        found = encoded(pipeline, prompt, prompt)
        for name in ("prompt_embeds", "negative_prompt_embeds"):
            assert found[name].shape[1] % shape[1] == 0 and found[name].isfinite().all(), prompt
