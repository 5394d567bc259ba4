"""Frames that keep the layout of the picture they start from: it is inverted once, and goes along as a further row."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import PIL.Image
import torch
from torch import Tensor

from ...core.errors import BendError, Code
from ...core.job.resolved import Resolved, Source
from ...core.prompts.schedule import Blend
from ..families import Conditioning, Family
from ..families.tiles import at_work
from ..prompts.encoder import PromptEncoder
from ..prompts.weighted import of_one_length
from ..sonic.condition import Branch
from ..sonic.editing import injected
from ..sonic.inversion import invert

#: What the network is told about the source itself: nothing.
SOURCE = Branch(False, False)
NOTHING: Blend = (("", 1.0),)

#: The latent of a source picture at every timestep.
Trajectory = Mapping[int, Tensor]


def is_edit(frame: Resolved) -> bool:
    """Whether a frame keeps the layout of its source."""
    return frame["source"] is not None and "kept" in frame["source"]


def _source_of(frame: Resolved) -> Source:
    """The picture whose layout a frame keeps."""
    source = frame["source"]
    assert source is not None
    return source


class Inversions:
    """The ways of source pictures back to noise; the last ones are kept, for stills and for sounds that change.

    Parameters
    ----------
    family : the model
    most : how many are kept; one of 50 steps at 512 pixels takes 3.3 MB
    """

    def __init__(self, family: Family, most: int = 8) -> None:
        self.family, self.most = family, most
        self._known: OrderedDict[str, Trajectory] = OrderedDict()

    def of(
        self, frame: Resolved, read: Callable[[Resolved], PIL.Image.Image], cancelled: Callable[[], bool]
    ) -> Trajectory:
        """The way back of a frame's source picture.

        Raises
        ------
        BendError(MODEL_INVALID) if the model cannot edit; BendError(CANCELLED)
        """
        picture = {name: value for name, value in _source_of(frame).items() if name != "kept"}
        prediction = frame.get("prediction")
        key = json.dumps([picture, frame["steps"], frame["size"], prediction, frame.get("decode")])
        if key not in self._known:
            if self.family.flow or self.family.rowed != ("prompt_embeds",):
                raise BendError(
                    Code.MODEL_INVALID,
                    "This model doesn't support Keep Layout.",
                    "Use a Stable Diffusion 1.x or 2.x model or mini, or turn off Keep Layout.",
                )
            size = frame["size"]
            with at_work(self.family.pipeline.vae, frame):
                latents = self.family.encode_picture(read(frame), size)
            self._known[key] = invert(
                self.family, latents, frame["steps"], size, cancelled=cancelled, prediction=prediction
            )
        self._known.move_to_end(key)
        while len(self._known) > self.most:
            self._known.popitem(last=False)
        return self._known[key]


@contextmanager
def beside_source(
    family: Family,
    frame: Resolved,
    step: int,
    x: Tensor,
    rows: Conditioning,
    source: Tensor,
    prompts: PromptEncoder,
) -> Iterator[tuple[Tensor, Conditioning]]:
    """The rows of a step with the source's before them, from which all take their layout while this lasts.

    Parameters
    ----------
    x : shape (R, C, h, w), and ``rows`` what the network is told about each
    source : latent of the source at this timestep, shape (1, C, h, w)
    """
    nothing = prompts.encode(NOTHING, "", False)["prompt_embeds"]
    told = {**rows, "prompt_embeds": torch.cat(of_one_length([nothing, rows["prompt_embeds"]]))}
    features, attention = (step < last for last in _source_of(frame)["kept"])
    with injected(family.denoiser, len(x) + 1, features, attention):
        yield torch.cat([source, x]), told
