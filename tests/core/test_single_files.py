"""A single file is known by the names in it: which model it is, what it lacks, what else it is, what it asks for.

Names and shapes are those of the published files: CompVis' latent-diffusion, Stability's generative-models, OpenCLIP,
kohya's and the web UI's metadata. The files here have the first tensors of each part only, which hold nothing.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_bend.core.checkpoints import single_files
from blender_bend.core.checkpoints.training_marks import Marks
from blender_bend.core.errors import BendError, Code
from blender_bend.core.models import references, suggestions
from blender_bend.core.samplers.few_steps import FEW_STEPS

UNET = "model.diffusion_model."
FIRST = f"{UNET}input_blocks.0.0.weight"
TELLING = f"{UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias"
VAE = {"first_stage_model.decoder.conv_in.weight": [512, 4, 3, 3]}
SD1_TEXT = {"cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": [77, 768]}
SD2_TEXT = {"cond_stage_model.model.positional_embedding": [77, 1024]}
XL_FIRST_TEXT = {"conditioner.embedders.0.transformer.text_model.embeddings.position_embedding.weight": [77, 768]}
XL_TEXT = {**XL_FIRST_TEXT, "conditioner.embedders.1.model.positional_embedding": [77, 1280]}
LAYER = {FIRST: [320, 4, 3, 3]}
SD1, SD2, SDXL = {**LAYER, **VAE, **SD1_TEXT}, {**LAYER, **VAE, **SD2_TEXT}, {**LAYER, **VAE, **XL_TEXT}
WHOLE = {"sd1": SD1, "sd2": SD2, "sdxl": SDXL}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a safetensors file of tensors with given shapes, all zero bytes long, or with the given values."""

    def write(
        tensors: dict[str, list[int]],
        metadata: dict[str, str] | None = None,
        values: dict[str, tuple[str, bytes]] | None = None,
        name: str = "painter.safetensors",
        dtype: str = "F16",
    ) -> Path:
        header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
        data = b""
        for key, shape in tensors.items():
            own, content = (values or {}).get(key, (dtype, b""))
            header[key] = {"dtype": own, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
            data += content
        text = json.dumps(header).encode()
        (tmp_path / name).write_bytes(struct.pack("<Q", len(text)) + text + data)
        return tmp_path / name

    return write


def refused(path: Path, code: Code = Code.MODEL_INVALID) -> BendError:
    with pytest.raises(BendError) as caught:
        references.resolve("x", {"x": str(path)})
    assert caught.value.code == code and caught.value.hint
    assert caught.value.action == "bend.open_preferences" and path.name in caught.value.message
    return caught.value


def marks(path: Path) -> Marks:
    return single_files.marks(path, single_files.kind_of(path))


def own_scheduler(path: Path) -> dict[str, Any]:
    return single_files.scheduler(path, single_files.kind_of(path))


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("wrapper", ["", "state_dict.", "model.", "module.model."])
def test_a_kind_is_told_by_its_text_encoder_under_any_wrapper(write: Write, kind: str, wrapper: str) -> None:
    file = write({wrapper + name: shape for name, shape in WHOLE[kind].items()})
    assert single_files.kind_of(file).name == kind
    assert references.resolve("x", {"x": str(file)}).path == str(file)
    assert references.download_for("x", {"x": str(file)}) is None


def test_the_old_names_of_the_text_encoder_are_known(write: Write) -> None:
    old = {"cond_stage_model.transformer.embeddings.position_embedding.weight": [77, 768]}
    assert single_files.kind_of(write({**LAYER, **VAE, **old})).name == "sd1"


def test_a_file_with_nothing_but_the_average_of_its_unet_is_known(write: Write) -> None:
    average = {"model_ema.diffusion_modelinput_blocks00weight": [320, 4, 3, 3], "model_ema.decay": []}
    assert single_files.kind_of(write({**average, **VAE, **SD1_TEXT})).name == "sd1"


UNETS = {
    "inpainting": {**SD1, FIRST: [320, 9, 3, 3]},
    "InstructPix2Pix": {**SD1, FIRST: [320, 8, 3, 3]},
    "depth2img": {**SD2, FIRST: [320, 5, 3, 3]},
    "enlarging": {**SD2, FIRST: [320, 7, 3, 3]},
    "3 channels": {**SD1, FIRST: [320, 3, 3, 3]},
    "refiner": {**LAYER, **VAE, "conditioner.embedders.0.model.positional_embedding": [77, 1280]},
    "Playground 2.5": {**SDXL, "edm_mean": [4], "edm_std": [4]},
    "CosXL": {**SDXL, "edm_vpred.sigma_max": [1]},
    "video": {**LAYER, **VAE, f"{UNET}input_blocks.1.0.time_stack.in_layers.0.weight": [320]},
    "unCLIP": {**SD2, "noise_augmentor.betas": [1000]},
    "Stable Diffusion 3": {"model.diffusion_model.joint_blocks.0.context_block.adaLN_modulation.1.bias": [9216]},
    "FLUX.1": {"model.diffusion_model.double_blocks.0.img_attn.norm.key_norm.scale": [128]},
    "Chroma": {"distilled_guidance_layer.in_proj.bias": [1]},
    "it lacks the UNet": SD1_TEXT | VAE,
    "it lacks the text encoder": LAYER | VAE,
    "first of the two text encoders": {n: s for n, s in SDXL.items() if n not in XL_FIRST_TEXT},
    "neither": {**LAYER, **VAE, "conditioner.other": [1]},
    "quantized (with scales": {**SDXL, f"{UNET}middle_block.1.proj_in.scale_weight": [1]},
    "it is empty": {},
}
CODES = {
    **dict.fromkeys(("inpainting", "InstructPix2Pix", "depth2img", "enlarging", "3 channels"), Code.MODEL_PURPOSE),
    **dict.fromkeys(("Playground 2.5", "CosXL", "video", "unCLIP"), Code.MODEL_KIND),
    **dict.fromkeys(("Stable Diffusion 3", "FLUX.1", "Chroma"), Code.MODEL_KIND),
    "refiner": Code.MODEL_PURPOSE,
    "quantized (with scales": Code.MODEL_QUANTIZED,
}
OTHERS = {
    "a LoRA": [
        "lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight",
        "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight",
        "lora_te1_text_model_encoder_layers_0_mlp_fc1.hada_w1_a",
        "down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight",
    ],
    "motion module": [
        "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.pos_encoder.pe"
    ],
    "ControlNet": [
        "control_model.time_embed.0.weight",
        "controlnet_cond_embedding.conv_in.weight",
        "input_hint_block.0.weight",
    ],
    "IP-Adapter": ["ip_adapter.1.to_k_ip.weight", "image_proj.proj.weight"],
    "T2I-Adapter": ["body.0.block1.weight", "adapter.body.0.resnets.0.block1.weight"],
    "textual inversion": ["emb_params", "clip_g", "<my-style>"],
    "upscaler": ["model.1.sub.0.RDB1.conv1.0.weight", "conv_first.weight"],
    "only a UNet": ["input_blocks.0.0.weight", "down_blocks.0.resnets.0.norm1.weight"],
    "only an autoencoder": ["encoder.conv_in.weight", "decoder.up.0.block.0.norm1.weight", "decoder.layers.0.weight"],
    "only a text encoder": ["text_model.embeddings.token_embedding.weight", "encoder.block.0.layer.0.k.weight"],
    "FLUX.1": ["double_blocks.0.img_attn.norm.key_norm.scale"],
    "Stable Diffusion 3": ["joint_blocks.0.context_block.adaLN_modulation.1.bias"],
}  # fmt: skip


@pytest.mark.parametrize(("words", "tensors"), UNETS.items(), ids=UNETS)
def test_a_checkpoint_of_another_kind_is_refused_by_what_it_is(
    write: Write, words: str, tensors: dict[str, list[int]]
) -> None:
    assert words in refused(write(tensors), CODES.get(words, Code.MODEL_INVALID)).message


@pytest.mark.parametrize(("words", "name"), [(words, name) for words, names in OTHERS.items() for name in names])
def test_a_file_that_is_no_checkpoint_is_refused_by_what_it_is(write: Write, words: str, name: str) -> None:
    code = Code.MODEL_KIND if words in ("FLUX.1", "Stable Diffusion 3") else Code.MODEL_PURPOSE
    assert words in refused(write({name: [4]}), code).message


@pytest.mark.parametrize("dtype", ["U8", "I8", "F8_E8M0"])
def test_a_quantized_unet_is_refused(write: Write, dtype: str) -> None:
    assert f"quantized ({dtype})" in refused(write(SDXL, dtype=dtype), Code.MODEL_QUANTIZED).message


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"])
def test_any_precision_is_taken(write: Write, dtype: str) -> None:
    assert single_files.kind_of(write(SDXL, dtype=dtype)).name == "sdxl"


def test_without_its_autoencoder_a_file_wants_a_decoder(write: Write) -> None:
    file = write({**LAYER, **SD1_TEXT})
    error = refused(file)
    assert "lacks the autoencoder" in error.message and "decoder" in error.hint
    assert references.resolve("x", {"x": str(file)}, decoder="tiny").path == str(file)


def test_a_file_that_was_cut_is_damaged(write: Write) -> None:
    file = write({**SD1, "betas": [2]}, values={"betas": ("F32", bytes(8))})
    assert references.resolve("x", {"x": str(file)})
    file.write_bytes(file.read_bytes()[:-1])
    assert "the file is damaged" in refused(file).message


HEADERS = [
    [],
    None,
    {"a": 1},
    {"a": {"dtype": "F16"}},
    {"a": {"dtype": "F16", "shape": 3, "data_offsets": [0, 0]}},
    {"a": {"dtype": "F16", "shape": ["x"], "data_offsets": [0, 0]}},
    {"a": {"dtype": "F16", "shape": [], "data_offsets": 1}},
]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_of_another_form_is_damaged(tmp_path: Path, header: object) -> None:
    text = json.dumps(header).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(text)) + text)
    assert "damaged" in refused(tmp_path / "x.safetensors").message


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "gone.safetensors", "damaged.safetensors", "model.gguf"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, name: str) -> None:
    if not name.startswith("gone"):
        (tmp_path / name).write_bytes(b"GGUF" if name.endswith("gguf") else b"\x80\x04pickle or nonsense")
    words, code = {
        ".gguf": ("GGUF", Code.MODEL_QUANTIZED),
        ".ckpt": ("run code", Code.MODEL_PICKLED),
        ".pt": ("run code", Code.MODEL_PICKLED),
    }.get(Path(name).suffix, ("the file ", Code.MODEL_INVALID))
    assert words in refused(tmp_path / name, code).message


def test_another_name_or_place_is_the_same_model(write: Write, tmp_path: Path) -> None:
    file = write(SD1)
    other = tmp_path / "elsewhere" / "turbo lightning vpred.safetensors"
    other.parent.mkdir()
    other.write_bytes(file.read_bytes())
    prints = {references.resolve("x", {"x": str(path)}).fingerprint for path in (file, other)}
    assert len(prints) == 1
    assert own_scheduler(file) == own_scheduler(other)


def test_whatever_decides_how_it_is_sampled_is_in_the_fingerprint(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {f"filler.{number}": [1] for number in range(40_000)}  # a header much longer than what is probed
    large = {"filler": ("F16", bytes(3_000_000))}
    files = [
        write({**SD1, **many, "filler": [1], last: [0]}, values=large, name=f"{last}.safetensors")
        for last in ("v_pred", "v_prad")
    ]
    assert files[0].stat().st_size == files[1].stat().st_size
    first, second = (references.resolve("x", {"x": str(file)}).fingerprint for file in files)
    assert first != second
    monkeypatch.setattr(single_files, "SETTINGS", tmp_path / "settings")
    (tmp_path / "settings" / "clip").mkdir(parents=True)
    (tmp_path / "settings" / "sd1.json").write_text("{}")
    assert references.resolve("x", {"x": str(files[0])}).fingerprint != first


def test_a_plain_file_has_the_published_scheduler(write: Write) -> None:
    for kind, name in (("sd1", "PNDMScheduler"), ("sd2", "PNDMScheduler"), ("sdxl", "EulerDiscreteScheduler")):
        own = own_scheduler(write(WHOLE[kind]))
        assert own["_class_name"] == name and own.get("prediction_type", "epsilon") == "epsilon"
        assert own.get("timestep_spacing", "leading") == "leading" and "rescale_betas_zero_snr" not in own


@pytest.mark.parametrize(
    ("extra", "metadata"),
    [
        ({"v_pred": [0]}, {}),
        ({"v_pred": [0]}, {"modelspec.prediction_type": "epsilon"}),  # of a parent; the tensor is newer
        ({}, {"modelspec.prediction_type": "v"}),
        ({}, {"modelspec.prediction_type": "v_prediction"}),
        ({}, {"ss_v_parameterization": "True"}),
        ({}, {"ss_base_model_version": "sd_v2_v"}),
        ({}, {"modelspec.architecture": "stable-diffusion-v2-768-v"}),
        ({}, {"modelspec.title": "NoobAI-XL Vpred 1.0"}),
    ],
)
@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
def test_v_prediction_is_read(write: Write, kind: str, extra: dict[str, list[int]], metadata: dict[str, str]) -> None:
    file = write({**WHOLE[kind], **extra}, metadata)
    own = own_scheduler(file)
    assert own["prediction_type"] == "v_prediction" and own["_class_name"] != "PNDMScheduler"
    assert own.get("timestep_spacing", "leading") == "leading" and "rescale_betas_zero_snr" not in own


@pytest.mark.parametrize(
    ("extra", "metadata"), [({"v_pred": [0], "ztsnr": [0]}, {}), ({"v_pred": [0]}, {"ss_zero_terminal_snr": "True"})]
)
@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_zero_snr_is_read(write: Write, kind: str, extra: dict[str, list[int]], metadata: dict[str, str]) -> None:
    own = own_scheduler(write({**WHOLE[kind], **extra}, metadata))
    assert own["prediction_type"] == "v_prediction" and own["rescale_betas_zero_snr"] is True
    assert own["timestep_spacing"] == "trailing" and own["_class_name"] != "PNDMScheduler"


@pytest.mark.parametrize(
    ("metadata", "few", "scheduler"),
    [
        ({"modelspec.architecture": "stable-diffusion-xl-turbo-v1"}, "sdxl_turbo", "EulerAncestralDiscreteScheduler"),
        ({"modelspec.title": "DreamShaper XL v2.1 TurboDPMSDE"}, "sdxl_turbo", "EulerAncestralDiscreteScheduler"),
        ({"modelspec.title": "sdxl_lightning_4step"}, "lightning", "EulerDiscreteScheduler"),
        ({"modelspec.tags": "photo, Lightning"}, "lightning", "EulerDiscreteScheduler"),
        ({"modelspec.title": "Hyper-SDXL-8steps"}, "hyper", "DDIMScheduler"),
        ({"modelspec.title": "bigLust DMD2"}, "dmd2", "LCMScheduler"),
        ({"modelspec.usage_hint": "LCM, 6 steps"}, "lcm_lora", "LCMScheduler"),
    ],
)
def test_what_was_made_for_few_steps_is_sampled_to_the_last_timestep(
    write: Write, metadata: dict[str, str], few: str, scheduler: str
) -> None:
    file = write(SDXL, metadata)
    own = own_scheduler(file)
    assert marks(file).few_steps == few
    assert (own["_class_name"], own["timestep_spacing"]) == (scheduler, "trailing")


@pytest.mark.parametrize(
    "title", ["Hyper Realism XL", "hyperrealistic", "Turbo or Lightning", "Turboprop", "Plasma Lightnings", "calcmap"]
)
def test_a_word_that_only_resembles_decides_nothing(write: Write, title: str) -> None:
    assert marks(write(SDXL, {"modelspec.title": title})) == Marks()


@pytest.mark.parametrize(
    "metadata",
    [
        {"modelspec.merged_from": "juggernaut, sdxl_lightning_8step"},
        {"sd_merge_recipe": json.dumps({"type": "webui", "custom_name": "mine-turbo"})},
        {"sd_merge_models": json.dumps({"ab12": {"name": "sd_xl_turbo_1.0.safetensors", "legacy_hash": "c"}})},
    ],
)
def test_a_mixture_with_a_few_step_model_is_sampled_to_the_last_timestep(
    write: Write, metadata: dict[str, str]
) -> None:
    own = own_scheduler(write(SDXL, metadata))
    assert (own["_class_name"], own["timestep_spacing"]) == ("EulerDiscreteScheduler", "trailing")


def test_sd_turbo_is_sampled_without_new_noise(write: Write) -> None:
    own = own_scheduler(write(SD2, {"modelspec.title": "SD Turbo"}))
    assert (own["_class_name"], own["timestep_spacing"]) == ("EulerDiscreteScheduler", "trailing")


def test_steps_and_guidance_that_suit_are_those_of_the_one_table(write: Write) -> None:
    """A Hyper file for one step starts at a timestep of its own, which Bend doesn't offer: 1 is not suggested."""
    for kind in filter(lambda kind: kind.named, FEW_STEPS):
        found = suggestions.suggestions_for(write(SDXL, {"modelspec.title": f"My {kind.called}"}))
        assert found is not None and found.steps == (kind.steps[0], kind.steps[-1])
        assert found.guidance is not None and kind.guidance[0] <= found.guidance <= kind.guidance[1]


def test_a_unet_that_takes_the_guidance_is_lcm(write: Write) -> None:
    assert marks(write({**SD1, f"{UNET}time_embed.cond_proj.weight": [320, 256]})).few_steps == "lcm"


def _stored(values: np.ndarray, dtype: str) -> bytes:
    if dtype == "BF16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    if dtype == "F8_E5M2":
        return (values.astype("<f2").view("<u2") >> 8).astype(np.uint8).tobytes()
    if dtype == "F8_E4M3":
        size = np.abs(values)
        power = np.maximum(np.floor(np.log2(size)), -6)
        bits = ((power + 7).astype(int) << 3) + np.floor((size / 2.0**power - 1) * 8).astype(int)
        return (bits + 128 * (values < 0)).astype(np.uint8).tobytes()
    return values.astype({"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype]).tobytes()


@pytest.mark.parametrize("dtype", ["F16", "F32", "F64", "BF16", "F8_E5M2", "F8_E4M3"])
@pytest.mark.parametrize(("deviation", "prediction"), [(0.05, "epsilon"), (0.16, "v_prediction")])
def test_what_stable_diffusion_2_predicts_is_measured(
    write: Write, dtype: str, deviation: float, prediction: str
) -> None:
    values = np.where(np.arange(320) % 2, deviation, -deviation)
    file = write({**SD2, TELLING: [320]}, values={TELLING: (dtype, _stored(values, dtype))})
    assert marks(file).prediction == prediction
    said = write(
        {**SD2, TELLING: [320]}, {"modelspec.prediction_type": "epsilon"}, {TELLING: (dtype, _stored(values, dtype))}
    )
    assert marks(said).prediction == "epsilon"


def test_a_name_only_leads_to_a_suggestion(write: Write) -> None:
    file = write(SDXL, name="juggernautXL_v9 lightning_4step.safetensors")
    assert marks(file) == Marks()
    found = suggestions.suggestions_for(file)
    assert found is not None and "by its name" in found.words and "Lightning" in found.words
    assert (found.steps, found.guidance, found.sampler, found.spacing) == ((4, 4), 1.0, "Euler", "trailing")
    noob = suggestions.suggestions_for(write(SDXL, name="noobaiXL_vPred10.safetensors"))
    assert noob is not None and noob.prediction == "v_prediction" and "by its name" in noob.words
    assert suggestions.suggestions_for(write(SDXL)) is None


def test_what_a_file_says_itself_needs_no_guess(write: Write) -> None:
    found = suggestions.suggestions_for(write(SDXL, {"modelspec.title": "sd_xl_turbo"}, name="turbo.safetensors"))
    assert found is not None and found.words == "This model is Turbo: 1 to 4 steps, guidance 1."
    assert (found.sampler, found.spacing) == ("", "")
    marked = suggestions.suggestions_for(write({**SDXL, "v_pred": [0], "ztsnr": [0]}, name="noob vpred.safetensors"))
    assert marked is not None and not marked.prediction and "v-prediction with zero terminal SNR" in marked.words


@pytest.mark.parametrize("name", ["lora.safetensors", "gone.safetensors", "model.ckpt"])
def test_what_is_no_model_has_no_suggestions(write: Write, tmp_path: Path, name: str) -> None:
    write({"lora_unet_x.lora_up.weight": [1]}, name="lora.safetensors")
    assert suggestions.suggestions_for(tmp_path / name) is None


def test_each_reason_has_a_code_of_its_own(write: Write, tmp_path: Path) -> None:
    def code(path: Path) -> Code:
        with pytest.raises(BendError) as caught:
            single_files.kind_of(path)
        return caught.value.code

    assert code(write({"double_blocks.0.img_attn.norm.key_norm.scale": [128]})) == Code.MODEL_KIND
    assert code(write({"lora_unet_x.lora_up.weight": [4]}, name="lora.safetensors")) == Code.MODEL_PURPOSE
    assert code(write(SDXL, dtype="I8", name="packed.safetensors")) == Code.MODEL_QUANTIZED
    (tmp_path / "model.ckpt").write_bytes(b"pickle")
    assert code(tmp_path / "model.ckpt") == Code.MODEL_PICKLED
