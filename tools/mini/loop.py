"""The loop that every stage trains in: resumable, seeded, averaged over ranks, with its losses in a table.

What happens at a step depends on the weights, the seed, the step and the rank alone, so a training that was stopped and
resumed makes the same weights as one that was not. The learning rate warms up, stays, and falls linearly to zero over
the last steps. With a number of steps the fall is the last quarter; with minutes, the clock of rank 0 says when it
begins, and the checkpoint remembers it.
"""

from __future__ import annotations

import csv
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import checkpoints
from .checkpoints import MovingAverage
from .distributed import average_gradients, decided_by_rank_0, share_weights, wait_for_all

FALL = 0.25  # the part of a training in which the learning rate falls
SAVE_EVERY = 120.0  # seconds between checkpoints


@dataclass(frozen=True)
class Budget:
    """How long to train: for minutes, or for a number of steps; ``stop_at`` ends early, as a kill would."""

    minutes: float = 0.0
    steps: int = 0
    stop_at: int = 0


@dataclass
class Training:
    """What a stage hands to the loop.

    Attributes
    ----------
    loss : of (step, rank, ranks, random generator), gives the loss of one batch
    optimizers : of the module's parameters; their group's ``rate`` times the schedule is the learning rate
    sample : of (step, averaged module), writes pictures that show how far it is; called by rank 0
    """

    name: str
    module: nn.Module
    optimizers: list[torch.optim.Optimizer]
    loss: Callable[[int, int, int, np.random.Generator], Tensor]
    batch: int
    seed: int
    warm_up: int
    ema: float
    clip: float = 1.0
    sample: Callable[[int, nn.Module], None] | None = None
    sample_every: float = 300.0
    metrics: dict[str, float] = field(default_factory=dict)


def generator(seed: int, step: int, rank: int) -> np.random.Generator:
    """The randomness of one rank at one step."""
    return np.random.Generator(np.random.Philox(key=(seed << 32) + step * 64 + rank))


def schedule(step: int, warm_up: int, fall_from: int, fall_steps: int) -> float:
    """The factor of the learning rate at a step; ``fall_from`` is negative while nobody knows the end."""
    factor = min(1.0, (step + 1) / max(1, warm_up))
    if fall_from >= 0 and step >= fall_from:
        factor *= max(0.0, 1 - (step - fall_from) / max(1, fall_steps))
    return factor


def train(training: Training, budget: Budget, folder: Path, rank: int, ranks: int) -> nn.Module:
    """Train, from the checkpoint if there is one, until the budget is used up.

    Returns
    -------
    the module with its averaged weights
    """
    path = folder / f"{training.name}.pt"
    share_weights(training.module, ranks)
    module, average = training.module, MovingAverage(training.module, training.ema)
    step, seconds, fall_from, fall_steps = 0, 0.0, -1, 0
    if path.exists():
        state = checkpoints.load(path)
        module.load_state_dict(state["module"])
        average.module.load_state_dict(state["average"])
        for optimizer, saved in zip(training.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        step, seconds, fall_from, fall_steps = (state[key] for key in ("step", "seconds", "fall_from", "fall_steps"))
    if budget.steps:
        fall_steps = max(1, int(budget.steps * FALL))
        fall_from = budget.steps - fall_steps
    table = Table(folder / f"{training.name}.csv", step) if rank == 0 else None
    stop = StopSignal()
    wait_for_all(ranks)
    resumed_at, began, saved_at, sampled_at = seconds, time.monotonic(), time.monotonic(), time.monotonic()
    pace = Pace()

    def save() -> None:
        state = {"module": module.state_dict(), "average": average.module.state_dict(), "step": step}
        state |= {"optimizers": [optimizer.state_dict() for optimizer in training.optimizers]}
        state |= {"seconds": seconds, "fall_from": fall_from, "fall_steps": fall_steps}
        checkpoints.save(path, state)

    while not (fall_from >= 0 and step >= fall_from + fall_steps):
        if fall_from < 0 and rank == 0:
            wanted = max(4, int(step * FALL / (1 - FALL)))
            if seconds + wanted * pace.seconds_a_step >= budget.minutes * 60 and step > 0:
                fall_from, fall_steps = step, wanted
        ends = float(stop.called or (budget.stop_at and step >= budget.stop_at))
        ends, *fall = decided_by_rank_0([ends, float(fall_from), float(fall_steps)], ranks)
        fall_from, fall_steps = int(fall[0]), int(fall[1])
        if ends:
            break
        factor = schedule(step, training.warm_up, fall_from, fall_steps)
        for optimizer in training.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * factor
            optimizer.zero_grad(set_to_none=True)
        random = generator(training.seed, step, rank)
        torch.manual_seed(int(random.integers(2**62)))
        loss = training.loss(step, rank, ranks, random)
        loss.backward()
        average_gradients(module.parameters(), ranks)
        norm = nn.utils.clip_grad_norm_(module.parameters(), training.clip)
        for optimizer in training.optimizers:
            optimizer.step()
        average.update(module, step)
        step += 1
        now = time.monotonic()
        seconds = resumed_at + now - began
        pace.tick(now)
        if table is None:
            continue
        left = _left(budget, seconds, pace, step, fall_from, fall_steps)
        table.add(step, seconds, float(loss.detach()), float(norm), factor, training.metrics)
        table.say(training.name, step * training.batch * ranks, left, pace.seconds_a_step)
        if training.sample and now - sampled_at > training.sample_every:
            training.sample(step, average.module)
            sampled_at = time.monotonic()
            pace.skip()
        if now - saved_at > SAVE_EVERY:
            save()
            saved_at = time.monotonic()
            pace.skip()
    if rank == 0:
        save()
        if training.sample and not budget.stop_at:
            training.sample(step, average.module)
    wait_for_all(ranks)
    stop.release()
    return average.module


def _left(budget: Budget, seconds: float, pace: Pace, step: int, fall_from: int, fall_steps: int) -> float:
    """Seconds until the end."""
    if fall_from >= 0:
        return (fall_from + fall_steps - step) * pace.seconds_a_step
    return max(0.0, budget.minutes * 60 - seconds)


class Pace:
    """The time that a step takes lately, without what happened between steps."""

    def __init__(self) -> None:
        self.seconds_a_step = 0.0
        self._last: float | None = time.monotonic()

    def tick(self, now: float) -> None:
        """A step has ended."""
        if self._last is not None:
            took = now - self._last
            self.seconds_a_step = 0.95 * self.seconds_a_step + 0.05 * took if self.seconds_a_step else took
        self._last = now

    def skip(self) -> None:
        """What has just happened was no step."""
        self._last = None


class StopSignal:
    """Remembers that somebody asked the process to end, so that it ends after a step, with a checkpoint."""

    def __init__(self) -> None:
        self.called = False
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._call) for number in numbers}

    def release(self) -> None:
        """Let signals do what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _call(self, *_: Any) -> None:
        self.called = True


class Table:
    """The losses as CSV, and every ten seconds a line of progress."""

    HEAD = ("step", "seconds", "loss", "norm", "rate")

    def __init__(self, path: Path, step: int) -> None:
        rows = []
        if path.exists():
            with path.open(newline="") as old:
                rows = [row for row in csv.reader(old) if row and row[0].isdigit() and int(row[0]) <= step]
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", newline="")
        self._writer = csv.writer(self._file)
        self._writer.writerow(self.HEAD)
        self._writer.writerows(rows)
        self._said = 0.0
        self._recent: list[float] = []

    def add(
        self, step: int, seconds: float, loss: float, norm: float, factor: float, metrics: dict[str, float]
    ) -> None:
        """One step."""
        self._recent = [*self._recent[-199:], loss]
        self._metrics = metrics
        more = [f"{name}={value:.5f}" for name, value in metrics.items()]
        self._writer.writerow([step, f"{seconds:.1f}", f"{loss:.6f}", f"{norm:.4f}", f"{factor:.4f}", *more])

    def say(self, name: str, samples: int, left: float, pace: float) -> None:
        """One line, if the last one is old enough."""
        if time.monotonic() - self._said < 10:
            return
        self._said = time.monotonic()
        self._file.flush()
        mean = sum(self._recent) / len(self._recent)
        more = " ".join(f"{key} {value:.4f}" for key, value in self._metrics.items())
        print(
            f"{name}: {samples} samples, loss {mean:.4f} {more}, {pace:.2f} s a step, {left / 60:.1f} min left",
            flush=True,
        )
