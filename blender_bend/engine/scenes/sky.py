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
    """Banks of heaped white clouds, bright on top, drifting at different speeds."""
    tone = canvas.sky(0.22, 0.56, -0.6)
    span = 2 * canvas.right + 2.2
    billow = canvas.noise(0.12, slope=1.5, lowest=2, highest=14)
    for layer in range(4):
        base = 0.10 - 0.36 * layer + canvas.uniform(-0.08, 0.08)
        drift = canvas.time * (0.02 + 0.02 * layer)
        top = np.full_like(canvas.x, base - 0.6)
        heaps = round(3 * span / 4.2)
        for heap in range(heaps):
            middle = (heap + canvas.uniform(0.2, 0.8)) * span / heaps + drift
            middle, tall = middle % span - span / 2, canvas.uniform(0.25, 0.62)
            for puff in range(8):
                offset, size = (puff - 3.5) / 3.5 + canvas.uniform(-0.1, 0.1), canvas.uniform(0.11, 0.20)
                rise = base + tall * (1 - offset * offset) * canvas.uniform(0.75, 1.0) - 0.12
                away = np.abs(canvas.x - middle - 0.52 * offset) / size
                bow = np.sqrt(np.clip(1 - away * away, 0, 1)) - 2.5 * np.clip(away - 0.9, 0, 9)
                top = np.maximum(top, rise + size * bow)
        u, v = canvas.x * 0.42 + 0.23 * layer - 0.42 * drift, canvas.y * 0.42 + 0.31 * layer
        lump = billow(u, v)
        below = top - canvas.y + 0.09 * lump
        lit = np.clip(lump - billow(u + 0.02, v + 0.035), -0.5, 0.5)
        body = 1.0 - 0.42 * smooth(0.0, 0.62, below) - 0.42 * lit * smooth(0.0, 0.15, below)
        tone = mix(tone, np.clip(body, 0.36, 1), smooth(-0.01, 0.05, below) * (0.84 + 0.05 * layer))
    return tone


def aurora(canvas: Canvas) -> Array:
    """Folded curtains of light over dark hills and a still lake."""
    shore = canvas.uniform(-0.66, -0.52)
    tone = canvas.blank(0.04) + 0.09 * smooth(canvas.top, shore, canvas.y)
    canvas.stars(tone, 26, shore + 0.45)
    height = np.abs(canvas.y - shore) + shore
    water = smooth(shore, shore - 0.01, canvas.y)
    for curtain in range(2):
        line = canvas.profile(0.5, frequency=0.28, octaves=3, gain=0.5)
        rays = canvas.profile(1.0, frequency=1.5, octaves=3, gain=0.7)
        strength = canvas.profile(0.4, frequency=0.34, octaves=2)
        base = -0.16 + 0.50 * curtain + 0.20 * line(canvas.x)
        above = height - base
        ray = rays(canvas.x + 0.10 * above)
        tall = 0.30 + 0.20 * ray
        light = np.exp(-np.clip(above, 0, 9) / tall) * np.exp(-np.square(np.clip(-above, 0, 9) / 0.12))
        light = light * (0.80 + 0.45 * ray) * np.clip(0.72 + 0.60 * strength(canvas.x), 0.05, 1.2)
        tone = lighten(tone, (0.95 - 0.20 * curtain) * light * (1 - 0.5 * water))
    hills = canvas.profile(frequency=0.5, octaves=5, gain=0.45, ridged=True)
    top = 0.16 + 0.09 * hills(canvas.x)
    return mix(tone, 0.02, canvas.inside(np.abs(canvas.y - shore) - top, 1 + 3 * water))


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
        crook = canvas.profile(1.0, frequency=0.7, octaves=5, gain=0.52, ridged=True)
        x = start + bolt * canvas.uniform(0.55, 0.8)
        lean = canvas.uniform(-0.18, 0.18)
        path = x + lean * (0.6 - canvas.y) + 0.26 * crook(canvas.y) * (0.3 + np.clip(0.75 - canvas.y, 0, 1))
        arms = [(path, 0.72, -0.98, 0.026)]
        for branch in range(3):
            height = 0.35 - 0.33 * branch + canvas.uniform(-0.1, 0.1)
            crooked = canvas.profile(1.0, frequency=1.1, octaves=4, gain=0.5, ridged=True)
            side = canvas.uniform(0.5, 1.0) * (-1) ** (branch + bolt)
            down = np.clip(height - canvas.y, 0, 9)
            joint = path + side * down + 0.16 * crooked(canvas.y) * np.clip(3 * down, 0, 1)
            arms.append((joint, height, height - canvas.uniform(0.35, 0.6), 0.017))
        for line, upper, lower, width in arms:
            along = smooth(upper + 0.03, upper - 0.03, canvas.y) * smooth(lower - 0.02, lower + 0.22, canvas.y)
            slant = np.gradient(line[:, 0]).astype(np.float32)[:, None] / canvas.pixel
            away = np.abs(canvas.x - line)
            light = np.exp(-np.square(away / width) / (1 + slant * slant)) + 0.42 * np.exp(-away * 9)
            tone = lighten(tone, strength * along * light)
        burst = canvas.glow(x + lean * 0.1, 0.75, 0.7) * smooth(-0.9, 0.8, heap + 0.3)
        tone = lighten(tone, 0.55 * strength * burst)
    return mix(tone, 0.02, canvas.inside(canvas.y - ground, 1))


def fireworks(canvas: Canvas) -> Array:
    """Bursting stars of sparks in the night, opening and fading in turn."""
    shore = -0.78
    tone = canvas.blank(0.04) + 0.08 * smooth(0.2, shore, canvas.y)
    first, middle = canvas.integer(0, 2), canvas.sign()
    for burst in range(3):
        x = (-0.58 + 0.58 * burst + canvas.uniform(-0.08, 0.08)) * canvas.right
        y = 0.24 + 0.24 * middle * (1 if burst == 1 else -1) + canvas.uniform(-0.10, 0.10)
        size = canvas.uniform(0.66, 0.80) if burst == first else canvas.uniform(0.36, 0.52)
        spokes, turn = canvas.integer(9, 13), canvas.uniform(0, 6.28)
        age = (canvas.uniform(0.34, 0.62) + 0.22 * canvas.time) % 1.0
        opened = 1 - (1 - age) ** 3
        life = float(np.sin(np.pi * age) ** 0.8)
        distance, angle = canvas.polar(x, y + 0.12 * age)
        bow = distance / size
        spoke = (angle + turn) * spokes / (2 * np.pi)
        offset = np.abs(spoke - np.round(spoke)) * (2 * np.pi / spokes) * distance
        along = smooth(0.05 * opened, 0.95 * opened, bow) * smooth(1.04 * opened, 0.94 * opened, bow)
        sparks = along * np.exp(-np.square(offset / (0.010 + 0.018 * bow)))
        heads = np.exp(-np.square(offset / 0.036) - np.square((bow - 0.97 * opened) * size / 0.036))
        bloom = np.exp(-np.square(bow * 1.5 / (opened + 0.1)))
        tone = lighten(tone, life * (0.95 * sparks + 1.1 * heads + 0.40 * bloom))
        tone = lighten(tone, life * 0.8 * canvas.glow(x, y - 0.12 * age, 0.06))
    roofs = canvas.profile(frequency=0.8, octaves=4, gain=0.6)
    return mix(tone, 0.015, canvas.inside(canvas.y - shore - 0.08 * np.round(3 * roofs(canvas.x)) / 3))
