"""Space: nebula, galaxy, ringed planet, eclipse."""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, lighten, mix, smooth


def nebula(canvas: Canvas) -> Array:
    """Glowing gas with dark lanes and bright rims, lit by a young star."""
    warp = canvas.noise(0.25, slope=2.2, lowest=1, highest=6)
    gas = canvas.noise(0.2, slope=1.5, lowest=1, highest=16)
    lanes = canvas.noise(0.15, slope=1.7, lowest=2, highest=12)
    x, y = canvas.uniform(-0.4, 0.4), canvas.uniform(-0.35, 0.35)
    u, v = canvas.turned(x, y, canvas.uniform(0, 3.14) + 0.02 * canvas.time)
    bend = warp(u * 0.30, v * 0.30)
    side = warp(u * 0.30 + 0.5, v * 0.30 + 0.37)
    u2, v2 = u * 0.30 + 0.13 * bend, v * 0.40 + 0.13 * side
    thick = gas(u2, v2) + 0.30 - 0.75 * np.square(v) - 0.22 * np.square(u)
    cloud = smooth(-0.45, 0.95, thick)
    rim = np.exp(-np.square(lanes(u2, v2) / 0.16))
    lane = smooth(0.25, 0.75, lanes(u2 + 0.4, v2 + 0.2))
    tone = 0.03 + 0.72 * cloud**1.4 + 0.26 * rim * cloud
    tone = tone * (1 - 0.62 * lane * smooth(0.1, 0.6, cloud))
    tone = lighten(tone, 0.65 * canvas.glow(x, y, 0.24) * (0.35 + 0.65 * cloud))
    canvas.stars(tone, 45)
    canvas.lights(tone, [(x, y, 0.045, 0.9)])
    return tone


def galaxy(canvas: Canvas) -> Array:
    """A spiral galaxy, tilted, turning."""
    x, y = canvas.uniform(-0.15, 0.15), canvas.uniform(-0.12, 0.12)
    u, v = canvas.turned(x, y, canvas.uniform(0, 3.14))
    v = v / canvas.uniform(0.5, 0.85)
    wind, arms, hand = canvas.uniform(2.6, 3.8), canvas.integer(2, 3), canvas.sign()
    lumps = canvas.noise(0.1, slope=1.3, lowest=2, highest=20)
    radius = np.hypot(u, v)
    angle = np.arctan2(v, u) * hand - 0.25 * canvas.time
    swirl = angle + wind * np.log(radius + 0.12)
    dust = lumps(0.3 * radius * np.cos(angle), 0.3 * radius * np.sin(angle))
    arm = 0.5 + 0.5 * np.cos(arms * swirl + 0.8 * dust)
    arm = arm ** (1.2 + 1.8 * np.clip(radius, 0, 1))
    disc = np.exp(-np.square(radius / 0.74))
    tone = 0.02 + disc * (0.10 + 0.78 * arm * (0.85 + 0.5 * dust)) * (1 - 0.3 * np.exp(-radius * 9))
    tone = lighten(tone, 1.1 * np.exp(-np.square(radius / 0.15)) + 0.35 * np.exp(-radius * 4.5))
    canvas.stars(tone, 36)
    return tone


def planet(canvas: Canvas) -> Array:
    """A banded planet with a broad ring, lit from one side."""
    radius = canvas.uniform(0.43, 0.52)
    x, y, tilt = canvas.uniform(-0.15, 0.15), canvas.uniform(-0.12, 0.12), canvas.uniform(0.12, 0.5) * canvas.sign()
    flat, light, bands = canvas.uniform(0.22, 0.34), canvas.sign(), canvas.uniform(2.0, 3.2)
    weather = canvas.noise(0.05, slope=1.8, lowest=1, highest=10)
    haze = canvas.noise(0.05, slope=2.6, highest=4)
    tone = 0.05 + 0.10 * smooth(-0.4, 1.0, haze(canvas.x * 0.3, canvas.y * 0.3))
    canvas.stars(tone, 32)
    u, v = canvas.turned(x, y, tilt)
    distance = np.hypot(u, v)
    depth = np.sqrt(np.clip(1 - np.square(distance / radius), 0, 1))
    storms = weather(np.arcsin(np.clip(u / radius, -1, 1)) * 0.16 + 0.03 * canvas.time, v / radius * 0.5)
    band = 0.5 + 0.5 * np.sin(bands * 3.14 * v / radius + 1.6 * storms)
    lit = smooth(-0.25, 0.95, (light * 0.75 * u + 0.35 * v) / radius + 0.62 * depth)
    body = (0.34 + 0.5 * band) * lit + 0.12 * lit**6 + 0.03
    disc = canvas.inside(distance - radius)
    tone = lighten(tone, 0.30 * np.exp(-np.clip(distance - radius, 0, 9) * 9) * (0.4 + 0.6 * lit))
    ring_distance = np.hypot(u, v / flat) / radius
    ring_tone = 0.52 + 0.30 * np.cos(ring_distance * 9.5) + 0.1 * light * u / radius
    ring = smooth(1.32, 1.40, ring_distance) * smooth(2.12, 2.02, ring_distance)
    ring = ring * (1 - 0.85 * np.exp(-np.square((ring_distance - 1.78) / 0.045)))
    behind = smooth(-0.02, 0.02, v)
    tone = mix(tone, ring_tone, ring * behind * (1 - disc))
    tone = mix(tone, body, disc)
    tone = tone * (1 - 0.35 * disc * smooth(0.3, 0.0, np.abs(ring_distance - 1.05)) * (1 - behind))
    return mix(tone, ring_tone, ring * (1 - behind))


def eclipse(canvas: Canvas) -> Array:
    """A black sun in its streaming corona."""
    x, y, radius = canvas.uniform(-0.12, 0.12), canvas.uniform(-0.1, 0.15), canvas.uniform(0.36, 0.44)
    rays = canvas.noise(0.35, slope=1.5, lowest=1, highest=12)
    bead = canvas.uniform(0, 6.28)
    distance, angle = canvas.polar(x, y)
    out = np.clip(distance - radius, 0, 9)
    streams = rays(np.cos(angle) * 0.42 + 0.05 * distance, np.sin(angle) * 0.42)
    reach = 0.17 + 0.16 * np.clip(streams + 0.5, 0, 2)
    tone = 0.03 + 0.62 * np.exp(-out / reach) + 0.5 * np.exp(-out * 22)
    tone = tone + 0.10 * np.exp(-out * 1.4)
    canvas.stars(tone, 35)
    tone = mix(tone, 0.015, canvas.inside(distance - radius, 2))
    bx, by = x + radius * float(np.cos(bead)), y + radius * float(np.sin(bead))
    strength = 0.9 + 0.1 * float(np.sin(canvas.time * 1.3))
    flare = canvas.glow(bx, by, 0.14) * strength + 0.35 * canvas.glow(bx, by, 0.4)
    return lighten(tone, flare * (0.35 + 0.65 * (1 - canvas.inside(distance - radius, 2))))
