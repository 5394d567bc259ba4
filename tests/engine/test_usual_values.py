"""Within their usual ranges all operators make a picture of mini at all sites: finite, and not flat.

The ends of every range are tried always, in the last of two steps; parameters one by one, other choices, windows, more
sites, steps and guidance with BEND_TEST_ALL=1, which takes about an hour. LoRA weights are sites too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import PIL.Image
import pytest
from lora_files import flat, kohya, lora_of, of_kind, save, text

from blender_bend.core.bends import sites
from blender_bend.core.catalogue import OPERATORS, Operator
from blender_bend.core.job.job import Bend, Job, Lora
from blender_bend.core.job.resolve import Resolver
from blender_bend.core.site_kinds import WEIGHT_KINDS
from blender_bend.engine.rendering.render import Renderer

ALL = os.environ.get("BEND_TEST_ALL") == "1"
SITES = (
    *sites.STATE_KINDS,
    "unet:down_blocks.*",
    "unet:mid_block",
    "unet:up_blocks.*",
    "unet:skips.*",
    "unet:**.attn1",
    "unet:**.attn2",
    "vae:decoder.layers.2",
    "vae:decoder.layers.16",
    "lora:LoCon",
)
if ALL:
    SITES += (*(f"unet:up_blocks.{block}" for block in (0, 1, 2)), *(f"vae:decoder.layers.{n}" for n in (0, 7, 12)))
    SITES += ("lora:LoHa",)
WHOLE, LATE = (0.0, 1.0), (0.5, 1.0)
WINDOWS = (WHOLE, (0.0, 0.25), LATE) if ALL else (LATE,)
#: Steps and guidance. Guidance is only bent where there is some, and in the decoder the denoising is one for all.
DECODED, GUIDED, USUAL = (4, 5.0), (2, 5.0), (2, 1.0)
SHORT = {site: DECODED if site.startswith("vae:") else GUIDED if site == "guidance" else USUAL for site in SITES}
LONG = (DECODED, (8, 1.0), (20, 5.0))
FEWEST = DECODED[0]
TRIED = [(site, *sampling) for site in SITES for sampling in (LONG if ALL else (SHORT[site],))]
PROMPT = {"prompt": (("teal ocean waves", 1.0),)}
#: In color steps of 255: the deviation of the channel that varies most. A healthy picture has 30 to 60, what is left of
#: a latent that is silenced at every step 9; what is below 3 looks like one color.
FLAT = 3.0
#: They make numbers negative, and what is negative in mini's decoder is dark: a blackout, as docs/bending.md says.
BLACKOUTS = {"invert_sign", "log", "six_plane_rotation"}

MakeJob = Callable[..., Job]


@dataclass(frozen=True)
class Case:
    """One operator at one site, with its values."""

    operator: Operator
    site: str
    values: dict[str, float]
    choices: dict[str, str] = field(default_factory=dict)
    window: tuple[float, float] = LATE

    def __str__(self) -> str:
        told = {**{name: round(value, 3) for name, value in self.values.items()}, **self.choices}
        return f"{self.operator.name} at {self.site} {self.window} {told}"

    @property
    def bend(self) -> Bend:
        return Bend(str(self), self.operator.name, self.site, *self.window, choices=self.choices)

    @property
    def slides_out(self) -> bool:
        """Whether step by step the latent leaves through one side, whose cells fill it: see docs/bending.md."""
        borders = next((c.default for c in self.operator.choices if c.name == "border"), "")
        border = self.choices.get("border", borders)
        return self.operator.name == "translate" and self.site == "latent" and border in {"repeat", "mirror"}

    @property
    def is_refused(self) -> bool:
        """Whether the site lacks what the operator says that it needs: rows and columns, or a studied layer."""
        if self.operator.name == "add_direction":
            return not self.site.startswith("unet:")
        bare = sites.parse(self.site).kind in {"text", *WEIGHT_KINDS}
        if self.choices.get("form", "").endswith((" rows", " columns")):  # tokens are laid out for whole operators only
            return bare or "attn" in self.site
        return bare and self.operator.spatial


def values(operator: Operator, kind: str, each: bool) -> list[dict[str, float]]:
    """All parameters at one end of their ranges, and at the other; or each alone, with the others as in a new bend."""
    usual = {parameter.name: parameter.default_at(kind) for parameter in operator.parameters}
    ranges = {parameter.name: parameter.soft_at(kind) for parameter in operator.parameters}
    found = [{name: ends[side] for name, ends in ranges.items()} for side in (0, 1)]
    if each:
        found = [usual, *({**usual, name: end} for name, ends in ranges.items() for end in ends)]
    different = [chosen for number, chosen in enumerate(found) if chosen not in found[:number]]
    return [chosen for chosen in different if not operator.is_neutral(chosen)]


def choices(operator: Operator) -> Iterator[dict[str, str]]:
    """Each choice that a new bend doesn't have."""
    yield from ({c.name: option} for c in operator.choices for option in c.options if option != c.default)


def cases(site: str, steps: int) -> list[Case]:
    """What is tried at a site: the ends of all ranges; of the fewest steps also other choices and single parameters."""
    kind = sites.parse(site).kind
    found = []
    for operator in OPERATORS:
        for window in WINDOWS if kind not in {"noise", "vae"} else (LATE,):
            found += [Case(operator, site, chosen, {}, window) for chosen in values(operator, kind, each=False)]
        if ALL and steps == FEWEST:
            for told in choices(operator):
                found += [Case(operator, site, chosen, told) for chosen in values(operator, kind, each=False)]
            found += [Case(operator, site, chosen) for chosen in values(operator, kind, each=True)]
    different = {str(case): case for case in found}
    return [case for case in different.values() if not case.is_refused]


def pictures(renderer: Renderer, make_job: MakeJob, tried: list[Case], **settings: Any) -> list[PIL.Image.Image]:
    """Every case as a frame of one film, in which only its own bend is mixed in; those of one bend in batches."""
    bends = list({str(case.bend): case.bend for case in tried}.values())
    off = {"mix": 0.0}
    stack = [(bend, [{"mix": 1.0, **case.values} if case.bend == bend else off for case in tried]) for bend in bends]
    job = make_job("mini", stack, [PROMPT] * len(tried), **settings)
    resolver = Resolver(job)
    made: dict[str, PIL.Image.Image] = {}
    frames = {str(case): resolver.resolve(frame) for case, frame in zip(tried, job.frames, strict=True)}
    renderer.sampler(job, job.bends).render_all(frames, made.__setitem__)
    return [made[str(case)] for case in tried]


def is_flat(picture: PIL.Image.Image) -> bool:
    return bool(np.asarray(picture).std(axis=(0, 1)).max() < FLAT)


@pytest.fixture(scope="module")
def loras(load: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lora]:
    """LoRA files of mini by their sites: one on all its attention and its words, one that has no matrix ``up``."""
    pipeline, folder = load("mini"), tmp_path_factory.mktemp("loras")
    tensors = kohya(pipeline.unet, "unet", flat("lora_unet_"), "to_q", "to_k", "to_v", "to_out.0")[0]
    tensors |= kohya(pipeline.text_encoder, "text_encoder", text("lora_te_"), "q_proj", "v_proj", "fc2")[0]
    files = {"LoCon": tensors, "LoHa": of_kind("LoHa", pipeline)}
    return {f"lora:{name}": lora_of(save(folder, kept, name), name=name) for name, kept in files.items()}


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize(("site", "steps", "guidance"), TRIED)
def test_usual_values_make_a_picture_at_every_site(
    renderer: Renderer, make_job: MakeJob, loras: dict[str, Lora], site: str, steps: int, guidance: float
) -> None:
    tried = cases(site, steps)
    loaded = (loras[site],) if site in loras else ()
    made = pictures(renderer, make_job, tried, steps=steps, guidance=guidance, batch=2, loras=loaded)
    flat = {case for case, picture in zip(map(str, tried), made, strict=True) if is_flat(picture)}
    meant = {str(case) for case in tried if case.operator.name in BLACKOUTS and site.startswith("vae:")}
    meant |= {str(case) for case in tried if case.slides_out and steps > SHORT[site][0]}
    assert flat <= meant, sorted(flat - meant)
