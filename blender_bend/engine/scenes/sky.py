"""The sky: sunset, clouds, aurora, lightning, fireworks."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, lighten, mix, smooth


def sunset(canvas: Canvas) -> Array:
    """A huge low sun behind dark hills, under streaks of cloud."""
    horizon, radius = canvas.uniform(-0.42, -0.25), canvas.uniform(0.34, 0.48)
    x = canvas.uniform(-0.4, 0.4)
    y = horizon + radius * canvas.uniform(0.15, 0.6) - 0.02 * float(np.sin(0.3 * canvas.time))
    streaks = canvas.noise(0.1, slope=1.9, lowest=1, highest=12)
    tone = canvas.sky(0.30, 0.74, horizon, 0.8)
    distance, _ = canvas.polar(x, y)
    tone = lighten(tone, 0.42 * canvas.glow(x, y, 0.75))
    tone = mix(tone, 1.0 - 0.10 * smooth(y, y - radius, canvas.y), canvas.inside(distance - radius, 1.5))
    cloud = streaks(canvas.x * 0.16 + 0.012 * canvas.time, canvas.y * 0.75 + 0.1)
    cover = smooth(0.1, 0.75, cloud + 0.12) * smooth(horizon, horizon + 0.25, canvas.y)
    tone = mix(tone, 0.46 - 0.2 * (canvas.y - horizon) + 0.18 * smooth(0.5, 0.1, cloud), 0.85 * cover)
    for layer in range(3):
        ridge = canvas.profile(frequency=0.35 + 0.12 * layer, octaves=3, gain=0.4)
        top = horizon + 0.08 - 0.24 * layer + 0.13 * ridge(canvas.x)
        tone = mix(tone, 0.30 - 0.13 * layer + 0.10 * (canvas.y - top), canvas.inside(canvas.y - top))
    return tone


def clouds(canvas: Canvas) -> Array:
    """Banks of heaped white clouds, lit from above, drifting at different speeds."""
    tone = canvas.sky(0.30, 0.62, -0.6)
    light = canvas.noise(0.1, slope=2.0, lowest=2, highest=10)
    span = 2 * canvas.right + 1.6
    for layer in range(4):
        base = 0.50 - 0.42 * layer + canvas.uniform(-0.1, 0.1)
        puffs = []
        for _ in range(9):
            size = canvas.uniform(0.14, 0.36) * (0.75 + 0.16 * layer)
            start = canvas.uniform(0, span) + canvas.time * (0.02 + 0.02 * layer)
            puffs.append((start % span - span / 2, base + canvas.uniform(-0.35, 0.12), size))
        cover, shade = canvas.blank(), canvas.blank()
        for x, y, size in puffs:
            fade = min(1.0, 4 * (span / 2 - abs(x)) / span)
            distance = np.hypot(canvas.x - x, canvas.y - y) / size
            mask = smooth(1.04, 0.80, distance) * fade
            lit = 0.70 + 0.30 * np.clip((canvas.y - y) / size + 0.25 * (canvas.x - x) / size, -1, 1)
            shade = mix(shade, lit, mask)
            cover = np.maximum(cover, mask)
        shade = shade + 0.06 * light(canvas.x * 0.4 + 0.2 * layer - 0.01 * canvas.time, canvas.y * 0.4)
        tone = mix(tone, np.clip(shade + 0.05 * (layer - 1), 0.35, 1), cover * 0.94)
    return tone


def aurora(canvas: Canvas) -> Array:
    """Curtains of light over dark hills and a still lake."""
    shore = canvas.uniform(-0.62, -0.45)
    night = canvas.blank(0.05) + 0.10 * smooth(canvas.top, shore, canvas.y)
    canvas.stars(night, 60, shore)
    height = np.abs(canvas.y - shore) + shore
    tone = night
    for curtain in range(2):
        line = canvas.profile(0.5, frequency=0.30, octaves=3, gain=0.5)
        rays = canvas.profile(1.2, frequency=1.6, octaves=3, gain=0.7)
        strength = canvas.profile(0.4, frequency=0.35, octaves=2)
        base = -0.12 + 0.42 * curtain + 0.30 * line(canvas.x)
        tall = 0.34 + 0.14 * rays(canvas.x)
        above = height - base
        light = np.exp(-np.clip(above, 0, 9) / tall) * smooth(-0.10, 0.04, above)
        light = light * (0.70 + 0.30 * rays(canvas.x + 0.05 * above)) * (0.75 + 0.25 * strength(canvas.x))
        tone = lighten(tone, (0.86 - 0.22 * curtain) * light)
    water = smooth(shore, shore - 0.01, canvas.y)
    tone = tone * (1 - 0.45 * water)
    hills = canvas.profile(frequency=0.45, octaves=4, gain=0.45)
    top = 0.16 + 0.10 * hills(canvas.x)
    return mix(tone, 0.025, canvas.inside(np.abs(canvas.y - shore) - top, 1 + 3 * water))


def lightning(canvas: Canvas) -> Array:
    """Bolts from a heavy cloud, lighting it up."""
    cloud = canvas.noise(0.25, slope=1.9, lowest=1, highest=10)
    heap = cloud(canvas.x * 0.3 + 0.01 * canvas.time, canvas.y * 0.42)
    tone = 0.07 + 0.17 * smooth(-0.7, 0.9, heap + 0.5 * canvas.y)
    ground = -0.80 + 0.05 * canvas.profile(frequency=0.5)(canvas.x)
    count = canvas.integer(1, 2)
    start = canvas.uniform(-0.45, 0.0) if count == 2 else canvas.uniform(-0.35, 0.35)
    for bolt in range(count):
        strength = (1.0 - 0.25 * bolt) * (0.88 + 0.12 * float(np.sin(5 * canvas.time + canvas.uniform(0, 6))))
        crook = canvas.profile(1.0, frequency=0.7, octaves=6, gain=0.62, ridged=True)
        x = start + bolt * canvas.uniform(0.55, 0.8)
        lean = canvas.uniform(-0.18, 0.18)
        path = x + lean * (0.6 - canvas.y) + 0.26 * crook(canvas.y) * (0.3 + np.clip(0.75 - canvas.y, 0, 1))
        arms = [(path, 0.72, -0.82, 0.020)]
        for branch in range(3):
            height = 0.35 - 0.33 * branch + canvas.uniform(-0.1, 0.1)
            crooked = canvas.profile(1.0, frequency=1.1, octaves=4, gain=0.6, ridged=True)
            side = canvas.uniform(0.5, 1.0) * (-1) ** (branch + bolt)
            down = np.clip(height - canvas.y, 0, 9)
            joint = path + side * down + 0.16 * crooked(canvas.y) * np.clip(3 * down, 0, 1)
            arms.append((joint, height, height - canvas.uniform(0.35, 0.6), 0.010))
        for line, upper, lower, width in arms:
            along = smooth(upper + 0.03, upper - 0.03, canvas.y) * smooth(lower - 0.02, lower + 0.22, canvas.y)
            away = np.abs(canvas.x - line)
            light = np.exp(-np.square(away / width)) + 0.42 * np.exp(-away * 9)
            tone = lighten(tone, strength * along * light)
        burst = canvas.glow(x + lean * 0.1, 0.75, 0.7) * smooth(-0.9, 0.8, heap + 0.3)
        tone = lighten(tone, 0.55 * strength * burst)
    return mix(tone, 0.02, canvas.inside(canvas.y - ground, 1))


def fireworks(canvas: Canvas) -> Array:
    """Bursting stars of sparks in the night, opening and fading in turn."""
    shore = -0.78
    tone = canvas.blank(0.04) + 0.08 * smooth(0.2, shore, canvas.y)
    for burst in range(4):
        x = -0.62 + 0.42 * burst + canvas.uniform(-0.12, 0.12)
        y, size = canvas.uniform(-0.05, 0.6), canvas.uniform(0.36, 0.62)
        spokes, turn = canvas.integer(11, 17), canvas.uniform(0, 6.28)
        age = (canvas.uniform(0.3, 0.62) + 0.22 * canvas.time) % 1.0
        opened = 1 - (1 - age) ** 3
        life = float(np.sin(np.pi * age) ** 0.8)
        distance, angle = canvas.polar(x, y + 0.12 * age)
        bow = distance / size
        spoke = (angle + turn) * spokes / (2 * np.pi)
        offset = np.abs(spoke - np.round(spoke)) * (2 * np.pi / spokes) * distance
        along = smooth(0.08 * opened, 0.75 * opened, bow) * smooth(1.06 * opened, 0.92 * opened, bow)
        sparks = along * np.exp(-np.square(offset / (0.010 + 0.012 * bow)))
        tone = lighten(tone, life * (1.1 * sparks + 0.30 * np.exp(-np.square(bow * 1.5 / (opened + 0.1)))))
        tone = lighten(tone, life * 0.8 * canvas.glow(x, y - 0.12 * age, 0.06))
    roofs = canvas.profile(frequency=0.8, octaves=4, gain=0.6)
    return mix(tone, 0.015, canvas.inside(canvas.y - shore - 0.08 * np.round(3 * roofs(canvas.x)) / 3))
