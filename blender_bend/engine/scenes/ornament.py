"""Ornament: mandala, spiral, tunnel, stained glass, low poly, geometry."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, lighten, mix, smooth


def mandala(canvas: Canvas) -> Array:
    """Rings of pointed leaves and beads around one centre, filling the picture, turning against each other."""
    fold = canvas.choice((8, 8, 10, 12))
    distance, angle = canvas.polar()
    flip = canvas.chance(0.4)
    levels = (0.12, 0.58, 0.22, 0.82, 0.10, 0.66, 0.92, 0.30)
    tone = canvas.blank(0.80 if flip else 0.34)
    for ring in range(6):
        radius = 1.34 - 0.225 * ring + canvas.uniform(-0.02, 0.02)
        petals = fold if ring < 4 else fold // 2
        deep, pointed = canvas.uniform(0.16, 0.30), canvas.chance(0.7)
        turn = (np.pi / petals) * (ring % 2) + 0.12 * canvas.time * (-1) ** ring
        spoke = (angle - turn) * petals / (2 * np.pi)
        local = np.abs(spoke - np.round(spoke)) * 2
        wave = np.square(1 - local) if pointed else np.sqrt(np.clip(1 - local * local, 0, 1))
        edge = radius * (1 - deep + deep * wave)
        inward = edge - distance
        level = levels[(ring + (3 if flip else 0)) % 8]
        rim = 1 - level if abs(level - 0.5) > 0.2 else 0.95
        face = level + 0.10 * (1 - local) + (rim - level) * 0.75 * smooth(0.075, 0.035, inward)
        tone = mix(tone, face, canvas.inside(-inward, 0.8))
        if ring in (0, 2):
            bead = np.hypot(local * np.pi / petals * radius * 0.72, distance - radius * (0.95 - deep))
            tone = mix(tone, 0.97 if level < 0.6 else 0.08, canvas.inside(bead - 0.06, 1))
    heart = smooth(0.12, 0.03, distance)
    return np.clip(tone + 0.5 * heart, 0.02, 1)


def spiral(canvas: Canvas) -> Array:
    """Broad glossy arms winding into the centre."""
    x, y, arms, hand = canvas.uniform(-0.12, 0.12), canvas.uniform(-0.12, 0.12), canvas.integer(1, 4), canvas.sign()
    wind = canvas.uniform(1.5, 2.6) * arms**0.35
    straight = canvas.chance(0.35)
    distance, angle = canvas.polar(x, y)
    course = distance * 3.4 * wind if straight else wind * np.log(distance + 0.03) * 2.2
    phase = arms * angle * hand + course - 1.2 * canvas.time
    if straight:
        phase = phase + 0.8
    arm = 0.5 + 0.5 * np.sin(phase)
    relief = np.cos(phase) * np.cos(angle - 2.2)
    tone = 0.10 + 0.66 * smooth(0.12, 0.88, arm) + 0.16 * relief * smooth(0.02, 0.25, distance)
    tone = tone + 0.18 * arm**8 - 0.20 * np.clip(distance - 0.55, 0, 1)
    return lighten(tone, 0.85 * np.exp(-np.square(distance / 0.10)))


def tunnel(canvas: Canvas) -> Array:
    """Flying through a panelled tube towards a light."""
    x = 0.22 * float(np.sin(0.35 * canvas.time + canvas.uniform(0, 6.28)))
    y = 0.18 * float(np.cos(0.28 * canvas.time + canvas.uniform(0, 6.28)))
    square, sides = canvas.chance(0.4), canvas.choice((6, 8, 10))
    twist, bright = canvas.uniform(-0.5, 0.5), canvas.chance(0.75)
    distance, angle = canvas.polar(x, y)
    if square:
        turn = 0.15 * canvas.time
        u, v = canvas.turned(x, y, turn)
        distance = np.maximum(np.abs(u), np.abs(v)) * 1.05
        angle = angle - turn
    depth = 0.85 / (distance + 0.04)
    along = depth * 0.8 + 0.40 * canvas.time + canvas.uniform(0, 1)
    around = angle * sides / (2 * np.pi) + (0.0 if square else twist * depth * 0.5)
    wall = np.sin(2 * np.pi * along) * np.sin(2 * np.pi * around)
    panel = smooth(-0.2, 0.2, wall)
    rib = smooth(0.75, 0.95, np.cos(2 * np.pi * along))
    near = smooth(0.05, 0.85, distance)
    tone = 0.10 + near * (0.14 + 0.46 * panel) + 0.34 * rib * near * (1 - 0.5 * panel)
    tone = tone * (1 - 0.35 * smooth(0.8, 1.5, distance))
    if bright:
        return lighten(tone, 1.05 * np.exp(-np.square(distance / 0.24)) + 0.35 * np.exp(-distance * 2.5))
    return tone * smooth(0.02, 0.5, distance)


def stained_glass(canvas: Canvas) -> Array:
    """Bright panes in dark lead, sunlight behind."""
    panes = canvas.cells(20, wander=0.05, pace=0.55)
    border, pane = panes(canvas.x, canvas.y)
    x, y = canvas.uniform(-0.5, 0.5), canvas.uniform(-0.2, 0.6)
    glass = 0.21 + 0.74 * pane + 0.16 * canvas.glow(x, y, 0.8) + 0.12 * smooth(0.0, 0.25, border)
    return mix(glass, 0.015, smooth(0.085, 0.045, border))


def low_poly(canvas: Canvas) -> Array:
    """A faceted surface of large triangles, each flat, lit from one side."""
    columns, rows = round(6 * canvas.right) + 2, round(6 * canvas.top) + 2
    jitter = canvas.random.uniform(-0.36, 0.36, (rows, columns, 2))
    phase = canvas.random.uniform(0, 6.28, (rows, columns))
    height = canvas.random.uniform(-1, 1, (rows, columns))
    light, slope = canvas.uniform(0, 6.28), canvas.uniform(0, 6.28)
    jitter = jitter + 0.08 * np.stack((np.sin(phase + 0.7 * canvas.time), np.cos(phase + 0.6 * canvas.time)), -1)
    height = height + 0.35 * np.sin(0.8 * canvas.time + 2 * phase)
    across, down = np.meshgrid(np.arange(columns), np.arange(rows))
    px = ((across + jitter[..., 0]) / (columns - 1) * 2 - 1) * canvas.right * 1.35
    py = ((down + jitter[..., 1]) / (rows - 1) * 2 - 1) * canvas.top * 1.35
    tone = canvas.blank(0.5)
    for row in range(rows - 1):
        for column in range(columns - 1):
            a, b, c, d = (row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1)
            halves = ((a, b, c), (b, d, c)) if (row + column) % 2 else ((a, b, d), (a, d, c))
            for triangle in halves:
                xs, ys, zs = ([float(grid[corner]) for corner in triangle] for grid in (px, py, height))
                facing = _facing(xs, ys, zs, light)
                trend = 0.16 * (np.cos(slope) * sum(xs) / 3 + np.sin(slope) * sum(ys) / 3)
                _triangle(canvas, tone, xs, ys, float(np.clip(0.5 + 0.40 * facing + trend, 0.06, 0.98)))
    return tone


def _facing(xs: list[float], ys: list[float], zs: list[float], light: float) -> float:
    """How much a triangle looks to the light, -1..1."""
    u = np.array([xs[1] - xs[0], ys[1] - ys[0], 0.30 * (zs[1] - zs[0])])
    v = np.array([xs[2] - xs[0], ys[2] - ys[0], 0.30 * (zs[2] - zs[0])])
    normal = np.array([u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]])
    normal = normal / (np.linalg.norm(normal) + 1e-6)
    return float(np.tanh(1.4 * (normal[0] * np.cos(light) + normal[1] * np.sin(light))))


def _triangle(canvas: Canvas, tone: Array, xs: list[float], ys: list[float], level: float) -> None:
    """Fill one triangle in place; a pixel belongs to it if its middle does."""
    middle_x, middle_y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    reach = max(max(xs) - min(xs), max(ys) - min(ys)) / 2

    def draw(old: Array, x: Array, y: Array) -> Array:
        x, y = x + middle_x, y + middle_y
        worst = np.full(np.broadcast_shapes(x.shape, y.shape), -99, np.float32)
        for k in range(3):
            x0, y0, x1, y1 = xs[k], ys[k], xs[(k + 1) % 3], ys[(k + 1) % 3]
            length = float(np.hypot(x1 - x0, y1 - y0)) + 1e-6
            side = ((y1 - y0) / length) * (x - x0) - ((x1 - x0) / length) * (y - y0)
            worst = np.maximum(worst, side)
        return mix(old, level, np.clip(0.7 - worst / canvas.pixel, 0, 1))

    canvas.stamp(tone, middle_x, middle_y, reach, draw)


def geometry(canvas: Canvas) -> Array:
    """A poster of large plain shapes: discs, bars, rings, half discs and triangles."""
    paper = canvas.choice((0.93, 0.88, 0.10, 0.55))
    tone = canvas.blank(paper)
    dark_first = paper > 0.5
    levels = (0.16, 0.42, 0.66, 0.30, 0.80, 0.05) if dark_first else (0.88, 0.55, 0.72, 0.98, 0.40, 0.66)
    kinds = list(canvas.random.permutation(["disc", "bar", "half", "triangle", "ring", "square", "disc"]))
    kinds = ["disc", *kinds[:5]]
    for number, kind in enumerate(kinds):
        size = (0.52, 0.44, 0.36, 0.30, 0.24, 0.18)[number] * canvas.uniform(0.85, 1.15)
        reach = 0.25 + 0.09 * number
        x, y = canvas.uniform(-reach, reach) * canvas.right, canvas.uniform(-reach, reach) * canvas.top
        spin, angle, phase = canvas.uniform(-0.25, 0.25), canvas.integer(0, 7) * np.pi / 4, canvas.uniform(0, 6.28)
        x, y = x + 0.05 * float(np.sin(0.5 * canvas.time + phase)), y + 0.05 * float(np.cos(0.4 * canvas.time + phase))
        turn = float(angle + spin * canvas.time)
        u, v = canvas.turned(x, y, turn)
        shadow = _outline(kind, *canvas.turned(x + 0.035, y - 0.045, turn), size)
        tone = tone * (1 - 0.30 * smooth(0.07, -0.05, shadow))
        tone = mix(tone, levels[number], canvas.inside(_outline(kind, u, v, size), 0.5))
    return tone


def _outline(kind: str, u: Array, v: Array, size: float) -> Array:
    """The signed distance to a shape of that half size."""
    round_ = np.hypot(u, v)
    if kind == "disc":
        return round_ - size
    if kind == "ring":
        return np.abs(round_ - size * 0.85) - size * 0.24
    if kind == "half":
        return np.maximum(round_ - size * 1.2, -v)
    if kind == "bar":
        return np.maximum(np.abs(u) - size * 1.9, np.abs(v) - size * 0.22)
    if kind == "square":
        return np.maximum(np.abs(u), np.abs(v)) - size * 0.85
    return np.maximum(np.abs(u) * 0.866 + v * 0.5, -v) - size * 0.62
