"""SonicDiffusion's formulas written out again in plain torch, from the reference and not from the engine.

They are the other side of the engine's numeric gates.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Weights = dict[str, Tensor]

#: The UNet of Stable Diffusion 1.4.
SD14 = {
    "act_fn": "silu",
    "attention_head_dim": 8,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "in_channels": 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "out_channels": 4,
    "sample_size": 64,
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
}


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Softmax attention, head by head."""
    size = q.shape[-1] // heads
    out = []
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        weights = torch.softmax(q[..., part] @ k[..., part].transpose(1, 2) / math.sqrt(size), dim=-1)
        out.append(weights @ v[..., part])
    return torch.cat(out, dim=-1)


def erf_gelu(x: Tensor) -> Tensor:
    """The exact GELU."""
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """Over all axes that the weight has."""
    axes = tuple(range(x.ndim - weight.ndim, x.ndim))
    mean = x.mean(dim=axes, keepdim=True)
    return (x - mean) / ((x - mean).square().mean(dim=axes, keepdim=True) + eps).sqrt() * weight + bias


def projector(w: Weights, embeddings: Tensor, heads: int, stacked: bool = False, residual: bool = True) -> Tensor:
    """The published projector; ``residual=False`` is its sibling file, which must give something else."""

    def conv(x: Tensor, number: int, padding: int, stride: int = 1) -> Tensor:
        name = f"audio_emb_projection.{number}"
        return F.conv1d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride=stride, padding=padding)

    def norm(x: Tensor, number: int) -> Tensor:
        return layer_norm(x, w[f"audio_emb_projection.{number}.weight"], w[f"audio_emb_projection.{number}.bias"])

    x = erf_gelu(conv(embeddings[:, None, :], 0, 8))
    x = norm(erf_gelu(conv(x, 2, 8)), 4)
    x = norm(erf_gelu(conv(x, 5, 8)), 7)
    deconvolution = w["audio_emb_projection.8.weight"], w["audio_emb_projection.8.bias"]
    x = erf_gelu(F.conv_transpose1d(x, *deconvolution, stride=3, padding=7))
    h = conv(erf_gelu(norm(x, 10)), 12, 7, stride=4)
    y, out = h, h
    for layer in range(4):
        read = out if stacked else h
        q, k, v = (read @ w[f"cross_attention.{layer}.to_{part}_adapter.weight"].T for part in "qkv")
        a = attention(q, k, v, heads)
        b = f"between_attention.{layer}"
        a = erf_gelu(a @ w[f"{b}.0.weight"].T + w[f"{b}.0.bias"]) @ w[f"{b}.2.weight"].T + w[f"{b}.2.bias"]
        out = a + read if residual else a
        y = out
    return y @ w["to_out_adapter.0.weight"].T + w["to_out_adapter.0.bias"]


def attended(w: Weights, x: Tensor, tokens: Tensor) -> Tensor:
    """``tanh(g) * AudioAttn(LN_a(x), a)`` with the eight tensors of one block."""
    n = layer_norm(x, w["norm_adapter.weight"], w["norm_adapter.bias"])
    q = n @ w["attn_adapter.to_q.weight"].T
    k, v = (tokens @ w[f"attn_adapter.to_{part}.weight"].T for part in "kv")
    out = attention(q, k, v, 8) @ w["attn_adapter.to_out.0.weight"].T + w["attn_adapter.to_out.0.bias"]
    return torch.tanh(w["gate_adapter"]) * out


def block(w: Weights, heads: int, x: Tensor, text: Tensor, adapter: Weights, tokens: Tensor | None, f: float) -> Tensor:
    """A transformer block of Stable Diffusion, audio after text and before the feed-forward."""

    def attend(name: str, n: Tensor, context: Tensor) -> Tensor:
        q = n @ w[f"{name}.to_q.weight"].T
        k, v = (context @ w[f"{name}.to_{part}.weight"].T for part in "kv")
        return attention(q, k, v, heads) @ w[f"{name}.to_out.0.weight"].T + w[f"{name}.to_out.0.bias"]

    n = layer_norm(x, w["norm1.weight"], w["norm1.bias"])
    x = x + attend("attn1", n, n)
    x = x + attend("attn2", layer_norm(x, w["norm2.weight"], w["norm2.bias"]), text)
    if tokens is not None:
        x = x + f * attended(adapter, x, tokens)
    n = layer_norm(x, w["norm3.weight"], w["norm3.bias"])
    hidden, gate = (n @ w["ff.net.0.proj.weight"].T + w["ff.net.0.proj.bias"]).chunk(2, dim=-1)
    return x + (hidden * erf_gelu(gate)) @ w["ff.net.2.weight"].T + w["ff.net.2.bias"]


def mel_matrix() -> np.ndarray:
    """Slaney's 64 bands, 50 Hz to 14 kHz, for 513 bins at 44.1 kHz: shape (513, 64)."""

    def mel(hertz: float) -> float:
        return hertz / (200 / 3) if hertz < 1000 else 15 + math.log(hertz / 1000) / (math.log(6.4) / 27)

    def hertz(mels: float) -> float:
        return mels * 200 / 3 if mels < 15 else 1000 * math.exp((mels - 15) * math.log(6.4) / 27)

    edges = [hertz(m) for m in np.linspace(mel(50), mel(14000), 66)]
    bins = np.arange(513) * 44100 / 1024
    matrix = np.zeros((513, 64))
    for band, (low, middle, high) in enumerate(zip(edges, edges[1:], edges[2:], strict=False)):
        rising, falling = (bins - low) / (middle - low), (high - bins) / (high - middle)
        matrix[:, band] = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    return matrix


def log_mel(sound: Tensor) -> Tensor:
    """The spectrogram by a written-out Fourier transform: (n,) to (frames, 64), in float64."""
    n = torch.arange(1024, dtype=torch.float64)
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * n / 1024)
    padded = F.pad(sound.double()[None, None], (512, 512), mode="reflect")[0, 0]
    frames = padded.unfold(0, 1024, 320) * hann
    angle = 2 * math.pi * torch.arange(513, dtype=torch.float64)[:, None] * n / 1024
    power = (frames @ torch.cos(angle).T) ** 2 + (frames @ torch.sin(angle).T) ** 2
    return 10 * torch.log10((power @ torch.from_numpy(mel_matrix())).clamp_min(1e-10))


def tower(w: Weights, spectrogram: Tensor) -> Tensor:
    """CNN14 and projection in evaluation: (frames, 64) to a unit vector."""

    def normed(x: Tensor, name: str) -> Tensor:
        shape = (1, -1, 1, 1)
        scaled = (x - w[f"{name}.running_mean"].view(shape)) / (w[f"{name}.running_var"].view(shape) + 1e-5).sqrt()
        return scaled * w[f"{name}.weight"].view(shape) + w[f"{name}.bias"].view(shape)

    x = spectrogram.T[None, :, :, None]  # the bands are the channels of bn0
    x = normed(x, "base.bn0")[:, :, :, 0].transpose(1, 2)[:, None]
    for number in range(1, 7):
        for half in (1, 2):
            name = f"base.conv_block{number}"
            x = F.conv2d(x, w[f"{name}.conv{half}.weight"], padding=1)
            x = normed(x, f"{name}.bn{half}").clamp_min(0)
        if number < 6:
            x = F.avg_pool2d(x, (2, 2))
    x = x.mean(dim=3)
    x = x.max(dim=2).values + x.mean(dim=2)
    x = (x @ w["base.fc1.weight"].T + w["base.fc1.bias"]).clamp_min(0)
    first = x @ w["projection.linear1.weight"].T
    y = first + erf_gelu(first) @ w["projection.linear2.weight"].T
    y = layer_norm(y, w["projection.layer_norm.weight"], w["projection.layer_norm.bias"])
    return y / y.norm(dim=-1, keepdim=True)


def relative(got: Tensor, wanted: Tensor) -> float:
    """The largest difference over the largest value."""
    return float((got.double() - wanted.double()).abs().max() / wanted.double().abs().max())
