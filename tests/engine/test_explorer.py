"""The explorer: a sheet of pictures with their distance to the unbent one, and the sites that it can visit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.core.process import shared_picture
from blender_bend.core.process.shared_picture import Picture
from blender_bend.core.sheets.asked import Asked
from blender_bend.core.sheets.kinds import Kind
from blender_bend.engine.commands.sites import survey
from blender_bend.engine.rendering.explorer import Exploration, compare, distance, explore
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.rendering.sheet_picture import sheet_of_drafts
from blender_bend.engine.sampling import Sampler

WINDOWS = ((0.0, 0.4), (0.6, 1.0))


@pytest.fixture
def plain(make_job: Callable[..., Job]) -> Job:
    """Two frames of the tiny Stable Diffusion 1.5 without bends."""
    return make_job("sd15", frames=2, steps=4)


def exploration(**changes: object) -> Exploration:
    """Multiply at two sites and in two windows, with three values."""
    usual = {
        "operator": "multiply",
        "sites": ("latent", "unet:mid_block"),
        "windows": WINDOWS,
        "values": (1.0, 1.5, 3.0),
    }
    return Exploration(**{**usual, **changes})  # type: ignore[arg-type]


def test_every_site_window_and_value_has_its_picture_and_its_distance(
    plain: Job, renderer: Renderer, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.png"
    cells = explore(plain, exploration(), renderer, out)
    assert [(cell.site, cell.window, cell.value) for cell in cells] == [
        (site, window, value)
        for site in ("latent", "unet:mid_block")
        for window in WINDOWS
        for value in (1.0, 1.5, 3.0)
    ]
    told = json.loads(out.with_suffix(".json").read_text())
    assert told["unbent"] == frame_key(resolve(plain, plain.frames[0]))
    assert [cell["distance"] for cell in told["cells"]] == [cell.distance for cell in cells]
    with Image.open(out) as picture:
        assert picture.width > 4 * 64 and picture.height > 4 * 64


def test_a_sheet_can_show_small_pictures_of_the_same_cells(plain: Job, renderer: Renderer, tmp_path: Path) -> None:
    wanted = exploration(sites=("latent",), values=(2.0,))
    cells = explore(plain, wanted, renderer, tmp_path / "large.png")
    assert explore(plain, wanted, renderer, tmp_path / "small.png", cell=plain.size[0] // 2) == cells
    with Image.open(tmp_path / "large.png") as large, Image.open(tmp_path / "small.png") as small:
        assert large.width - small.width == 2 * (plain.size[0] - plain.size[0] // 2)


def test_a_neutral_value_is_at_no_distance_and_a_stronger_one_farther_away(
    plain: Job, renderer: Renderer, tmp_path: Path
) -> None:
    cells = explore(plain, exploration(sites=("latent",), windows=((0.6, 1.0),)), renderer, tmp_path / "sheet.png")
    neutral, weak, strong = (cell.distance for cell in cells)
    assert neutral == 0 < weak < strong


def test_a_distance_is_the_picture_that_one_would_render(
    plain: Job, renderer: Renderer, samplers: dict[str, Sampler], tmp_path: Path
) -> None:
    (cell,) = explore(
        plain, exploration(sites=("latent",), windows=((0.0, 1.0),), values=(2.0,)), renderer, tmp_path / "sheet.png"
    )
    bent = replace(
        plain,
        bends=(Bend("any name", "multiply", "latent", 0.0, 1.0),),
        frames=(replace(plain.frames[0], values=({"factor": 2.0},)),),
    )
    data = resolve(bent, bent.frames[0])
    pictures = [samplers["sd15"].render(one) for one in (data, resolve(plain, plain.frames[0]))]
    assert cell.key == frame_key(data)
    assert cell.distance == pytest.approx(distance(*pictures), abs=1e-4)


def test_other_parameters_and_choices_can_be_set(plain: Job, renderer: Renderer, tmp_path: Path) -> None:
    turned = exploration(operator="rotate_channels", sites=("latent",), windows=((0.0, 1.0),), values=(0.7,))
    keys = []
    for settings in ({"plane": "0-1"}, {"plane": "1-2"}, {"plane": "1-2", "mix": "0.5"}):
        keys.append(explore(plain, replace(turned, settings=settings), renderer, tmp_path / "sheet.png")[0].key)
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"operator": "explode"}, Code.OPERATOR_UNKNOWN),
        ({"parameter": "loudness"}, Code.PARAMETER_INVALID),
        ({"sites": ("nowhere",)}, Code.SITE_UNKNOWN),
        ({"sites": ("unet:mid_blok",)}, Code.SITE_UNKNOWN),
    ],
)
def test_what_is_not_there_is_refused(
    changes: dict[str, object], code: Code, plain: Job, renderer: Renderer, tmp_path: Path
) -> None:
    with pytest.raises(BendError) as caught:
        explore(plain, exploration(**changes), renderer, tmp_path / "sheet.png")
    assert caught.value.code == code
    assert not (tmp_path / "sheet.png").exists()


def test_distance_is_the_root_of_the_mean_square() -> None:
    black, white = (Image.fromarray(np.full((4, 6, 3), value, np.uint8)) for value in (0, 255))
    half = np.zeros((4, 6, 3), np.uint8)
    half[:2] = 255
    assert distance(black, black) == 0
    assert distance(black, white) == 1
    assert distance(black, Image.fromarray(half)) == pytest.approx(0.5**0.5)


def test_the_sites_of_a_model_are_listed_with_the_shapes_that_a_bend_meets(samplers: dict[str, Sampler]) -> None:
    found = survey(samplers["sd15"], (64, 128))
    assert found["latent"] == found["prediction"] == [4, 16, 8]
    assert found["text"] == [samplers["sd15"].pipeline.tokenizer.model_max_length, 32]
    assert found["unet:mid_block"] == [32, 2, 1]
    assert found["unet:skips.0"] == [8, 16, 8]
    assert found["unet:up_blocks.3.attentions.0.transformer_blocks.0.attn2"] == [16 * 8, 8]
    assert found["vae:decoder.conv_out"] == [3, 128, 64]
    assert not any(site.startswith("vae:encoder") for site in found)
    assert sum(site.startswith("unet:skips") for site in found) == 12


def test_looking_at_the_sites_leaves_no_hook(samplers: dict[str, Sampler]) -> None:
    survey(samplers["mini"], (64, 64))
    networks = samplers["mini"].family.networks.values()
    assert not any(module._forward_hooks or module._forward_pre_hooks for n in networks for module in n.modules())


def test_cells_of_other_seeds_and_prompts_are_what_one_would_render(
    plain: Job, renderer: Renderer, samplers: dict[str, Sampler], tmp_path: Path
) -> None:
    asked = Asked(Kind.PROMPTS, Kind.SEEDS, 2, 3, prompts="a forest")
    cells = compare(plain, asked, None, renderer, tmp_path / "sheet.png")
    told = json.loads((tmp_path / "sheet.png").with_suffix(".json").read_text())["cells"]
    unchanged = samplers["sd15"].render(resolve(plain, plain.frames[0]))
    assert len({cell["key"] for cell in told}) == 6
    for cell, said in zip(cells, told, strict=True):
        alone = samplers["sd15"].render(resolve(cell.job, cell.job.frames[0]))
        assert said["distance"] == pytest.approx(distance(alone, unchanged), abs=1e-4)


def test_a_sheet_of_drafts_is_written_with_what_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    for key, shade in (("a" * 64, 60), ("b" * 64, 200)):
        picture = Picture(key, (64, 48), bytes([shade, 20, 10]) * 64 * 48)
        shared_picture.kept_path(kept, key).write_bytes(shared_picture.packed(picture))
    asked = {
        "title": "A strip, frame 5",
        "rows": ["latent", "unet:mid_block"],
        "columns": ["0.5", "1"],
        "pictures": ["a" * 64, "", "c" * 64, "b" * 64],
        "captions": ["", "", "not in this model", ""],
        "marked": [3],
        "kept": str(kept),
        "out": str(tmp_path / "sheet.png"),
    }
    assert sheet_of_drafts(asked) == {"out": str(tmp_path / "sheet.png")}
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    for shade in (60, 200):
        assert (pixels == (shade, 20, 10)).all(axis=2).sum() == 64 * 48
    rows = {shade: np.argwhere((pixels == (shade, 20, 10)).all(axis=2)).min(axis=0) for shade in (60, 200)}
    assert (rows[200] > rows[60] + (48, 64)).all(), "the second is below the first and to its right"
    with pytest.raises(BendError, match="no pictures yet"):
        sheet_of_drafts({**asked, "pictures": ["", "", "", ""]})
    with pytest.raises(BendError, match="other numbers"):
        sheet_of_drafts({**asked, "rows": ["latent"]})
