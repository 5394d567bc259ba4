"""Two ranks, one thread each: how they start, average their gradients and agree on when to stop."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing


def launch(function: Callable[..., None], arguments: tuple[Any, ...], ranks: int, port: int) -> None:
    """Run ``function(rank, ranks, *arguments)`` in every rank; with one rank, in this process."""
    if ranks == 1:
        function(0, 1, *arguments)
        return
    multiprocessing.spawn(_enter, args=(function, ranks, port, arguments), nprocs=ranks)


def _enter(rank: int, function: Callable[..., None], ranks: int, port: int, arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), GLOO_SOCKET_IFNAME="lo")
    dist.init_process_group("gloo", rank=rank, world_size=ranks)
    try:
        function(rank, ranks, *arguments)
    finally:
        dist.destroy_process_group()


def average_gradients(parameters: Iterable[torch.nn.Parameter], ranks: int) -> None:
    """Replace every gradient by its mean over the ranks, in one message."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if ranks == 1 or not gradients:
        return
    together = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(together)
    together /= ranks
    for gradient, part in zip(gradients, together.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def decided_by_rank_0(values: list[float], ranks: int) -> list[float]:
    """The same numbers in every rank: those of rank 0."""
    if ranks == 1:
        return values
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.broadcast(tensor, 0)
    return tensor.tolist()


def share_weights(module: torch.nn.Module, ranks: int) -> None:
    """Give every rank the weights of rank 0."""
    if ranks > 1:
        for tensor in module.state_dict().values():
            plain = tensor.contiguous()
            dist.broadcast(plain, 0)
            tensor.copy_(plain)


def wait_for_all(ranks: int) -> None:
    """Return once every rank has come here."""
    if ranks > 1:
        dist.barrier()
