"""LoRA files of every kind and prompts of every kind on an accelerator, and what encoding within a step costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from device_films import ALL, SIZE, Devices, check_alike, check_steps, steps_watched
from ghost import Records, pretended
from lora_files import KINDS, flat, kohya, lora_of, of_kind, save, text, text_lora
from safetensors.torch import save_file

from blender_bend.core.job.job import Bend, Embedding, Job, Lora
from blender_bend.core.models.references import file_fingerprint
from blender_bend.engine.families import family_of
from blender_bend.engine.store.frame_store import FrameStore

MakeJob = Callable[..., Job]
Load = Callable[..., Any]
HALVES = [("cuda", "float16"), ("cuda", "bfloat16"), ("mps", "float16")]
LONG_PROMPT = ", ".join(["a calm sea"] * 40)
#: What a prompt may be: its words, and how they are read.
PROMPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "weights": ("a (calm:1.4) sea, a (boat:0.6)", {"negative": "(rain:1.2)"}),
    "long": (LONG_PROMPT, {}),
    "both": (f"(golden:1.3) {LONG_PROMPT}", {"negative": LONG_PROMPT}),
    "embedding": ("a drawn-by-x sea", {}),
    "weighted embedding": ("a (drawn-by-x:1.5) sea", {}),
    "clip skip": ("a calm sea", {"clip_skip": 1}),
    "all": (f"(drawn-by-x:0.5) {LONG_PROMPT}", {"clip_skip": 1}),
}


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Devices:
    """The devices."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "files" / "inputs").mkdir(parents=True)
    return Devices(FrameStore(folder / "files"), folder)


@pytest.fixture(scope="module")
def embedding(tmp_path_factory: pytest.TempPathFactory) -> Embedding:
    """A textual inversion file of two vectors."""
    path = tmp_path_factory.mktemp("embeddings") / "drawn-by-x.safetensors"
    save_file({"emb_params": torch.randn(2, 32, generator=torch.Generator().manual_seed(0))}, path)
    return Embedding("drawn-by-x", str(path), file_fingerprint(path))


def check_on_devices(job: Job, halves: list[tuple[str, str]], devices: Devices) -> list[Records]:
    """A job gives the CPU's pictures in float32, and works in half precision; the steps of the former."""
    wanted = devices.rendered("cpu", job)
    with pretended("cuda") as accelerator, steps_watched(accelerator) as single:
        check_alike(devices.rendered("cuda", job), wanted)
        check_steps(accelerator, single)
    for device, precision in halves if ALL else halves[:1]:
        with pretended(device) as accelerator, steps_watched(accelerator) as steps:
            devices.rendered(device, replace(job, precision=precision))
            check_steps(accelerator, steps)
    return single


def turned(halves: list[tuple[str, str]], by: int) -> list[tuple[str, str]]:
    """The ways, another one first."""
    return halves[by % len(halves) :] + halves[: by % len(halves)]


@pytest.mark.parametrize("number", range(len(KINDS)), ids=KINDS)
def test_every_kind_of_lora_is_bent_on_the_device(
    number: int, load: Load, make_job: MakeJob, devices: Devices, tmp_path: Path
) -> None:
    file = lora_of(save(tmp_path, of_kind(KINDS[number], load("slim"))))
    bends = [
        (Bend("Weights", "multiply", "lora:ink"), [{"factor": 0.5}]),
        (Bend("Turn", "soft_threshold", "lora:*", start=0.5), [{"threshold": 0.01}]),
    ]
    job = make_job("slim", bends, size=SIZE, steps=2, scheduler="euler", loras=(file,))
    check_on_devices(job, turned(HALVES, number), devices)


@pytest.mark.parametrize("number", range(len(PROMPTS)), ids=PROMPTS)
def test_every_kind_of_prompt_is_read_on_the_device(
    number: int, make_job: MakeJob, devices: Devices, embedding: Embedding
) -> None:
    prompt, told = list(PROMPTS.values())[number]
    named = {"embeddings": (embedding,)} if embedding.name in prompt else {}
    bends = [(Bend("Words", "multiply", "text"), [{"factor": 1.1}])]
    job = make_job("slim", bends, [{"prompt": ((prompt, 1.0),)}], size=SIZE, steps=2, **named, **told)
    check_on_devices(job, turned(HALVES, number), devices)


@pytest.mark.parametrize(("kind", "device"), [("sdxl", "cuda"), ("sd21", "mps"), ("sdxl", "mps")])
def test_other_models_read_weighted_and_long_prompts_on_the_device(
    kind: str, device: str, make_job: MakeJob, devices: Devices
) -> None:
    prompt, told = PROMPTS["both"]
    job = make_job(kind, frames=[{"prompt": ((prompt, 0.5), ("a (storm:1.2)", 0.5))}], size=SIZE, steps=1, **told)
    with pretended(device) as accelerator, steps_watched(accelerator) as steps:
        devices.rendered(device, replace(job, precision="float16"))
        check_steps(accelerator, steps)


@pytest.fixture
def both_halves(load: Load, tmp_path: Path) -> Lora:
    """A LoRA of the UNet and the text encoder."""
    pipeline = load("slim")
    tensors = kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q", "to_v")[0] | text_lora(pipeline)[0]
    return lora_of(save(tmp_path, tensors))


@pytest.mark.parametrize("words", ["plain", "both", "all"])
def test_a_prompt_is_encoded_within_a_step_without_a_read_and_once_for_a_value(
    words: str, both_halves: Lora, make_job: MakeJob, devices: Devices, embedding: Embedding
) -> None:
    """What it costs: diffusers brings the tokens of both sides to the device, and CUDA finishes what it is at first."""
    prompt, told = PROMPTS.get(words, ("a calm sea", {}))
    named = {"embeddings": (embedding,)} if embedding.name in prompt else {}
    bends = [(Bend("Weights", "multiply", "lora:*", start=0.5), [{"factor": 0.5}, {"factor": 0.5}, {"factor": 0.2}])]
    frames = [{"prompt": ((prompt, 1.0),), "walk": 0.1 * number} for number in range(3)]
    job = make_job(
        "slim", bends, frames, size=SIZE, steps=4, walk_amount=0.5, scheduler="euler", loras=(both_halves,),
        **named, **told,
    )  # fmt: skip
    steps = check_on_devices(job, HALVES, devices)
    encoding = [records for records in steps if records.stalling]
    assert len(encoding) == 2, "the other steps do not wait, nor those of a value that has been encoded"
    assert all(records.stalling.total() == 2 for records in encoding)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_both_text_encoders_of_xl_are_bent_on_the_device(
    device: str, load: Load, make_job: MakeJob, devices: Devices, tmp_path: Path
) -> None:
    pipeline = load("sdxl")
    tensors = kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q")[0]
    for part, prefix in (("text_encoder", "lora_te1_"), ("text_encoder_2", "lora_te2_")):
        tensors |= kohya(getattr(pipeline, part), part, text(prefix), "q_proj", "fc2")[0]
    bends = [(Bend("Weights", "multiply", "lora:*", start=0.5), [{"factor": 0.5}])]
    job = make_job("sdxl", bends, size=SIZE, steps=2, precision="float16", loras=(lora_of(save(tmp_path, tensors)),))
    with pretended(device) as accelerator, steps_watched(accelerator) as steps:
        devices.rendered(device, job)
        check_steps(accelerator, steps)


@pytest.mark.parametrize("kind", ["slim", "sd21", "sdxl"])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_words_are_hidden_as_transformers_hides_them(kind: str, precision: torch.dtype, load: Load) -> None:
    """Without its look at the mask, which would stop a device; to the last bit."""
    for encoder in family_of(load(kind, precision)).text_encoders():
        tokens = torch.randint(0, 1000, (1, encoder.length), generator=torch.Generator().manual_seed(0))
        mask = torch.ones_like(tokens)
        mask[0, 3:6] = 0
        with torch.inference_mode():
            found = encoder(tokens, mask).last_hidden_state
            wanted = encoder.network(tokens, attention_mask=mask, output_hidden_states=True)
            seen = encoder(tokens).last_hidden_state
        layer = wanted.last_hidden_state if encoder.layer is None else wanted.hidden_states[encoder.layer]
        assert torch.equal(found, layer)
        assert not torch.equal(found, seen)
