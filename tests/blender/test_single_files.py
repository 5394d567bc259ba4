"""A checkpoint in one file, from the preferences to the strip."""

from __future__ import annotations

import importlib
import json
import struct
from types import SimpleNamespace

import bpy
import pytest
from drawing import Layout
from timeline import MODULE

UNET = {"model.diffusion_model.input_blocks.0.0.weight": [320, 4, 3, 3]}
VAE = {"first_stage_model.decoder.conv_in.weight": [512, 4, 3, 3]}
TEXT = {"cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": [77, 768]}


@pytest.fixture
def choose(bend_strip, addon, tmp_path):
    """Write a file without weights, add it to the preferences and choose it on the strip."""
    models = addon.preferences.preferences().models

    def choose(tensors, stem="my painter", metadata=None):
        header = {"__metadata__": metadata} if metadata else {}
        header |= {name: {"dtype": "F16", "shape": shape, "data_offsets": [0, 0]} for name, shape in tensors.items()}
        text = json.dumps(header).encode()
        file = tmp_path / f"{stem}.safetensors"
        file.write_bytes(struct.pack("<Q", len(text)) + text)
        item = models.add()
        item.name, item.folder = stem, str(file)
        bend_strip.bend_settings.model = stem
        return file

    yield choose
    models.clear()


def drawn(bend_strip) -> str:
    panel = importlib.import_module(f"{MODULE}.blender_bend.addon.panels.main").BEND_PT_prompt
    layout = Layout()
    panel.draw(SimpleNamespace(layout=layout), bpy.context)
    assert max(map(len, layout.said), default=0) <= 44
    assert not layout.operators
    return " ".join(layout.said)


def test_a_file_is_used_without_any_download(choose, bend_strip, scene, addon):
    file = choose(UNET | VAE | TEXT)
    assert addon.snapshot.take(scene, bend_strip, [1]).model == str(file)
    assert drawn(bend_strip) == ""


def test_without_its_autoencoder_a_file_takes_the_decoder_of_the_strip(
    choose, bend_strip, scene, addon, core, tmp_path
):
    file = choose(UNET | TEXT)
    with pytest.raises(core.errors.BendError, match="lacks the autoencoder") as raised:
        addon.snapshot.take(scene, bend_strip, [1])
    assert raised.value.code == core.errors.Code.MODEL_INVALID and "decoder" in raised.value.hint
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.json").write_text("{}")
    (tmp_path / "tiny" / "diffusion_pytorch_model.safetensors").write_bytes(b"weights")
    decoders = addon.preferences.preferences().decoders
    item = decoders.add()
    item.name, item.folder = "tiny", str(tmp_path / "tiny")
    bend_strip.bend_settings.decoder = "tiny"
    assert addon.snapshot.take(scene, bend_strip, [1]).model == str(file)
    decoders.clear()


def test_what_a_name_or_the_content_says_is_drawn_as_plain_text(choose, bend_strip):
    choose(UNET | VAE | TEXT, "dreamy lightning_4step")
    assert "Judging by its name, this model is Lightning: 4 steps, guidance 1, sampler Euler" in drawn(bend_strip)
    choose(UNET | VAE | TEXT, "dreamy", {"modelspec.title": "Dreamy LCM"})
    assert drawn(bend_strip) == "This model is LCM: 2 to 8 steps, guidance 1.5."
    bend_strip.bend_settings.model = "mini"
    assert drawn(bend_strip) == ""


def test_a_file_that_is_no_model_is_refused_by_what_it_is(choose, bend_strip, scene, addon, core):
    choose({"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": [4, 4]})
    with pytest.raises(core.errors.BendError, match="it is a LoRA"):
        addon.snapshot.take(scene, bend_strip, [1])
    assert drawn(bend_strip) == ""
