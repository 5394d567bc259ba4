"""Jobs of all kinds, the same ones every time: for what must not change when the code behind it does."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace

from blender_bend.core import catalogue
from blender_bend.core.catalogue import strip
from blender_bend.core.job.job import Bend, Embedding, Frame, Job, Lora, SoundCondition

SITES = (
    "latent",
    " noise",
    "prediction",
    "guidance",
    "text",
    "unet:mid_block ",
    "unet:**.attn2",
    "vae:decoder.mid_block",
    "lora:Café",
    "lora:*",
)
#: Those that there were when the keys were written down: one that is added later changes none of these jobs.
OPERATORS = [
    "add",
    "subtract",
    "multiply",
    "invert_offset",
    "invert_sign",
    "threshold",
    "binary_threshold",
    "soft_threshold",
    "shrink_threshold",
    "power",
    "absolute",
    "log",
    "clamp",
    "rescale",
    "sine",
    "quantise",
    "rotate_channels",
    "six_plane_rotation",
    "channel_matrix",
    "reflect",
    "hadamard",
    "permute_channels",
    "roll_channels",
    "rotate_picture",
    "zoom",
    "translate",
    "shear",
    "flip",
    "mirror",
    "kaleidoscope",
    "ripple",
    "dilate",
    "erode",
    "open",
    "close",
    "gradient",
    "sobel",
    "blur",
    "sharpen",
    "low_gain",
    "high_gain",
    "band_gain",
    "phase_shift",
    "spectrum_swap",
    "spectral_noise",
    "add_noise",
    "add_sparse",
    "dropout",
    "random_rows",
    "random_columns",
    "blend_noise",
    "add_bump",
    "normalise",
    "matrix_exponential",
    "add_direction",
]
SAMPLERS = [
    "own",
    "ddim",
    "pndm",
    "euler",
    "euler_ancestral",
    "heun",
    "dpm",
    "dpm_sde",
    "unipc",
    "lcm",
    "tcd",
    "flow_euler",
    "flow_heun",
    "flow_dpm",
    "flow_unipc",
    "flow_lcm",
]
CHANNELS = ("all", "0-3,7", "random  25%", "top 16", "cluster 2 of 8", " ALL ")
PROMPTS = ("a calm sea", "a (burning:1.2) forest", "eine Straße im cat-toy Stil", "夜の街")


def digest(text: object) -> str:
    """A digest of anything."""
    return hashlib.sha256(str(text).encode()).hexdigest()


def jobs(count: int = 80) -> list[Job]:
    """Jobs whose settings are drawn from everything that a job can have."""
    return [_job(random.Random(number)) for number in range(count)]


def _bend(chance: random.Random, number: int) -> Bend:
    operator = catalogue.operator(chance.choice(OPERATORS))
    start, end = sorted((round(chance.random(), 3), round(chance.random(), 3)))
    return Bend(
        f"Bend {number}",
        operator.name,
        chance.choice(SITES),
        start,
        end,
        chance.choice(CHANNELS),
        {choice.name: chance.choice(choice.options) for choice in operator.choices if chance.random() < 0.5},
        chance.choice(catalogue.REGIONS).name,
        chance.random() < 0.3,
        chance.choice(catalogue.RESTORATIONS)[0],
    )


def _values(chance: random.Random, bend: Bend) -> dict[str, float]:
    values = {}
    for parameter in catalogue.animated_parameters(bend.operator, bend.region):
        if chance.random() < 0.7:
            values[parameter.name] = chance.choice(
                (parameter.neutral or 0.0, parameter.default, chance.uniform(-3, 3), 1e9, -0.0, 0.1234567)
            )
    return values


def _frame(chance: random.Random, number: int, bends: tuple[Bend, ...], sounds: bool, pictured: bool) -> Frame:
    prompts = tuple((chance.choice(PROMPTS), chance.random()) for _ in range(chance.randint(1, 2)))
    # The hue's limit came later: jobs without it keep their frames.
    named = [p.name for group in strip.BY_SOURCE.values() for p in group if p != strip.HUE_LIMIT]
    return Frame(
        number,
        prompts,
        tuple(_values(chance, bend) for bend in bends),
        chance.choice((None, chance.random() * 3)),
        {name: chance.uniform(-1, 2) for name in named if chance.random() < 0.3},
        digest(chance.random()) if pictured else "",
        tuple(digest(chance.random()) for _ in bends),
        sound=((digest(chance.random()), chance.random()),) if sounds and chance.random() < 0.7 else (),
    )


def _job(chance: random.Random) -> Job:
    bends = tuple(_bend(chance, number) for number in range(chance.randint(0, 4)))
    source = chance.choice(tuple(strip.BY_SOURCE))
    sounds, pictured = chance.random() < 0.4, source == "pictures"
    frames = tuple(_frame(chance, number, bends, sounds, pictured) for number in range(12))
    # Neighbours that are equal, or differ in what no picture shows.
    frames += tuple(replace(frame, number=frame.number + 100) for frame in frames[:3])
    size = chance.choice(((64, 64), (512, 768), (1024, 1024)))
    sound_condition = SoundCondition(
        "a", digest(1), "p", digest(2), chance.random() < 0.5, 0.0, chance.random(), {"mid_block": chance.random()}
    )
    return Job(
        "m",
        digest("model"),
        size,
        chance.randint(1, 30),
        chance.choice((0.0, 1.0, 7.5)),
        chance.randrange(2**32),
        chance.choice(("", "blurry cat-toy")),
        bends,
        frames,
        walk_amount=chance.choice((0.0, 0.3)),
        precision=chance.choice(("float32", "float16", "bfloat16")),
        source=source,
        scheduler=chance.choice(SAMPLERS),
        blending=chance.choice(("linear", "spherical")),
        decoder=chance.choice(("", "d")),
        decoder_fingerprint=digest("decoder"),
        loras=tuple(
            Lora(name, "p", digest(name), chance.choice((0.0, 1.0)))
            for name in ("Café", "other")[: chance.randint(0, 2)]
        ),
        batch=chance.choice((1, 4)),
        sound_condition=sound_condition if sounds else None,
        editing=pictured and chance.random() < 0.5,
        decode=chance.choice(("whole", "tiled")),
        prediction=chance.choice(("auto", "v_prediction")),
        prompt_weights=chance.random() < 0.5,
        clip_skip=chance.choice((0, 2)),
        embeddings=(Embedding("cat-toy", "p", digest("toy")),) if chance.random() < 0.5 else (),
    )
