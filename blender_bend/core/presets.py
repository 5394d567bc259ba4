"""Presets: ready-made bends with their routes, as plain JSON without any code.

    {"schema": 1, "name": "Pulse", "summary": "what it does to the picture",
     "bends": [{"name": ..., "operator": ..., "site": ...,
                "start": 0, "end": 1, "channels": "all", "choices": {}, "region": "everywhere", "inverted": false,
                "restore": "none", "values": {"angle": 1.0}, "routes": {"angle": {"feature": "onset", ...}}}],
     "strip": {"source": "previous", "values": {"zoom": 1.02}, "routes": {}}}

Of a bend only the first three are needed; ``strip`` may be left out, then the strip's own settings stay. A mask strip
cannot be named: what is on the timeline is the artist's.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from . import catalogue, features
from .errors import BendError, Code
from .job import Bend, check_bend
from .routes import Route

SCHEMA = 1
FOLDER = Path(__file__).resolve().parents[2] / "presets"


@dataclass(frozen=True)
class PresetBend:
    """One bend of a preset: its structure, the values that differ from the defaults, and its routes by parameter."""

    bend: Bend
    values: dict[str, float]
    routes: dict[str, Route]


@dataclass(frozen=True)
class PresetStrip:
    """What a preset asks of the strip itself: what it starts from, values and routes of its own parameters."""

    source: str
    values: dict[str, float]
    routes: dict[str, Route]


@dataclass(frozen=True)
class Preset:
    """Bends that belong together, named for what they do to the picture.

    Parameters
    ----------
    strip : what is asked of the strip itself; None leaves it as it is
    """

    name: str
    summary: str
    bends: tuple[PresetBend, ...]
    strip: PresetStrip | None = None


def paths() -> list[Path]:
    """The presets that come with the extension."""
    return sorted(FOLDER.glob("*.json"))


def read(path: Path) -> Preset:
    """Read and check a preset.

    Raises
    ------
    BendError(PRESET_INVALID) if it is not a preset, or names what does not exist
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']} instead of {SCHEMA}")
        bends = tuple(_bend(bend) for bend in data["bends"])
        strip = _strip(data["strip"]) if "strip" in data else None
        return Preset(str(data["name"]), str(data["summary"]), bends, strip)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, BendError) as error:
        raise BendError(Code.PRESET_INVALID, f"{path.name} is not a preset that Bend can use: {error}.") from error


def _bend(data: dict[str, Any]) -> PresetBend:
    structure = {key: value for key, value in data.items() if key not in {"values", "routes"}}
    bend = Bend(**structure)
    check_bend(bend)
    parameters = catalogue.animated_parameters(bend.operator, bend.region)
    return PresetBend(bend, *_values_and_routes(data, parameters, bend.operator))


def _strip(data: dict[str, Any]) -> PresetStrip:
    source = str(data.get("source", "noise"))
    if source not in catalogue.strip.BY_SOURCE or not set(data) <= {"source", "values", "routes"}:
        raise ValueError(f"a strip starts from one of: {', '.join(catalogue.strip.BY_SOURCE)}")
    return PresetStrip(source, *_values_and_routes(data, catalogue.strip.BY_SOURCE[source], f"a strip from {source}"))


def _values_and_routes(
    data: dict[str, Any], parameters: tuple[catalogue.Parameter, ...], what: str
) -> tuple[dict[str, float], dict[str, Route]]:
    names = {parameter.name for parameter in parameters}
    values = {name: float(value) for name, value in data.get("values", {}).items()}
    routes = {name: _route(route) for name, route in data.get("routes", {}).items()}
    for name in (*values, *routes):
        if name not in names:
            raise ValueError(f"{what} has no parameter {name}")
    if not all(math.isfinite(value) for value in values.values()):
        raise ValueError("a value is not a number")
    return values, routes


def _route(data: dict[str, Any]) -> Route:
    features.check_names([data["feature"]])
    kinds = {field.name: {"str": str, "float": float, "bool": bool}[str(field.type)] for field in fields(Route)}
    route = Route(**{name: kinds[name](value) for name, value in data.items()})
    if not all(math.isfinite(value) for value in (route.low, route.high, route.gain, route.attack, route.release)):
        raise ValueError("a value of a route is not a number")
    return route
