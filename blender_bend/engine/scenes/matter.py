"""Fire, lava, liquid marble, orb, crystal: matter that glows or shines."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, lighten, mix, smooth


def fire(canvas: Canvas) -> Array:
    """Tongues of flame rising from the lower border, with sparks."""
    coarse = canvas.noise(0.6, slope=1.8, lowest=1, highest=8)
    fine = canvas.noise(0.7, slope=1.3, lowest=2, highest=14)
    tongues = canvas.profile(0.9, frequency=0.75, octaves=3, gain=0.55)
    rise = canvas.time * 0.25
    height = (canvas.y + 1) / 2
    sway = coarse(canvas.x * 0.22, canvas.y * 0.22 - rise * 0.6)
    x = canvas.x + 0.34 * sway * (0.2 + height)
    lick = fine(x * 0.50, canvas.y * 0.17 - rise)
    peak = 0.92 + 0.42 * tongues(x) - 0.25 * np.square(canvas.x / canvas.right)
    heat = 1.30 * (peak - 1.25 * height) + 0.85 * lick * (0.20 + height)
    outer, middle, core = smooth(-0.10, 0.18, heat), smooth(0.12, 0.62, heat), smooth(0.48, 1.25, heat)
    tone = 0.03 + 0.10 * np.exp(-height * 2.2) + 0.36 * outer + 0.32 * middle + 0.26 * core
    sparks = []
    for _ in range(16):
        x0, y0, size = canvas.uniform(-0.8, 0.8), canvas.uniform(0, 1), canvas.uniform(0.012, 0.022)
        up = (y0 + canvas.time * (0.25 + 8 * size)) % 1.0
        drift = 0.08 * float(np.sin(3 * canvas.time + 20 * y0))
        sparks.append((x0 + drift, -0.3 + 1.35 * up, size, 0.8 * float(np.sin(np.pi * up))))
    canvas.lights(tone, sparks)
    return tone


def lava(canvas: Canvas) -> Array:
    """Plates of black crust drifting on glowing melt."""
    bend = canvas.noise(0.25, slope=1.9, lowest=1, highest=9)
    crust = canvas.noise(0.1, slope=1.2, lowest=3, highest=16)
    plates = canvas.cells(11, wander=0.06, pace=0.35)
    u = canvas.x + 0.28 * bend(canvas.x * 0.45, canvas.y * 0.45)
    v = canvas.y + 0.28 * bend(canvas.x * 0.45 + 0.5, canvas.y * 0.45 + 0.3)
    border, plate = plates(u, v)
    pools = smooth(0.0, 0.9, bend(canvas.x * 0.2 + 0.2, canvas.y * 0.2 + 0.02 * canvas.time))
    wide = 0.035 + 0.085 * pools
    melt = smooth(wide + 0.05, 0.4 * wide, border)
    rough = crust(canvas.x * 0.5, canvas.y * 0.5)
    rock = 0.06 + 0.09 * plate + 0.07 * rough + (0.30 + 0.16 * pools) * np.exp(-border * 7)
    return mix(rock, 0.66 + 0.32 * smooth(0.09, 0.0, border) + 0.10 * pools, melt)


def marble(canvas: Canvas) -> Array:
    """Poured liquid in broad glossy folds."""
    first = canvas.noise(0.35, slope=2.8, lowest=1, highest=5)
    second = canvas.noise(0.35, slope=2.8, lowest=1, highest=5)
    turns = canvas.uniform(1.7, 2.6)
    drift = 0.02 * canvas.time
    a = first(canvas.x * 0.28 + drift, canvas.y * 0.28)
    b = second(canvas.x * 0.28 + 0.22 * a, canvas.y * 0.28 + 0.22 * a - drift)
    phase = turns * np.pi * (b + 0.35 * a)
    fold = 0.5 + 0.5 * np.sin(phase)
    slope_x = np.gradient(phase, axis=1) / canvas.pixel
    slope_y = np.gradient(phase, axis=0) / canvas.pixel
    facing = (slope_x * 0.6 + slope_y * 0.8) * np.cos(phase) * 0.10
    gloss = np.exp(-np.square((facing - 0.42) / 0.20))
    return np.clip(0.10 + 0.68 * fold + 0.16 * np.tanh(facing), 0, 1) + 0.42 * gloss * (0.35 + 0.65 * fold)


def orb(canvas: Canvas) -> Array:
    """A glowing glass ball floating above a mirror floor."""
    radius = canvas.uniform(0.40, 0.50)
    x, floor = canvas.uniform(-0.15, 0.15), -0.58
    y = canvas.uniform(0.10, 0.20) + 0.035 * float(np.sin(1.3 * canvas.time))
    swirl = canvas.noise(0.5, slope=2.0, lowest=1, highest=7)
    haze = canvas.noise(0.1, slope=2.4, highest=5)
    side = canvas.sign()
    tone = 0.07 + 0.08 * smooth(-0.8, 0.8, haze(canvas.x * 0.3, canvas.y * 0.3))
    tone = lighten(tone, 0.52 * canvas.glow(x, y, 0.70))
    below = np.clip(floor - canvas.y, 0, 9)
    mirror = np.exp(-np.square((canvas.x - x) / (0.30 + 0.3 * below)) - below * 2.2)
    ground = 0.05 + 0.62 * mirror + 0.10 * np.exp(-np.square(canvas.x - x) - below * 3)
    tone = mix(tone, ground, smooth(floor + 0.05, floor - 0.05, canvas.y))
    dx, dy = (canvas.x - x) / radius, (canvas.y - y) / radius
    distance = np.hypot(dx, dy)
    depth = np.sqrt(np.clip(1 - distance * distance, 0, 1))
    inner = swirl(dx * 0.30 / (0.55 + depth) + 0.02 * canvas.time, dy * 0.30 / (0.55 + depth))
    lit = smooth(-0.55, 1.05, 0.5 * dx * side + 0.62 * dy + 0.5 * depth)
    body = 0.20 + 0.46 * lit + 0.30 * inner * depth + 0.42 * smooth(0.66, 1.0, distance) * smooth(0.5, -0.9, dy)
    spot = np.square((dx - 0.36 * side) / 0.20) + np.square((dy - 0.45) / 0.15)
    body = lighten(body, np.exp(-spot) + 0.30 * np.exp(-np.square(np.hypot(dx, dy + 0.35) / 0.4)))
    return mix(tone, body, canvas.inside((distance - 1) * radius, 0.8))


def crystal(canvas: Canvas) -> Array:
    """A cluster of pointed crystals growing out of the dark, each with a light and a dark face."""
    mist = canvas.noise(0.15, slope=2.4, highest=5)
    tone = 0.08 + 0.10 * smooth(-0.6, 0.9, mist(canvas.x * 0.3, canvas.y * 0.3))
    tone = lighten(tone, 0.50 * canvas.glow(0, -0.25, 0.75))
    count = 9
    order = np.argsort([abs(k - (count - 1) / 2) for k in range(count)])[::-1]
    shards = []
    for k in range(count):
        lean = (k - (count - 1) / 2) * 0.26 + canvas.uniform(-0.08, 0.08)
        long = (1.50 - 0.55 * abs(lean)) * canvas.uniform(0.78, 1.05)
        shards.append((lean, long, canvas.uniform(0.10, 0.17), canvas.uniform(-0.1, 0.1), canvas.uniform(0, 6.28)))
    for k in order:
        lean, long, wide, shift, phase = shards[k]
        u, v = canvas.turned(0.25 * lean, -0.85, -lean)
        along = v / long
        tip = np.clip((1 - along) / 0.26, 0, 1)
        half = wide * (0.72 + 0.28 * np.clip(along, 0, 1) / 0.74) * tip
        mask = canvas.inside(np.abs(u) - half, 0.5) * (along > -0.3) * (along < 0.995)
        shine = 0.05 * float(np.sin(0.9 * canvas.time + phase))
        face = u - (0.25 + shift) * half
        tone_light, tone_dark = 0.78 + shine + 0.15 * along, 0.30 + 0.5 * shine + 0.22 * along
        body = mix(tone_light, tone_dark, smooth(-0.006, 0.006, face))
        body = body + 0.20 * smooth(0.74, 0.76, along) * (face < 0) + 0.12 * np.exp(-np.square(face / 0.014))
        gleam = np.exp(-np.square((along - 0.5 - 0.45 * np.sin(0.4 * canvas.time + phase)) / 0.10))
        tone = tone * (1 - 0.35 * smooth(0.06, 0.0, np.abs(u) - half) * (along > -0.3) * (along < 1.02))
        tone = mix(tone, body + 0.16 * gleam * (face < 0), mask)
    rock = -0.78 + 0.10 * canvas.profile(frequency=0.8, octaves=4, ridged=True)(canvas.x)
    return mix(tone, 0.05, canvas.inside(canvas.y - rock))
