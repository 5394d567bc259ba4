"""How much memory the networks of the published models take, by running their true architecture without numbers.

    .venv/engine/bin/python benchmarks/footprint.py CONFIGURATIONS

On torch's meta device a forward pass allocates and frees the same tensors as on a GPU, only without memory behind them,
so a full-width SDXL at 1024 x 1024 is counted in seconds anywhere. Attention counts as its output alone, as the fused
kernels of every GPU since 2018 compute it. Not counted: the workspaces of cuDNN and what the allocator loses.

CONFIGURATIONS is a folder with ``sdxl/unet/config.json`` and so on, as ``tests/data/published``.
"""

from __future__ import annotations

import json
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel, SD3Transformer2DModel, UNet2DConditionModel
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode


class Fused(TorchFunctionMode):
    """Attention that never has its matrix of weights in memory."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.nn.functional.scaled_dot_product_attention:
            query, value = args[0] if args else kwargs["query"], args[2] if len(args) > 2 else kwargs["value"]
            return query.new_empty((*query.shape[:-1], value.shape[-1]))
        return func(*args, **(kwargs or {}))


class Meter(TorchDispatchMode):
    """Counts the bytes of the tensors that are alive, and their peak; what was there before does not count."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        before = {
            value.untyped_storage()._cdata
            for value in torch.utils._pytree.tree_leaves((args, kwargs))
            if isinstance(value, torch.Tensor)
        }
        for value in torch.utils._pytree.tree_leaves(made):
            if isinstance(value, torch.Tensor) and value.untyped_storage()._cdata not in before:
                self._count(value.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        address, size = storage._cdata, storage.nbytes()
        if address in self._known:
            return
        self._known[address] = size
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, address)

    def _free(self, address: int) -> None:
        self.now -= self._known.pop(address, 0)


@contextmanager
def metering() -> Iterator[Meter]:
    """Count what is allocated while this lasts."""
    meter = Meter()
    with torch.no_grad(), Fused(), meter:
        yield meter


def build(kind: Callable[..., Any], config: Path, dtype: torch.dtype = torch.float16) -> Any:
    """A network of a published configuration, without numbers."""
    settings = {name: value for name, value in json.loads(config.read_text()).items() if not name.startswith("_")}
    with torch.device("meta"):
        return kind.from_config(settings).to(dtype).eval()


def unet_step(unet: Any, rows: int, height: int, width: int) -> int:
    """Peak bytes of one call of a UNet, beside its weights; height and width are the latent's."""
    config, given = unet.config, dict[str, Any](device="meta", dtype=unet.dtype)
    added = None
    if config.addition_embed_type == "text_time":
        pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
        added = {"text_embeds": torch.empty(rows, pooled, **given), "time_ids": torch.empty(rows, 6, **given)}
    x = torch.empty(rows, config.in_channels, height, width, **given)
    words = torch.empty(rows, 77, config.cross_attention_dim, **given)
    time = torch.empty((), device="meta", dtype=torch.int64)
    with metering() as meter:
        unet(x, time, encoder_hidden_states=words, added_cond_kwargs=added, return_dict=False)
    return meter.peak


def sd3_step(transformer: Any, rows: int, height: int, width: int) -> int:
    """The same for a transformer of Stable Diffusion 3, with its T5."""
    config, given = transformer.config, dict[str, Any](device="meta", dtype=transformer.dtype)
    with metering() as meter:
        transformer(
            hidden_states=torch.empty(rows, config.in_channels, height, width, **given),
            timestep=torch.empty(rows, **given),
            encoder_hidden_states=torch.empty(rows, 333, config.joint_attention_dim, **given),
            pooled_projections=torch.empty(rows, config.pooled_projection_dim, **given),
            return_dict=False,
        )
    return meter.peak


def flux_step(transformer: Any, rows: int, height: int, width: int) -> int:
    """The same for FLUX, with 512 tokens of T5."""
    config, given = transformer.config, dict[str, Any](device="meta", dtype=transformer.dtype)
    tokens = height // 2 * (width // 2)
    with metering() as meter:
        transformer(
            hidden_states=torch.empty(rows, tokens, config.in_channels, **given),
            timestep=torch.empty(rows, **given),
            guidance=torch.empty(rows, **given) if config.guidance_embeds else None,
            pooled_projections=torch.empty(rows, config.pooled_projection_dim, **given),
            encoder_hidden_states=torch.empty(rows, 512, config.joint_attention_dim, **given),
            txt_ids=torch.empty(512, 3, **given),
            img_ids=torch.empty(tokens, 3, **given),
            return_dict=False,
        )
    return meter.peak


def decoding(vae: Any, height: int, width: int) -> int:
    """Peak bytes of decoding one latent, the picture included."""
    latents = torch.empty(1, vae.config.latent_channels, height, width, device="meta", dtype=vae.dtype)
    with metering() as meter:
        vae.decode(latents, return_dict=False)
    return meter.peak


STEPS: dict[str, tuple[Any, str, Callable[..., int]]] = {
    "sd15": (UNet2DConditionModel, "unet", unet_step),
    "sd21": (UNet2DConditionModel, "unet", unet_step),
    "sdxl": (UNet2DConditionModel, "unet", unet_step),
    "sd35": (SD3Transformer2DModel, "transformer", sd3_step),
    "flux": (FluxTransformer2DModel, "transformer", flux_step),
}


def main(folder: Path) -> None:
    """Print the table that ``core/resources/footprint.py`` holds: elements for each cell of a latent and row."""
    for name, (kind, part, step) in STEPS.items():
        config = folder / name / part / "config.json"
        if not config.is_file():
            print(f"{name}: no {config}")
            continue
        network = build(kind, config)
        weights = sum(weight.numel() for weight in network.parameters())
        print(f"{name:5} {weights / 1e6:8.0f} M weights", end="")
        for rows, side in ((1, 64), (1, 128), (2, 128), (8, 128)):
            peak = step(network, rows, side, side)
            print(f"   {rows} x {side}²: {peak / 1e6:7.0f} MB, {peak / 2 / rows / side**2:6.0f}", end="")
        print()
        vae = folder / name / "vae" / "config.json"
        if vae.is_file():
            for dtype in (torch.float16, torch.float32):
                decoder = build(AutoencoderKL, vae, dtype)
                print(f"      decoder, {dtype}, {sum(w.numel() for w in decoder.parameters()) / 1e6:.0f} M", end="")
                for side in (64, 128):
                    peak = decoding(decoder, side, side)
                    print(f"   {side}²: {peak / 1e6:7.0f} MB, {peak / dtype.itemsize / (8 * side) ** 2:5.0f}", end="")
                print()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
