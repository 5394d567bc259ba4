"""From prompts to embeddings: each prompt is encoded once, blends are linear."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class PromptEncoder:
    """The text side of a pipeline, with every prompt's embeddings kept.

    Parameters
    ----------
    pipeline : a StableDiffusionPipeline or StableDiffusionXLPipeline
    """

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline
        self._known: dict[tuple[str, str, bool], dict[str, Tensor]] = {}

    def encode(self, blend: list[list[Any]], negative: str, guided: bool) -> dict[str, Tensor]:
        """Embeddings as keyword arguments of the pipeline.

        Parameters
        ----------
        blend : pairs of prompt and share
        negative : the negative prompt, used if ``guided``

        Returns
        -------
        ``prompt_embeds`` of shape (1, tokens, width), and what else the pipeline takes
        """
        parts = [(self._one(prompt, negative, guided), share) for prompt, share in blend]
        if len(parts) == 1:
            return parts[0][0]
        return {name: torch.stack([part[name] * share for part, share in parts]).sum(dim=0) for name in parts[0][0]}

    def _one(self, prompt: str, negative: str, guided: bool) -> dict[str, Tensor]:
        key = (prompt, negative, guided)
        if key not in self._known:
            encoded = self.pipeline.encode_prompt(
                prompt=prompt,
                negative_prompt=(negative or None) if guided else None,  # SDXL zeroes None, but encodes ""
                device=self.pipeline._execution_device,
                num_images_per_prompt=1,
                do_classifier_free_guidance=guided,
            )
            names = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
            self._known[key] = {
                name: tensor for name, tensor in zip(names, encoded, strict=False) if tensor is not None
            }
        return self._known[key]
