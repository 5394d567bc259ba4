"""What the publishers of FLUX and Stable Diffusion 3 call their layers, and which of diffusers' layers these are.

Their query, key and value are one layer. Where diffusers keeps a modulation's scale before its shift, the halves are
swapped, which ``~`` before a layer says.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping

#: A name in the file, and the layers of diffusers that lie in it one below the other.
Named = tuple[str, tuple[str, ...]]

_QKV = ("attn.to_q", "attn.to_k", "attn.to_v")
_ADDED_QKV = ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj")

_FLUX = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "final_layer.adaLN_modulation.1": "~norm_out.linear",
    "final_layer.linear": "proj_out",
}
_FLUX_DOUBLE = {
    "img_mod.lin": ("norm1.linear",),
    "txt_mod.lin": ("norm1_context.linear",),
    "img_attn.qkv": _QKV,
    "txt_attn.qkv": _ADDED_QKV,
    "img_attn.proj": ("attn.to_out.0",),
    "txt_attn.proj": ("attn.to_add_out",),
    "img_attn.norm.query_norm": ("attn.norm_q",),
    "img_attn.norm.key_norm": ("attn.norm_k",),
    "txt_attn.norm.query_norm": ("attn.norm_added_q",),
    "txt_attn.norm.key_norm": ("attn.norm_added_k",),
    "img_mlp.0": ("ff.net.0.proj",),
    "img_mlp.2": ("ff.net.2",),
    "txt_mlp.0": ("ff_context.net.0.proj",),
    "txt_mlp.2": ("ff_context.net.2",),
    # XLabs
    "qkv1": _QKV,
    "qkv2": _ADDED_QKV,
    "proj1": ("attn.to_out.0",),
    "proj2": ("attn.to_add_out",),
}
_FLUX_SINGLE = {
    "modulation.lin": ("norm.linear",),
    "linear1": (*_QKV, "proj_mlp"),
    "linear2": ("proj_out",),
    "norm.query_norm": ("attn.norm_q",),
    "norm.key_norm": ("attn.norm_k",),
    # XLabs
    "qkv": _QKV,
    "proj": ("proj_out",),
}
_SD3 = {
    "x_embedder.proj": "pos_embed.proj",
    "t_embedder.mlp.0": "time_text_embed.timestep_embedder.linear_1",
    "t_embedder.mlp.2": "time_text_embed.timestep_embedder.linear_2",
    "y_embedder.mlp.0": "time_text_embed.text_embedder.linear_1",
    "y_embedder.mlp.2": "time_text_embed.text_embedder.linear_2",
    "context_embedder": "context_embedder",
    "final_layer.adaLN_modulation.1": "~norm_out.linear",
    "final_layer.linear": "proj_out",
}
_SD3_JOINT = {
    "x_block.adaLN_modulation.1": ("norm1.linear",),
    "context_block.adaLN_modulation.1": ("norm1_context.linear",),
    "x_block.attn.qkv": _QKV,
    "context_block.attn.qkv": _ADDED_QKV,
    "x_block.attn.proj": ("attn.to_out.0",),
    "context_block.attn.proj": ("attn.to_add_out",),
    "x_block.attn.ln_q": ("attn.norm_q",),
    "x_block.attn.ln_k": ("attn.norm_k",),
    "context_block.attn.ln_q": ("attn.norm_added_q",),
    "context_block.attn.ln_k": ("attn.norm_added_k",),
    "x_block.attn2.qkv": ("attn2.to_q", "attn2.to_k", "attn2.to_v"),
    "x_block.attn2.proj": ("attn2.to_out.0",),
    "x_block.mlp.fc1": ("ff.net.0.proj",),
    "x_block.mlp.fc2": ("ff.net.2",),
    "context_block.mlp.fc1": ("ff_context.net.0.proj",),
    "context_block.mlp.fc2": ("ff_context.net.2",),
}


def flux_names(layers: Mapping[str, int]) -> Iterator[Named]:
    """Black Forest Labs' and XLabs' names of a FLUX transformer's layers."""
    yield from _there(((name, (target,)) for name, target in _FLUX.items()), layers)
    for number in range(_blocks("transformer_blocks", layers)):
        yield from _there(_within(f"double_blocks.{number}", f"transformer_blocks.{number}", _FLUX_DOUBLE), layers)
    for number in range(_blocks("single_transformer_blocks", layers)):
        yield from _there(
            _within(f"single_blocks.{number}", f"single_transformer_blocks.{number}", _FLUX_SINGLE), layers
        )


def stable_diffusion_3_names(layers: Mapping[str, int]) -> Iterator[Named]:
    """Stability's names of a Stable Diffusion 3 transformer's layers."""
    yield from _there(((name, (target,)) for name, target in _SD3.items()), layers)
    count = _blocks("transformer_blocks", layers)
    for number in range(count):
        for name, targets in _within(f"joint_blocks.{number}", f"transformer_blocks.{number}", _SD3_JOINT):
            # The text leaves the last block unused, which only scales and shifts it.
            swapped = number == count - 1 and name.endswith("context_block.adaLN_modulation.1")
            yield from _there([(name, (f"~{targets[0]}",) if swapped else targets)], layers)


def _within(name: str, target: str, table: Mapping[str, tuple[str, ...]]) -> Iterator[Named]:
    for inner, targets in table.items():
        yield f"{name}.{inner}", tuple(f"{target}.{path}" for path in targets)


def _there(named: Iterable[Named], layers: Container[str]) -> Iterator[Named]:
    """Those whose layers the model has."""
    return ((name, targets) for name, targets in named if all(path.lstrip("~") in layers for path in targets))


def _blocks(kind: str, layers: Iterable[str]) -> int:
    found = (re.match(rf"{kind}\.(\d+)\.", path) for path in layers)
    return max((int(match[1]) + 1 for match in found if match), default=0)
