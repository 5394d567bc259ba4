"""Presets: ready-made bends with their routes, as plain JSON without any code.

    {"schema": 1, "name": "Pulse", "summary": "what it does to the picture",
     "bends": [{"name": ..., "operator": ..., "site": ...,
                "start": 0, "end": 1, "channels": "all", "choices": {}, "region": "everywhere", "inverted": false,
                "restore": "none", "values": {"angle": 1.0},
                "routes": {"angle": {"feature": "onset", "low": 0, "high": 2, "release": 0.25, ..., "levels": 0,
                                     "layers": [{"feature": "rms", "combine": "multiply", ...}]}}}],
     "strip": {"source": "procedural", "scene": "desert", "palette": "golden", "values": {"strength": 0.6},
               "routes": {}}}

Of a bend only the first three are needed; ``strip`` may be left out, then the strip's own settings stay, as do scene
and palette if they are. A mask strip cannot be named: what is on the timeline is the artist's. A route needs feature,
low and high; its other settings are those of ``routes.Layer``, for the first layer flat and for further ones in a list.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from .. import catalogue
from ..catalogue import scenes
from ..curves import shaping
from ..curves.routes import CHAINS, COMBINES, LARGEST, LEVELS, LIMITS, Layer, Route
from ..errors import BendError, Code
from ..files import foreign_json
from ..files.whole import write_whole
from ..job.job import Bend, check_bend
from ..sound import features

SCHEMA = 1
FOLDER = Path(__file__).resolve().parents[3] / "presets"
#: More are no route that a person made.
MAX_LAYERS = 16
MOST_BENDS = 100

_OF_ROUTE = {"low", "high", "levels", "layers"}
_KINDS = {field.name: str(field.type) for field in fields(Layer)}
_TABLES = {"scale": shaping.SCALES, "ease": shaping.EASES, "combine": COMBINES, "chain": CHAINS}
_CHOICES = {name: tuple(row[0] for row in table) for name, table in _TABLES.items()}
_PAINTED = {"scene": scenes.SCENE_NAMES, "palette": scenes.PALETTE_NAMES}


@dataclass(frozen=True)
class PresetBend:
    """One bend of a preset: its structure, the values that differ from the defaults, and its routes by parameter."""

    bend: Bend
    values: dict[str, float]
    routes: dict[str, Route]


@dataclass(frozen=True)
class PresetStrip:
    """What a preset asks of the strip itself: what it starts from, values and routes of its own parameters.

    Parameters
    ----------
    scene, palette : the procedural scene; empty leaves the strip's own
    """

    source: str
    values: dict[str, float]
    routes: dict[str, Route]
    scene: str = ""
    palette: str = ""


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
        data = foreign_json.read(path)
    except (OSError, ValueError, RecursionError) as error:
        raise _unusable(path.name, error) from error
    if data is None:
        raise _unusable(path.name, ValueError("the file cannot be opened"))
    return parsed(data, path.name)


def parsed(data: Any, name: str) -> Preset:
    """A preset from what its file holds.

    Parameters
    ----------
    name : of the file, for what is said about it

    Raises
    ------
    BendError(PRESET_INVALID)
    """
    try:
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']} instead of {SCHEMA}")
        if len(data["bends"]) > MOST_BENDS:
            raise ValueError(f"it has more than {MOST_BENDS} bends")
        bends = tuple(_bend(bend) for bend in data["bends"])
        strip = _strip(data["strip"]) if "strip" in data else None
        return Preset(str(data["name"]), str(data["summary"]), bends, strip)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, BendError) as error:
        raise _unusable(name, error) from error


def _unusable(name: str, error: Exception) -> BendError:
    return BendError(Code.PRESET_INVALID, f"{name} is not a preset that Bend can use: {error}.")


def _bend(data: dict[str, Any]) -> PresetBend:
    structure = {key: value for key, value in data.items() if key not in {"values", "routes"}}
    bend = Bend(**structure)
    check_bend(bend)
    parameters = catalogue.animated_parameters(bend.operator, bend.region)
    return PresetBend(bend, *_values_and_routes(data, parameters, bend.operator))


def _strip(data: dict[str, Any]) -> PresetStrip:
    source = str(data.get("source", catalogue.strip.StartsFrom.NOISE))
    if source not in catalogue.strip.BY_SOURCE or not set(data) <= {"source", "values", "routes", *_PAINTED}:
        raise ValueError(f"a strip starts from one of: {', '.join(catalogue.strip.BY_SOURCE)}")
    painted = {name: data[name] for name in _PAINTED if name in data}
    for name, chosen in painted.items():
        if source != catalogue.strip.StartsFrom.PROCEDURAL or chosen not in _PAINTED[name]:
            raise ValueError(f"the {name} of a procedural source is one of: {', '.join(_PAINTED[name])}")
    parts = _values_and_routes(data, catalogue.strip.BY_SOURCE[source], f"a strip from {source}")
    return PresetStrip(source, *parts, **painted)


def _values_and_routes(
    data: dict[str, Any], parameters: tuple[catalogue.Parameter, ...], what: str
) -> tuple[dict[str, float], dict[str, Route]]:
    names = {parameter.name for parameter in parameters}
    values = {name: _number(value, name) for name, value in data.get("values", {}).items()}
    routes = {name: _route(route) for name, route in data.get("routes", {}).items()}
    for name in (*values, *routes):
        if name not in names:
            raise ValueError(f"{what} has no parameter {name}")
    return values, routes


def _route(data: dict[str, Any]) -> Route:
    layers = data.get("layers", [])
    if not isinstance(layers, list) or len(layers) >= MAX_LAYERS:
        raise ValueError(f"a route has a list of fewer than {MAX_LAYERS} further layers")
    first = {name: value for name, value in data.items() if name not in _OF_ROUTE}
    low, high = _number(data["low"], "low"), _number(data["high"], "high")
    levels = _setting("levels", data.get("levels", 0), "int", LEVELS)
    return Route(tuple(_layer(layer) for layer in (first, *layers)), low, high, levels)


def _layer(data: dict[str, Any]) -> Layer:
    return Layer(**{name: _setting(name, value, _KINDS[name], LIMITS.get(name)) for name, value in data.items()})


def _setting(name: str, value: Any, kind: str, limits: tuple[float, float] | None) -> Any:
    """A setting of a layer, if it is of its kind and within its limits."""
    if kind == "str":
        if value not in _CHOICES.get(name, (value,)) or not isinstance(value, str):
            raise ValueError(f"{name} is one of: {', '.join(_CHOICES.get(name, ()))}")
        return str(features.parse(value)) if name == "feature" else value
    if kind == "bool":
        if not isinstance(value, bool):
            raise ValueError(f"{name} is true or false")
        return value
    number = _number(value, name)
    if limits and not limits[0] <= number <= limits[1]:
        raise ValueError(f"{name} lies between {limits[0]} and {limits[1]}")
    if kind == "int" and number != int(number):
        raise ValueError(f"{name} is a whole number")
    if name == "kernel" and number % 2 == 0:
        raise ValueError("kernel is odd")
    return int(number) if kind == "int" else number


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise ValueError(f"{name} is not a number that Bend can use")
    return float(value)


def to_data(preset: Preset) -> dict[str, Any]:
    """The preset as ``read`` reads it, without what is as it would be anyway."""
    data: dict[str, Any] = {"schema": SCHEMA, "name": preset.name, "summary": preset.summary}
    data["bends"] = [
        _without_defaults(part.bend, ("name", "operator", "site")) | _values_and_routes_data(part)
        for part in preset.bends
    ]
    if preset.strip is not None:
        painted = {name: getattr(preset.strip, name) for name in _PAINTED if getattr(preset.strip, name)}
        data["strip"] = {"source": preset.strip.source} | painted | _values_and_routes_data(preset.strip)
    return data


def write(preset: Preset, path: Path) -> None:
    """Write a preset for ``read``; one that could not be read is not written.

    Raises
    ------
    BendError(PRESET_INVALID); OSError
    """
    try:
        text = json.dumps(to_data(preset), ensure_ascii=False, indent=2, allow_nan=False)
    except ValueError as error:  # a number that JSON does not have
        raise _unusable(path.name, error) from error
    parsed(json.loads(text), path.name)
    write_whole(path, text.encode() + b"\n")


def route_data(route: Route) -> dict[str, Any]:
    """A route as it stands in a preset: flat, with further layers in a list."""
    first, *others = (_without_defaults(layer, ("feature",)) for layer in route.layers)
    data = {"feature": first.pop("feature"), "low": route.low, "high": route.high, **first}
    if route.levels:
        data["levels"] = route.levels
    return data | ({"layers": others} if others else {})


def _values_and_routes_data(part: PresetBend | PresetStrip) -> dict[str, Any]:
    routes = {name: route_data(route) for name, route in part.routes.items()}
    return ({"values": part.values} if part.values else {}) | ({"routes": routes} if routes else {})


def _without_defaults(item: Any, always: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults."""
    shown = {}
    for field in fields(item):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        value = getattr(item, field.name)
        if field.name in always or value != default:
            shown[field.name] = value
    return shown
