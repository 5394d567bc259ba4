"""Presets: those that ship are right, and a wrong one is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blender_bend.core import catalogue, presets
from blender_bend.core.errors import BendError, Code


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
