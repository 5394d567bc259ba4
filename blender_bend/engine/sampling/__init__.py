"""Denoising that computes every state once, however many frames share it."""

from .sampler import Sampler

__all__ = ["Sampler"]
