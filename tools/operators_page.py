"""Write docs/operators.md: every operator of the catalogue with its parameters, ranges, neutral values and source."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from blender_bend.core import catalogue  # noqa: E402
from blender_bend.core.catalogue import Choice, Operator, Parameter  # noqa: E402

PAGE = ROOT / "docs" / "operators.md"

_HEAD = """# Operators

What a bend can do to a tensor. A bend is `y = (1 - mix) x + mix f(x)` on the chosen channels and region; `f` is one of
these. At its **neutral** value an operator returns its input bit for bit; without one, only a mix of 0 does. The
**usual** range is that of the sliders on a latent, whose numbers have a standard deviation of about 1; where they
differ, the ranges within the network, where numbers are larger, and in the decoder follow after slashes. You can type
larger values. *(This page is written by `tools/operators_page.py` from the catalog.)*
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for family, operators in groupby(catalogue.OPERATORS, key=lambda operator: operator.family):
        parts.append(f"\n## {family}\n")
        parts += [_section(operator) for operator in operators]
    parts.append("\n## Regions\n")
    for region in catalogue.REGIONS:
        names = ", ".join(parameter.label.removeprefix("Region ").lower() for parameter in region.parameters)
        parts.append(f"\n- **{region.label}**: {region.summary.lower()}{f' ({names})' if names else ''}")
    parts.append("\n\n## Restoration\n")
    parts += [f"\n- **{label}**: {summary.lower()}" for _, label, summary in catalogue.RESTORATIONS]
    return "".join(parts) + "\n"


def _section(operator: Operator) -> str:
    rows = [_parameter(parameter) for parameter in operator.parameters]
    rows += [_choice(choice) for choice in operator.choices]
    head = "\n| parameter | usual | neutral | |\n|---|---|---|---|\n" if rows else ""
    needs = " Needs rows and columns." if operator.spatial else ""
    return (
        f"\n### {operator.label} (`{operator.name}`)\n\n{operator.summary}.{needs} *{operator.source}.*\n"
        f"{head}{''.join(rows)}"
    )


def _parameter(parameter: Parameter) -> str:
    ranges = [_range(parameter.soft_at(kind)) for kind in ("latent", "unet", "vae")]
    usual = " / ".join(ranges if len(set(ranges)) > 1 else ranges[:1])
    neutral = "–" if parameter.neutral is None else f"{parameter.neutral:g}"
    return f"| {parameter.label} (`{parameter.name}`, {parameter.unit}) | {usual} | {neutral} | {parameter.summary} |\n"


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.4g} … {ends[1]:.4g}"


def _choice(choice: Choice) -> str:
    options = ", ".join(f"`{option}`" if option else "nothing" for option in choice.options)
    more = " or other text" if choice.pattern else ""
    return f"| {choice.label} (`{choice.name}`) | {options}{more} | | {choice.summary} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
