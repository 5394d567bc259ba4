"""Fire, lava, liquid marble, orb, crystal: matter that glows or shines."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, lighten, mix, smooth


def fire(canvas: Canvas) -> Array:
    """Tongues of flame rising from the lower border, with sparks."""
    coarse = canvas.noise(0.9, slope=1.8, lowest=1, highest=8)
    fine = canvas.noise(1.4, slope=1.5, lowest=2, highest=14)
    tongues = canvas.profile(0.9, frequency=0.55, octaves=3, gain=0.5)
    rise = canvas.time * 0.42
    height = (canvas.y + 1) / 2
    sway = 0.20 * coarse(canvas.x * 0.25, canvas.y * 0.22 - rise * 0.5) * height
    x = canvas.x + sway
    flame = coarse(x * 0.42, canvas.y * 0.20 - rise) + 0.55 * fine(x * 0.45, canvas.y * 0.22 - 1.5 * rise)
    peak = 1.02 + 0.42 * tongues(x) - 0.22 * np.square(canvas.x)
    heat = 1.15 * (peak - 1.35 * height) + 0.62 * flame * (0.25 + height)
    tone = 0.03 + 0.95 * smooth(0.0, 1.25, heat) + 0.10 * np.exp(-height * 2)
    sparks = []
    for _ in range(16):
        x0, y0, size = canvas.uniform(-0.8, 0.8), canvas.uniform(0, 1), canvas.uniform(0.009, 0.02)
        up = (y0 + canvas.time * (0.25 + 8 * size)) % 1.0
        drift = 0.08 * float(np.sin(3 * canvas.time + 20 * y0))
        sparks.append((x0 + drift, -0.3 + 1.35 * up, size, 0.8 * float(np.sin(np.pi * up))))
    canvas.lights(tone, sparks)
    return tone


def lava(canvas: Canvas) -> Array:
    """Plates of black crust drifting on glowing melt."""
    bend = canvas.noise(0.25, slope=2.2, highest=8)
    cracks = canvas.noise(0.35, slope=1.8, lowest=2, highest=9)
    crust = canvas.noise(0.1, slope=1.4, lowest=3, highest=20)
    flow = 0.015 * canvas.time
    warp = bend(canvas.x * 0.3, canvas.y * 0.3 + flow)
    u, v = canvas.x * 0.26 + 0.06 * warp + flow, canvas.y * 0.34 + 0.06 * warp
    line = np.abs(cracks(u, v))
    pools = smooth(0.35, 1.1, warp + 0.2)
    wide = 0.10 + 0.30 * pools
    heat = np.exp(-np.square(line / wide)) * (0.72 + 0.28 * pools) + 0.30 * np.exp(-line * 3.5)
    plate = 0.07 + 0.06 * crust(canvas.x * 0.4, canvas.y * 0.4 + flow)
    return lighten(plate, 0.96 * heat)


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
    radius = canvas.uniform(0.36, 0.46)
    x, floor = canvas.uniform(-0.12, 0.12), -0.62
    y = canvas.uniform(0.08, 0.18) + 0.035 * float(np.sin(1.3 * canvas.time))
    swirl = canvas.noise(0.5, slope=2.3, lowest=1, highest=6)
    haze = canvas.noise(0.1, slope=2.6, highest=4)
    tone = 0.13 + 0.09 * smooth(-0.8, 0.8, haze(canvas.x * 0.25, canvas.y * 0.25))
    tone = tone - 0.10 * smooth(floor + 0.02, floor - 0.02, canvas.y)
    tone = lighten(tone, 0.62 * canvas.glow(x, y, 0.72))
    mirror = 2 * floor - y
    reflection = np.exp(-np.square((canvas.x - x) / 0.34)) * np.exp(-np.square((canvas.y - mirror - 0.32) / 0.24))
    tone = lighten(tone, 0.6 * reflection * smooth(floor + 0.01, floor - 0.05, canvas.y))
    dx, dy = (canvas.x - x) / radius, (canvas.y - y) / radius
    distance = np.hypot(dx, dy)
    depth = np.sqrt(np.clip(1 - distance * distance, 0, 1))
    inner = swirl(dx * 0.22 / (0.55 + depth) + 0.02 * canvas.time, dy * 0.22 / (0.55 + depth))
    lit = smooth(-0.5, 1.1, 0.45 * dx * -1 + 0.62 * dy + 0.55 * depth)
    body = 0.34 + 0.34 * lit + 0.20 * inner * depth + 0.30 * smooth(0.72, 1.0, distance) * smooth(0.4, -1.0, dy)
    body = lighten(body, 0.95 * np.exp(-(np.square((dx + 0.36) / 0.20) + np.square((dy - 0.45) / 0.15))))
    body = lighten(body, 0.5 * np.exp(-np.square(np.hypot(dx - 0.2, dy + 0.45) / 0.3)))
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
        tip = smooth(0.0, 1.0, np.clip((1 - along) / 0.26, 0, 1)) * 0 + np.clip((1 - along) / 0.26, 0, 1)
        half = wide * (0.72 + 0.28 * np.clip(along, 0, 1) / 0.74) * tip
        mask = canvas.inside(np.abs(u) - half, 0.5) * (along > -0.3)
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
