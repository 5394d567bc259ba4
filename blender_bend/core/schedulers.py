"""The samplers that a bend strip can choose, by name; the engine knows which diffusers scheduler each is."""

from __future__ import annotations

#: name, label, tooltip
SCHEDULERS: tuple[tuple[str, str, str], ...] = (
    ("own", "Model's Own", "The sampler that the model was published with"),
    ("ddim", "DDIM", "Plain and exact: the sampler of the network-bending papers"),
    ("euler", "Euler", "Fast and even"),
    ("euler_ancestral", "Euler Ancestral", "Adds new noise at every step: livelier, and bends show less"),
    ("dpm", "DPM++ 2M", "The finest pictures in few steps"),
    ("lcm", "LCM", "For LCM and Turbo models: 2 to 8 steps, guidance 1"),
    ("flow_euler", "Flow Euler", "For SD3 and FLUX"),
)
NAMES = tuple(name for name, _, _ in SCHEDULERS)
