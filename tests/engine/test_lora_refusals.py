"""LoRA files that cannot be applied: each is refused in words that say what it is, and none is a silent no-op."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lora_files import Random, Tensors, changed_layers, flat, kohya, lora_of, save, text

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Lora
from blender_bend.engine.loading import add_loras
from blender_bend.engine.loras import loaded_on

R = Random()


@pytest.fixture
def refused(load: Callable[..., Any]) -> Callable[..., BendError]:
    """Tries a LoRA on a small model; the model must be left as it was."""

    def refused(lora: Lora, kind: str = "sd15") -> BendError:
        pipeline = load(kind)
        with pytest.raises(BendError) as caught:
            add_loras(pipeline, [lora])
        assert "ink" in caught.value.message
        assert caught.value.hint and caught.value.action == "bend.open_preferences"
        assert not changed_layers(pipeline) and not loaded_on(pipeline.components.get("unet", pipeline.vae))
        return caught.value

    return refused


def low_rank(
    name: str, outputs: int, inputs: int, ways: tuple[str, str] = (".lora_down.weight", ".lora_up.weight")
) -> Tensors:
    """down and up of one layer."""
    return {name + ways[0]: R(4, inputs), name + ways[1]: R(outputs, 4)}


A = (".lora_A.weight", ".lora_B.weight")
TE = "text_model_encoder_layers_0_self_attn_q_proj"
#: What the file was made for: words of the message, and layers as they are published for that model.
MADE_FOR: dict[str, tuple[str, Tensors]] = {
    "FLUX, kohya": ("FLUX", low_rank("lora_unet_double_blocks_0_img_attn_qkv", 9216, 3072)),
    "FLUX, diffusers": ("FLUX", low_rank("transformer.single_transformer_blocks.0.attn.to_q", 3072, 3072, A)),
    "FLUX, XLabs": (
        "FLUX",
        low_rank("double_blocks.0.processor.qkv_lora1", 9216, 3072, (".down.weight", ".up.weight")),
    ),
    "SD3, kohya": ("Stable Diffusion 3", low_rank("lora_unet_joint_blocks_0_x_block_attn_qkv", 4608, 1536)),
    "SD3, diffusers": (
        "Stable Diffusion 3",
        low_rank("transformer.transformer_blocks.0.attn.add_q_proj", 1536, 1536, A),
    ),
    "SDXL, kohya": (
        "Stable Diffusion XL",
        low_rank("lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q", 640, 640),
    ),
    "SDXL, by its prompt": (
        "Stable Diffusion XL",
        low_rank("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k", 640, 2048),
    ),
    "SDXL, text encoder": ("Stable Diffusion XL", low_rank(f"lora_te2_{TE}", 1280, 1280)),
    "SD 1.5": (
        "Stable Diffusion 1.x",
        low_rank("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k", 320, 768),
    ),
    "SD 2": (
        "Stable Diffusion 2.x",
        low_rank("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v", 320, 1024, A),
    ),
    "SD 2, text encoder": ("Stable Diffusion 2.x", low_rank(f"lora_te_{TE}", 1024, 1024)),
    "SD 1.5, text encoder": ("Stable Diffusion 1.x", low_rank(f"lora_te_{TE}", 768, 768)),
    "Wan": ("Wan", low_rank("diffusion_model.blocks.0.self_attn.q", 1536, 1536, A)),
    "Wan, musubi": ("Wan", low_rank("lora_unet_blocks_0_cross_attn_k", 1536, 1536)),
    "Qwen": ("Qwen", low_rank("transformer_blocks.0.img_mlp.net.2", 3072, 12288, A)),
    "LTX": ("LTX", low_rank("transformer.transformer_blocks.0.attn1.to_q", 2048, 2048, A)),
    "AnimateDiff": (
        "AnimateDiff",
        low_rank("down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q", 320, 320, A),
    ),
}


@pytest.mark.parametrize("kind", ["sd15", "sdxl", "mini"])
@pytest.mark.parametrize("name", MADE_FOR)
def test_a_file_for_another_model_says_which(
    name: str, kind: str, refused: Callable[..., BendError], tmp_path: Path
) -> None:
    words, tensors = MADE_FOR[name]
    error = refused(lora_of(save(tmp_path, tensors)), kind)
    assert error.code == Code.LORA_MISFIT
    if not (kind == "sdxl" and name.startswith("SDXL")):  # it is one, only narrower
        assert words in error.message and "made for" in error.message
    assert any(key in error.message for key in tensors)


@pytest.mark.parametrize("kind", ["sd3", "flux"])
def test_a_unets_file_on_a_transformer_says_so(kind: str, refused: Callable[..., BendError], tmp_path: Path) -> None:
    error = refused(lora_of(save(tmp_path, MADE_FOR["SD 1.5"][1])), kind)
    assert error.code == Code.LORA_MISFIT
    here = "FLUX" if kind == "flux" else "Stable Diffusion 3"
    assert f"was made for Stable Diffusion 1.x, but this model is {here}" in error.message


@pytest.mark.parametrize("architecture", ["stable-diffusion-xl-v1-base/lora", "Flux.1-dev/lora"])
def test_what_the_trainer_wrote_is_believed_where_names_do_not_tell(
    architecture: str, refused: Callable[..., BendError], tmp_path: Path
) -> None:
    tensors = low_rank("lora_unet_down_blocks_7_attentions_0_transformer_blocks_0_attn1_to_q", 8, 8)
    path = save(tmp_path, tensors, metadata={"modelspec.architecture": architecture})
    words = "Stable Diffusion XL" if "xl" in architecture else "FLUX"
    assert f"was made for {words}" in refused(lora_of(path)).message


def whole(pipeline: Any) -> Tensors:
    """A file that fits the small Stable Diffusion 1.5."""
    return kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q")[0]


def without(end: str, tensors: Tensors, count: int = 1) -> Tensors:
    """A file that lacks some tensors whose names end so."""
    gone = [key for key in tensors if key.endswith(end)][:count]
    return {key: tensor for key, tensor in tensors.items() if key not in gone}


ELSEWHERE = "lora_unet_down_blocks_7_attentions_0_transformer_blocks_0_attn1_to_q"
#: What is done to a whole file, and what of it the message must name.
IN_PART: dict[str, tuple[Callable[[Tensors], Tensors], str]] = {
    "a layer from elsewhere": (lambda own: own | low_rank(ELSEWHERE, 8, 8), ELSEWHERE),
    "one up missing": (lambda own: without(".lora_up.weight", own), "up is missing"),
    "one down missing": (lambda own: without(".lora_down.weight", own), "down is missing"),
    "one alpha alone": (
        lambda own: without(".lora_up.weight", without(".lora_down.weight", own)),
        "there is only alpha",
    ),
    "a wrong shape": (
        lambda own: {k: R(4, 5) if k.endswith("down.weight") and "mid_block" in k else t for k, t in own.items()},
        "4 × 5",
    ),
    "two ranks": (
        lambda own: {k: t[:, :2] if k.endswith("up.weight") and "mid_block" in k else t for k, t in own.items()},
        "2 ranks",
    ),
    "a tensor of no LoRA": (lambda own: own | {"conv_in.weight": R(4, 4)}, "conv_in.weight"),
    "a textual inversion inside": (
        lambda own: own | {"bundle_emb.ink.string_to_param.*": R(2, 32)},
        "bundle_emb.ink",
    ),
    "another kind in one layer": (
        lambda own: own | {next(iter(own)).replace("lora_down.weight", "diff"): R(2, 2)},
        "at once",
    ),
    "no rank": (
        lambda own: {k: t[:0] if k.endswith("down.weight") else t[:, :0] if t.ndim else t for k, t in own.items()},
        "no rank",
    ),
    "an empty alpha": (
        lambda own: {k: torch.zeros(0) if k.endswith("alpha") else t for k, t in own.items()},
        "alpha is not one number",
    ),
    "several alphas in one layer": (
        lambda own: {k: torch.ones(4) if k.endswith("alpha") else t for k, t in own.items()},
        "alpha is not one number",
    ),
    "a LoHa in a LoRA's layer": (
        lambda own: own | {ELSEWHERE.replace("7", "0") + ".hada_w1_a": R(8, 2)},
        "low rank and LoHa at once",
    ),
    "a middle of other ranks": (
        lambda own: own | {next(iter(own)).replace("lora_down", "lora_mid"): R(5, 5, 3, 3)},
        "5 × 5",
    ),
    "a bias where there is none": (
        lambda own: own | {next(iter(own)).replace("lora_down.weight", "diff_b"): R(8)},
        "has no bias",
    ),
    "DoRA lengths of another width": (
        lambda own: own | {next(iter(own)).replace("lora_down.weight", "dora_scale"): R(1, 5)},
        "1 × 5",
    ),
    "half a LoHa": (
        lambda own: own | {ELSEWHERE.replace("7", "0")[:-1] + "k.hada_w1_a": R(8, 2)},
        "hada_w1_b is missing",
    ),
    "half a LoKr": (lambda own: own | {ELSEWHERE.replace("7", "0")[:-1] + "k.lokr_w1": R(2, 2)}, "lokr_w2 is missing"),
}


@pytest.mark.parametrize("name", IN_PART)
def test_a_file_that_fits_in_part_is_refused_with_the_tensors_named(
    name: str, refused: Callable[..., BendError], load: Callable[..., Any], tmp_path: Path
) -> None:
    change, words = IN_PART[name]
    error = refused(lora_of(save(tmp_path, change(whole(load("sd15"))))))
    assert error.code == Code.LORA_MISFIT
    assert words in error.message


def of_every_kind(o: int, i: int) -> dict[str, Tensors]:
    """A layer with so many outputs and inputs, by every kind of file."""
    low = {"lora_down.weight": R(2, i), "lora_up.weight": R(o, 2)}
    return {
        "LoRA": {**low, "lora_B.bias": R(o)},
        "LoHa": {"hada_w1_a": R(o, 2), "hada_w1_b": R(2, i), "hada_w2_a": R(o, 2), "hada_w2_b": R(2, i)},
        "LoKr": {"lokr_w1": R(2, 2), "lokr_w2_a": R(o // 2, 2), "lokr_w2_b": R(2, i // 2)},
        "LoKr's middle": {
            "lokr_w1": R(2, 2),
            "lokr_w2_a": R(2, o // 2),
            "lokr_w2_b": R(2, i // 2),
            "lokr_t2": R(2, 2, 1, 1),
        },
        "in full": {"diff": R(o, i), "diff_b": R(o)},
        "DoRA": {**low, "dora_scale": R(o, 1)},
    }


SHAPES = ((), (1,), (0,), (3,), (2, 3), (0, 4), (4, 0), (2, 3, 4), (2, 2, 2, 2, 3))
LAYERS = {"te_text_model_encoder_layers_0_mlp_fc1": (128, 32), "unet_down_blocks_0_resnets_0_norm1": (8, 2)}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("kind", of_every_kind(2, 2))
def test_a_tensor_of_any_other_shape_is_refused_in_words(
    kind: str, layer: str, load: Callable[..., Any], tmp_path: Path
) -> None:
    own = of_every_kind(*LAYERS[layer])[kind]
    pipeline = load("sd15")
    for role in own:
        for shape in SHAPES:
            tensors = {f"lora_{layer}.{name}": tensor for name, tensor in {**own, role: torch.ones(shape)}.items()}
            with pytest.raises(BendError) as caught:
                add_loras(pipeline, [lora_of(save(tmp_path, tensors))])
            assert caught.value.code == Code.LORA_MISFIT, (role, shape)
            assert not changed_layers(pipeline)


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: data[:-1], lambda data: b""])
def test_a_damaged_file_is_said_to_be_damaged(
    damage: Callable[[bytes], bytes], refused: Callable[..., BendError], load: Callable[..., Any], tmp_path: Path
) -> None:
    path = save(tmp_path, whole(load("sd15")))
    path.write_bytes(damage(path.read_bytes()))
    error = refused(lora_of(path))
    assert error.code == Code.LORA_INVALID and "Error" not in error.message
    assert error.message.endswith("can't be read: its file is damaged or incomplete.")


def test_settings_beside_the_weights_that_are_no_settings_are_left_out(
    load: Callable[..., Any], tmp_path: Path
) -> None:
    own = {"unet.conv_in.lora_A.weight": R(2, 4, 3, 3), "unet.conv_in.lora_B.weight": R(8, 2, 1, 1)}
    for nonsense in ("[" * 100_000, "{", "5", "[]"):
        pipeline = load("sd15")
        add_loras(pipeline, [lora_of(save(tmp_path, own, metadata={"lora_adapter_metadata": nonsense}))])
        assert changed_layers(pipeline)


def test_an_expression_in_the_settings_that_could_hang_is_not_tried(
    refused: Callable[..., BendError], tmp_path: Path
) -> None:
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    settings = {"unet.alpha_pattern": {"(([a-z0-9_]+)+.)+!": 3}}
    path = save(tmp_path, low_rank(f"unet.{name}", 32, 32, A), metadata={"lora_adapter_metadata": json.dumps(settings)})
    assert "a pattern that Bend doesn't read" in refused(lora_of(path)).message


def test_a_name_of_a_tensor_longer_than_any_is_refused(refused: Callable[..., BendError], tmp_path: Path) -> None:
    name = "attn2_to_k_" * 10_000
    assert "a tensor whose name has 1100" in refused(lora_of(save(tmp_path, low_rank(name, 4, 4)))).message


def test_the_ending_of_a_file_may_be_in_capitals(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load("sd15")
    path = save(tmp_path, whole(pipeline))
    add_loras(pipeline, [lora_of(path.rename(tmp_path / "INK.SAFETENSORS"))])
    assert changed_layers(pipeline)


def test_a_wrong_middle_of_a_loha_or_lokr_is_refused(refused: Callable[..., BendError], tmp_path: Path) -> None:
    name = "lora_unet_mid_block_resnets_0_conv1"
    loha = {f"{name}.hada_w{n}_{side}": R(2, 32) for n in (1, 2) for side in "ab"}
    loha |= {f"{name}.hada_t{n}": R(3, 2, 3, 3) for n in (1, 2)}
    lokr = {f"{name}.lokr_w1": R(3, 4), f"{name}.lokr_w2_a": R(8, 3), f"{name}.lokr_w2_b": R(2, 8)}
    for tensors in (loha, lokr, {f"{name}.lokr_w1": R(3, 4), f"{name}.lokr_w2": R(5, 5)}):
        assert refused(lora_of(save(tmp_path, tensors))).code == Code.LORA_MISFIT


#: What is no LoRA, and what the message calls it.
NO_LORAS: dict[str, tuple[Tensors, str]] = {
    "checkpoint": (
        {"model.diffusion_model.input_blocks.0.0.weight": R(8, 4), "first_stage_model.decoder.conv_in.weight": R(2)},
        "a whole checkpoint",
    ),
    "textual inversion": ({"emb_params": R(2, 32)}, "a textual inversion"),
    "textual inversion for SDXL": ({"clip_g": R(2, 1280), "clip_l": R(2, 768)}, "a textual inversion"),
    "autoencoder": ({"decoder.conv_in.weight": R(4, 4), "encoder.conv_in.weight": R(4, 4)}, "an autoencoder"),
    "ControlNet": ({"control_model.input_blocks.0.0.weight": R(4, 4)}, "a ControlNet"),
    "ControlNet of diffusers": (
        {"controlnet_down_blocks.0.weight": R(4, 4), "conv_in.weight": R(4, 4)},
        "a ControlNet",
    ),
    "IP-Adapter": ({"image_proj.proj.weight": R(4, 4), "ip_adapter.1.to_k_ip.weight": R(4, 4)}, "an IP-Adapter"),
    "motion module": ({"down_blocks.0.motion_modules.0.x.weight": R(4, 4)}, "a motion module"),
    "UNet": ({"conv_in.weight": R(4, 4), "down_blocks.0.resnets.0.conv1.weight": R(4, 4)}, "a UNet"),
    "transformer": ({"double_blocks.0.img_attn.qkv.weight": R(4, 4)}, "a transformer"),
    "text encoder": ({"text_model.encoder.layers.0.mlp.fc1.weight": R(4, 4)}, "a text encoder"),
    "nothing": ({}, "is empty"),
    "anything": ({"speech.weights": R(3)}, "speech.weights"),
}


@pytest.mark.parametrize("name", NO_LORAS)
def test_a_file_that_is_no_lora_is_called_what_it_is(
    name: str, refused: Callable[..., BendError], tmp_path: Path
) -> None:
    tensors, words = NO_LORAS[name]
    error = refused(lora_of(save(tmp_path, tensors)))
    assert error.code == Code.LORA_INVALID
    assert words in error.message


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("OFT", "oft_blocks"),
        ("OFT", "oft_diag"),
        ("OFT", "oft_R.weight"),
        ("BOFT", "boft_R"),
        ("GLoRA", "a1.weight"),
        ("(IA)³", "on_input"),
        ("VeRA", "vera_lambda_b"),
        ("AdaLoRA", "lora_E"),
        ("word embeddings", "lora_embedding_A"),
    ],
)
def test_a_kind_that_bend_cannot_apply_is_named(
    kind: str, end: str, refused: Callable[..., BendError], tmp_path: Path
) -> None:
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
    error = refused(lora_of(save(tmp_path, {f"{name}.{end}": R(4, 4), f"{name}.alpha": torch.tensor(1.0)})))
    assert error.code == Code.LORA_KIND
    assert kind in error.message


@pytest.mark.parametrize("strength", [1.0, 0.0])
@pytest.mark.parametrize("zero", ["lora_up.weight", "lora_down.weight", "alpha"])
def test_a_file_that_changes_no_weight_is_refused(
    zero: str, strength: float, refused: Callable[..., BendError], load: Callable[..., Any], tmp_path: Path
) -> None:
    own = {key: tensor * 0 if key.endswith(zero) else tensor for key, tensor in whole(load("sd15")).items()}
    error = refused(lora_of(save(tmp_path, own), strength))
    assert error.code == Code.LORA_EMPTY


def test_alphas_alone_are_refused(refused: Callable[..., BendError], load: Callable[..., Any], tmp_path: Path) -> None:
    own = {key: tensor for key, tensor in whole(load("sd15")).items() if key.endswith("alpha")}
    error = refused(lora_of(save(tmp_path, own)))
    assert error.code == Code.LORA_MISFIT and "there is only alpha" in error.message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("end", ["lora_up.weight", "alpha"])
def test_numbers_that_are_not_finite_are_refused_with_their_place(
    end: str, value: float, refused: Callable[..., BendError], load: Callable[..., Any], tmp_path: Path
) -> None:
    own = whole(load("sd15"))
    key = [key for key in own if key.endswith(end)][-1]
    own[key] = torch.full_like(own[key], value)
    error = refused(lora_of(save(tmp_path, own)))
    assert error.code == Code.LORA_INVALID and key in error.message


def test_numbers_too_large_for_16_bit_are_refused_there(load: Callable[..., Any], tmp_path: Path) -> None:
    own = {key: tensor * 1e6 if "up" in key else tensor for key, tensor in whole(load("sd15")).items()}
    lora = lora_of(save(tmp_path, own))
    add_loras(load("sd15", torch.bfloat16), [lora])
    with pytest.raises(BendError, match="too large for 16 bit") as caught:
        add_loras(load("sd15", torch.float16), [lora])
    assert caught.value.code == Code.LORA_INVALID


def broken(path: Path, kind: str) -> Path:
    """A file that cannot be read."""
    content = path.read_bytes()
    path.write_bytes({"cut": content[: len(content) // 2], "header": content[:100], "text": b"<html>404</html>"}[kind])
    return path


@pytest.mark.parametrize("kind", ["cut", "header", "text"])
def test_a_damaged_file_is_said_to_be(
    kind: str, refused: Callable[..., BendError], load: Callable[..., Any], tmp_path: Path
) -> None:
    error = refused(lora_of(broken(save(tmp_path, whole(load("sd15"))), kind)))
    assert error.code == Code.LORA_INVALID and "damaged" in error.message


@pytest.mark.parametrize("name", ["lora.ckpt", "lora.pt", "lora"])
def test_only_safetensors_are_opened(name: str, refused: Callable[..., BendError], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert refused(Lora("ink", str(tmp_path / name), "0" * 64)).code == Code.LORA_INVALID


def test_a_file_that_is_gone_is_said_to_be(refused: Callable[..., BendError], tmp_path: Path) -> None:
    assert refused(Lora("ink", str(tmp_path / "gone.safetensors"), "0" * 64)).code == Code.MODEL_MISSING


def test_one_layer_under_two_names_is_refused(
    refused: Callable[..., BendError], load: Callable[..., Any], tmp_path: Path
) -> None:
    unet = load("sd15").unet
    both = kohya(unet, "unet", flat("lora_unet_"), "mid_block.attentions.0.proj_in")[0]
    both |= kohya(unet, "unet", lambda path: f"unet.{path}", "mid_block.attentions.0.proj_in")[0]
    error = refused(lora_of(save(tmp_path, both)))
    assert error.code == Code.LORA_INVALID and "twice" in error.message


def test_a_text_encoder_that_the_model_lacks_is_named(
    refused: Callable[..., BendError], load: Callable[..., Any], tmp_path: Path
) -> None:
    """Stable Diffusion 3 is often run without its T5."""
    pipeline = load("sd3")
    own = kohya(pipeline.transformer, "transformer", lambda path: f"transformer.{path}", "to_q")[0]
    own |= low_rank("lora_te3_encoder_block_0_layer_0_SelfAttention_q", 32, 32)
    error = refused(lora_of(save(tmp_path, own)), "sd3")
    assert error.code == Code.LORA_MISFIT and "lora_te3_encoder" in error.message


def test_a_refused_file_leaves_those_before_it_alone(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load("sd15")
    good = lora_of(save(tmp_path, whole(pipeline), "good"), name="good")
    bad = lora_of(save(tmp_path, kohya(pipeline.text_encoder, "x", text("lora_te2_"), "q_proj")[0], "bad"), name="bad")
    with pytest.raises(BendError, match="bad"):
        add_loras(pipeline, [good, bad])
    assert [lora.name for lora in loaded_on(pipeline.unet)] == ["good"]
