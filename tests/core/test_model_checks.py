"""Whatever stands in the settings of a model, what is wrong with it is said; nothing else is ever raised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code
from blender_bend.core.models import layouts, model_checks
from blender_bend.core.models.layouts import Layout
from blender_bend.core.models.model_files import Listing
from blender_bend.core.site_kinds import DENOISERS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 4096) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
LAYOUTS = pytest.mark.parametrize("layout", layouts.LAYOUTS, ids=[layout.pipeline for layout in layouts.LAYOUTS])


def whole(layout: Layout) -> dict[str, dict[str, Any]]:
    """The settings of a model of a kind, with all that is looked at."""
    index = {part: list(min(pairs)) for part, pairs in layout.parts.items()}
    found: dict[str, dict[str, Any]] = {"model_index.json": {"_class_name": layout.pipeline, **index}}
    for part in layout.parts:
        found[f"{part}/config.json"] = {"hidden_size": 32, "projection_dim": 32}
        if "tokenizer" in part:
            found[f"{part}/tokenizer_config.json"] = found[f"{part}/tokenizer.json"] = {}
    found["scheduler/scheduler_config.json"] = {}
    found["vae/config.json"] = {"latent_channels": 4}
    t5 = "text_encoder_3" if "text_encoder_3" in layout.parts else "text_encoder_2"
    if layout.denoiser == "transformer":
        found[f"{t5}/config.json"] = {"d_model": 96}
    both = 64 if "text_encoder_2" in layout.parts else 32
    found[f"{layout.denoiser}/config.json"] = {
        "in_channels": 4 * layout.packed,
        "cross_attention_dim": both,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 48 + 32,
        "joint_attention_dim": 96,
        "pooled_projection_dim": 32 if layout.packed > 1 else 64,
    }
    return found


def listing(found: dict[str, dict[str, Any]]) -> Listing:
    """These settings, with weights for every network."""
    names = set(found)
    for name in found:
        part = name.partition("/")[0]
        if part.startswith(("unet", "transformer", "vae")):
            names.add(f"{part}/diffusion_pytorch_model.safetensors")
        elif part.startswith("text_encoder"):
            names.add(f"{part}/model.safetensors")
    return Listing(frozenset(names), lambda name: json.dumps(found[name]) if name in found else None)


@LAYOUTS
def test_a_whole_model_of_every_kind_is_taken(layout: Layout) -> None:
    assert model_checks.check("it", listing(whole(layout))) is layout


@LAYOUTS
@given(data=st.data())
def test_any_value_at_any_place_is_taken_or_refused_in_words(layout: Layout, data: st.DataObject) -> None:
    found = whole(layout)
    name = data.draw(st.sampled_from(sorted(found)))
    keys = [*found[name], "quantization_config", "auto_map", "requires_aesthetics_score", "d_model", "encoder_hid_dim"]
    found[name][data.draw(st.sampled_from(keys))] = data.draw(JSON)
    try:
        model_checks.check("it", listing(found))
    except BendError as error:
        assert str(error.code).startswith("model_") and error.hint


@LAYOUTS
def test_settings_nested_without_end_are_damaged(layout: Layout) -> None:
    files = listing(whole(layout))
    deep = Listing(files.names, lambda name: "[" * 200_000 if name == "vae/config.json" else files.read(name))
    with pytest.raises(BendError) as caught:
        model_checks.check("it", deep)
    assert caught.value.code == Code.MODEL_INVALID and "vae/config.json" in caught.value.message


@pytest.mark.parametrize("width", ["joint_attention_dim", "pooled_projection_dim", "cross_attention_dim"])
def test_parts_of_other_widths_do_not_fit(width: str) -> None:
    for layout in layouts.LAYOUTS:
        found = whole(layout)
        if width.startswith("cross") != (layout.denoiser == "unet"):
            continue
        found[f"{layout.denoiser}/config.json"][width] += 1
        with pytest.raises(BendError, match="don't fit together"):
            model_checks.check("it", listing(found))


@LAYOUTS
@pytest.mark.parametrize("key", ["auto_map", "custom_pipeline", "attn_implementation", "quantization_config"])
def test_code_is_found_in_every_file_at_any_depth(layout: Layout, key: str) -> None:
    for part in layout.parts:
        for file in ("config.json", "processor_config.json", "anything.json", "tokenizer_config.json"):
            found = whole(layout)
            within = {"a": [1, {"b": {key: {"AutoModel": "evil.X", "quant_method": "evil"}}}]}
            found[f"{part}/{file}"] = {**found.get(f"{part}/{file}", {}), **within}
            with pytest.raises(BendError) as caught:
                model_checks.check("it", listing(found))
            assert caught.value.code in (Code.MODEL_UNSAFE, Code.MODEL_QUANTIZED), (part, file)


def test_words_of_a_vocabulary_are_no_settings() -> None:
    found = whole(layouts.LAYOUTS[0])
    found["tokenizer/vocab.json"] = {"auto_map": 1, "quantization_config": 2}
    found["tokenizer/added_tokens.json"] = {"custom_pipeline": 3}
    found["unet/diffusion_pytorch_model.bin.index.json"] = {"weight_map": {"auto_map": "x"}}
    found["tokenizer/merges.txt"] = {}
    model_checks.check("it", listing(found))


@pytest.mark.parametrize(
    ("file", "key", "value"),
    [
        ("unet/config.json", "layers_per_block", 10**9),
        ("unet/config.json", "layers_per_block", 1e9),
        ("unet/config.json", "transformer_layers_per_block", [[100] * 60] * 60),
        ("unet/config.json", "down_block_types", ["DownBlock2D"] * 65),
        ("text_encoder/config.json", "num_hidden_layers", -(10**9)),
        ("text_encoder/config.json", "vocab_size", 10**9),
        ("scheduler/scheduler_config.json", "num_train_timesteps", 10**9),
        ("scheduler/scheduler_config.json", "trained_betas", [0.1] * 100_001),
    ],
)
def test_sizes_without_end_are_named(file: str, key: str, value: Any) -> None:
    found = whole(layouts.LAYOUTS[0])
    found[file] = {**found[file], key: value}
    with pytest.raises(BendError) as caught:
        model_checks.check("it", listing(found))
    assert caught.value.code == Code.MODEL_INVALID and file in caught.value.message


def test_what_published_settings_have_is_taken() -> None:
    found = whole(layouts.LAYOUTS[0])
    found["tokenizer/tokenizer_config.json"]["model_max_length"] = 1000000000000000019884624838656
    found["scheduler/scheduler_config.json"] |= {"lambda_min_clipped": float("-inf"), "num_train_timesteps": 1000}
    found["text_encoder/config.json"] |= {"vocab_size": 250_112, "_attn_implementation": "sdpa", "auto_map": None}
    found["unet/config.json"] |= {"layers_per_block": 2, "transformer_layers_per_block": [1, 2, 10]}
    model_checks.check("it", listing(found))


def test_the_denoiser_of_every_kind_of_model_is_a_kind_of_site() -> None:
    assert {layout.denoiser for layout in layouts.LAYOUTS} == set(DENOISERS)
