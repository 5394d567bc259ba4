"""The bends that act on a batch of states at one step: on the tensors between the networks, and by hooks within."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from ...core.bends import sites
from ...core.catalogue import MASK
from ...core.errors import BendError, Code
from ...core.job.resolved import ResolvedBend
from ...core.site_kinds import MODULE_KINDS, WEIGHT_KINDS
from ..host.memory import is_out_of_memory
from .apply import Grid
from .bend import bend_tensor
from .channels import Study
from .places import Change, matching, watch
from .precision import held
from .rows import Place, Rows, send_values
from .verdicts import Verdict
from .weights import bent_loras

#: Reads a mask by its digest: shape (1, 1, h, w), 0...1.
ReadMask = Callable[[str], Tensor]


class BendStack:
    """The bends of a batch at one denoising step.

    Parameters
    ----------
    states : for every state of the batch its bends, as ``core.job.resolve`` gives them; they must have one structure
    seed : the frames' seed
    step : the denoising step under way, of ``steps``
    size : rows and columns of the latent
    read_mask : for bends with a mask
    study : for clusters and directions
    """

    def __init__(
        self,
        states: Sequence[Sequence[ResolvedBend]],
        *,
        seed: int,
        step: int,
        steps: int,
        size: Grid = (0, 0),
        read_mask: ReadMask | None = None,
        study: Study | None = None,
    ) -> None:
        self.seed, self.step, self.steps, self.size, self.study = seed, step, steps, size, study
        self._read_mask = read_mask
        acting = [[bend for bend in bends if bend["steps"][0] <= step < bend["steps"][1]] for bends in states]
        self.rows = [self._rows(list(bends)) for bends in zip(*acting, strict=True)]
        self._sums: list[tuple[str, Tensor]] = []

    def _rows(self, bends: Sequence[ResolvedBend]) -> Rows:
        if sites.parse(bends[0]["site"]).kind in WEIGHT_KINDS:
            return Rows.of(bends[:1])  # weights are one for the whole batch, whose rows have equal values
        if bends[0]["region"] != MASK:
            return Rows.of(bends)
        assert self._read_mask is not None
        return Rows.of(bends, [self._read_mask(bend["mask"]) for bend in bends])

    def bend_state(self, kind: str, x: Tensor, most: float | None = None) -> Tensor:
        """Apply the bends of a tensor between the networks: noise, latent, prediction, guidance, text.

        Parameters
        ----------
        most : the largest number that they may make together; None for any
        """
        bent = x
        for rows in self.rows:
            if rows.bend["site"] == kind:
                bent = self.bend(rows, bent, kind, None)
        return bent if most is None or bent is x else held(bent, most)

    @contextmanager
    def hooked(self, networks: dict[str, nn.Module]) -> Iterator[None]:
        """Put the bends within the networks in place, and take every one away again.

        Parameters
        ----------
        networks : by site kind: ``{"unet": ..., "vae": ...}``

        Raises
        ------
        BendError(SITE_UNKNOWN) if a site names no place of this model
        """
        with ExitStack() as undo:
            for rows in self.rows:
                site = sites.parse(rows.bend["site"])
                if site.kind in WEIGHT_KINDS:
                    change = functools.partial(self.bend, rows, site=str(site), grid=None)
                    undo.enter_context(bent_loras(networks, site, change))
                if site.kind not in MODULE_KINDS:
                    continue
                if site.kind not in networks:
                    raise BendError(
                        Code.SITE_UNKNOWN,
                        f"This model has no {site.kind}.",
                        f"Choose a site within {' or '.join(networks)}.",
                    )
                network = networks[site.kind]
                for path in matching(site, network):
                    handle = watch(network, path, self.size, self._change(rows, f"{site.kind}:{path}"))
                    undo.callback(handle.remove)
            yield

    def _change(self, rows: Rows, site: str) -> Change:
        return lambda x, grid: self.bend(rows, x, site, grid)

    def bend(self, rows: Rows, x: Tensor, site: str, grid: Grid | None) -> Tensor:
        sums: list[Tensor] = []
        try:
            send_values(self.rows, x.device)
            place = Place(self.seed, self.step, self.steps, site, grid, self.study)
            bent = bend_tensor(x, rows, place, lambda made: sums.append(made.sum(dtype=torch.float32)))
        except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
            if is_out_of_memory(error):
                raise
            raise BendError(
                Code.BEND_FAILED,
                f"The bend '{rows.bend['name']}' failed at {site}: {type(error).__name__}: {error}.",
                "Mute it or choose another site; see the log for details.",
                "bend.show_log",
            ) from error
        self._sums += [(rows.bend["name"], total) for total in sums]
        return bent

    def verdict(self) -> Verdict | None:
        """Ask the device whether all that the bends made until now is finite; None if they made nothing."""
        sums, self._sums = self._sums, []
        return Verdict(sums) if sums else None

    def tell_of(self, other: BendStack) -> None:
        """Let this stack's verdict also tell of what another one's bends made."""
        self._sums += other._sums
        other._sums = []

    def check(self) -> None:
        """Ask, and wait for the answer.

        Raises
        ------
        BendError(NON_FINITE) with the bend's name
        """
        verdict = self.verdict()
        if verdict is not None:
            verdict.check()
