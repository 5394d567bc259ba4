"""Denoising that computes every state once, however many frames share it."""

from .plain import denoise_plain, render_plain
from .sampler import Sampler

__all__ = ["Sampler", "denoise_plain", "render_plain"]
