"""Textual inversion: a name in the prompt stands for the vectors of its file, as diffusers' own loader has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lora_files import lora_of, save
from safetensors.torch import save_file
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Embedding, Job
from blender_bend.core.job.resolve import resolve
from blender_bend.core.models.references import file_fingerprint
from blender_bend.core.resources.footprint import Offload
from blender_bend.engine.families import family_of
from blender_bend.engine.host.alignment import is_aligned
from blender_bend.engine.loading import add_embeddings, add_loras, has_embeddings
from blender_bend.engine.prompts.encoder import PromptEncoder, Reading
from blender_bend.engine.rendering.model_shelf import ModelShelf, check_fingerprints
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.store.frame_store import FrameStore

Load = Callable[..., Any]
MakeJob = Callable[..., Job]
Write = Callable[..., Embedding]

#: Widths of the test models' text encoders.
WIDTH, WIDTH_2 = 32, 40


def vectors(count: int, width: int = WIDTH, seed: int = 0) -> Tensor:
    """Some vectors."""
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes an embedding file: A1111's key unless tensors are given by name."""

    def write(name: str, tensors: Tensor | Mapping[str, Tensor]) -> Embedding:
        path = tmp_path / f"{name.strip('<>')}.safetensors"
        save_file({"emb_params": tensors} if isinstance(tensors, Tensor) else dict(tensors), path)
        return Embedding(name, str(path), file_fingerprint(path))

    return write


def encoded(pipeline: Any, prompt: str, *embeddings: Embedding, weights: bool = False, negative: str = "") -> Any:
    """What Bend tells the network about a prompt with embeddings."""
    add_embeddings(pipeline, embeddings)
    reading = Reading(weights, embeddings=tuple((one.name, one.fingerprint) for one in embeddings))
    return PromptEncoder(family_of(pipeline)).encode([[prompt, 1.0]], negative, True, reading=reading)


def stock(pipeline: Any, prompt: str, negative: str = "") -> tuple[Tensor, ...]:
    """The pipeline's own embeddings."""
    return pipeline.encode_prompt(
        prompt=prompt, negative_prompt=negative or None, device=torch.device("cpu"), num_images_per_prompt=1,
        do_classifier_free_guidance=True,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["sd15", "sd21"])
@pytest.mark.parametrize("count", [1, 3])
@torch.no_grad()
def test_a_file_means_what_diffusers_loader_makes_of_it(kind: str, count: int, load: Load, write: Write) -> None:
    ours, theirs = load(kind), load(kind)
    for name, tensors in (("drawn-by-x", vectors(count)), ("<cat-toy>", {"<cat-toy>": vectors(count, seed=1)})):
        embedding = write(name, tensors)
        theirs.load_textual_inversion(embedding.path, token=name)
        found = encoded(ours, f"a sea, {name}, at night", embedding, negative=f"dark {name}")
        wanted = stock(theirs, f"a sea, {name}, at night", f"dark {name}")
        assert torch.equal(found["prompt_embeds"], wanted[0])
        assert torch.equal(found["negative_prompt_embeds"], wanted[1])
        assert not torch.equal(wanted[0], stock(load(kind), "a sea, , at night")[0])


@torch.no_grad()
def test_a_single_vector_may_be_saved_without_a_row(load: Load, write: Write) -> None:
    """As diffusers' training script saves it."""
    flat, rowed = (write(name, {"<t>": vector}) for name, vector in (("flat", vectors(1)[0]), ("rowed", vectors(1))))
    pipeline = load("sd15")
    first, second = (encoded(pipeline, f"a {one.name} sea", one)["prompt_embeds"] for one in (flat, rowed))
    assert torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_a_file_in_lower_precision_is_read_as_what_it_holds(dtype: torch.dtype, load: Load, write: Write) -> None:
    lower = vectors(2).to(dtype)
    found, wanted = (
        encoded(load("sd15"), "a sea of style", write(name, tensor))["prompt_embeds"]
        for name, tensor in (("style", lower), ("style", lower.float()))
    )
    assert torch.equal(found, wanted)


@torch.no_grad()
def test_xl_takes_both_halves_and_sums_up_at_the_end_of_the_words(load: Load, write: Write) -> None:
    ours, theirs = load("sdxl"), load("sdxl")
    for pipeline in (ours, theirs):  # as published: transformers then sums up where the highest token stands
        for network in (pipeline.text_encoder_2.config, pipeline.text_encoder_2.text_model):
            network.eos_token_id = 2
    embedding = write("style", {"clip_l": vectors(2), "clip_g": vectors(2, WIDTH_2)})
    for vector, parts in (
        (vectors(2), {"tokenizer": theirs.tokenizer, "text_encoder": theirs.text_encoder}),
        (vectors(2, WIDTH_2), {"tokenizer": theirs.tokenizer_2, "text_encoder": theirs.text_encoder_2}),
    ):
        theirs.load_textual_inversion({"style": vector}, token="style", **parts)
    found = encoded(ours, "a style sea", embedding)
    assert torch.equal(found["prompt_embeds"], stock(theirs, "a style sea")[0])
    tokens = theirs.tokenizer_2("a style style_1 sea", return_tensors="pt", padding="max_length").input_ids
    (end,) = [int(place) for place in (tokens[0] == theirs.tokenizer_2.eos_token_id).nonzero()[:1]]
    states = theirs.text_encoder_2(tokens).last_hidden_state
    pooled = theirs.text_encoder_2.text_projection(states[:, end])
    torch.testing.assert_close(found["pooled_prompt_embeds"], pooled, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
@torch.no_grad()
def test_prompts_without_its_name_stay_as_they_were(kind: str, load: Load, write: Write) -> None:
    pipeline = load(kind)
    if kind == "sdxl":  # as published
        for network in (pipeline.text_encoder_2.config, pipeline.text_encoder_2.text_model):
            network.eos_token_id = 2
    before = encoded(pipeline, "a calm sea", negative="styles")
    both = {"clip_l": vectors(2), "clip_g": vectors(2, WIDTH_2)}
    embedding = write("style", both if kind == "sdxl" else vectors(2))
    after = encoded(pipeline, "a calm sea", embedding, negative="styles")
    assert all(torch.equal(before[name], after[name]) for name in before)
    for encoder in family_of(pipeline).text_encoders():
        assert is_aligned(encoder.network.get_input_embeddings().weight)


@torch.no_grad()
def test_names_are_found_in_any_case_and_with_weights(load: Load, write: Write) -> None:
    pipeline, embedding = load("sd15"), write("Style", vectors(2))
    plain = encoded(pipeline, "a Style sea", embedding)["prompt_embeds"]
    assert torch.equal(plain, encoded(pipeline, "a STYLE sea", embedding)["prompt_embeds"])
    strong = encoded(pipeline, "a (style:1.5) sea", embedding, weights=True)["prompt_embeds"]
    empty = stock(pipeline, "")[0]
    wanted = plain.clone()
    wanted[:, 2:4] = empty[:, 2:4] + 1.5 * (plain - empty)[:, 2:4]  # after the beginning and "a"
    torch.testing.assert_close(strong, wanted, rtol=0, atol=1e-5)


@torch.no_grad()
def test_every_vector_counts_as_a_token(load: Load, write: Write) -> None:
    pipeline = load("sd15")
    room = pipeline.tokenizer.model_max_length - 2
    embedding = write("style", vectors(room - 1))
    fits = encoded(pipeline, "sea style", embedding)["prompt_embeds"]
    longer = encoded(pipeline, "sea style sea", embedding)["prompt_embeds"]
    assert (fits.shape[1], longer.shape[1]) == (room + 2, 2 * (room + 2))


UNFIT: dict[str, tuple[str, Callable[[], Any], str]] = {
    "another width": ("sd15", lambda: vectors(2, 768), "Stable Diffusion 1.x"),
    "SDXL on SD 1": ("sd15", lambda: {"clip_l": vectors(1), "clip_g": vectors(1, WIDTH_2)}, "SDXL"),
    "SD 1 on SDXL": ("sdxl", lambda: vectors(1), "32"),
    "half of SDXL": ("sdxl", lambda: {"clip_g": vectors(1, WIDTH_2)}, "40"),
    "halves of two lengths": ("sdxl", lambda: {"clip_l": vectors(2), "clip_g": vectors(1, WIDTH_2)}, "2 and 1 vectors"),
    "a LoRA": ("sd15", lambda: {"a.lora_up.weight": vectors(1), "a.lora_down.weight": vectors(1)}, "LoRA"),
    "whole numbers": ("sd15", lambda: torch.ones(2, WIDTH, dtype=torch.int64), "no usable vectors"),
    "no vectors": ("sd15", lambda: torch.ones(0, WIDTH), "no usable vectors"),
    "not finite": ("sd15", lambda: vectors(1) / 0, "no usable vectors"),
    "a picture": ("sd15", lambda: torch.ones(1, 3, WIDTH), "no usable vectors"),
    "SD 3": ("sd3", lambda: vectors(1), "doesn't support embeddings"),
    "FLUX": ("flux", lambda: vectors(1), "doesn't support embeddings"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_file_that_does_not_fit_is_refused_with_words(case: str, load: Load, write: Write) -> None:
    kind, tensors, told = UNFIT[case]
    pipeline, embedding = load(kind), write("style", tensors())
    with pytest.raises(BendError) as caught:
        add_embeddings(pipeline, [embedding])
    assert caught.value.code == Code.MODEL_INVALID
    assert "'style'" in caught.value.message and told in f"{caught.value.message} {caught.value.hint}"


def test_beside_a_lora_of_the_words_themselves_it_is_refused(load: Load, write: Write, tmp_path: Path) -> None:
    pipeline = load("sd15")
    table = pipeline.text_encoder.get_input_embeddings().weight
    change = {"lora_te_text_model_embeddings_token_embedding.diff": torch.ones_like(table)}
    add_loras(pipeline, [lora_of(save(tmp_path, change))])
    with pytest.raises(BendError, match="a LoRA on this strip changes the token table") as caught:
        add_embeddings(pipeline, [write("style", vectors(1))])
    assert caught.value.code == Code.MODEL_INVALID and caught.value.hint


def test_a_damaged_or_exchanged_file_is_refused(load: Load, write: Write) -> None:
    pipeline, embedding = load("sd15"), write("style", vectors(1))
    exchanged = write("style", vectors(2, seed=5))
    with pytest.raises(BendError, match="has changed"):
        add_embeddings(pipeline, [embedding])
    assert not has_embeddings(pipeline, [exchanged])
    Path(embedding.path).write_bytes(b"\x80\x04pickled")
    with pytest.raises(BendError, match="can't be read"):
        add_embeddings(pipeline, [embedding])
    Path(embedding.path).unlink()
    with pytest.raises(BendError, match="can't be read"):
        add_embeddings(pipeline, [embedding])


def test_a_new_embedding_joins_the_loaded_model_and_changes_no_other_picture(
    write: Write, make_job: MakeJob, tmp_path: Path
) -> None:
    """Prompts are edited all the time; the model is not loaded again for that."""
    first, second = write("style", vectors(2)), write("other", vectors(3, seed=4))

    def job(prompt: str, *embeddings: Embedding) -> Job:
        return make_job("sd15", frames=[{"prompt": ((prompt, 1.0),)}], embeddings=embeddings, steps=2)

    jobs = [job("a style sea", first), job("an other sea", second), job("a style sea", first, second)]
    renderer, store = Renderer("cpu"), FrameStore(tmp_path / "one")
    assert renderer.render(jobs[0], store).rendered == 1
    pipeline = renderer.sampler(jobs[0]).pipeline
    assert renderer.render(jobs[1], store).rendered == 1
    assert renderer.sampler(jobs[1]).pipeline is pipeline
    assert renderer.render(jobs[2], store).rendered == 0  # the other one is not in its prompt
    alone = Renderer("cpu").sampler(jobs[1])
    (frame,) = jobs[1].frames
    fresh = np.asarray(alone.render(resolve(jobs[1], frame)))
    assert np.array_equal(fresh, np.asarray(renderer.sampler(jobs[1]).render(resolve(jobs[1], frame))))


def test_a_model_kept_off_the_device_is_loaded_again_for_a_new_embedding(
    write: Write, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights may be out of reach, as after sequential offloading."""
    monkeypatch.setattr("blender_bend.engine.rendering.model_shelf.OFFLOADING", {"cpu"})
    embedding, shelf = write("style", vectors(2)), ModelShelf()
    without = make_job("sd15")
    named = make_job("sd15", frames=[{"prompt": (("a style sea", 1.0),)}], embeddings=(embedding,))
    assert shelf.offload(without, "cpu", Offload.MODEL)
    first = shelf.pipeline(without, "cpu")
    second = shelf.pipeline(named, "cpu")
    assert second is not first and has_embeddings(second, [embedding])
    assert hasattr(second.text_encoder, "_hf_hook")
    assert shelf.pipeline(named, "cpu") is second


def test_a_file_that_was_exchanged_is_noticed_where_fingerprints_are_checked(write: Write, make_job: MakeJob) -> None:
    embedding = write("style", vectors(2))
    job = make_job("sd15", frames=[{"prompt": (("a style sea", 1.0),)}], embeddings=(embedding,))
    check_fingerprints(job)
    write("style", vectors(3))
    with pytest.raises(BendError, match="has changed") as caught:
        check_fingerprints(job)
    assert caught.value.code == Code.MODEL_INVALID
