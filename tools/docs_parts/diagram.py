"""Draws a flowchart of rooms on floors as SVG, so that a page of the site needs no program from elsewhere."""

from __future__ import annotations

import re
from html import escape
from itertools import pairwise

Graph = dict[str, set[str]]
#: A box, or the place where an arrow passes a floor: the room that it comes from and the one that it goes to.
Node = str | tuple[str, str]

_ARROW = re.compile(r"^\s*(\w+) --> (\w+)\s*$", re.MULTILINE)
CHARACTER, HEIGHT, GAP, BETWEEN, PASSAGE = 8.4, 30, 22, 46, 6
SWEEPS = 12


def read(source: str) -> Graph:
    """What each room of a flowchart points to.

    Raises
    ------
    ValueError for a line that is no arrow: it would be missing in the picture
    """
    graph: Graph = {}
    lines = [line for line in source.splitlines() if line.strip()]
    arrows = _ARROW.findall(source)
    if not lines or not lines[0].startswith("flowchart") or len(arrows) != len(lines) - 1:
        raise ValueError(f"this flowchart has more than arrows: {source[:80]}")
    for room, other in arrows:
        graph.setdefault(room, set()).add(other)
        graph.setdefault(other, set())
    return graph


def heights(graph: Graph) -> dict[str, int]:
    """The floor of each room, from the ground: above all that it points to."""
    found: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in found:
            found[room] = max((height(other) + 1 for other in graph[room]), default=0)
        return found[room]

    for room in graph:
        height(room)
    return found


def lay(graph: Graph) -> tuple[list[list[Node]], list[tuple[Node, Node]]]:
    """The floors from above, in an order with few crossings, and the parts of the arrows from one floor to the next."""
    floors = heights(graph)
    rows: list[list[Node]] = [[] for _ in range(max(floors.values()) + 1)]
    for room, floor in sorted(floors.items()):
        rows[floor].append(room)
    parts: list[tuple[Node, Node]] = []
    for room, others in sorted(graph.items()):
        for other in sorted(others):
            way: list[Node] = [room, *[(room, other)] * (floors[room] - floors[other] - 1), other]
            for floor in range(floors[other] + 1, floors[room]):
                rows[floor].append((room, other))
            parts += pairwise(way)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        order = list(reversed(rows)) if down else rows
        for fixed, moved in pairwise(order):
            _sort(moved, fixed, parts)
    return rows[::-1], parts


def _sort(moved: list[Node], fixed: list[Node], parts: list[tuple[Node, Node]]) -> None:
    """Order a floor by where its neighbors stand on another one."""
    places = {node: number / max(len(fixed) - 1, 1) for number, node in enumerate(fixed)}
    own = {node: number / max(len(moved) - 1, 1) for number, node in enumerate(moved)}
    near: dict[Node, list[float]] = {node: [] for node in moved}
    for pair in parts:
        for node, other in (pair, pair[::-1]):
            if node in near and other in places and node != other:
                near[node].append(places[other])
    moved.sort(key=lambda node: sum(near[node]) / len(near[node]) if near[node] else own[node])


def _width(node: Node) -> float:
    return len(node) * CHARACTER + 20 if isinstance(node, str) else PASSAGE


def svg(graph: Graph) -> str:
    """The picture, in the colors of the page."""
    rows, parts = lay(graph)
    total = max(sum(map(_width, row)) + GAP * (len(row) + 1) for row in rows)
    places: dict[tuple[int, Node], tuple[float, float]] = {}
    boxes, lines = [], []
    for number, row in enumerate(rows):
        space = (total - sum(map(_width, row))) / (len(row) + 1)
        x, y = space, number * (HEIGHT + BETWEEN)
        for node in row:
            middle = x + _width(node) / 2
            places[number, node] = (middle, y)
            if isinstance(node, str):
                boxes.append(f'<rect x="{x:.0f}" y="{y}" width="{_width(node):.0f}" height="{HEIGHT}" rx="6"/>')
                boxes.append(f'<text x="{middle:.0f}" y="{y + HEIGHT / 2 + 5:.0f}">{escape(node)}</text>')
            x += _width(node) + space
    for number in range(len(rows) - 1):
        for upper, lower in parts:
            if (number, upper) in places and (number + 1, lower) in places:
                lines.append(_line(places[number, upper], places[number + 1, lower], upper))
    height = len(rows) * (HEIGHT + BETWEEN) - BETWEEN
    drawn = "".join([*lines, *boxes])
    return f'<svg viewBox="-2 -2 {total + 4:.0f} {height + 4}" style="max-width: {total:.0f}px">{drawn}</svg>'


def _line(start: tuple[float, float], end: tuple[float, float], upper: Node) -> str:
    """From the bottom of a box, or straight through a passage, to the top of the next floor."""
    (x, y), (right, bottom) = start, end
    through = f"M{x:.0f},{y}V{y + HEIGHT}" if not isinstance(upper, str) else f"M{x:.0f},{y + HEIGHT}"
    bend = BETWEEN / 2
    return f'<path d="{through}C{x:.0f},{y + HEIGHT + bend:.0f} {right:.0f},{bottom - bend:.0f} {right:.0f},{bottom}"/>'
