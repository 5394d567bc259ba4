"""What rows and columns can differ in: prompts, seeds, operators, sites, steps, and values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from pathlib import Path

from .. import catalogue
from ..bends.sites import COMMON_SITES
from ..catalogue import MIX, Parameter, Unit
from ..catalogue.strip import SCENE_TIME, StartsFrom
from ..errors import BendError, Code
from ..job.job import Bend, Job
from ..job.resolve import settle
from ..presets.presets import Preset
from ..presets.strength import job_with, strip_values_at
from ..resources import footprint
from ..site_kinds import DENOISERS, WEIGHT_KINDS
from .kinds import Kind
from .sheet import Axis, Line, with_frame

#: Parts of the denoising: all of it, its beginning, middle and end, and finer ones.
WINDOWS = ((0.0, 1.0), (0.0, 0.3), (0.3, 0.7), (0.7, 1.0), (0.0, 0.15), (0.15, 0.3), (0.5, 0.7), (0.85, 1.0))
#: Sites that are compared first: they differ most.
FIRST_SITES = (
    *("latent", "unet:mid_block", "unet:up_blocks.*", "unet:skips.*", "transformer:transformer_blocks.*"),
    *("unet:**.attn2", "prediction", "noise", "vae:decoder.up_blocks.*", "guidance", "text"),
)
#: Blender's whole numbers end there.
LARGEST_SEED = 2**31 - 1


def kind_of(site: str) -> str:
    """The kind of a site."""
    return site.partition(":")[0]


#: How strong the sound is that a preset follows.
STRENGTHS = ((0.0, "silence"), (1.0, "loud"), (0.5, "half as loud"), (0.75, "rather loud"), (0.25, "rather soft"))


def presets(found: Sequence[Preset], most: int, time: float = 0.0) -> Axis:
    """The look as it is, and presets in its place, where their sound is loud.

    Parameters
    ----------
    time : of a procedural scene on this frame

    Raises
    ------
    BendError if there are none
    """
    if not found:
        raise BendError(Code.PARAMETER_INVALID, "There are no presets of this kind yet.", "Choose another kind.")
    lines = [Line(preset.name, partial(_with_preset, preset, 1.0, time)) for preset in found]
    return Axis(Kind.PRESETS, "Presets", (Line("this look", lambda job: job), *lines)[:most])


def sound(found: Sequence[Preset], most: int, time: float = 0.0) -> Axis:
    """How presets look from silence to loud sound."""
    lines = [
        (share, Line(words, partial(_at_strength, tuple(found), share, time))) for share, words in STRENGTHS[:most]
    ]
    return Axis(Kind.SOUND, "Sound", tuple(line for _, line in sorted(lines, key=lambda pair: pair[0])))


def preset_of(found: Iterable[Preset], job: Job) -> Preset | None:
    """The preset that a job shows; None if it shows none of them."""
    return next((preset for preset in found if tuple(part.bend for part in preset.bends) == job.bends), None)


def _with_preset(preset: Preset, strength: float, time: float, job: Job) -> Job:
    shown = job_with(job, preset, strength)
    if preset.strip is None or shown.source != StartsFrom.PROCEDURAL:
        return shown
    (frame,) = shown.frames
    moved = strip_values_at(preset, strength).get(SCENE_TIME.name, SCENE_TIME.default)
    return with_frame(shown, strip={**frame.strip, SCENE_TIME.name: settle(time + moved)})


def _at_strength(found: tuple[Preset, ...], strength: float, time: float, job: Job) -> Job:
    preset = preset_of(found, job)
    return job if preset is None else _with_preset(preset, strength, time, job)


def prompts(job: Job, texts: Iterable[str], most: int) -> Axis:
    """The frame's own prompt, and others.

    Raises
    ------
    BendError if there are no others
    """
    (frame,) = job.frames
    own = Line(", ".join(text for text, _ in frame.prompt), lambda job: job)
    given = dict.fromkeys(text.strip() for text in texts if text.strip())
    others = [text for text in given if text != own.label]
    if not others:
        raise BendError(
            Code.PARAMETER_INVALID, "There is no other prompt to compare.", "Type some, with | between them."
        )
    lines = [Line(text, partial(_with_prompt, text)) for text in others]
    return Axis(Kind.PROMPTS, "Prompts", (own, *lines)[:most])


def seeds(job: Job, most: int) -> Axis:
    """The job's seed, and those after it."""
    found = [(job.seed + step) % (LARGEST_SEED + 1) for step in range(most)]
    lines = [Line(f"seed {seed}", partial(_with_seed, seed)) for seed in found]
    return Axis(Kind.SEEDS, "Seeds", tuple(lines))


def operators(job: Job, place: int, most: int) -> Axis:
    """A bend's operator, others of its family, and some of every other family.

    Parameters
    ----------
    place : of the bend in the stack
    """
    own = catalogue.operator(job.bends[place].operator)
    families: dict[str, list[catalogue.Operator]] = {own.family: []}
    for operator in catalogue.OPERATORS:
        families.setdefault(operator.family, [])
        if operator != own:
            families[operator.family].append(operator)
    near, *far = families.values()
    half = max((most - 1) // 2, most - 1 - sum(map(len, far)))
    spread = [operator for some in zip_longest(*far) for operator in some if operator is not None]
    chosen = [own, *near[:half]]
    chosen += spread[: most - len(chosen)]
    lines = [Line(operator.label, partial(_with_operator, place, operator.name)) for operator in chosen[:most]]
    return Axis(Kind.OPERATORS, "Operators", tuple(lines))


def sites(job: Job, place: int, most: int) -> Axis:
    """A bend's site, and others that the model has."""
    own = job.bends[place].site
    network = next((part for part in DENOISERS if footprint.config(Path(job.model), part)), DENOISERS[0])
    known = dict.fromkeys((*FIRST_SITES, *(str(site) for site, _ in COMMON_SITES)))
    others = [site for site in known if site != own and _has(job, network, kind_of(site))]
    lines = [Line(site, partial(_at_site, place, site)) for site in (own, *others)]
    return Axis(Kind.SITES, "Sites", tuple(lines[:most]))


def _has(job: Job, network: str, kind: str) -> bool:
    if kind in WEIGHT_KINDS:
        return bool(job.loras)
    return kind == network or kind not in DENOISERS


def steps(job: Job, place: int, most: int) -> Axis:
    """A bend's step window, and others."""
    bend = job.bends[place]
    own = (bend.start, bend.end)
    found = [own, *(window for window in WINDOWS if window != own)]
    lines = [Line(window_label(*window), partial(_with_window, place, *window)) for window in found[:most]]
    return Axis(Kind.STEPS, "Steps", tuple(lines))


def window_label(start: float, end: float) -> str:
    """A step window in words."""
    return f"steps {start:g} to {end:g}"


def values(job: Job, place: int, name: str, most: int, across: Kind | None = None) -> Axis:
    """Values of a bend's parameter over its usual range, the one that it has among them.

    Parameters
    ----------
    name : of the parameter; where another operator does not have it, its first one is taken
    across : what the other lines of the sheet differ in; the usual range may be another at other sites
    """
    bend = job.bends[place]
    parameter = catalogue.animated_parameter(name, bend.operator, bend.region)
    own, low, high = job.frames[0].values[place].get(name, parameter.default), *parameter.soft_at(kind_of(bend.site))
    shares = [index / max(most - 1, 1) for index in range(most)]
    if parameter.unit == Unit.RADIAN:  # a turn ends where it began
        low, high = -math.pi, math.pi
        shares = [(index + 1) / most for index in range(most)]
    found = [low + share * (high - low) for share in shares]
    nearest = min(range(most), key=lambda index: abs(found[index] - own))
    found[nearest] = own
    varies = across == Kind.OPERATORS or (across == Kind.SITES and parameter.inside is not None)
    lines = []
    for share, value in sorted(zip(shares, found, strict=True), key=lambda pair: pair[1]):
        label = f"{share:.0%}" if varies else value_label(parameter, value)
        lines.append(Line(label, partial(_with_value, place, bend, name, value, share)))
    title = "Values" if across == Kind.OPERATORS else parameter.label
    return Axis(Kind.VALUES, title, tuple(lines))


def value_label(parameter: Parameter, value: float) -> str:
    """A value with its unit."""
    return f"{math.degrees(value):.4g}°" if parameter.unit == Unit.RADIAN else f"{value:.3g}"


def given_values(place: int, parameter: Parameter, found: Sequence[float]) -> Axis:
    """Values of a parameter that were asked for."""
    lines = [Line(f"{value:g}", partial(_with_number, place, parameter.name, value)) for value in found]
    return Axis(Kind.VALUES, parameter.label, tuple(lines))


def given_places(place: int, found: Iterable[tuple[str, tuple[float, float]]]) -> Axis:
    """Sites with step windows that were asked for."""
    lines = [
        Line(f"{site}\n{window_label(*window)}", partial(_at_place, place, site, window)) for site, window in found
    ]
    return Axis(Kind.SITES, "Sites", tuple(lines))


def main_parameter(operator: str, region: str = catalogue.EVERYWHERE) -> Parameter:
    """The parameter that says most of an operator: its first one, or the mix if it has none."""
    found = catalogue.animated_parameters(operator, region)
    return found[min(1, len(catalogue.operator(operator).parameters))]


def _with_prompt(text: str, job: Job) -> Job:
    return with_frame(job, prompt=((text, 1.0),))


def _with_seed(seed: int, job: Job) -> Job:
    return replace(job, seed=seed)


def _with_bend(place: int, job: Job, **changes: object) -> Job:
    bends = list(job.bends)
    bends[place] = replace(bends[place], **changes)  # type: ignore[arg-type]
    return replace(job, bends=tuple(bends))


def _with_number(place: int, name: str, value: float, job: Job) -> Job:
    (frame,) = job.frames
    found = list(frame.values)
    found[place] = {**found[place], name: value}
    return with_frame(job, values=tuple(found))


def _with_operator(place: int, name: str, job: Job) -> Job:
    """With another operator, whose own parameters are at their defaults; mix and region stay."""
    bend = job.bends[place]
    if name == bend.operator:
        return job
    operator = catalogue.operator(name)
    kept = {MIX, *catalogue.region(bend.region).parameters}
    before = job.frames[0].values[place]
    found = list(job.frames[0].values)
    found[place] = {
        parameter.name: before[parameter.name]
        if parameter in kept and parameter.name in before
        else parameter.default_at(kind_of(bend.site))
        for parameter in catalogue.animated_parameters(name, bend.region)
    }
    choices = {choice.name: choice.default for choice in operator.choices}
    return with_frame(_with_bend(place, job, operator=name, choices=choices), values=tuple(found))


def _at_site(place: int, site: str, job: Job) -> Job:
    return _with_bend(place, job, site=site)


def _at_place(place: int, site: str, window: tuple[float, float], job: Job) -> Job:
    return _with_window(place, *window, _at_site(place, site, job))


def _with_window(place: int, start: float, end: float, job: Job) -> Job:
    return _with_bend(place, job, start=start, end=end)


def _with_value(place: int, own: Bend, name: str, value: float, share: float, job: Job) -> Job:
    """With a value, or where the usual range is another, with as much of that."""
    bend = job.bends[place]
    here = bend.operator == own.operator
    parameter = catalogue.animated_parameter(name, own.operator, own.region) if here else main_parameter(bend.operator)
    usual = parameter.soft_at(kind_of(bend.site))
    if here and usual == parameter.soft_at(kind_of(own.site)):
        return _with_number(place, name, value, job)
    number = usual[0] + share * (usual[1] - usual[0])
    return _with_number(place, parameter.name, number, job)
