"""Which states are computed next: the deepest first, in batches of states whose bends have one structure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .tree import Node

if TYPE_CHECKING:
    from .state import State

#: Step, whether it is the finished latent, structure of the bends.
_Kind = tuple[int, int, str]


def of_one_length(nodes: list[Node], states: list[State]) -> Iterator[tuple[list[Node], list[State]]]:
    """Apart what has prompts of different lengths, which the network cannot take side by side."""
    lengths = [state.conditioning["prompt_embeds"].shape[1] for state in states]
    for length in dict.fromkeys(lengths):
        chosen = [row for row, found in enumerate(lengths) if found == length]
        yield [nodes[row] for row in chosen], [states[row] for row in chosen]


class Queue:
    """States that wait for their next step.

    The deepest are taken first, so that pictures come early and few states are kept. In batches, full ones come first;
    if there is none, the shallowest states are taken on, until there is: so never more than a batch of each kind waits.

    Parameters
    ----------
    batch : how many states are taken at once where a bend has acted
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self._waiting: dict[_Kind, list[tuple[Node, State | None]]] = defaultdict(list)

    def add_root(self, node: Node) -> None:
        """A frame that has not begun; the last one added is taken first."""
        self._put(node, None, node.segment.first, -1)

    def add(self, node: Node, state: State, step: int) -> None:
        """A state after a step: it stays in its node, or goes on in every child of it."""
        if step < node.segment.last:
            self._put(node, state, step, state.call)
            return
        for child in sorted(node.children.values(), key=lambda child: -child.order):
            self._put(child, state, step, state.call)

    def _put(self, node: Node, state: State | None, step: int, call: int) -> None:
        alone = self.batch == 1 or not node.segment.bent or step == node.frame["steps"]
        # What is computed alone needs no company of its kind: its order takes the place of the structure.
        structure = "" if alone else f"{state.bent if state else -1} {node.structure(step)}"
        self._waiting[(step * 1_000_000 + call, int(alone), structure)].append((node, state))

    def next(self) -> tuple[list[Node], list[State | None]] | None:
        """The states to compute now; None when all is done."""
        if not self._waiting:
            return None
        full = [kind for kind, waiting in self._waiting.items() if kind[1] or len(waiting) >= self.batch]
        kind = max(full) if full else min(self._waiting)
        waiting = self._waiting[kind]
        taken = [waiting.pop() for _ in range(min(1 if kind[1] else self.batch, len(waiting)))]
        if not waiting:
            del self._waiting[kind]
        return [node for node, _ in taken], [state for _, state in taken]
