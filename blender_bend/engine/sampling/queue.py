"""Which states are computed next: those of the picture that is wanted first, in batches of one structure of bends."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .tree import Node

if TYPE_CHECKING:
    from .state import State

#: With more different states than this the order of the pictures comes second: each holds latents on the device.
MOST_WAITING = 64

#: Step, whether it is the finished latent, structure of the bends.
_Kind = tuple[int, int, str]


def of_one_length(nodes: list[Node], states: list[State]) -> Iterator[tuple[list[Node], list[State]]]:
    """Apart what has prompts of different lengths, which the network cannot take side by side."""
    lengths = [state.conditioning["prompt_embeds"].shape[1] for state in states]
    for length in dict.fromkeys(lengths):
        chosen = [row for row, found in enumerate(lengths) if found == length]
        yield [nodes[row] for row in chosen], [states[row] for row in chosen]


class _Waiting(NamedTuple):
    """A state that waits, in the order in which its pictures are wanted; none waits twice, so no two orders are equal.

    Parameters
    ----------
    state : None before the first step
    """

    order: int
    node: Node
    state: State | None


class Queue:
    """States that wait for their next step.

    What leads to the picture that is wanted first is taken first, as long as few different states wait; else the
    deepest are, so that some are used up. In batches, full ones come first; if there is none, the shallowest states are
    taken on, until there is: so never more than a batch of each kind waits.

    Parameters
    ----------
    batch : how many states are taken at once where a bend has acted
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self._waiting: dict[_Kind, list[_Waiting]] = defaultdict(list)
        #: How many nodes wait with the same state.
        self._sharing: Counter[int] = Counter()

    def add_root(self, node: Node) -> None:
        """A frame that has not begun."""
        self._put(node, None, node.segment.first, -1)

    def add(self, node: Node, state: State, step: int) -> None:
        """A state after a step: it stays in its node, or goes on in every child of it."""
        if step < node.segment.last:
            self._put(node, state, step, state.call)
            return
        for child in node.children.values():
            self._put(child, state, step, state.call)

    def _put(self, node: Node, state: State | None, step: int, call: int) -> None:
        alone = self.batch == 1 or not node.segment.bent or step == node.frame["steps"]
        # What is computed alone needs no company of its kind: its order takes the place of the structure.
        structure = "" if alone else f"{state.bent if state else -1} {node.structure(step)}"
        kind = (step * 1_000_000 + call, int(alone), structure)
        heapq.heappush(self._waiting[kind], _Waiting(node.order, node, state))
        if state is not None:
            self._sharing[id(state)] += 1

    def next(self) -> tuple[list[Node], list[State | None]] | None:
        """The states to compute now; None when all is done."""
        if not self._waiting:
            return None
        kind = self._kind()
        waiting = self._waiting[kind]
        taken = [heapq.heappop(waiting) for _ in range(min(1 if kind[1] else self.batch, len(waiting)))]
        if not waiting:
            del self._waiting[kind]
        for one in taken:
            self._forget(one.state)
        return [one.node for one in taken], [one.state for one in taken]

    def _kind(self) -> _Kind:
        """Of which kind the next are."""
        full = [kind for kind, waiting in self._waiting.items() if kind[1] or len(waiting) >= self.batch]
        if not full:
            return min(self._waiting)
        if len(self._sharing) > MOST_WAITING:
            return max(full)
        return min(full, key=lambda kind: self._waiting[kind][0].order)

    def _forget(self, state: State | None) -> None:
        """One node less waits with a state."""
        if state is None:
            return
        self._sharing[id(state)] -= 1
        if not self._sharing[id(state)]:
            del self._sharing[id(state)]
