"""Water: sea, waves, underwater, ripples, rain."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, Draw, lighten, mix, smooth


def sea(canvas: Canvas) -> Array:
    """A wide sea to the horizon, a path of glitter under a small bright sun."""
    horizon, x, y = canvas.uniform(0.12, 0.3), canvas.uniform(-0.45, 0.45), canvas.uniform(0.5, 0.7)
    veil = canvas.noise(0.1, slope=2.0, lowest=1, highest=10)
    swell = canvas.noise(1.2, slope=1.2, lowest=2, highest=16)
    tone = canvas.sky(0.48, 0.84, horizon)
    cloud = veil(canvas.x * 0.16 + 0.01 * canvas.time, canvas.y * 0.5)
    tone = tone + 0.16 * smooth(0.0, 0.9, cloud)
    tone = lighten(tone, 0.6 * canvas.glow(x, y, 0.3) + 0.9 * canvas.glow(x, y, 0.09))
    below = np.clip(horizon - canvas.y, 0.004, 9)
    depth = 1 / (below + 0.10)
    crest = swell(canvas.x * depth * 0.07 + 0.3, depth * 0.42 + 0.05 * canvas.time)
    path = np.exp(-np.square((canvas.x - x) / (0.10 + 0.42 * below)))
    water = 0.56 - 0.42 * np.clip(below / 1.2, 0, 1) ** 0.7 + 0.17 * crest * np.clip(0.35 + 2.2 * below, 0, 1)
    glitter = smooth(-0.35, 0.55, crest) * path * np.clip(1.0 - 0.35 * below, 0, 1)
    water = lighten(water, 0.95 * glitter)
    return mix(tone, water, canvas.inside(canvas.y - horizon, 0.5))


def waves(canvas: Canvas) -> Array:
    """Rows of great rolling waves with broad foam on their crests."""
    tone = canvas.sky(0.62, 0.84, 0.1)
    spray = canvas.noise(0.8, slope=1.3, lowest=2, highest=12)
    rows = 4
    for row in range(rows):
        near = row / (rows - 1)
        steep, length = 0.16 + 0.16 * near, 0.62 + 0.45 * near
        phase, pace, other = canvas.uniform(0, 6.28), canvas.uniform(0.6, 0.9), canvas.uniform(0, 6.28)
        roll = canvas.x * (np.pi * 1.5 / length) + phase - canvas.time * pace
        roll = roll + 0.6 * np.sin(roll + 0.7)
        crest = np.square(0.5 + 0.5 * np.sin(roll))
        top = 0.36 - 0.42 * row + steep * (1.7 * crest - 0.5)
        top = top + 0.05 * np.sin(canvas.x * 3.1 + other + 0.5 * canvas.time)
        below = top - canvas.y
        froth = spray(canvas.x * 0.40 + 0.3 * row - 0.05 * canvas.time, canvas.y * 0.40)
        body = 0.58 - 0.30 * near - 0.34 * np.clip(below / 0.6, 0, 1) + 0.12 * froth * smooth(0.5, 0.1, below)
        curl = np.exp(-np.square((below - 0.16 - 0.08 * near) / 0.05)) * crest
        thick = (0.045 + 0.055 * near) * (0.25 + 1.1 * crest)
        foam = smooth(thick + 0.035, thick - 0.02, below + 0.075 * froth)
        body = mix(body - 0.10 * curl, 0.97 - 0.5 * below, foam)
        tone = mix(tone, body, canvas.inside(-below))
    return tone


def underwater(canvas: Canvas) -> Array:
    """Sunbeams falling through deep water onto weed, with bubbles and fish."""
    source = canvas.uniform(-0.5, 0.5)
    tone = canvas.sky(0.82, 0.16, -1.0, 0.9)
    distance, angle = canvas.polar(source, canvas.top + 0.5)
    rays = canvas.profile(0.5, frequency=2.2, octaves=3, gain=0.6)
    beam = smooth(-0.1, 0.8, rays(angle)) * smooth(2.6, 0.3, distance)
    tone = lighten(tone, 0.55 * beam)
    for _ in range(canvas.integer(3, 5)):
        x, y, size, way = canvas.uniform(-1, 1), canvas.uniform(-0.35, 0.4), canvas.uniform(0.09, 0.17), canvas.sign()
        reach = canvas.right + 0.4
        x = way * ((x * reach + reach + 0.12 * canvas.time) % (2 * reach) - reach)
        wag = 0.35 * float(np.sin(5 * canvas.time + 9 * y))
        canvas.stamp(tone, x, y, size * 1.8, _fish(size, way, wag, canvas.pixel))
    floor = -0.80 + 0.10 * canvas.profile(frequency=0.5)(canvas.x)
    for _ in range(11):
        x, tall, wide = canvas.uniform(-1, 1) * canvas.right, canvas.uniform(0.25, 0.65), canvas.uniform(0.03, 0.055)
        phase = canvas.uniform(0, 6.28)
        up = (canvas.y + 0.95) / tall
        sway = 0.09 * up * np.sin(2.2 * up + phase + 0.9 * canvas.time)
        away = np.abs(canvas.x - x - sway) - wide * np.sqrt(np.clip(1 - up, 0, 1)) * (1 + 0.25 * np.sin(up * 18))
        tone = mix(tone, 0.10 + 0.06 * up, canvas.inside(away) * (up < 1))
    tone = mix(tone, 0.04, canvas.inside(canvas.y - floor, 2))
    for _ in range(16):
        x, y, size = canvas.uniform(-1, 1) * canvas.right, canvas.uniform(0, 1), canvas.uniform(0.022, 0.05)
        reach = canvas.top + 0.1
        rise = (y * 2 * reach + canvas.time * (0.15 + 3 * size)) % (2 * reach) - reach
        canvas.stamp(tone, x + 0.03 * float(np.sin(2 * canvas.time + 20 * y)), rise, size * 1.6, _bubble(size))
    return tone


def _fish(size: float, way: float, wag: float, pixel: float) -> Draw:
    def draw(tone: Array, x: Array, y: Array) -> Array:
        x = x * way
        body = np.hypot(x / size, y / (0.45 * size)) - 1
        back = -(x + 0.75 * size)
        tail = np.maximum(np.abs(y - wag * back) - 0.75 * back - 0.01, back - 0.65 * size)
        tail = np.where(back > -0.1 * size, tail, 1.0)
        shape = np.minimum(body * size * 0.45, tail)
        return mix(tone, 0.08, np.clip(0.5 - shape / (2 * pixel), 0, 1))

    return draw


def _bubble(size: float) -> Draw:
    def draw(tone: Array, x: Array, y: Array) -> Array:
        distance = np.hypot(x, y) / size
        rim = np.exp(-np.square((distance - 0.85) / 0.22)) + np.exp(
            -np.square(np.hypot(x / size + 0.3, y / size - 0.35) / 0.3)
        )
        return lighten(tone, 0.6 * rim)

    return draw


def ripples(canvas: Canvas) -> Array:
    """Rings spreading on dark still water from a few drops."""
    slope, shade = canvas.blank(), canvas.noise(0.2, slope=2.6, highest=4)
    tone = 0.34 + 0.14 * shade(canvas.x * 0.25, canvas.y * 0.25) - 0.16 * canvas.y
    for drop in range(canvas.integer(1, 3)):
        x, y = canvas.uniform(-0.5, 0.5), canvas.uniform(-0.45, 0.35)
        phase, strength = canvas.uniform(0, 6.28), 1.0 - 0.25 * drop
        dx, dy = canvas.x - x, (canvas.y - y) / 0.62
        distance = np.hypot(dx, dy)
        ring = np.sin(distance * 24 - 3.0 * canvas.time + phase) * np.exp(-distance * 1.5)
        slope = slope + strength * ring * np.clip(distance * 9, 0, 1) * (0.72 + 0.45 * dy / (distance + 0.05))
        tone = lighten(tone, 0.75 * strength * np.exp(-np.square(distance / 0.06)))
    return tone + 0.42 * slope


def rain(canvas: Canvas) -> Array:
    """Street lights out of focus behind a wet window, rain falling across."""
    tone = canvas.blank(0.08) + 0.14 * smooth(0.8, -0.8, canvas.y)
    for _ in range(15):
        x, y = canvas.uniform(-1, 1) * canvas.right, canvas.uniform(-0.75, 0.35)
        size, strength = canvas.uniform(0.10, 0.24), canvas.uniform(0.18, 0.62)
        breath = 0.92 + 0.08 * float(np.sin(0.8 * canvas.time + 9 * x))
        canvas.stamp(tone, x, y, size * 1.3, _bokeh(size, strength * breath))
    slant = canvas.uniform(0.06, 0.22)
    for _ in range(46):
        x, y = canvas.uniform(-1.2, 1.2) * canvas.right, canvas.uniform(0, 1)
        long, strength = canvas.uniform(0.10, 0.24), canvas.uniform(0.25, 0.6)
        reach = canvas.top + 0.35
        fall = reach - (y * 2 * reach + canvas.time * (1.0 + 3 * long)) % (2 * reach)
        canvas.stamp(tone, x + slant * fall, fall, long * 1.5, _streak(long, slant, strength))
    return tone


def _bokeh(size: float, strength: float) -> Draw:
    def draw(tone: Array, x: Array, y: Array) -> Array:
        distance = np.hypot(x, y) / size
        return lighten(tone, strength * smooth(1.08, 0.92, distance) * (0.7 + 0.3 * distance))

    return draw


def _streak(long: float, slant: float, strength: float) -> Draw:
    def draw(tone: Array, x: Array, y: Array) -> Array:
        away = np.exp(-np.square((x - slant * y) / 0.010)) * smooth(long, 0.2 * long, np.abs(y))
        return lighten(tone, strength * away)

    return draw
