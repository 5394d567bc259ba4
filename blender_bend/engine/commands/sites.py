"""``sites MODEL``: every place of a model where a bend can sit, as a tree with the shapes of its tensors."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.bends import patterns
from ...core.limits import SIDE, Whole
from ...core.site_kinds import SiteKind

if TYPE_CHECKING:
    from torch import Tensor

    from ...core.job.resolved import Resolved
    from ..sampling import Sampler

DEPTH = Whole("The depth of the tree", 0, 100)
#: What passes between the networks, in the order in which it comes.
_STATES = (SiteKind.NOISE, SiteKind.TEXT, SiteKind.LATENT, SiteKind.GUIDANCE, SiteKind.PREDICTION)


def add(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser("sites", help="list the sites of a model where a bend can be applied, with shapes")
    parser.add_argument(
        "model", nargs="?", default="mini", help="mini, a model folder, or a Hugging Face ID (default: mini)"
    )
    parser.add_argument("--depth", type=DEPTH, default=3, help="depth of the tree; 0 shows all (default: 3)")
    parser.add_argument(
        "--match", default="", help="show only sites that contain this, or match it with * as a wildcard"
    )
    parser.add_argument("--size", type=SIDE, nargs=2, default=(256, 256), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    import torch

    from ...core.models.references import resolve
    from ..host.devices import choose_device
    from ..loading import load_pipeline
    from ..sampling import Sampler

    folders = {options.model: options.model} if Path(options.model).is_dir() else {}
    model = resolve(options.model, folders)
    sampler = Sampler(load_pipeline(Path(model.path), torch.float32, choose_device(options.device)))
    found = survey(sampler, tuple(options.size))
    shown = {site: shape for site, shape in found.items() if _matches(site, options.match)}
    if not options.match and options.depth:
        shown = {site: shape for site, shape in shown.items() if _depth(site) <= options.depth}
    if options.json:
        print(json.dumps(shown, indent=1))
        return 0
    for site, shape in shown.items():
        print(f"{site:<64} {' x '.join(map(str, shape)) if shape else ''}".rstrip())
    hidden = len(found) - len(shown)
    if hidden:
        print(f"and {hidden} more: --depth 0 shows all, --match attn2 those with attn2 in their name")
    return 0


def _depth(site: str) -> int:
    return site.count(".") + 1


def _matches(site: str, wanted: str) -> bool:
    if "*" in wanted:
        return patterns.wildcard(wanted.replace("*", "**")).fits(site)
    return wanted in site


def survey(sampler: Sampler, size: tuple[int, int]) -> dict[str, list[int]]:
    """Every site of a model with the shape of the tensor that a bend gets there, without the batch.

    Parameters
    ----------
    size : width and height of the picture that is made to find out

    Returns
    -------
    an empty shape for places that this model never passes a tensor through
    """
    from ..bending.apply import Grid
    from ..bending.places import places, watch
    from ..studies.study import plain_frame

    family = sampler.family
    _, channels, height, width = family.latent_shape(size)
    found: dict[str, list[int]] = {state: [channels, height, width] for state in _STATES}
    words = family.encode_prompt("", "", False)["prompt_embeds"]
    found[SiteKind.TEXT] = list(words.shape[1:])
    handles = []

    def look(site: str) -> Any:
        def keep(x: Tensor, grid: Grid | None) -> Tensor:
            found[site] = list(x.shape[1:])
            return x

        return keep

    for kind, network in family.networks.items():
        for path in places(kind, network):
            site = f"{kind}:{path}"
            found[site] = []
            handles.append(watch(network, path, (height, width), look(site), required=False))
    frame: Resolved = {**plain_frame("", 0), "size": size, "steps": 1}
    try:
        sampler.render(frame)
    finally:
        for handle in handles:
            handle.remove()
    return found
