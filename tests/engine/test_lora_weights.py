"""The weights that layers work with under a LoRA are those merged by hand, for every way in which files are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_sd3_transformer_checkpoint_to_diffusers,
)
from lora_files import (
    Changes,
    Random,
    Tensors,
    changed_layers,
    exact,
    flat,
    kohya,
    largest_difference,
    layers,
    lora_of,
    merged,
    originals,
    pair,
    save,
    text,
    weight_of,
)

from blender_bend.engine.loading import add_loras
from blender_bend.engine.loading.loras.layer_names import LayerNames

#: What the issue asks for: the largest difference to the weights merged by hand.
ALLOWED = 1e-6

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.2", "ff.net.0.proj")
CONVOLUTIONS = ("conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv", "time_emb_proj")
TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
PEFT = (".lora_A.weight", ".lora_B.weight", ".alpha")


def check(pipeline: Any, path: Path, changes: Changes, strength: float = 1.0) -> None:
    """Load a file and compare every layer with the weight merged by hand."""
    before = originals(pipeline, changes)
    add_loras(pipeline, [lora_of(path, strength)])
    assert changed_layers(pipeline) == set(changes)
    assert largest_difference(pipeline, before, changes, strength) <= ALLOWED
    assert largest_difference(pipeline, before, changes, 0.0) > 0.01


#: How trainers number ranks and alphas: kohya, its resize script with a dynamic rank, and block_dims with block_alphas.
RANKS = {
    "alpha": (lambda index: 4, lambda rank, path: 2.0),
    "no alpha": (lambda index: 4, lambda rank, path: None),
    "resized": (lambda index: (2, 3, 5, 8)[index % 4], lambda rank, path: rank / 2),
    "blocks": (lambda index: 4, lambda rank, path: 1.0 if path.startswith("up") else 4.0),
    "block dims": (lambda index: 1 + index % 7, lambda rank, path: 3.0),
}


@pytest.mark.parametrize("kind", ["sd15", "sd21", "sdxl"])
@pytest.mark.parametrize("ranks", RANKS)
def test_every_layer_is_scaled_by_its_own_alpha_and_rank(
    ranks: str, kind: str, load: Callable[..., Any], tmp_path: Path
) -> None:
    pipeline = load(kind)
    rank, alpha = RANKS[ranks]
    tensors, changes = kohya(pipeline.unet, "unet", flat("lora_unet_"), *ATTENTION, rank=rank, alpha=alpha)
    te = "lora_te1_" if kind == "sdxl" else "lora_te_"
    for part, prefix in (("text_encoder", te), ("text_encoder_2", "lora_te2_")):
        if getattr(pipeline, part, None) is not None:
            more, also = kohya(getattr(pipeline, part), part, text(prefix), *TEXT, rank=rank, alpha=alpha, seed=1)
            tensors, changes = tensors | more, changes | also
    check(pipeline, save(tmp_path, tensors), changes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float8_e4m3fn])
def test_a_file_may_be_kept_in_any_number_format(dtype: torch.dtype, load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load("sd15")
    tensors, changes = kohya(pipeline.unet, "unet", flat("lora_unet_"), *ATTENTION, dtype=dtype)
    check(pipeline, save(tmp_path, tensors), changes)


@pytest.mark.parametrize("alpha", [torch.tensor(2), torch.tensor([2.0]), torch.tensor([[2]], dtype=torch.int32)])
def test_an_alpha_may_be_a_tensor_of_any_shape_and_format(
    alpha: torch.Tensor, load: Callable[..., Any], tmp_path: Path
) -> None:
    pipeline = load("sd15")
    tensors, changes = kohya(pipeline.unet, "unet", flat("lora_unet_"), "attn1.to_q")
    tensors = {key: alpha.clone() if key.endswith(".alpha") else tensor for key, tensor in tensors.items()}
    check(pipeline, save(tmp_path, tensors), changes)


#: Prefix, what is made of a path, and the names of down, up and alpha.
SPELLINGS: dict[str, tuple[Callable[[str], str], tuple[str, str, str]]] = {
    "kohya": (flat("lora_unet_"), (".lora_down.weight", ".lora_up.weight", ".alpha")),
    "peft": (lambda path: f"base_model.model.{path}", PEFT),
    "peft with an adapter's name": (
        lambda path: f"base_model.model.{path}",
        (".lora_A.default.weight", ".lora_B.default.weight", ".alpha"),
    ),
    "diffusers": (lambda path: f"unet.{path}", PEFT),
    "diffusers before peft": (lambda path: f"unet.{path}", (".lora.down.weight", ".lora.up.weight", ".alpha")),
    "diffusers over peft": (lambda path: f"unet.base_model.model.{path}", PEFT),
    "no prefix": (lambda path: path, PEFT),
    "LyCORIS' wrapper": (flat("lycoris_"), (".lora_down.weight", ".lora_up.weight", ".alpha")),
}


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_names_the_same_layers(
    spelling: str, kind: str, load: Callable[..., Any], tmp_path: Path
) -> None:
    pipeline = load(kind)
    name, ways = SPELLINGS[spelling]
    check(pipeline, *made(tmp_path, *kohya(pipeline.unet, "unet", name, *ATTENTION, ways=ways)))


def made(folder: Path, tensors: Tensors, changes: Changes, metadata: Any = None) -> tuple[Path, Changes]:
    """A file, and what it comes to."""
    return save(folder, tensors, metadata=metadata), changes


def test_the_processors_of_old_diffusers_are_read(load: Callable[..., Any], tmp_path: Path) -> None:
    def name(path: str) -> str:
        block, _, layer = path.rpartition(".to_")
        return f"{block}.processor.to_{layer.removesuffix('.0')}_lora"

    pipeline = load("sd15")
    ways = (".down.weight", ".up.weight", "")
    files = kohya(
        pipeline.unet, "unet", name, "to_q", "to_k", "to_v", "to_out.0", alpha=lambda rank, path: None, ways=ways
    )
    check(pipeline, *made(tmp_path, *files))


TEXT_SPELLINGS: dict[str, tuple[str, str, Callable[[str], str], tuple[str, str, str]]] = {
    "kohya": ("sd15", "text_encoder", text("lora_te_"), (".lora_down.weight", ".lora_up.weight", ".alpha")),
    "kohya XL 1": ("sdxl", "text_encoder", text("lora_te1_"), (".lora_down.weight", ".lora_up.weight", ".alpha")),
    "kohya XL 2": ("sdxl", "text_encoder_2", text("lora_te2_"), (".lora_down.weight", ".lora_up.weight", ".alpha")),
    "kohya FLUX": ("flux", "text_encoder", text("lora_te1_"), (".lora_down.weight", ".lora_up.weight", ".alpha")),
    "diffusers": (
        "sd15",
        "text_encoder",
        lambda path: f"text_encoder.text_model.{path.removeprefix('text_model.')}",
        PEFT,
    ),
    "diffusers XL 2": (
        "sdxl",
        "text_encoder_2",
        lambda path: f"text_encoder_2.text_model.{path.removeprefix('text_model.')}",
        PEFT,
    ),
    "old diffusers": (
        "sd15",
        "text_encoder",
        lambda path: f"text_encoder.text_model.{path.removeprefix('text_model.')}",
        (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight", ".alpha"),
    ),
    "ComfyUI": (
        "sd3",
        "text_encoder_2",
        lambda path: f"text_encoders.clip_g.transformer.text_model.{path.removeprefix('text_model.')}",
        PEFT,
    ),
}


@pytest.mark.parametrize("ends", [TEXT, ("q_proj", "v_proj"), ("v_proj",)])
@pytest.mark.parametrize("spelling", TEXT_SPELLINGS)
def test_a_file_may_change_a_text_encoder_only(
    spelling: str, ends: tuple[str, ...], load: Callable[..., Any], tmp_path: Path
) -> None:
    kind, part, name, ways = TEXT_SPELLINGS[spelling]
    pipeline = load(kind)
    check(pipeline, *made(tmp_path, *kohya(getattr(pipeline, part), part, name, *ends, ways=ways)))


@pytest.mark.parametrize(("kind", "prefix"), [("flux", "lora_te2_"), ("flux", "lora_te3_")])
def test_a_t5_is_read(kind: str, prefix: str, load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load(kind)
    files = kohya(pipeline.text_encoder_2, "text_encoder_2", flat(prefix), "SelfAttention.q", "DenseReluDense.wo")
    check(pipeline, *made(tmp_path, *files))


def test_what_diffusers_writes_about_its_alphas_counts(load: Callable[..., Any], tmp_path: Path) -> None:
    """As ``save_lora_weights`` keeps the LoraConfig that it was trained with."""
    told = {
        "unet.r": 4,
        "unet.lora_alpha": 8,
        "unet.alpha_pattern": {"mid_block.attentions.0.transformer_blocks.0.attn1.to_q": 3},
        "unet.use_rslora": False,
    }

    def alpha(path: str) -> float:
        return 3.0 if path.startswith("mid_block") and path.endswith("attn1.to_q") else 8.0

    pipeline = load("sd15")
    tensors, _ = kohya(pipeline.unet, "unet", lambda path: f"unet.{path}", "to_q", alpha=lambda r, p: None, ways=PEFT)
    _, changes = kohya(pipeline.unet, "unet", lambda path: path, "to_q", alpha=lambda r, path: alpha(path))
    check(pipeline, *made(tmp_path, tensors, changes, {"lora_adapter_metadata": json.dumps(told)}))


#: diffusers' layers and what Stability's own code calls them, as kohya's SDXL files have them.
PUBLISHED_XL = {
    "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q": "input_blocks_4_1_transformer_blocks_0_attn1_to_q",
    "down_blocks.1.attentions.1.proj_in": "input_blocks_5_1_proj_in",
    "down_blocks.2.attentions.1.transformer_blocks.2.attn2.to_v": "input_blocks_8_1_transformer_blocks_2_attn2_to_v",
    "mid_block.attentions.0.transformer_blocks.1.ff.net.0.proj": "middle_block_1_transformer_blocks_1_ff_net_0_proj",
    "up_blocks.0.attentions.2.transformer_blocks.0.attn2.to_k": "output_blocks_2_1_transformer_blocks_0_attn2_to_k",
    "up_blocks.1.attentions.0.proj_out": "output_blocks_3_1_proj_out",
    "down_blocks.0.resnets.0.conv1": "input_blocks_1_0_in_layers_2",
    "down_blocks.0.downsamplers.0.conv": "input_blocks_3_0_op",
    "up_blocks.0.upsamplers.0.conv": "output_blocks_2_2_conv",
    "mid_block.resnets.1.conv2": "middle_block_2_out_layers_3",
    "up_blocks.2.resnets.0.conv_shortcut": "output_blocks_6_0_skip_connection",
    "add_embedding.linear_1": "label_emb_0_0",
    "conv_out": "out_2",
}


def test_kohyas_xl_files_are_read_by_stabilitys_names(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load("sdxl")
    files = kohya(pipeline.unet, "unet", lambda path: f"lora_unet_{PUBLISHED_XL[path]}", *PUBLISHED_XL)
    tensors, changes = files
    assert {path for _, path, _ in changes} == set(PUBLISHED_XL)
    check(pipeline, save(tmp_path, tensors), changes)


@pytest.mark.parametrize("kind", ["sd15", "sd21", "sdxl"])
def test_the_names_of_single_files_are_those_that_diffusers_converts(kind: str, load: Callable[..., Any]) -> None:
    """Every layer's name in a checkpoint, converted by diffusers, is that layer."""
    pipeline = load(kind)
    unet = pipeline.unet
    by_layer: dict[str, list[str]] = {}
    for spelling, places in LayerNames(pipeline).places["unet"].items():
        by_layer.setdefault(places[0].path, []).append(spelling)
    # A checkpoint whose tensors are the numbers of its layers: the converter only renames.
    number_of = {path: float(number) for number, path in enumerate(by_layer)}
    checkpoint = {
        f"model.diffusion_model.{native_name(path, spellings)}.{tensor}": torch.tensor(number_of[path])
        for path, spellings in by_layer.items()
        for tensor in ("weight", "bias")
    }
    converted = convert_ldm_unet_checkpoint(checkpoint, {**unet.config, "class_embed_type": None})
    found = {name: float(value) for name, value in converted.items() if name.endswith(".weight")}
    assert found == {f"{path}.weight": number for path, number in number_of.items()}


def native_name(path: str, spellings: list[str]) -> str:
    """The dotted name of a layer in a checkpoint, from its flat one."""
    found = [spelling for spelling in spellings if spelling != path.replace(".", "_")]
    found = [spelling for spelling in found if not path.endswith("to_out.0") or spelling.endswith("to_out_0")]
    assert len(found) <= 1, found
    return dotted(found[0] if found else path)


def dotted(flat_name: str) -> str:
    """A flat name with the dots that a checkpoint has."""
    kept = ("input_blocks", "middle_block", "output_blocks", "transformer_blocks", "in_layers", "out_layers")
    kept += ("emb_layers", "skip_connection", "time_embed", "label_emb", "proj_in", "proj_out", "to_q", "to_k", "to_v")
    marked = flat_name
    for name in (*kept, "to_out"):
        marked = marked.replace(name, name.replace("_", "-"))
    return marked.replace("_", ".").replace("-", "_")


def test_a_locon_changes_convolutions_of_every_size(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load("sd15")
    files = kohya(pipeline.unet, "unet", flat("lora_unet_"), *CONVOLUTIONS, "proj_in", "proj_out", "conv_in")
    check(pipeline, *made(tmp_path, *files))


def test_the_middle_of_a_tucker_locon_counts(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load("sd15")
    random, tensors, changes = Random(), {}, {}
    for path, layer in layers(pipeline.unet, "resnets.0.conv1").items():
        outputs, inputs, *kernel = layer.weight.shape
        up, down, middle = random(outputs, 3, 1, 1), random(3, inputs, 1, 1), random(3, 3, *kernel)
        name = flat("lora_unet_")(path)
        tensors |= {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down, f"{name}.lora_mid.weight": middle}
        tensors[f"{name}.alpha"] = torch.tensor(1.5)
        product = np.einsum("pi,ijkl,jr->prkl", exact(up)[..., 0, 0], exact(middle), exact(down)[..., 0, 0])
        changes["unet", path, "weight"] = 0.5 * product
    check(pipeline, save(tmp_path, tensors), changes)


def test_a_layer_that_is_linear_in_the_file_may_be_a_convolution(load: Callable[..., Any], tmp_path: Path) -> None:
    """proj_in of SD 1.5 is a 1 × 1 convolution; files that were trained on a linear one say the same."""
    pipeline = load("sd15")
    tensors, changes = kohya(pipeline.unet, "unet", flat("lora_unet_"), "proj_in")
    tensors = {key: tensor.flatten(1) if tensor.ndim == 4 else tensor for key, tensor in tensors.items()}
    check(pipeline, save(tmp_path, tensors), changes)


def per_layer(
    unet: torch.nn.Module, ends: tuple[str, ...], make: Callable[[Random, tuple[int, ...]], tuple[Tensors, np.ndarray]]
) -> tuple[Tensors, Changes]:
    """A file whose tensors are made layer by layer."""
    random, tensors, changes = Random(), {}, {}
    for path, layer in layers(unet, *ends).items():
        own, change = make(random, tuple(layer.weight.shape))
        tensors |= {f"{flat('lora_unet_')(path)}.{role}": tensor for role, tensor in own.items()}
        changes["unet", path, "weight"] = change
    return tensors, changes


def loha(random: Random, shape: tuple[int, ...]) -> tuple[Tensors, np.ndarray]:
    inputs = int(np.prod(shape[1:]))
    one, two, three, four = random(shape[0], 2), random(2, inputs), random(shape[0], 2), random(2, inputs)
    own = {"hada_w1_a": one, "hada_w1_b": two, "hada_w2_a": three, "hada_w2_b": four, "alpha": torch.tensor(3.0)}
    return own, (1.5 * (exact(one) @ exact(two)) * (exact(three) @ exact(four))).reshape(shape)


def loha_tucker(random: Random, shape: tuple[int, ...]) -> tuple[Tensors, np.ndarray]:
    outputs, inputs, *kernel = shape
    own, halves = {"alpha": torch.tensor(1.0)}, []
    for half in (1, 2):
        middle, up, down = random(2, 2, *kernel, size=1.0), random(2, outputs, size=0.5), random(2, inputs, size=0.5)
        own |= {f"hada_t{half}": middle, f"hada_w{half}_a": up, f"hada_w{half}_b": down}
        halves.append(np.einsum("ijkl,jr,ip->prkl", exact(middle), exact(down), exact(up)))
    return own, 0.5 * halves[0] * halves[1]


def lokr(random: Random, shape: tuple[int, ...]) -> tuple[Tensors, np.ndarray]:
    """Both in full: alpha says nothing."""
    first, second = random(2, 4), random(shape[0] // 2, shape[1] // 4, *shape[2:])
    change = np.kron(exact(first).reshape(2, 4, *[1] * (len(shape) - 2)), exact(second))
    return {"lokr_w1": first, "lokr_w2": second, "alpha": torch.tensor(7.0)}, change


def lokr_products(random: Random, shape: tuple[int, ...]) -> tuple[Tensors, np.ndarray]:
    one, two = random(2, 3), random(3, 4)
    three, four = random(shape[0] // 2, 3), random(3, shape[1] // 4, *shape[2:])
    own = {"lokr_w1_a": one, "lokr_w1_b": two, "lokr_w2_a": three, "lokr_w2_b": four, "alpha": torch.tensor(1.0)}
    second = (exact(three) @ exact(four).reshape(3, -1)).reshape(shape[0] // 2, shape[1] // 4, *shape[2:])
    first = (exact(one) @ exact(two)).reshape(2, 4, *[1] * (len(shape) - 2))
    return own, np.kron(first, second) / 3


def lokr_tucker(random: Random, shape: tuple[int, ...]) -> tuple[Tensors, np.ndarray]:
    outputs, inputs, *kernel = shape
    first, middle = random(2, 4), random(3, 3, *kernel)
    up, down = random(3, outputs // 2), random(3, inputs // 4)
    own = {"lokr_w1": first, "lokr_t2": middle, "lokr_w2_a": up, "lokr_w2_b": down, "alpha": torch.tensor(1.5)}
    second = np.einsum("ijkl,jr,ip->prkl", exact(middle), exact(down), exact(up))
    return own, 0.5 * np.kron(exact(first)[..., None, None], second)


def in_full(random: Random, shape: tuple[int, ...]) -> tuple[Tensors, np.ndarray]:
    change = random(*shape)
    return {"diff": change}, exact(change)


OTHER_KINDS = {
    "LoHa": (loha, ("to_q", "to_v")),
    "LoHa of convolutions": (loha, ("conv1",)),
    "LoHa with Tucker": (loha_tucker, ("conv1",)),
    "LoKr": (lokr, ("to_q", "attn2.to_v", "conv2")),
    "LoKr of products": (lokr_products, ("to_q", "conv2")),
    "LoKr with Tucker": (lokr_tucker, ("conv2",)),
    "in full": (in_full, ("to_q", "conv1", "norm1", "conv_norm_out")),
}


@pytest.mark.parametrize("strength", [1.0, -0.7])
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_other_kinds_are_merged_by_their_formulas(
    kind: str, strength: float, load: Callable[..., Any], tmp_path: Path
) -> None:
    make, ends = OTHER_KINDS[kind]
    pipeline = load("sd15")
    check(pipeline, *made(tmp_path, *per_layer(pipeline.unet, ends, make)), strength)


def test_biases_and_norms_are_changed_too(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline, random = load("sd15"), Random()
    norm, layer = "up_blocks.1.attentions.0.norm", "mid_block.resnets.0.conv1"
    weight, bias = weight_of(pipeline.unet, norm), weight_of(pipeline.unet, layer, "bias")
    own = {
        "lora_unet_up_blocks_1_attentions_0_norm.w_norm": random(*weight.shape),
        "lora_unet_up_blocks_1_attentions_0_norm.b_norm": random(*weight.shape),
        "lora_unet_mid_block_resnets_0_conv1.diff_b": random(*bias.shape),
    }
    keys = [("unet", norm, "weight"), ("unet", norm, "bias"), ("unet", layer, "bias")]
    changes = {key: exact(tensor) for key, tensor in zip(keys, own.values(), strict=True)}
    check(pipeline, save(tmp_path, own), changes)


def test_the_bias_of_a_peft_lora_is_scaled_like_its_weight(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline, random = load("sd15"), Random()
    path = "mid_block.attentions.0.transformer_blocks.0.ff.net.2"
    layer = pipeline.unet.get_submodule(path)
    down, up = pair(layer, 4, random)
    bias = random(layer.weight.shape[0])
    own = {f"unet.{path}.lora_A.weight": down, f"unet.{path}.lora_B.weight": up, f"unet.{path}.lora_B.bias": bias}
    own[f"unet.{path}.alpha"] = torch.tensor(2.0)
    changes = {("unet", path, "weight"): merged(up, down, 0.5, layer.weight.shape)}
    check(pipeline, save(tmp_path, own), {**changes, ("unet", path, "bias"): 0.5 * exact(bias)})


@pytest.mark.parametrize("strength", [1.0, 0.5, -1.0])
@pytest.mark.parametrize("way", ["by input", "by output", "peft"])
@pytest.mark.parametrize("ends", ["to_q", "conv1"])
def test_a_dora_has_the_lengths_that_it_learned(
    ends: str, way: str, strength: float, load: Callable[..., Any], tmp_path: Path
) -> None:
    pipeline = load("sd15")
    tensors, changes = kohya(pipeline.unet, "unet", flat("lora_unet_"), ends)
    random = Random(3)
    for (part, path, tensor), change in list(changes.items()):
        base = exact(weight_of(pipeline.unet, path))
        axis, count = (1, base.shape[1]) if way == "by input" else (0, base.shape[0])
        lengths = random(count).abs() + 0.5
        shape = [1] * base.ndim
        shape[axis] = count
        others = tuple(number for number in range(base.ndim) if number != axis)
        changed = base + change
        norm = np.sqrt((changed**2).sum(axis=others, keepdims=True))
        changes[part, path, tensor] = changed * exact(lengths).reshape(shape) / norm - base
        key = flat("lora_unet_")(path)
        if way == "peft":
            tensors[f"{key}.lora_magnitude_vector"] = lengths
        else:
            tensors[f"{key}.dora_scale"] = lengths.reshape(shape)
    check(pipeline, save(tmp_path, tensors), changes, strength)


def test_a_loha_can_be_a_dora(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load("sd15")
    tensors, changes = per_layer(pipeline.unet, ("to_v",), loha)
    for (part, path, tensor), change in list(changes.items()):
        changed = exact(weight_of(pipeline.unet, path)) + change
        tensors[f"{flat('lora_unet_')(path)}.dora_scale"] = torch.ones(1, changed.shape[1])
        norm = np.sqrt((changed**2).sum(axis=0, keepdims=True))
        changes[part, path, tensor] = changed / norm - (changed - change)
    check(pipeline, save(tmp_path, tensors), changes)


def test_files_lie_over_each_other_and_strength_counts(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load("sd15")
    ink, of_ink = kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q")
    glow, of_glow = per_layer(pipeline.unet, ("to_q",), lokr)
    before = originals(pipeline, of_ink)
    files = [
        lora_of(save(tmp_path, ink, "ink"), 0.25),
        lora_of(save(tmp_path, glow, "glow"), -2.0, "glow"),
        lora_of(save(tmp_path, glow, "off"), 0.0, "off"),
    ]
    add_loras(pipeline, files)
    both = {key: 0.25 * of_ink[key] - 2.0 * of_glow[key] for key in of_ink}
    assert largest_difference(pipeline, before, both) <= ALLOWED


def test_a_lora_of_no_strength_leaves_the_same_bits(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline = load("sd15")
    tensors, changes = kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q")
    layer = pipeline.unet.get_submodule(next(iter(changes))[1])
    before = layer.weight.clone()
    add_loras(pipeline, [lora_of(save(tmp_path, tensors), 0.0)])
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bit_models_get_the_nearest_numbers(
    dtype: torch.dtype, load: Callable[..., Any], tmp_path: Path
) -> None:
    """Within two units in the last place: of the weight's, and of the factors' rounding."""
    pipeline = load("sd15", dtype)
    tensors, changes = kohya(pipeline.unet, "unet", flat("lora_unet_"), *ATTENTION, "conv1", "proj_in")
    before = originals(pipeline, changes)
    add_loras(pipeline, [lora_of(save(tmp_path, tensors))])
    for key, change in changes.items():
        weight = weight_of(getattr(pipeline, key[0]), *key[1:])
        assert weight.dtype == dtype
        wanted = before[key] + change
        largest = max(np.abs(wanted).max(), 0.2)
        assert np.abs(exact(weight) - wanted).max() <= 2 * torch.finfo(dtype).eps * largest
    assert pipeline.unet.dtype == dtype
    assert not any(parameter.requires_grad for layer in changed_modules(pipeline) for parameter in layer.parameters())


def changed_modules(pipeline: Any) -> list[torch.nn.Module]:
    """What LoRA files have laid over layers."""
    return [
        getattr(pipeline, part).get_submodule(path).parametrizations[tensor][0]
        for part, path, tensor in changed_layers(pipeline)
    ]


FLUX_FUSED = {
    "double_blocks_1_img_attn_qkv": [f"transformer_blocks.1.attn.to_{x}" for x in "qkv"],
    "double_blocks_0_txt_attn_qkv": [f"transformer_blocks.0.attn.add_{x}_proj" for x in "qkv"],
    "double_blocks_0_img_attn_proj": ["transformer_blocks.0.attn.to_out.0"],
    "double_blocks_0_txt_attn_proj": ["transformer_blocks.0.attn.to_add_out"],
    "double_blocks_0_img_mod_lin": ["transformer_blocks.0.norm1.linear"],
    "double_blocks_0_txt_mlp_2": ["transformer_blocks.0.ff_context.net.2"],
    "single_blocks_1_linear1": [
        *(f"single_transformer_blocks.1.attn.to_{x}" for x in "qkv"),
        "single_transformer_blocks.1.proj_mlp",
    ],
    "single_blocks_0_linear2": ["single_transformer_blocks.0.proj_out"],
    "single_blocks_0_modulation_lin": ["single_transformer_blocks.0.norm.linear"],
    "img_in": ["x_embedder"],
    "vector_in_in_layer": ["time_text_embed.text_embedder.linear_1"],
}


@pytest.mark.parametrize("kind", ["low rank", "LoHa", "LoKr", "DoRA", "in full"])
@pytest.mark.parametrize("prefix", ["lora_unet_", "diffusion_model.", "transformer."])
def test_flux_files_by_the_publishers_names_are_split(
    prefix: str, kind: str, load: Callable[..., Any], tmp_path: Path
) -> None:
    pipeline, random = load("flux"), Random()
    tensors, changes = {}, {}
    for name, paths in FLUX_FUSED.items():
        bases = [exact(weight_of(pipeline.transformer, path)) for path in paths]
        shape = (sum(len(base) for base in bases), bases[0].shape[1])
        if kind in ("low rank", "DoRA"):
            up, down = random(shape[0], 4), random(4, shape[1])
            own = {"lora_up.weight": up, "lora_down.weight": down, "alpha": torch.tensor(2.0)}
            change = merged(up, down, 0.5, shape)
        else:
            own, change = {"LoHa": loha, "LoKr": lokr, "in full": in_full}[kind](random, shape)
        if kind == "DoRA":
            lengths, changed = random(shape[0]).abs() + 0.5, np.concatenate(bases) + change
            own["dora_scale"] = lengths[:, None]
            norm = np.sqrt((changed**2).sum(axis=1, keepdims=True))
            change = changed * exact(lengths)[:, None] / norm - np.concatenate(bases)
        tensors |= {f"{prefix}{name}.{role}": tensor for role, tensor in own.items()}
        ends = np.cumsum([len(base) for base in bases])
        for path, part in zip(paths, np.split(change, ends[:-1]), strict=True):
            changes["transformer", path, "weight"] = part
    check(pipeline, save(tmp_path, tensors), changes)


def test_fluxs_last_modulation_is_the_other_way_round(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline, random = load("flux"), Random()
    outputs, inputs = pipeline.transformer.norm_out.linear.weight.shape
    up, down = random(outputs, 4), random(4, inputs)
    name = "lora_unet_final_layer_adaLN_modulation_1"
    own = {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down, f"{name}.alpha": torch.tensor(4.0)}
    first, second = np.split(merged(up, down, 1.0, (outputs, inputs)), 2)
    check(
        pipeline, save(tmp_path, own), {("transformer", "norm_out.linear", "weight"): np.concatenate([second, first])}
    )


def test_xlabs_files_are_read(load: Callable[..., Any], tmp_path: Path) -> None:
    pipeline, random = load("flux"), Random()
    where = {
        "double_blocks.0.processor.qkv_lora1": [f"transformer_blocks.0.attn.to_{x}" for x in "qkv"],
        "double_blocks.0.processor.qkv_lora2": [f"transformer_blocks.0.attn.add_{x}_proj" for x in "qkv"],
        "double_blocks.1.processor.proj_lora1": ["transformer_blocks.1.attn.to_out.0"],
        "double_blocks.1.processor.proj_lora2": ["transformer_blocks.1.attn.to_add_out"],
        "single_blocks.0.processor.qkv_lora": [f"single_transformer_blocks.0.attn.to_{x}" for x in "qkv"],
        "single_blocks.0.processor.proj_lora": ["single_transformer_blocks.0.proj_out"],
    }
    tensors, changes = {}, {}
    for name, paths in where.items():
        shapes = [weight_of(pipeline.transformer, path).shape for path in paths]
        up, down = random(sum(shape[0] for shape in shapes), 4), random(4, shapes[0][1])
        tensors |= {f"{name}.up.weight": up, f"{name}.down.weight": down}
        parts = np.split(merged(up, down, 1.0, (len(up), shapes[0][1])), len(paths))
        changes |= {("transformer", path, "weight"): part for path, part in zip(paths, parts, strict=True)}
    check(pipeline, save(tmp_path, tensors), changes)


@pytest.mark.parametrize("kind", ["sd3", "flux"])
@pytest.mark.parametrize("prefix", ["transformer.", "base_model.model.", "lora_transformer_", ""])
def test_transformers_are_read_by_diffusers_names(
    prefix: str, kind: str, load: Callable[..., Any], tmp_path: Path
) -> None:
    pipeline = load(kind)
    name = flat(prefix) if prefix.startswith("lora") else (lambda path: prefix + path)
    ends = ("to_q", "add_k_proj", "to_out.0", "to_add_out", "ff.net.2", "norm1.linear", "proj_out")
    check(pipeline, *made(tmp_path, *kohya(pipeline.transformer, "transformer", name, *ends, ways=PEFT)))


def test_stable_diffusion_3_by_stabilitys_names_is_what_diffusers_converts(
    load: Callable[..., Any], tmp_path: Path
) -> None:
    """The oracle: a checkpoint by Stability's names, merged with the LoRA there, and converted by diffusers."""
    pipeline, random = load("sd3"), Random()
    native = stabilitys_checkpoint(pipeline.transformer)
    plain = convert_sd3_transformer_checkpoint_to_diffusers(dict(native))
    theirs = pipeline.transformer.state_dict()
    pipeline.transformer.load_state_dict({name: tensor.to(theirs[name]) for name, tensor in plain.items()})
    tensors, changed = {}, dict(native)
    for key, tensor in native.items():
        if key.endswith(".weight") and tensor.ndim == 2:
            up, down = random(tensor.shape[0], 3), random(3, tensor.shape[1])
            name = f"lora_unet_{key.removesuffix('.weight').replace('.', '_')}"
            tensors |= {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down}
            tensors[f"{name}.alpha"] = torch.tensor(1.5)
            changed[key] = tensor.double() + torch.from_numpy(merged(up, down, 0.5, tensor.shape))
    wanted = convert_sd3_transformer_checkpoint_to_diffusers(changed)
    add_loras(pipeline, [lora_of(save(tmp_path, tensors))])
    known = dict(pipeline.transformer.named_modules())
    compared = 0
    for name, tensor in wanted.items():
        path, _, last = name.rpartition(".")
        if last == "weight" and tensor.ndim == 2:
            assert np.abs(exact(known[path].weight) - exact(tensor)).max() <= ALLOWED, path
            compared += not torch.equal(tensor.float(), plain[name].float())
    assert compared == len(changed_layers(pipeline)) > 40


def stabilitys_checkpoint(transformer: torch.nn.Module) -> Tensors:
    """Random weights in the layout of the published SD3 checkpoints, at this transformer's widths."""
    random, shape = Random(9), {name: tensor.shape for name, tensor in transformer.state_dict().items()}
    blocks, width = transformer.config.num_layers, transformer.inner_dim
    table = {
        "x_embedder.proj": shape["pos_embed.proj.weight"],
        "t_embedder.mlp.0": shape["time_text_embed.timestep_embedder.linear_1.weight"],
        "t_embedder.mlp.2": shape["time_text_embed.timestep_embedder.linear_2.weight"],
        "y_embedder.mlp.0": shape["time_text_embed.text_embedder.linear_1.weight"],
        "y_embedder.mlp.2": shape["time_text_embed.text_embedder.linear_2.weight"],
        "context_embedder": shape["context_embedder.weight"],
        "final_layer.adaLN_modulation.1": (2 * width, width),
        "final_layer.linear": shape["proj_out.weight"],
    }
    for number in range(blocks):
        last = number == blocks - 1
        for stream in ("x_block", "context_block"):
            block = f"joint_blocks.{number}.{stream}"
            unused = last and stream == "context_block"
            table[f"{block}.attn.qkv"] = (3 * width, width)
            table[f"{block}.adaLN_modulation.1"] = ((2 if unused else 6) * width, width)
            if not unused:
                table[f"{block}.attn.proj"] = (width, width)
                table[f"{block}.mlp.fc1"] = (4 * width, width)
                table[f"{block}.mlp.fc2"] = (width, 4 * width)
    weights = {f"{name}.weight": random(*size) for name, size in table.items()}
    biases = {f"{name}.bias": random(size[0]) for name, size in table.items()}
    return {**weights, **biases, "pos_embed": random(*shape["pos_embed.pos_embed"])}
