"""The tree of states of a job: a trunk that all frames share, and a branch from every step at which they part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...core.job.resolved import Resolved, ResolvedBend
from ...core.job.sharing import Segment, branchings, segments

#: What differs between two rows of a batch; all else of a bend must be equal.
_PER_ROW = frozenset({"values", "mask", "name"})


@dataclass
class Node:
    """A run of steps that one or many frames have in common.

    Parameters
    ----------
    frame : one of these frames
    order : place of the first of them among the pictures
    pictures : keys of the pictures that are finished here
    """

    segment: Segment
    frame: Resolved
    order: int
    children: dict[str, Node] = field(default_factory=dict)
    pictures: list[str] = field(default_factory=list)

    def structure(self, step: int) -> str:
        """What the bends that act at a step must have in common to be computed in one batch."""
        acting = (bend for bend in self.frame["bends"] if bend["steps"][0] <= step < bend["steps"][1])
        return repr([_structure(bend) for bend in acting])


def _structure(bend: ResolvedBend) -> list[object]:
    parts = [value for name, value in sorted(bend.items()) if name not in _PER_ROW]
    # Weights are bent for the whole batch at once.
    return [*parts, bend["values"]] if bend["site"].startswith("lora") else parts


def grow(frames: Mapping[str, Resolved]) -> list[Node]:
    """The trees of some pictures, by frame key: one for each different beginning.

    Parameters
    ----------
    frames : resolved frames by key, in the order in which they are wanted
    """
    roots: dict[str, Node] = {}
    parting = branchings(frames.values())
    for order, (key, frame) in enumerate(frames.items()):
        level, node = roots, None
        for segment in segments(frame, parting):
            node = level.setdefault(segment.key, Node(segment, frame, order))
            level = node.children
        assert node is not None
        node.pictures.append(key)
    return list(roots.values())
