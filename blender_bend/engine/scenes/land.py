"""Land: mountains, desert, forest, skyline, snow."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, lighten, mix, smooth


def mountains(canvas: Canvas) -> Array:
    """Jagged ridges with snow and haze between, the nearest the darkest."""
    tone = canvas.sky(0.42, 0.86, -0.3)
    x, y = canvas.uniform(-0.6, 0.6), canvas.uniform(0.45, 0.75)
    distance, _ = canvas.polar(x, y)
    tone = lighten(tone, 0.45 * canvas.glow(x, y, 0.4))
    tone = mix(tone, 1.0, canvas.inside(distance - 0.13, 2))
    rock = canvas.noise(0.0, slope=1.6, lowest=2, highest=16)
    for layer in range(4):
        near = layer / 3
        ridge = canvas.profile(frequency=0.42 + 0.12 * layer, octaves=6, gain=0.5, ridged=True)
        slide = canvas.x + 0.01 * (1 + 3 * near) * canvas.time
        peak = canvas.uniform(-0.5, 0.5)
        lift = (0.34 - 0.1 * layer) * np.exp(-np.square((slide - peak) / 0.5))
        top = 0.18 - 0.36 * layer + lift + (0.40 - 0.05 * layer) * ridge(slide)
        below = np.clip(top - canvas.y, 0, 9)
        slope = (top - np.roll(top, 2, axis=1)) / (2 * canvas.pixel)
        side = np.clip(slope, -1.2, 1.2) * np.exp(-below * 3) * (-1.0 if x > 0 else 1.0)
        face = 0.50 - 0.38 * near - 0.06 * side * (1 - near) + (0.34 - 0.22 * near) * smooth(0.05, 0.55, below)
        if layer < 2:
            crag = rock(slide * 0.5 + 0.2 * layer, canvas.y * 0.5)
            snow = smooth(0.16, 0.06, below + 0.10 * crag - 0.12 * (top - 0.15)) * (0.9 - 0.4 * near)
            face = mix(face, 0.92 - 0.14 * (side > 0.1), snow)
        tone = mix(tone, face, canvas.inside(canvas.y - top))
    return tone


def desert(canvas: Canvas) -> Array:
    """Dunes with sharp crests, one side lit, under a hot sun."""
    tone = canvas.sky(0.50, 0.90, -0.1)
    light = canvas.sign()
    x, y = light * canvas.uniform(0.25, 0.65), canvas.uniform(0.42, 0.7)
    distance, _ = canvas.polar(x, y)
    tone = lighten(tone, 0.5 * canvas.glow(x, y, 0.35))
    tone = mix(tone, 1.0, canvas.inside(distance - 0.12, 2))
    for layer in range(4):
        line = canvas.profile(0.25, frequency=0.26 + 0.05 * layer, octaves=2, gain=0.35)
        fold = canvas.profile(0.25, frequency=0.30, octaves=2, gain=0.4)
        crest = canvas.uniform(-0.6, 0.6)
        bump = 0.30 * np.exp(-np.abs(canvas.x - crest) * (1.6 + 0.4 * layer)) * (0.7 + 0.15 * layer)
        top = -0.05 - 0.30 * layer + 0.12 * line(canvas.x) + bump
        below = top - canvas.y
        edge = crest + light * 0.55 * below * (0.8 + below) + 0.25 * below * fold(canvas.y)
        shadow = smooth(-0.025, 0.025, light * (edge - canvas.x))
        lit = 0.80 - 0.07 * layer - 0.25 * np.clip(below, 0, 1)
        dark = 0.36 - 0.06 * layer + 0.30 * np.clip(below, 0, 1)
        tone = mix(tone, mix(lit, dark, shadow), canvas.inside(-below))
    return tone


def forest(canvas: Canvas) -> Array:
    """Tall trunks in fog, beams of light falling between them."""
    tone = canvas.sky(0.80, 0.66, -0.6)
    lean, source = canvas.uniform(0.25, 0.6) * canvas.sign(), canvas.uniform(-0.3, 0.3)
    tone = lighten(tone, 0.5 * canvas.glow(source, 0.6, 0.55))
    span = 2 * canvas.right + 0.8
    for layer in range(4):
        floor = -0.42 - 0.15 * layer
        count, width = 12 - 2 * layer, 0.028 + 0.026 * layer
        dark = 0.60 - 0.18 * layer
        crowns = canvas.profile(0.3, frequency=0.9 - 0.1 * layer, octaves=4, gain=0.6)
        top = canvas.top * (0.95 - 0.07 * layer) + 0.16 * crowns(canvas.x)
        mask = canvas.inside(top - canvas.y, 6) * 0.85
        for trunk in range(round(count * span / 2.8)):
            place = (trunk + canvas.uniform(0.1, 0.9)) * span / round(count * span / 2.8)
            place = (place + 0.012 * (layer + 1) * canvas.time) % span - span / 2
            thick, tilt = width * canvas.uniform(0.7, 1.3), canvas.uniform(-0.05, 0.05)
            flare = thick * (1 + 0.7 * np.exp(-(canvas.y - floor + 0.1) * 7).clip(0, 3))
            away = np.abs(canvas.x - place - tilt * canvas.y) - flare
            mask = np.maximum(mask, canvas.inside(away, 1))
        ground = floor + 0.04 * canvas.profile(frequency=0.7)(canvas.x)
        mask = np.maximum(mask, canvas.inside(canvas.y - ground, 3))
        tone = mix(tone, dark + 0.10 * smooth(0.4, -0.6, canvas.y) * (layer < 3), mask)
        if layer == 2:
            ray = canvas.profile(0.5, frequency=1.1, octaves=2)((canvas.x - source) - lean * (0.9 - canvas.y))
            tone = lighten(tone, 0.34 * smooth(0.1, 0.9, ray) * smooth(-0.8, 0.5, canvas.y))
    return tone


def skyline(canvas: Canvas) -> Array:
    """A city at night with lit windows, a great moon and its reflection in the river."""
    river = -0.62
    flip = np.where(canvas.y < river, 2 * river - canvas.y, canvas.y)
    wave = 0.012 * np.sin(canvas.y * 55 + 2.5 * canvas.time) * (canvas.y < river)
    x, y, radius = canvas.uniform(-0.5, 0.5), canvas.uniform(0.4, 0.62), canvas.uniform(0.16, 0.26)
    tone = canvas.blank() + 0.18 + 0.34 * smooth(0.9, river, flip)
    distance = np.hypot(canvas.x + wave - x, flip - y)
    tone = lighten(tone, 0.35 / np.square(1 + np.square(distance / 0.45)))
    tone = mix(tone, 0.97, canvas.inside(distance - radius, 2))
    across = canvas.x + wave
    for layer in range(2):
        left = -canvas.right - 0.1
        while left < canvas.right:
            wide = canvas.uniform(0.17, 0.30)
            middle = left + wide / 2
            tall = river + canvas.uniform(0.35, 0.95 - 0.3 * layer) * (1 - 0.25 * abs(middle) / canvas.right)
            spire, phase = canvas.chance(0.3), canvas.uniform(0, 6.28)
            box = np.maximum(np.abs(across - middle) - wide / 2 + 0.006, flip - tall)
            mask = canvas.inside(box, 0.6)
            if spire:
                needle = np.maximum(np.abs(across - middle) - 0.03 * (1.25 - (flip - tall) * 4), flip - tall - 0.25)
                mask = np.maximum(mask, canvas.inside(needle, 0.6))
            body = 0.24 - 0.17 * layer + 0.10 * (1 - layer) * smooth(tall, river, flip)
            tone = mix(tone, body, mask)
            columns = max(2, round(wide / 0.075))
            rows = int((tall - river - 0.05) / 0.095)
            lit = canvas.random.random((rows, columns)) < 0.30 + 0.25 * layer
            for row, column in zip(*np.nonzero(lit), strict=True):
                wx = left + wide * (column + 0.5) / columns
                wy = tall - 0.075 - 0.095 * row
                glow = (0.62 + 0.36 * layer) * (0.9 + 0.1 * float(np.sin(phase + row * 2.4 + column + canvas.time)))
                canvas.stamp(tone, wx, wy, 0.04, _window(glow, canvas.pixel))
                canvas.stamp(tone, wx, 2 * river - wy, 0.05, _window(glow * 0.75, canvas.pixel))
            left += wide * (1.02 if layer == 0 else canvas.uniform(1.0, 1.7))
    return tone * (1 - 0.28 * smooth(river, river - 0.02, canvas.y))


def _window(glow: float, pixel: float):  # type: ignore[no-untyped-def]
    def draw(tone: Array, x: Array, y: Array) -> Array:
        mask = np.clip(0.5 - np.maximum(np.abs(x) - 0.020, np.abs(y) - 0.028) / (1.6 * pixel), 0, 1)
        return mix(tone, glow, mask)

    return draw


def snow(canvas: Canvas) -> Array:
    """White hills with dark firs, while thick flakes fall."""
    tone = canvas.sky(0.38, 0.66, -0.3)
    for layer in range(3):
        line = canvas.profile(frequency=0.32 + 0.06 * layer, octaves=2, gain=0.3)
        ground = -0.08 - 0.33 * layer + 0.12 * line(canvas.x)
        size = 0.42 + 0.16 * layer
        for _ in range(4 - layer):
            x = canvas.uniform(-canvas.right, canvas.right)
            foot = -0.08 - 0.33 * layer + 0.12 * float(line(np.float32([x]))[0]) - 0.03
            tall = size * canvas.uniform(0.8, 1.25)
            sway = 0.012 * float(np.sin(0.9 * canvas.time + 3 * x))
            up = (canvas.y - foot) / tall
            steps = (up * 4) % 1.0
            half = 0.27 * tall * (1 - up) * (1.15 - 0.5 * steps)
            away = np.abs(canvas.x - x - sway * up) - half
            mask = canvas.inside(np.maximum(away, canvas.y - foot - tall)) * (up > 0)
            white = 0.62 * smooth(0.42, 0.10, steps) * smooth(0.02, -0.10, away)
            tone = mix(tone, 0.24 - 0.09 * layer + white, mask)
        shade = 0.97 - 0.05 * layer - 0.22 * np.clip(ground - canvas.y, 0, 0.7)
        tone = mix(tone, shade, canvas.inside(canvas.y - ground, 2))
    flakes = []
    for _ in range(46):
        x, y, size = canvas.uniform(-1, 1), canvas.uniform(0, 1), canvas.uniform(0, 1)
        reach = canvas.top + 0.1
        fall = reach - (y * 2 * reach + canvas.time * (0.18 + 0.2 * size)) % (2 * reach)
        drift = 0.06 * float(np.sin(canvas.time * 0.8 + 9 * y))
        flakes.append((x * canvas.right + drift, fall, 0.014 + 0.022 * size, 0.75))
    canvas.lights(tone, flakes)
    return tone
