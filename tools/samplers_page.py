"""Write docs/samplers.md: every sampler with what it lets one choose, and what few-step models are set to."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_bend.core.samplers.few_steps import FEW_STEPS, FewSteps  # noqa: E402
from blender_bend.core.samplers.schedulers import AUTO, OPTIONS, OWN, SCHEDULERS, Scheduler, scheduler  # noqa: E402

PAGE = ROOT / "docs" / "samplers.md"

_HEAD = """# Samplers

The sampler denoises the picture. Choose it under *Prompt and Sampling*, with its *Spacing*, *Sigmas* and
*Prediction*. *Model's Own* is what the model was published with. Without bends, every sampler with every
choice gives bit-identical results to the stock diffusers pipeline with the same scheduler. *(This page is written by
`tools/samplers_page.py` from the table of samplers.)*

Choices that a sampler doesn't support are hidden and have no effect. *Model's Own* shows all three; a choice that the
model's sampler doesn't support stops the render with a message, and so does a sampler that doesn't work with the
model. In job files they are `scheduler`, `spacing`, `sigmas` and `prediction`.
"""

_AFTER_OPTIONS = """
- With *Sigmas* other than the model's own, {by_sigmas} only use the sigmas: the spacing then
  has no effect and is grayed out.
- Heun and Flow Heun evaluate the network twice at every step but the last, so they take almost twice as long.
- Euler Ancestral, DPM++ 2M SDE, LCM and Flow LCM add new noise at every step, drawn from the seed: the same frame is
  always the same picture.
- A model trained down to pure noise (zero terminal SNR, such as mini) is sampled with its own noise levels by all but
  PNDM and Heun, which don't know them.
- With few steps, *Leading* and *Linspace* start where the picture should already have taken shape; below 10 steps, use
  *Trailing*.
- With Keep Layout the sampler is DDIM, with its own timesteps; only *Prediction* has an effect.
"""

_FEW_STEPS = """
## Few-step models

Models and LoRAs distilled for a few steps only work with the timesteps they were made for. A folder from
the hub specifies them; a single file or a LoRA doesn't, so set them here. 4 steps are then at the timesteps 999, 749,
499 and 249 (LCM and TCD without Trailing: 999, 759, 499 and 259).

| model or LoRA | Sampler | Spacing | Prediction | Steps | Guidance | |
|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    parts = [
        _HEAD,
        "\n| sampler | name | for | spacing | sigmas | prediction | what it is |\n|---|---|---|---|---|---|---|\n",
    ]
    parts += [_row(row) for row in SCHEDULERS]
    for option, rows in OPTIONS.items():
        parts.append(f"\n## {option.title()}\n\n| choice | name | what it does |\n|---|---|---|\n")
        parts += [f"| {label} | `{name}` | {summary} |\n" for name, label, summary in rows]
    *most, last = (row.label for row in SCHEDULERS if row.spaced_by_sigmas)
    known = _AFTER_OPTIONS.format(by_sigmas=f"{', '.join(most)} and {last}")
    parts += ["\n## Good to know\n", known, _FEW_STEPS]
    parts += [_few_steps(kind) for kind in FEW_STEPS]
    return "".join(parts)


def _row(row: Scheduler) -> str:
    models = "any model" if row.name == OWN else "SD3, FLUX" if row.flow else "SD 1.x, 2.x, XL, mini"
    chosen = [_choices(row, option) for option in OPTIONS]
    return f"| {row.label} | `{row.name}` | {models} | {' | '.join(chosen)} | {row.summary} |\n"


def _choices(row: Scheduler, option: str) -> str:
    """What can be chosen, in short."""
    names = row.choices(option)
    every = tuple(name for name, _, _ in OPTIONS[option] if name != AUTO)
    if row.name == OWN:
        return "as the model's sampler"
    return "–" if not names else "all" if names == every else ", ".join(_label(option, name) for name in names)


def _label(option: str, name: str) -> str:
    return next(label for known, label, _ in OPTIONS[option] if known == name)


def _few_steps(kind: FewSteps) -> str:
    low, high = kind.guidance
    guidance = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    steps = ", ".join(str(number) for number in kind.steps)
    choices = f"{_label('spacing', kind.spacing)} | {_label('prediction', kind.prediction)}"
    return f"| {kind.label} | {scheduler(kind.scheduler).label} | {choices} | {steps} | {guidance} | {kind.note} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
