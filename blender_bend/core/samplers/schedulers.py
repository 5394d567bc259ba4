"""The samplers that a bend strip can choose, with what each lets one choose: one entry is all that a sampler takes.

The engine finds the diffusers class by its name; the interface, the documentation and the tests walk this table.
"""

from __future__ import annotations

from ..errors import BendError, Code
from .sampler_choices import (
    ANY_PREDICTION,
    ANY_SIGMAS,
    ANY_SPACING,
    AUTO,
    NOISE_OR_VELOCITY,
    OPTIONS,
    OWN,
    PREDICTIONS,
    SIGMAS,
    SPACINGS,
    SamplerChoices,
    Scheduler,
)

__all__ = ["AUTO", "NAMES", "OPTIONS", "OWN", "PREDICTIONS", "SCHEDULERS", "SIGMAS", "SPACINGS", "Scheduler"]

SCHEDULERS: tuple[Scheduler, ...] = (
    Scheduler(
        OWN,
        "Model's Own",
        "The sampler the model was published with",
        spacings=ANY_SPACING,
        sigmas=ANY_SIGMAS,
        predictions=ANY_PREDICTION,
    ),
    Scheduler(
        "ddim",
        "DDIM",
        "Simple and exact: the sampler of the network bending papers; with Trailing also for Hyper models",
        "DDIMScheduler",
        defaults={"clip_sample": False, "set_alpha_to_one": False},
        spacings=ANY_SPACING,
        predictions=ANY_PREDICTION,
    ),
    Scheduler(
        "pndm",
        "PNDM",
        "The sampler of Stable Diffusion 1.x; evaluates the network once more than there are steps",
        "PNDMScheduler",
        settings={"skip_prk_steps": True},
        spacings=ANY_SPACING,
        predictions=NOISE_OR_VELOCITY,
    ),
    Scheduler(
        "euler",
        "Euler",
        "Fast and consistent; with Trailing also for Lightning and SD-Turbo models",
        "EulerDiscreteScheduler",
        spacings=ANY_SPACING,
        sigmas=ANY_SIGMAS,
        predictions=ANY_PREDICTION,
    ),
    Scheduler(
        "euler_ancestral",
        "Euler Ancestral",
        "Adds new noise at every step: livelier, but bends show less",
        "EulerAncestralDiscreteScheduler",
        spacings=ANY_SPACING,
        predictions=NOISE_OR_VELOCITY,
    ),
    Scheduler(
        "heun",
        "Heun",
        "Evaluates the network twice at every step but the last: slower, but more accurate",
        "HeunDiscreteScheduler",
        spacings=ANY_SPACING,
        sigmas=ANY_SIGMAS,
        predictions=NOISE_OR_VELOCITY,
    ),
    Scheduler(
        "dpm",
        "DPM++ 2M",
        "Best quality in few steps",
        "DPMSolverMultistepScheduler",
        settings={"algorithm_type": "dpmsolver++", "solver_order": 2},
        spacings=ANY_SPACING,
        sigmas=ANY_SIGMAS,
        predictions=ANY_PREDICTION,
        spaced_by_sigmas=True,
    ),
    Scheduler(
        "dpm_sde",
        "DPM++ 2M SDE",
        "Like DPM++ 2M with new noise at every step: rich detail from 20 steps up",
        "DPMSolverMultistepScheduler",
        settings={"algorithm_type": "sde-dpmsolver++", "solver_order": 2},
        spacings=ANY_SPACING,
        sigmas=ANY_SIGMAS,
        predictions=ANY_PREDICTION,
        spaced_by_sigmas=True,
    ),
    Scheduler(
        "unipc",
        "UniPC",
        "Corrects each step with the next one's prediction: good quality in 5 to 15 steps",
        "UniPCMultistepScheduler",
        spacings=ANY_SPACING,
        sigmas=ANY_SIGMAS,
        predictions=ANY_PREDICTION,
        spaced_by_sigmas=True,
    ),
    Scheduler(
        "lcm",
        "LCM",
        "For LCM and DMD2 models and LCM LoRAs: 2 to 8 steps, guidance 1",
        "LCMScheduler",
        spacings=("trailing",),
        predictions=ANY_PREDICTION,
        spaced_by_hand=True,
    ),
    Scheduler(
        "tcd",
        "TCD",
        "For TCD LoRAs: 2 to 8 steps, guidance 1, without added noise",
        "TCDScheduler",
        spacings=("trailing",),
        predictions=ANY_PREDICTION,
        spaced_by_hand=True,
    ),
    Scheduler(
        "flow_euler",
        "Flow Euler",
        "For SD3 and FLUX: the sampler they were published with",
        "FlowMatchEulerDiscreteScheduler",
        flow=True,
        sigmas=ANY_SIGMAS,
    ),
    Scheduler(
        "flow_heun",
        "Flow Heun",
        "For SD3 and FLUX: evaluates the network twice at every step but the last",
        "FlowMatchHeunDiscreteScheduler",
        flow=True,
    ),
    Scheduler(
        "flow_dpm",
        "Flow DPM++ 2M",
        "For SD3 and FLUX: good quality in few steps",
        "DPMSolverMultistepScheduler",
        flow=True,
        settings={
            "algorithm_type": "dpmsolver++",
            "solver_order": 2,
            "use_flow_sigmas": True,
            "prediction_type": "flow_prediction",
        },
        renamed={"flow_shift": "shift"},
    ),
    Scheduler(
        "flow_unipc",
        "Flow UniPC",
        "For SD3 and FLUX: corrects each step with the next one's prediction",
        "UniPCMultistepScheduler",
        flow=True,
        settings={"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
        renamed={"flow_shift": "shift"},
    ),
    Scheduler(
        "flow_lcm",
        "Flow LCM",
        "For SD3 and FLUX with an LCM-type LoRA: adds new noise at every step",
        "FlowMatchLCMScheduler",
        flow=True,
        sigmas=ANY_SIGMAS,
    ),
)
NAMES = tuple(scheduler.name for scheduler in SCHEDULERS)

_BY_NAME = {scheduler.name: scheduler for scheduler in SCHEDULERS}


def scheduler(name: str) -> Scheduler:
    """The sampler of a name.

    Raises
    ------
    BendError(PARAMETER_INVALID)
    """
    if name not in _BY_NAME:
        raise BendError(Code.PARAMETER_INVALID, f"Sampler '{name}' not found.", f"Choose one of: {', '.join(NAMES)}.")
    return _BY_NAME[name]


def offered(name: str) -> list[str]:
    """The options that a sampler has; the interface shows no others, and of an unknown sampler none."""
    return [option for option in OPTIONS if name in _BY_NAME and _BY_NAME[name].choices(option)]


def reaching(name: str, *, spacing: str, sigmas: str, prediction: str) -> SamplerChoices:
    """Of choices those of options that a sampler has; what is not shown does not reach it."""
    reached, has = SamplerChoices(), offered(name)
    if "spacing" in has:
        reached["spacing"] = spacing
    if "sigmas" in has:
        reached["sigmas"] = sigmas
    if "prediction" in has:
        reached["prediction"] = prediction
    return reached


def acting(name: str, *, spacing: str = AUTO, sigmas: str = AUTO, prediction: str = AUTO) -> SamplerChoices:
    """Of choices those that change something: neither left to the model nor overruled by another."""
    made: SamplerChoices = {}
    if spacing != AUTO and (sigmas == AUTO or not scheduler(name).spaced_by_sigmas):
        made["spacing"] = spacing
    if sigmas != AUTO:
        made["sigmas"] = sigmas
    if prediction != AUTO:
        made["prediction"] = prediction
    return made
