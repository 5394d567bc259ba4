"""Living things: flower, tree, jellyfish, eye, butterfly, mushroom."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, Draw, lighten, mix, smooth


def flower(canvas: Canvas) -> Array:
    """One open blossom on its stem before a soft meadow of lights."""
    tone = canvas.sky(0.30, 0.12, -1.0)
    for _ in range(9):
        x, y, size = canvas.uniform(-1, 1) * canvas.right, canvas.uniform(-1, 1), canvas.uniform(0.18, 0.4)
        tone = lighten(tone, canvas.uniform(0.06, 0.16) * canvas.glow(x, y, size))
    x, y = canvas.uniform(-0.12, 0.12), canvas.uniform(0.12, 0.24)
    x = x + 0.02 * float(np.sin(0.8 * canvas.time))
    petals, turn = canvas.integer(5, 8), canvas.uniform(0, 6.28) + 0.03 * float(np.sin(0.6 * canvas.time))
    bend = canvas.uniform(-0.25, 0.25)
    stem = x + bend * (y - canvas.y) * 0.5 + 0.12 * bend * np.square(y - canvas.y)
    tone = mix(tone, 0.26, canvas.inside(np.abs(canvas.x - stem) - 0.028) * (canvas.y < y))
    for side in (-1.0, 1.0):
        u, v = canvas.turned(x + side * 0.26 + 0.4 * bend, -0.66, side * 0.55)
        leaf = np.abs(v) - 0.11 * np.clip(1 - np.square(u / 0.30), 0, 1)
        tone = mix(tone, 0.30 + 0.10 * np.sign(v) * side, canvas.inside(leaf) * (np.abs(u) < 0.30))
    distance, angle = canvas.polar(x, y)
    for layer in range(2):
        radius = (0.70, 0.46)[layer]
        spoke = (angle - turn) * petals / (2 * np.pi) + 0.5 * layer
        local = (spoke - np.round(spoke)) * 2
        outline = radius * (0.42 + 0.58 * np.sqrt(np.clip(1 - np.abs(local) ** 2.4, 0, 1)))
        inward = outline - distance
        part = distance / radius
        face = 0.44 + 0.16 * layer + 0.36 * part**1.4 + 0.10 * local * (1 - 0.5 * part)
        face = face - 0.16 * np.exp(-np.square(local / 0.10)) * (1 - part) - 0.26 * smooth(0.7, 1.0, np.abs(local))
        tone = tone * (1 - 0.40 * smooth(0.08, 0.0, -inward))
        tone = mix(tone, np.clip(face, 0.1, 0.97), canvas.inside(-inward))
    heart = 0.16
    tone = tone * (1 - 0.45 * smooth(heart + 0.09, heart, distance))
    dome = 0.16 + 0.26 * smooth(heart, 0.0, np.hypot(canvas.x - x + 0.04, canvas.y - y - 0.05))
    tone = mix(tone, dome, canvas.inside(distance - heart))
    pollen = []
    for dot in range(10):
        turned = dot * 0.628 + turn
        pollen.append((x + 0.115 * float(np.cos(turned)), y + 0.115 * float(np.sin(turned)), 0.022, 0.55))
    canvas.lights(tone, pollen)
    return tone


def tree(canvas: Canvas) -> Array:
    """One broad tree on a hill before a huge moon."""
    tone = canvas.sky(0.34, 0.76, -0.7)
    x, foot = canvas.uniform(-0.25, 0.25), -0.68
    moon_x, moon_y, radius = x + canvas.uniform(-0.25, 0.25), canvas.uniform(0.1, 0.3), canvas.uniform(0.5, 0.62)
    distance, _ = canvas.polar(moon_x, moon_y)
    tone = lighten(tone, 0.30 * canvas.glow(moon_x, moon_y, 0.9))
    tone = mix(tone, 0.94, canvas.inside(distance - radius, 2))
    hill = foot + 0.06 - 0.22 * np.square(canvas.x - x) + 0.02 * canvas.profile(frequency=0.8)(canvas.x)
    sway = 0.015 * float(np.sin(0.9 * canvas.time))
    limbs: list[tuple[float, float, float, float, float]] = []
    tips: list[tuple[float, float]] = []

    def grow(px: float, py: float, heading: float, long: float, thick: float, level: int) -> None:
        qx = px + long * float(np.sin(heading)) + sway * (3 - level) * 0.4
        qy = py + long * float(np.cos(heading))
        limbs.append((px, py, qx, qy, thick))
        if level == 0:
            tips.append((qx, qy))
            return
        for side in (-1.0, 1.0):
            grow(
                qx,
                qy,
                heading + side * canvas.uniform(0.3, 0.62),
                long * canvas.uniform(0.66, 0.8),
                thick * 0.62,
                level - 1,
            )

    grow(x, foot, canvas.uniform(-0.08, 0.08), canvas.uniform(0.42, 0.5), 0.062, 3)
    lit = -1.0 if moon_x < x else 1.0
    for px, py, qx, qy, thick in limbs:
        reach = max(abs(qx - px), abs(qy - py)) / 2 + thick * 1.5
        canvas.stamp(
            tone, (px + qx) / 2, (py + qy) / 2, reach, _limb((qx - px) / 2, (qy - py) / 2, thick, canvas.pixel)
        )
    for px, py in [*tips, *tips]:
        cx, cy = px + canvas.uniform(-0.1, 0.1) + 2 * sway, py + canvas.uniform(-0.08, 0.1)
        canvas.stamp(tone, cx, cy, 0.22, _leaves(canvas.uniform(0.10, 0.17), lit, canvas.uniform(0.10, 0.22)))
    return mix(tone, 0.05, canvas.inside(canvas.y - hill))


def _limb(dx: float, dy: float, thick: float, pixel: float) -> Draw:
    squared = dx * dx + dy * dy + 1e-9

    def draw(tone: Array, x: Array, y: Array) -> Array:
        along = np.clip((x * dx + y * dy) / squared, -1, 1)
        distance = np.hypot(x - along * dx, y - along * dy) - thick * (0.85 - 0.15 * along)
        return mix(tone, 0.04, np.clip(0.5 - distance / (1.6 * pixel), 0, 1))

    return draw


def _leaves(size: float, lit: float, level: float) -> Draw:
    def draw(tone: Array, x: Array, y: Array) -> Array:
        distance = np.hypot(x, y) / size * (1 + 0.09 * np.sin(7 * np.arctan2(y + 0 * x, x + 0 * y)))
        face = level + 0.20 * smooth(-0.6, 1.0, (0.7 * y + 0.5 * lit * x) / size)
        return mix(tone, face, smooth(1.05, 0.88, distance))

    return draw


def jellyfish(canvas: Canvas) -> Array:
    """A glowing bell with long waving arms in the deep."""
    tone = canvas.sky(0.22, 0.04, -1.0)
    x, tilt = canvas.uniform(-0.18, 0.18), canvas.uniform(-0.3, 0.3)
    beat = float(np.sin(2.2 * canvas.time + canvas.uniform(0, 6.28)))
    y = canvas.uniform(0.22, 0.36) + 0.03 * beat
    wide, tall = canvas.uniform(0.40, 0.50) * (1 + 0.05 * beat), canvas.uniform(0.40, 0.52) * (1 - 0.05 * beat)
    tone = lighten(tone, 0.40 * canvas.glow(x, y, 0.62))
    u, v = canvas.turned(x, y, tilt)
    count = canvas.integer(7, 9)
    for arm in range(count):
        at = (arm - (count - 1) / 2) / ((count - 1) / 2)
        long, phase, thick = canvas.uniform(0.75, 1.25), canvas.uniform(0, 6.28), canvas.uniform(0.016, 0.03)
        down = np.clip(-v, 0, 9)
        inner = abs(at) < 0.45
        wave = 0.07 * np.sin(5.5 * down + phase - 2.0 * canvas.time) * np.clip(3 * down, 0, 1)
        line = at * wide * 0.80 * (1 + 0.18 * down) + wave
        thick = thick * (2.4 if inner else 1.0)
        frill = 1 + (0.5 * np.sin(24 * down + phase - 3 * canvas.time) if inner else 0.0)
        light = np.exp(-np.square((u - line) / (thick * frill + 0.004))) * smooth(long, 0.0, down) * (v < 0.04)
        tone = lighten(tone, (0.62 if inner else 0.78) * light)
    distance = np.hypot(u / wide, v / tall)
    scallop = 0.045 * np.abs(np.sin(u / wide * np.pi * 3.5))
    dome = np.maximum((distance - 1) * min(wide, tall), -v - 0.05 + scallop)
    depth = np.sqrt(np.clip(1 - distance * distance, 0, 1))
    body = 0.40 + 0.34 * smooth(0.45, 1.0, distance) + 0.22 * smooth(-0.2, 0.9, v / tall) * depth
    body = body + 0.14 * np.cos(u / wide * np.pi * 4) * smooth(0.9, 0.2, distance)
    body = lighten(body, 0.6 * np.exp(-np.square(np.hypot((u + 0.16) / 0.14, (v - 0.26) / 0.10))))
    tone = mix(tone, body, canvas.inside(dome, 1) * 0.94)
    canvas.stars(tone, 14)
    return tone


def eye(canvas: Canvas) -> Array:
    """A wide open eye with a rayed iris."""
    look = canvas.uniform(-0.12, 0.12) + 0.05 * float(np.sin(0.5 * canvas.time))
    rise = 0.03 * float(np.sin(0.37 * canvas.time))
    open_ = canvas.uniform(0.46, 0.56) * (1 - 0.12 * (0.5 + 0.5 * float(np.sin(0.9 * canvas.time))) ** 6)
    tilt, iris = canvas.uniform(-0.12, 0.12), canvas.uniform(0.36, 0.42)
    fibre = canvas.noise(0.1, slope=1.0, lowest=2, highest=12)
    u, v = canvas.turned(0.0, -0.02, tilt)
    bow = np.clip(1 - np.square(u / 0.93), 0, 1)
    upper, lower = open_ * bow**0.85, -0.80 * open_ * bow**1.2
    outside = np.maximum(v - upper, lower - v)
    tone = 0.36 + 0.18 * smooth(0.1, 0.8, outside) - 0.10 * np.abs(u)
    crease = np.abs(v - (open_ * 1.36 * np.clip(1 - np.square(u / 1.15), 0, 1) ** 0.8))
    tone = tone - 0.20 * np.exp(-np.square(crease / 0.045)) * smooth(0.0, 0.12, v) * smooth(1.15, 0.95, np.abs(u))
    distance, angle = canvas.polar(look, rise)
    rays = fibre(np.cos(angle) * 0.45 + 0.1 * distance, np.sin(angle) * 0.45)
    ring = distance / iris
    iris_tone = 0.38 + 0.22 * rays + 0.34 * smooth(0.35, 0.62, ring) * smooth(0.95, 0.62, ring)
    iris_tone = iris_tone + 0.14 * smooth(0.3, -0.6, (canvas.y - rise) / iris) - 0.36 * smooth(0.80, 1.0, ring)
    ball = 0.95 - 0.26 * np.abs(u) ** 2 - 0.35 * smooth(-0.16, 0.0, v - upper)
    ball = mix(ball, np.clip(iris_tone, 0.05, 0.9), canvas.inside(distance - iris, 1))
    pupil = iris * (0.42 + 0.04 * float(np.sin(0.8 * canvas.time)))
    ball = mix(ball, 0.01, canvas.inside(distance - pupil, 1.5))
    ball = lighten(ball, 1.1 * canvas.glow(look - 0.13, rise + 0.15, 0.075))
    ball = lighten(ball, 0.4 * canvas.glow(look + 0.14, rise - 0.14, 0.06))
    tone = mix(tone, ball, canvas.inside(outside, 1))
    lid = np.abs(v - upper) - 0.030 * (0.4 + bow)
    tone = mix(tone, 0.03, canvas.inside(lid, 1) * (np.abs(u) < 0.95))
    return tone


def butterfly(canvas: Canvas) -> Array:
    """A butterfly with patterned wings, opening and closing, before soft light."""
    tone = canvas.sky(0.62, 0.86, -1.0)
    for _ in range(7):
        x, y = canvas.uniform(-1, 1) * canvas.right, canvas.uniform(-1, 1)
        tone = lighten(tone, canvas.uniform(0.1, 0.3) * canvas.glow(x, y, canvas.uniform(0.2, 0.4)))
    phase = canvas.uniform(-0.5, 0.5)
    flap = 0.86 + 0.14 * float(np.cos(2.6 * canvas.time + phase))
    u, v = canvas.turned(canvas.uniform(-0.1, 0.1), canvas.uniform(-0.1, 0.1), canvas.uniform(-0.45, 0.45))
    across = np.abs(u) / flap
    wings = (
        (0.44, 0.26, 0.46, 0.30, 0.62, canvas.uniform(0.3, 0.5)),
        (0.32, -0.32, 0.33, 0.27, -0.72, canvas.uniform(0.25, 0.5)),
    )
    for x, y, long, wide, turn, base in reversed(wings):
        cosine, sine = float(np.cos(turn)), float(np.sin(turn))
        a = (across - x) * cosine + (v - y) * sine
        b = (v - y) * cosine - (across - x) * sine
        round_ = np.sqrt(np.square(a / long) + np.square(b / (wide * (1 + 0.45 * a / long))))
        shape = (round_ - 1) * wide
        face = 0.08 + (base + 0.20) * smooth(0.0, 0.25, 0.84 - round_)
        face = face + 0.22 * smooth(0.75, 0.15, np.hypot(across, v * 0.8))
        spot = np.hypot(a - 0.52 * long, b) / (wide * 0.26)
        face = mix(face, 0.92, smooth(1.05, 0.85, spot))
        face = mix(face, 0.10, smooth(0.62, 0.45, spot))
        vein = np.exp(-np.square(np.sin(np.arctan2(b, a + long) * 9) / 0.28))
        tone = mix(tone, face - 0.10 * vein * (round_ < 0.84), canvas.inside(shape))
    body = np.hypot(u / 0.045, (v + 0.02) / 0.36) - 1
    tone = mix(tone, 0.03, canvas.inside(body * 0.045))
    feeler = np.abs(np.abs(u) - 0.22 * np.square(np.clip(v - 0.28, 0, 1) / 0.35) * 1.0 - 0.01) - 0.010
    return mix(tone, 0.05, canvas.inside(feeler) * (v > 0.28) * (v < 0.64))


def mushroom(canvas: Canvas) -> Array:
    """Spotted mushrooms glowing on a dark forest floor."""
    tone = canvas.sky(0.10, 0.26, -0.7)
    for _ in range(5):
        tone = lighten(
            tone, 0.10 * canvas.glow(canvas.uniform(-1, 1), canvas.uniform(-0.4, 0.8), canvas.uniform(0.2, 0.5))
        )
    main = canvas.uniform(-0.2, 0.2)
    plants = [(main + 0.62, 0.50), (main - 0.58, 0.62), (main, 1.0)]
    for x, size in plants:
        size = size * canvas.uniform(0.9, 1.08)
        foot, lean = -0.82, canvas.uniform(-0.12, 0.12) + 0.015 * float(np.sin(0.9 * canvas.time + 3 * x))
        y, wide, tall = foot + 0.92 * size, 0.56 * size, 0.46 * size
        top = x + lean
        pulse = 0.9 + 0.1 * float(np.sin(1.1 * canvas.time + 5 * x))
        tone = lighten(tone, 0.42 * pulse * canvas.glow(top, y, 0.75 * size))
        up = (canvas.y - foot) / (y - foot)
        thick = size * (0.095 + 0.06 * np.square(np.clip(1 - up, 0, 1)))
        away = (canvas.x - x - lean * up) / thick
        stem = 0.74 - 0.26 * away + 0.14 * smooth(0.5, 1.0, up)
        tone = mix(tone, stem, canvas.inside((np.abs(away) - 1) * thick) * (up < 1.05))
        u, v = (canvas.x - top) / wide, (canvas.y - y) / tall
        sag = v + 0.16 * (1 - u * u)
        cap = np.maximum(np.hypot(u, v) - 1, -sag)
        under = np.hypot(u, (v + 0.02) / 0.22) - 1
        tone = mix(tone, 0.88 - 0.2 * np.abs(u), canvas.inside(under * tall * 0.3))
        face = 0.34 + 0.26 * smooth(-0.6, 1.0, v - 0.5 * u) + 0.16 * smooth(0.25, 0.0, sag)
        for sx, sy, radius in ((-0.5, 0.38, 0.15), (0.02, 0.66, 0.18), (0.48, 0.42, 0.14), (-0.05, 0.22, 0.12)):
            spot = np.hypot((u - sx) / (1 - 0.4 * abs(sx)), v - sy) - radius
            face = mix(face, 0.95, smooth(0.03, -0.03, spot))
        tone = mix(tone, face, canvas.inside(cap * tall))
    ground = -0.80 + 0.06 * canvas.profile(frequency=0.9, octaves=4, gain=0.6)(canvas.x)
    return mix(tone, 0.04, canvas.inside(canvas.y - ground))
