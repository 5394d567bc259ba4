"""What is found out about a model: clusters of channels, directions, and that it is found out once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from torch import Tensor

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Job
from blender_bend.core.job.resolve import frame_key, resolve
from blender_bend.engine.bending import Place, Rows, bend_tensor
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.sampling import Sampler
from blender_bend.engine.store.frame_store import FrameStore
from blender_bend.engine.studies import study

MakeJob = Callable[..., Job]
SITE = "unet:mid_block"
TOKENS = "unet:mid_block.attentions.0.transformer_blocks.0"


@pytest.fixture(autouse=True, scope="module")
def brief() -> Iterator[None]:
    """Fewer pictures and moments than in truth, so that a study takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "PROMPTS", ("", "a forest"))
        patch.setattr(study, "SEEDS", (0, 1, 2))
        patch.setattr(study, "STEPS", 2)
        patch.setattr(study, "MOMENTS", (0, 1))
        yield


@pytest.fixture(scope="module")
def studied(brief: None, samplers: dict[str, Sampler]) -> dict[str, study.SiteStudy]:
    """Two sites of mini."""
    return study.study_sites(samplers["mini"], [SITE, TOKENS])


@pytest.mark.parametrize("count", [1, 2, 5, 9])
@pytest.mark.parametrize("site", [SITE, TOKENS])
def test_every_channel_is_in_exactly_one_cluster(
    site: str, count: int, studied: dict[str, study.SiteStudy], samplers: dict[str, Sampler]
) -> None:
    clusters = studied[site].clusters(count)
    channels = samplers["mini"].pipeline.unet.config.block_out_channels[-1]
    assert len(clusters) == count and all(clusters)
    assert sorted(channel for cluster in clusters for channel in cluster) == list(range(channels))
    assert [len(cluster) for cluster in clusters] == sorted((len(cluster) for cluster in clusters), reverse=True)


def test_channels_that_rise_and_fall_together_are_one_cluster() -> None:
    """Whatever their mean and strength: three patterns, each in four channels."""
    generator = np.random.default_rng(0)
    patterns = generator.normal(size=(3, 20, 4, 4))
    order = generator.permutation(12)
    maps = np.stack([patterns[c % 3] * generator.uniform(0.1, 9) + generator.normal() for c in range(12)], axis=1)
    found = study.SiteStudy(maps[:, order].astype(np.float32), np.zeros((1, 10, 12, 4, 4))).clusters(3)
    assert {frozenset(order[group] % 3) for group in found} == {frozenset({n}) for n in range(3)}


def test_a_study_is_the_same_every_time(studied: dict[str, study.SiteStudy], samplers: dict[str, Sampler]) -> None:
    again = study.study_sites(samplers["mini"], [SITE])[SITE]
    assert np.array_equal(again.maps, studied[SITE].maps)
    assert np.array_equal(again.directions, studied[SITE].directions)
    assert again.clusters(5) == studied[SITE].clusters(5)


def test_directions_are_orthogonal_and_ordered(studied: dict[str, study.SiteStudy]) -> None:
    """Six pictures have five directions; each is a unit vector times its standard deviation."""
    for site in (SITE, TOKENS):
        for moment in studied[site].directions:
            flat = moment.reshape(study.DIRECTIONS, -1).astype(np.float64)
            lengths = np.linalg.norm(flat, axis=1)
            assert np.all(np.diff(lengths) <= 1e-6) and np.all(lengths[:5] > 0) and not lengths[5:].any()
            unit = flat[:5] / lengths[:5, None]
            assert np.allclose(unit @ unit.T, np.eye(5), atol=1e-4)


def test_a_direction_is_as_long_as_pictures_usually_differ_along_it(samplers: dict[str, Sampler]) -> None:
    samples = np.random.default_rng(0).normal(size=(40, 3, 2, 2)) * np.array([5.0, 1.0, 0.2])[:, None, None]
    found = study.principal_directions(samples).reshape(study.DIRECTIONS, -1)
    flat = samples.reshape(40, -1)
    for direction in found:
        along = flat @ (direction / np.linalg.norm(direction))
        assert np.isclose(along.std(ddof=1), np.linalg.norm(direction))


@pytest.mark.parametrize("site", [SITE, TOKENS])
def test_a_direction_is_added_in_standard_deviations(site: str, studied: dict[str, study.SiteStudy]) -> None:
    model = study.ModelStudy(studied)
    vector = torch.from_numpy(studied[site].directions[1, 1])
    x = torch.randn(2, *vector.shape, generator=torch.Generator().manual_seed(0))
    if site == TOKENS:
        vector, x = vector.flatten(1).T, x.flatten(2).transpose(1, 2)
    amount = torch.tensor([2.0, 0.0])
    grid = tuple(studied[site].directions.shape[-2:])
    y = bent(x, model, site, amount, grid)
    assert torch.allclose(y[0], x[0] + 2 * vector, atol=1e-5)
    assert torch.equal(y[1], x[1])


def bent(x: Tensor, model: study.ModelStudy, site: str, amount: Tensor, grid: tuple[int, ...]) -> Tensor:
    """The second direction, added late in the denoising."""
    bends = [
        {
            "name": "Way",
            "operator": "add_direction",
            "site": site,
            "channels": "all",
            "choices": {"direction": "2"},
            "values": {"mix": 1.0, "amount": value},
            "steps": [0, 10],
            "region": "everywhere",
            "inverted": False,
            "mask": "",
            "restore": "none",
        }
        for value in amount.tolist()
    ]
    return bend_tensor(x, Rows.of(bends), Place(0, 9, 10, site, (grid[0], grid[1]), model))


def job_of(make_job: MakeJob, kind: str = "mini") -> Job:
    """A job with a bend of a cluster and one along a direction."""
    bends = [
        (Bend("Group", "multiply", SITE, channels="cluster 1 of 3"), [{"factor": 2.0}]),
        (Bend("Way", "add_direction", SITE, choices={"direction": "2"}), [{"amount": 20.0}]),
    ]
    return make_job(kind, bends)


def test_clusters_and_directions_change_the_picture_and_are_found_out_once(
    make_job: MakeJob, store: FrameStore, tmp_path: Path
) -> None:
    job, said = job_of(make_job), []
    Renderer("cpu", tmp_path / "studies").render(job, store, phase=said.append)
    assert said.count("Studying the model: 6 of 6") == 1
    files = {file: file.read_bytes() for file in (tmp_path / "studies").rglob("*.npz")}
    assert len(files) == 1
    said.clear()
    other = FrameStore(tmp_path / "other")
    Renderer("cpu", tmp_path / "studies").render(job, other, phase=said.append)
    assert not any(words.startswith("Studying") for words in said)
    assert {file: file.read_bytes() for file in (tmp_path / "studies").rglob("*.npz")} == files
    key = frame_key(resolve(job, job.frames[0]))
    assert store.path(key).read_bytes() == other.path(key).read_bytes()
    plain = make_job("mini")
    Renderer("cpu").render(plain, store)
    with (
        PIL.Image.open(store.path(key)) as one,
        PIL.Image.open(store.path(frame_key(resolve(plain, plain.frames[0])))) as two,
    ):
        assert np.abs(np.asarray(one).astype(int) - np.asarray(two)).max() > 2


@pytest.mark.parametrize("damage", [b"no study", None], ids=["other", "cut"])
def test_a_damaged_study_is_made_again(
    damage: bytes | None, make_job: MakeJob, store: FrameStore, tmp_path: Path
) -> None:
    renderer = Renderer("cpu", tmp_path / "studies")
    renderer.render(job_of(make_job, "sd15"), store)
    (file,) = (tmp_path / "studies").rglob("*.npz")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    renderer.render(job_of(make_job, "sd15"), FrameStore(tmp_path / "other"))
    assert len(file.read_bytes()) == len(whole)


def test_a_study_can_be_cancelled_and_leaves_no_hook(
    make_job: MakeJob, store: FrameStore, tmp_path: Path, samplers: dict[str, Sampler]
) -> None:
    with pytest.raises(BendError) as caught:
        study.study_sites(samplers["mini"], [SITE], cancelled=lambda: True)
    assert caught.value.code == Code.CANCELLED
    unet = samplers["mini"].pipeline.unet
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in unet.modules())


@pytest.mark.parametrize(
    ("channels", "site"), [("cluster 3 of 4", "latent"), ("cluster 1", "vae:decoder"), ("cluster 1", "text")]
)
def test_clusters_of_what_is_no_layer_are_refused(
    channels: str, site: str, make_job: MakeJob, store: FrameStore, tmp_path: Path
) -> None:
    job = make_job("sd15", [(Bend("Group", "multiply", site, channels=channels), [{"factor": 2.0}])])
    with pytest.raises(BendError) as caught:
        Renderer("cpu", tmp_path / "studies").render(job, store)
    assert caught.value.code == Code.CHANNEL_MISSING


def test_transformers_have_clusters_and_directions(make_job: MakeJob, store: FrameStore, tmp_path: Path) -> None:
    bends = [
        (Bend("Group", "multiply", "transformer:transformer_blocks.1", channels="cluster 0 of 3"), [{"factor": 2.0}]),
        (Bend("Way", "add_direction", "transformer:transformer_blocks.0"), [{"amount": 3.0}]),
    ]
    summary = Renderer("cpu", tmp_path / "studies").render(make_job("sd3", bends), store)
    assert summary.rendered == 1
    assert len(list((tmp_path / "studies").rglob("*.npz"))) == 2
