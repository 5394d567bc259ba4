"""Presets: ready-made bends with their routes, as plain JSON without any code."""

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
class Preset:
    """Bends that belong together, named for what they do to the picture."""

    name: str
    summary: str
    bends: tuple[PresetBend, ...]


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
        return Preset(str(data["name"]), str(data["summary"]), tuple(_bend(bend) for bend in data["bends"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, BendError) as error:
        raise BendError(Code.PRESET_INVALID, f"{path.name} is not a preset that Bend can use: {error}.") from error


def _bend(data: dict[str, Any]) -> PresetBend:
    structure = {key: value for key, value in data.items() if key not in {"values", "routes"}}
    bend = Bend(**structure)
    check_bend(bend)
    names = {parameter.name for parameter in catalogue.animated_parameters(bend.operator, bend.region)}
    values = {name: float(value) for name, value in data.get("values", {}).items()}
    routes = {name: _route(route) for name, route in data.get("routes", {}).items()}
    for name in (*values, *routes):
        if name not in names:
            raise ValueError(f"{bend.operator} has no parameter {name}")
    if not all(math.isfinite(value) for value in values.values()):
        raise ValueError("a value is not a number")
    return PresetBend(bend, values, routes)


def _route(data: dict[str, Any]) -> Route:
    features.check_names([data["feature"]])
    kinds = {field.name: {"str": str, "float": float, "bool": bool}[str(field.type)] for field in fields(Route)}
    route = Route(**{name: kinds[name](value) for name, value in data.items()})
    if not all(math.isfinite(value) for value in (route.low, route.high, route.gain, route.attack, route.release)):
        raise ValueError("a value of a route is not a number")
    return route
