"""Presets: those that ship are right, and a wrong one is refused."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from blender_bend.core import catalogue
from blender_bend.core.curves.routes import Layer, Route
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Frame, Job
from blender_bend.core.job.resolve import resolve
from blender_bend.core.presets import pictures, presets
from blender_bend.core.presets.strength import job_with


@pytest.mark.parametrize("path", presets.paths(), ids=lambda path: path.stem)
def test_every_shipped_preset_can_be_read_and_follows_the_sound(path: Path) -> None:
    preset = presets.read(path)
    assert preset.name.lower().replace(" ", "_") == path.stem
    assert len(preset.summary) > 20
    assert any(part.routes for part in preset.bends)


def test_there_are_presets() -> None:
    assert len(presets.paths()) >= 12


@pytest.mark.parametrize(
    ("operator", "plane", "feature", "moment"),
    [
        ("rotate_channels", "1-2", "rms", 0.8),
        ("rotate_channels", "1-2", "flux", 0.8),
        ("rotate_channels", "2-0", "rms", 0.5),
        ("rotate_channels", "3-0", "rms", 0.5),
        ("rotate_channels", "0-1", "rms", 0.8),
        ("six_plane_rotation", None, "rms", 0.0),
        ("six_plane_rotation", None, "rms", 0.8),
    ],
    ids=["R1 + RMS", "R1 + flux", "R2", "R3", "R4", "six planes early", "six planes late"],
)
def test_the_rotations_of_the_papers_are_there(operator: str, plane: str | None, feature: str, moment: float) -> None:
    parts = [part for path in presets.paths() for part in presets.read(path).bends]
    assert any(
        (part.bend.operator, part.bend.site, part.bend.start, part.bend.end) == (operator, "latent", moment, moment)
        and part.bend.choices.get("plane") == plane
        and feature in {layer.feature for route in part.routes.values() for layer in route.layers}
        for part in parts
    )


@pytest.mark.parametrize("path", presets.paths(), ids=lambda path: path.stem)
def test_a_shipped_preset_stays_within_the_limits_of_its_parameters(path: Path) -> None:
    for part in presets.read(path).bends:
        limits = {p.name: p for p in catalogue.animated_parameters(part.bend.operator, part.bend.region)}
        for name, route in part.routes.items():
            assert limits[name].minimum <= route.high <= limits[name].maximum
        for name, value in part.values.items():
            assert limits[name].minimum <= value <= limits[name].maximum
        assert not part.values.keys() & part.routes.keys()


def test_every_shipped_preset_is_on_the_page_of_presets() -> None:
    page = (presets.FOLDER.parent / "docs" / "presets.md").read_text(encoding="utf-8")
    for path in presets.paths():
        assert f"| {presets.read(path).name} |" in page


def stages(script: str) -> dict[str, str]:
    """The prompts by preset that a script shows presets with."""
    module = ast.parse((presets.FOLDER.parent / script).read_text(encoding="utf-8"))
    return next(
        ast.literal_eval(line.value)
        for line in module.body
        if isinstance(line, ast.AnnAssign) and line.value is not None and ast.unparse(line.target) == "STAGES"
    )


def looks() -> list[Path]:
    """The presets of several bends."""
    return [path for path in presets.paths() if len(presets.read(path).bends) > 1]


def test_the_sheets_have_a_prompt_for_every_shipped_preset() -> None:
    shown = [path.stem for path in looks()]
    assert sorted(stages("docs/looks/make.py")) == shown
    assert sorted(stages("docs/sheets/make.py")) == [path.stem for path in presets.paths() if path.stem not in shown]


def test_every_look_has_a_sheet_on_the_page_of_looks() -> None:
    folder = presets.FOLDER.parent / "docs"
    page = (folder / "looks.md").read_text(encoding="utf-8")
    for path in looks():
        assert f"(images/look_{path.stem}.webp)" in page and (folder / f"images/look_{path.stem}.webp").is_file()


def test_there_are_twelve_looks_each_slow_under_fast_with_motion() -> None:
    """A slow layer takes a third of a second and more to rise, a fast one is there within two frames."""
    assert len(looks()) >= 12
    for path in looks():
        preset = presets.read(path)
        assert preset.strip is not None
        moves = {"scene_time", "seed_travel", "zoom"} & preset.strip.routes.keys()
        routes = [route for part in (*preset.bends, preset.strip) for route in part.routes.values()]
        attacks = [layer.attack for route in routes for layer in route.layers]
        assert moves and max(attacks) >= 0.33 and min(attacks) <= 0.08, path.stem
        assert all(layer.release >= 0.2 for route in routes for layer in route.layers), path.stem


def test_a_kick_is_a_low_onset() -> None:
    for path in presets.paths():
        if "kick" in path.stem:
            routes = [route for part in presets.read(path).bends for route in part.routes.values()]
            assert "onset_low" in {layer.feature for route in routes for layer in route.layers}, path.stem


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"bends": [{"name": "A", "operator": "explode", "site": "latent"}]},
        {"bends": [{"name": "A", "operator": "add", "site": "somewhere"}]},
        {"bends": [{"name": "A", "operator": "add", "site": "latent", "start": 0.8, "end": 0.2}]},
        {"bends": [{"name": "A", "operator": "add", "site": "latent", "values": {"angle": 1}}]},
        {"bends": [{"name": "A", "operator": "add", "site": "latent", "values": {"amount": "NaN"}}]},
        {"bends": [{"name": "A", "operator": "add", "site": "latent", "routes": {"amount": {"feature": "smell"}}}]},
        {"bends": [{"name": "A", "operator": "add", "site": "latent", "code": "import os"}]},
        {"bends": [{"name": "A", "operator": "rotate_channels", "site": "latent", "choices": {"plane": "9-9"}}]},
        {"bends": 7},
        {"strip": {"source": "nowhere"}},
        {"strip": {"source": "noise", "values": {"zoom": 1.0}}},
        {"strip": {"source": "previous", "values": {"zoom": "NaN"}}},
        {"strip": {"source": "procedural", "scene": "a garden"}},
        {"strip": {"source": "procedural", "palette": ["teal"]}},
        {"strip": {"source": "noise", "scene": "fire"}},
        {"strip": {"source": "noise", "code": "import os"}},
        {"name": None, "bends": None},
    ],
)
def test_a_wrong_preset_is_refused(change: dict, tmp_path: Path) -> None:
    data = {"schema": 1, "name": "A", "summary": "b", "bends": [], **change}
    (tmp_path / "wrong.json").write_text(json.dumps(data))
    with pytest.raises(BendError) as caught:
        presets.read(tmp_path / "wrong.json")
    assert caught.value.code == Code.PRESET_INVALID
    assert "wrong.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"schema": 1}'])
def test_what_is_no_preset_at_all_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text(text)
    with pytest.raises(BendError):
        presets.read(tmp_path / "wrong.json")
    with pytest.raises(BendError):
        presets.read(tmp_path / "missing.json")


@pytest.mark.parametrize("path", presets.paths(), ids=lambda path: path.stem)
def test_a_preset_that_was_written_is_read_as_the_same(path: Path, tmp_path: Path) -> None:
    preset = presets.read(path)
    presets.write(preset, tmp_path / path.name)
    assert presets.read(tmp_path / path.name) == preset


def with_route(folder: Path, **route: object) -> presets.Preset:
    """The preset of one bend whose amount has this route, by way of a file."""
    whole = {"feature": "onset", "low": 0.0, "high": 1.0, **route}
    bend = {"name": "A", "operator": "add", "site": "latent", "routes": {"amount": whole}}
    path = folder / "route.json"
    path.write_text(json.dumps({"schema": 1, "name": "A", "summary": "b", "bends": [bend]}))
    return presets.read(path)


def test_a_flat_route_of_before_is_one_layer(tmp_path: Path) -> None:
    preset = with_route(tmp_path, gain=2, attack=0.1, release=0.5, invert=True)
    wanted = Route.of("onset", 0.0, 1.0, gain=2.0, attack=0.1, release=0.5, invert=True)
    assert preset.bends[0].routes["amount"] == wanted


def test_a_route_of_several_layers_survives_writing_and_reading(tmp_path: Path) -> None:
    layers = (
        Layer("chroma:4", gate=0.1, median=0.2, look_ahead=0.5, scale="fixed", least=0.1, most=0.9, gamma=2.0),
        Layer("percussive/flux", combine="multiply", amount=0.5, ease="smooth", offset=-0.1, first=10, last=-5),
        Layer("band:200-800", combine="max", chain="papers", kernel=7, keep=0.5, scale="whole"),
    )
    route = Route(layers, -1.0, 2.5, levels=4)
    data = presets.route_data(route)
    assert len(data["layers"]) == 2 and data["levels"] == 4
    assert with_route(tmp_path, **data).bends[0].routes["amount"] == route


@pytest.mark.parametrize(
    "route",
    [
        {"low": None},
        {"high": "1"},
        {"high": 1e300},
        {"low": True},
        {"low": float("nan")},
        {"high": float("inf")},
        {"gain": 10**400},
        {"gain": -1},
        {"attack": 61},
        {"gamma": 0},
        {"threshold": 1.1},
        {"bottom": -1},
        {"kernel": 4},
        {"kernel": 2.5},
        {"first": 0.5},
        {"invert": 1},
        {"scale": "loud"},
        {"scale": ["whole"]},
        {"ease": 3},
        {"combine": "divide"},
        {"chain": "__import__"},
        {"feature": "chroma"},
        {"feature": "chroma:13"},
        {"feature": "band:800-200"},
        {"feature": "times:beats"},
        {"feature": 7},
        {"levels": -1},
        {"levels": 2.5},
        {"levels": 1e6},
        {"layers": {"feature": "rms"}},
        {"layers": ["rms"]},
        {"layers": [{"combine": "add"}]},
        {"layers": [{"feature": "rms", "low": 1}]},
        {"layers": [{"feature": "rms", "layers": []}]},
        {"layers": [{"feature": "rms"}] * 1000},
        {"code": "import os"},
    ],
    ids=lambda route: str(route)[:40],
)
def test_a_wrong_route_is_refused(route: dict, tmp_path: Path) -> None:
    with pytest.raises(BendError) as caught:
        with_route(tmp_path, **route)
    assert caught.value.code == Code.PRESET_INVALID and "route.json" in caught.value.message


def test_every_preset_and_operator_has_a_small_picture_and_there_is_none_for_anything_else() -> None:
    wanted = {pictures.of_preset(path) for path in presets.paths()}
    wanted |= {pictures.of_operator(operator.name) for operator in catalogue.OPERATORS}
    there = {path for path in pictures.FOLDER.rglob("*") if path.is_file()}
    assert there == wanted
    assert sum(path.stat().st_size for path in there) <= pictures.LARGEST
    assert all(path.read_bytes()[:3] == b"\xff\xd8\xff" for path in there)


def test_a_preset_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    preset = presets.read(presets.paths()[0])
    presets.write(preset, tmp_path / "good.json")
    before = (tmp_path / "good.json").read_bytes()
    for value in (float("nan"), float("inf"), 1e300):
        part = replace(preset.bends[0], values={"mix": value})
        with pytest.raises(BendError) as caught:
            presets.write(replace(preset, bends=(part,)), tmp_path / "good.json")
        assert caught.value.code == Code.PRESET_INVALID
    assert (tmp_path / "good.json").read_bytes() == before


@pytest.mark.parametrize("path", presets.paths(), ids=lambda path: path.stem)
def test_a_preset_at_a_strength_is_a_job_within_its_limits(path: Path) -> None:
    preset = presets.read(path)
    frame = Frame(1, (("forest", 1.0),), ({"angle": 1.0, "mix": 1.0},), masks=("0" * 64,))
    plain = Job("m", "f" * 64, (64, 64), 4, 5.0, 1, "", (Bend("Turn", "rotate_channels", "latent"),), (frame,))
    for strength in (0.0, 0.5, 1.0):
        job = job_with(plain, preset, strength)
        assert [bend.operator for bend in job.bends] == [part.bend.operator for part in preset.bends]
        assert resolve(job, job.frames[0])
    assert job_with(plain, preset, 0.0).frames != job_with(plain, preset, 1.0).frames
