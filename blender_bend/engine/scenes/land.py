"""Land: mountains, desert, forest, skyline, snow."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, Draw, lighten, mix, smooth


def mountains(canvas: Canvas) -> Array:
    """High snowy peaks behind darker and darker ridges, with haze between."""
    tone = canvas.sky(0.44, 0.84, -0.3)
    x, y = canvas.uniform(0.25, 0.7) * canvas.sign(), canvas.uniform(0.5, 0.75)
    distance, _ = canvas.polar(x, y)
    tone = lighten(tone, 0.45 * canvas.glow(x, y, 0.4))
    tone = mix(tone, 1.0, canvas.inside(distance - 0.12, 2))
    light = 1.0 if x > 0 else -1.0
    fold = canvas.noise(0.0, slope=1.5, lowest=1, highest=12)
    slide = canvas.x + 0.012 * canvas.time
    for _ in range(3):
        peak, tall = canvas.uniform(-0.9, 0.9) * canvas.right, canvas.uniform(0.25, 0.55)
        rough = canvas.profile(frequency=0.9, octaves=4, gain=0.5, ridged=True)
        steep = canvas.uniform(0.8, 1.15)
        top = tall - steep * np.abs(slide - peak) + 0.09 * rough(slide)
        below = top - canvas.y
        crag = fold(slide * 0.45, canvas.y * 0.30)
        spine = peak + 0.22 * crag * np.clip(2 * below, 0, 1) - light * 0.10 * below
        shaded = smooth(-0.02, 0.02, (spine - slide) * light)
        rock = mix(0.56, 0.30, shaded) + 0.30 * smooth(0.15, 0.9, below)
        snow = smooth(0.03, -0.03, below - 0.22 - 0.22 * crag)
        face = mix(rock, mix(0.97, 0.66, shaded), snow)
        tone = mix(tone, np.clip(face, 0, 1), canvas.inside(-below))
    for layer in range(3):
        ridge = canvas.profile(frequency=0.5 + 0.12 * layer, octaves=5, gain=0.45, ridged=True)
        top = -0.22 - 0.27 * layer + 0.20 * ridge(canvas.x + 0.012 * (2 + layer) * canvas.time)
        face = 0.38 - 0.15 * layer + (0.26 - 0.08 * layer) * smooth(0.0, 0.4, top - canvas.y)
        tone = mix(tone, face, canvas.inside(canvas.y - top))
    return tone


def desert(canvas: Canvas) -> Array:
    """Dunes with winding crests, one side lit and one in shadow, under a hot sun."""
    tone = canvas.sky(0.50, 0.92, -0.1)
    light = canvas.sign()
    x, y = light * canvas.uniform(0.25, 0.65), canvas.uniform(0.42, 0.7)
    distance, _ = canvas.polar(x, y)
    tone = lighten(tone, 0.5 * canvas.glow(x, y, 0.35))
    tone = mix(tone, 1.0, canvas.inside(distance - 0.14, 2))
    far = canvas.profile(frequency=0.35, octaves=3)
    tone = mix(tone, 0.70, canvas.inside(canvas.y - 0.04 - 0.07 * far(canvas.x)))
    for layer in range(4):
        line = canvas.profile(0.2, frequency=0.30, octaves=2, gain=0.3)
        crest = canvas.uniform(0.15, 0.75) * (-1) ** layer * light
        wide, tall = canvas.uniform(0.45, 0.7) + 0.08 * layer, canvas.uniform(0.26, 0.36) + 0.04 * layer
        away = (canvas.x - crest - 0.04 * float(np.sin(0.3 * canvas.time + layer))) / wide
        bump = tall / (1 + np.square(np.sqrt(away * away + 0.01) * 1.4))
        top = -0.24 - 0.24 * layer + 0.07 * line(canvas.x) + bump
        below = top - canvas.y
        fall = np.clip(below, 0, 2)
        ridge = crest + light * (0.9 * fall**1.5 - 0.18 * np.sin(7 * fall + layer)) * wide
        shadow = smooth(-0.02, 0.02, light * (ridge - canvas.x)) * smooth(0.75, 0.45, fall)
        lit = 0.84 - 0.07 * layer - 0.22 * np.clip(fall, 0, 1)
        dark = 0.38 - 0.06 * layer + 0.25 * np.clip(fall, 0, 1)
        tone = mix(tone, mix(lit, dark, shadow), canvas.inside(-below))
    return tone


def forest(canvas: Canvas) -> Array:
    """Tall trunks under leafy crowns in bright fog, beams of light falling between them."""
    lean, source = canvas.uniform(0.3, 0.6) * canvas.sign(), canvas.uniform(-0.35, 0.35)
    tone = canvas.sky(0.72, 0.62, -0.7)
    tone = lighten(tone, 0.75 * canvas.glow(source, 0.25, 0.6))
    leaf = canvas.noise(0.25, slope=1.2, lowest=3, highest=16)
    span = 2 * canvas.right + 0.6
    for layer in range(3):
        dark = 0.52 - 0.21 * layer
        floor = -0.52 - 0.16 * layer
        count = round((9, 6, 4)[layer] * span / 2.6)
        mask = canvas.blank()
        for trunk in range(count):
            place = (trunk + canvas.uniform(0.2, 0.8)) * span / count + 0.012 * (layer + 1) * canvas.time
            place, thick = place % span - span / 2, (0.026, 0.044, 0.075)[layer] * canvas.uniform(0.75, 1.25)
            tilt, bow = canvas.uniform(-0.06, 0.06), canvas.uniform(-0.05, 0.05)
            axis = place + tilt * canvas.y + bow * canvas.y * canvas.y
            flare = thick * (1 + 0.9 * np.exp(np.clip(-(canvas.y - floor) * 8, -9, 0.3)))
            mask = np.maximum(mask, canvas.inside(np.abs(canvas.x - axis) - flare, 1))
        leaves = leaf(canvas.x * 0.45 + 0.3 * layer, canvas.y * 0.45 + 0.2 * layer)
        crown = smooth(0.0, 0.12, canvas.y - 0.62 * canvas.top - 0.12 * (1 - layer) + 0.22 * leaves)
        ground = smooth(0.03, -0.03, canvas.y - floor - 0.10 * leaves)
        mask = np.maximum(mask, np.maximum(crown * 0.92, ground))
        tone = mix(tone, dark + 0.05 * leaves, mask)
        if layer < 2:
            ray = canvas.profile(0.4, frequency=0.9, octaves=2)((canvas.x - source) - lean * (0.9 - canvas.y))
            tone = lighten(tone, 0.30 * smooth(0.0, 0.8, ray) * smooth(-0.9, 0.6, canvas.y))
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
            wide = canvas.uniform(0.24, 0.40)
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
            columns = max(2, round(wide / 0.105))
            rows = int((tall - river - 0.05) / 0.135)
            lit = canvas.random.random((rows, columns)) < 0.30 + 0.25 * layer
            for row, column in zip(*np.nonzero(lit), strict=True):
                wx = left + wide * (column + 0.5) / columns
                wy = tall - 0.10 - 0.135 * row
                glow = (0.62 + 0.36 * layer) * (0.9 + 0.1 * float(np.sin(phase + row * 2.4 + column + canvas.time)))
                canvas.stamp(tone, wx, wy, 0.06, _window(glow, canvas.pixel))
                canvas.stamp(tone, wx, 2 * river - wy, 0.06, _window(glow * 0.75, canvas.pixel))
            left += wide * (1.02 if layer == 0 else canvas.uniform(1.0, 1.7))
    return tone * (1 - 0.28 * smooth(river, river - 0.02, canvas.y))


def _window(glow: float, pixel: float) -> Draw:
    def draw(tone: Array, x: Array, y: Array) -> Array:
        mask = np.clip(0.5 - np.maximum(np.abs(x) - 0.028, np.abs(y) - 0.040) / (1.6 * pixel), 0, 1)
        return mix(tone, glow, mask)

    return draw


def snow(canvas: Canvas) -> Array:
    """White hills with dark firs, while thick flakes fall."""
    tone = canvas.sky(0.38, 0.66, -0.3)
    for layer in range(3):
        line = canvas.profile(frequency=0.32 + 0.06 * layer, octaves=2, gain=0.3)
        ground = -0.08 - 0.33 * layer + 0.12 * line(canvas.x)
        size = 0.48 + 0.18 * layer
        for _ in range(3 - layer // 2):
            x = canvas.uniform(-canvas.right, canvas.right)
            foot = -0.08 - 0.33 * layer + 0.12 * float(line(np.array([x], np.float32))[0]) - 0.03
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
    for _ in range(30):
        x, y, size = canvas.uniform(-1, 1), canvas.uniform(0, 1), canvas.uniform(0, 1)
        reach = canvas.top + 0.1
        fall = reach - (y * 2 * reach + canvas.time * (0.18 + 0.2 * size)) % (2 * reach)
        drift = 0.06 * float(np.sin(canvas.time * 0.8 + 9 * y))
        flakes.append((x * canvas.right + drift, fall, 0.022 + 0.026 * size, 0.80))
    canvas.lights(tone, flakes)
    return tone
