"""What is found out about a model once and kept: which channels act alike, and in which directions pictures differ."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor
from torch.nn import functional

from ...core.bends import channel_selection, sites
from ...core.errors import BendError, Code, store_unwritable
from ...core.files import caches
from ...core.files.whole import replacing
from ...core.job.job import Bend, Job
from ...core.job.resolve import DDIM, RENDERER
from ...core.job.resolved import Resolved
from ...core.prompts.schedule import Blending
from ...core.samplers.schedulers import AUTO
from ...core.site_kinds import DENOISERS
from ..bending.operators import Direction
from ..bending.places import matching, watch
from ..host import kept
from ..host.alignment import aligned
from ..sampling import Sampler, denoise_plain
from .site_study import SiteStudy

__all__ = ["ModelStudy", "SiteStudy", "Studies", "plain_frame", "study_sites"]

log = logging.getLogger(__name__)

#: What the pictures that a study looks at show; every prompt with every seed.
PROMPTS = ("", "mountains at sunset", "teal ocean waves", "a forest", "a city skyline at night", "a golden orb")
SEEDS = tuple(range(8))
STEPS = 8
GUIDANCE = 5.0
#: The steps at which tensors are looked at, of ``STEPS``.
MOMENTS = (1, 3, 5, 7)
#: Activation maps are compared at this side.
SIDE = 8
DIRECTIONS = 10
#: Raise it whenever a study of the same model would come out differently.
VERSION = 1


class ModelStudy:
    """The study of a model, site by site; see ``bending.channels.Study``."""

    def __init__(self, sites_: dict[str, SiteStudy]) -> None:
        self.by_site = sites_

    def cluster(self, site: str, number: int, count: int) -> list[int]:
        """The channels of a cluster of a site.

        Raises
        ------
        BendError(CHANNEL_MISSING) if the site has no such cluster
        """
        groups = self.by_site[site].clusters(count) if site in self.by_site else []
        if number >= len(groups):
            raise BendError(
                Code.CHANNEL_MISSING,
                f"{site} has no cluster {number}.",
                "Only layers of the denoising network have clusters.",
            )
        return groups[number]

    def at(self, site: str, progress: float, grid: tuple[int, int] | None = None) -> Direction | None:
        """The directions of a site at the studied moment nearest to a part 0...1 of the steps.

        Parameters
        ----------
        grid : rows and columns of the picture that tokens stand for
        """
        if site not in self.by_site:
            return None
        found = self.by_site[site]
        moment = min(range(len(MOMENTS)), key=lambda index: abs(MOMENTS[index] / STEPS - progress))
        return lambda number, x: found.direction(number, moment, x, grid)


class Studies:
    """Studies on disk: a folder for each model, a file for each site.

    Parameters
    ----------
    folder : None for the user's cache
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path.home() / ".cache" / "bend" / "studies"

    def of(
        self,
        job: Job,
        bends: Sequence[Bend],
        sampler: Sampler,
        phase: Callable[[str], None],
        cancelled: Callable[[], bool],
    ) -> ModelStudy | None:
        """What bends ask of a job's model: read if it is there, found out and kept if not.

        Parameters
        ----------
        phase : called with words while the model is studied

        Raises
        ------
        BendError(CANCELLED), BendError(STORE_UNWRITABLE), BendError(SITE_UNKNOWN)
        """
        asked = sorted({site for bend in bends if (site := _asks(bend.operator, bend.channels, bend.site))})
        paths = {path: None for pattern in asked for path in _paths(pattern, sampler)}
        if not paths:
            return None
        began = time.time()
        known = {path: self._read(job, path) for path in paths}
        unknown = [path for path, study in known.items() if study is None]
        if unknown:
            log.info("studying %s", ", ".join(unknown))
            found = study_sites(sampler, unknown, phase, cancelled, job.prediction)
            for path, study in found.items():
                self._write(job, path, study)
                known[path] = study
            caches.STUDIES.trim(self.folder, began)
        return ModelStudy({path: study for path, study in known.items() if study is not None})

    def _file(self, job: Job, path: str) -> Path:
        loras = [(lora.fingerprint, lora.strength) for lora in job.loras]
        told = () if job.prediction == AUTO else (job.prediction,)
        name = hashlib.sha256(repr((VERSION, path, job.precision, loras, *told)).encode()).hexdigest()[:32]
        return self.folder / job.fingerprint[:32] / f"{name}.npz"

    def _read(self, job: Job, path: str) -> SiteStudy | None:
        found = kept.arrays(self._file(job, path))
        return SiteStudy(found["maps"], found["directions"]) if {"maps", "directions"} <= set(found) else None

    def _write(self, job: Job, path: str, study: SiteStudy) -> None:
        target = self._file(job, path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as file:
                np.savez(file, maps=study.maps, directions=study.directions)
        except OSError as error:
            raise store_unwritable(target.parent, error) from error


def _asks(operator: str, selection: str, site: str) -> str:
    """The site, if a bend needs it studied."""
    needs = operator == "add_direction" or channel_selection.parse(selection).kind == "cluster"
    return site.strip() if needs and sites.parse(site).kind in DENOISERS else ""


def _paths(pattern: str, sampler: Sampler) -> list[str]:
    site = sites.parse(pattern)
    network = sampler.family.networks.get(site.kind)
    if network is None:
        return []
    return [f"{site.kind}:{path}" for path in matching(site, network)]


@torch.inference_mode()
def study_sites(
    sampler: Sampler,
    paths: Sequence[str],
    phase: Callable[[str], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
    prediction: str = AUTO,
) -> dict[str, SiteStudy]:
    """Look at the tensors of some sites while the model makes pictures of every prompt with every seed.

    Parameters
    ----------
    paths : sites without wildcards, such as ``unet:mid_block``
    prediction : what the network predicts, see ``core.samplers.schedulers``

    Raises
    ------
    BendError(CANCELLED)
    """
    seen: dict[str, list[list[np.ndarray]]] = {path: [[] for _ in MOMENTS] for path in paths}
    total = len(PROMPTS) * len(SEEDS)
    for number, (prompt, seed) in enumerate((prompt, seed) for prompt in PROMPTS for seed in SEEDS):
        if cancelled():
            raise BendError(Code.CANCELLED, "Canceled.")
        phase(f"Studying the model: {number + 1} of {total}")
        for path, moments in _look(sampler, paths, _sized(sampler, plain_frame(prompt, seed, prediction))).items():
            for moment, tensor in enumerate(moments):
                seen[path][moment].append(tensor)
    silent = [path for path, tensors in seen.items() if not all(tensors)]
    if silent:
        raise BendError(
            Code.SITE_UNKNOWN, f"Nothing passes through '{silent[0]}' in this model.", "Choose a block of the network."
        )
    return {path: _study(moments) for path, moments in seen.items()}


def plain_frame(prompt: str, seed: int, prediction: str = AUTO) -> Resolved:
    """A small frame without bends."""
    frame: Resolved = {
        "renderer": RENDERER,
        "model": "",
        "decoder": "",
        "loras": (),
        "precision": "",
        "batch": 1,
        "size": (256, 256),
        "scheduler": "own",
        "steps": STEPS,
        "guidance": GUIDANCE,
        "seed": seed,
        "prompt": ((prompt, 1.0),),
        "blending": Blending.LINEAR,
        "negative": "",
        "walk": None,
        "travel": 0.0,
        "source": None,
        "bends": [],
    }
    if prediction != AUTO:  # DDIM knows every prediction, which the model's own sampler may not
        frame |= {"scheduler": DDIM, "prediction": prediction}
    return frame


def _sized(sampler: Sampler, frame: Resolved) -> Resolved:
    """A frame at the size that the network is at home with, but no larger than 256 x 256."""
    side = 8 * min(int(getattr(sampler.family.denoiser.config, "sample_size", 32) or 32), 32)
    return {**frame, "size": (side, side)}


def _look(sampler: Sampler, paths: Sequence[str], frame: Resolved) -> dict[str, list[np.ndarray]]:
    """The tensors at some sites at the studied moments, with the prompt, channels first."""
    _, _, height, width = sampler.family.latent_shape(frame["size"])
    kept: dict[str, list[Tensor]] = {path: [] for path in paths}
    calls = dict.fromkeys(paths, 0)

    def keep(path: str) -> Callable[[Tensor, tuple[int, int] | None], Tensor]:
        def look(x: Tensor, grid: tuple[int, int] | None) -> Tensor:
            if calls[path] in MOMENTS:
                row = x[-1].float()
                if row.ndim == 2:
                    row = row.T.reshape(row.shape[1], *(grid or (row.shape[0], 1)))
                kept[path].append(row.reshape(row.shape[0], *row.shape[1:], *([1] * (3 - row.ndim))))
            calls[path] += 1
            return x

        return look

    handles = []
    try:
        for path in paths:
            kind, _, inner = path.partition(":")
            handles.append(watch(sampler.family.networks[kind], inner, (height, width), keep(path)))
        denoise_plain(sampler, frame)
    finally:
        for handle in handles:
            handle.remove()
    # Only now, so that the device need not wait within its steps.
    return {path: [tensor.cpu().numpy() for tensor in tensors] for path, tensors in kept.items()}


def _study(moments: list[list[np.ndarray]]) -> SiteStudy:
    maps = np.concatenate([np.stack([_small(tensor) for tensor in tensors]) for tensors in moments])
    directions = np.stack([principal_directions(np.stack(tensors)) for tensors in moments])
    return SiteStudy(maps.astype(np.float16), directions.astype(np.float32))


def _small(tensor: np.ndarray) -> np.ndarray:
    side = (min(SIDE, tensor.shape[1]), min(SIDE, tensor.shape[2]))
    return functional.adaptive_avg_pool2d(aligned(torch.from_numpy(tensor)), side).numpy()


def principal_directions(tensors: np.ndarray) -> np.ndarray:
    """The principal components of some tensors, times their standard deviations; missing ones are zero."""
    flat = tensors.reshape(len(tensors), -1)
    count = min(DIRECTIONS, len(flat) - 1, flat.shape[1])
    found = PCA(count, svd_solver="full").fit(flat)
    scaled = found.components_ * np.sqrt(found.explained_variance_)[:, None]
    # The sign of a component is chance: the largest entry is made positive.
    scaled *= np.sign(scaled[np.arange(count), np.abs(scaled).argmax(axis=1)])[:, None]
    padded = np.zeros((DIRECTIONS, flat.shape[1]), flat.dtype)
    padded[:count] = scaled
    return padded.reshape(DIRECTIONS, *tensors.shape[1:])
