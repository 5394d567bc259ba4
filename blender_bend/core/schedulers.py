"""The samplers that a bend strip can choose, with what each lets one choose: one entry is all that a sampler takes.

The engine finds the diffusers class by its name; the interface, the documentation and the tests walk this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import BendError, Code

#: A choice that is left to the model.
AUTO = "auto"
OWN = "own"

Row = tuple[str, str, str]

#: name, label, tooltip
SPACINGS: tuple[Row, ...] = (
    (AUTO, "Model's Own", "Timesteps as the model was published with"),
    ("trailing", "Trailing", "From the very first timestep on: for Turbo, Lightning, Hyper and DMD2 models"),
    ("linspace", "Linspace", "Evenly from the first timestep to the last"),
    (
        "leading",
        "Leading",
        "Evenly, but a little after the first timestep: as Stable Diffusion 1.5 and XL were published",
    ),
)
SIGMAS: tuple[Row, ...] = (
    (AUTO, "Model's Own", "Noise levels as the model was published with"),
    ("karras", "Karras", "More steps at low noise: finer detail in few steps"),
    ("exponential", "Exponential", "Noise levels that fall by an equal factor at every step"),
    ("beta", "Beta", "More steps at high and at low noise, fewer in between"),
)
PREDICTIONS: tuple[Row, ...] = (
    (AUTO, "Model's Own", "What the model's settings say"),
    ("epsilon", "Noise", "The network predicts the noise (epsilon), as most models do"),
    (
        "v_prediction",
        "Velocity",
        "The network predicts the velocity (v-prediction): choose it if the picture is only noise",
    ),
    ("sample", "Picture", "The network predicts the picture itself: one-step Lightning models"),
)

#: The choices by the name of their job field; the name is also what messages call them.
OPTIONS: dict[str, tuple[Row, ...]] = {"spacing": SPACINGS, "sigmas": SIGMAS, "prediction": PREDICTIONS}


def _names(rows: Iterable[Row]) -> tuple[str, ...]:
    return tuple(name for name, _, _ in rows if name != AUTO)


_ANY_SPACING, _ANY_SIGMAS = _names(SPACINGS), _names(SIGMAS)
_NOISE_OR_VELOCITY = ("epsilon", "v_prediction")
_ANY_PREDICTION = _names(PREDICTIONS)


@dataclass(frozen=True)
class Scheduler:
    """One sampler.

    Parameters
    ----------
    name, label, summary : in jobs, in the interface, and its tooltip
    diffusers : the class in diffusers; empty for the model's own
    flow : whether it samples models trained by flow matching
    settings : what makes this sampler of the class
    defaults : for a class whose own defaults are wrong here; not used where the model already has this class
    renamed : settings that the class calls otherwise than the model's scheduler, by the class's name
    spacings, sigmas, predictions : what can be chosen besides the model's own
    spaced_by_hand : whether its timesteps are handed to it, as it has no setting for their spacing
    spaced_by_sigmas : whether the spacing changes nothing once sigmas are chosen
    """

    name: str
    label: str
    summary: str
    diffusers: str = ""
    flow: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    spacings: tuple[str, ...] = ()
    sigmas: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    spaced_by_hand: bool = False
    spaced_by_sigmas: bool = False

    def choices(self, option: str) -> tuple[str, ...]:
        """What can be chosen for an option besides the model's own."""
        return {"spacing": self.spacings, "sigmas": self.sigmas, "prediction": self.predictions}[option]

    def check(self, **chosen: str) -> None:
        """Refuse choices that this sampler does not have.

        Parameters
        ----------
        chosen : by option; ``auto`` is always allowed

        Raises
        ------
        BendError(PARAMETER_INVALID)
        """
        for option, value in chosen.items():
            if value == AUTO or value in self.choices(option):
                continue
            labels = {name: label for name, label, _ in OPTIONS[option]}
            allowed = [labels[AUTO], *(labels[name] for name in self.choices(option))]
            raise BendError(
                Code.PARAMETER_INVALID,
                f"The sampler {self.label} cannot work with {option.title()}: {labels.get(value, value)}.",
                f"Set {option.title()} to {' or '.join(allowed)}, or choose another sampler.",
            )


SCHEDULERS: tuple[Scheduler, ...] = (
    Scheduler(
        OWN,
        "Model's Own",
        "The sampler that the model was published with",
        spacings=_ANY_SPACING,
        sigmas=_ANY_SIGMAS,
        predictions=_ANY_PREDICTION,
    ),
    Scheduler(
        "ddim",
        "DDIM",
        "Plain and exact: the sampler of the network-bending papers; with Trailing also for Hyper models",
        "DDIMScheduler",
        defaults={"clip_sample": False, "set_alpha_to_one": False},
        spacings=_ANY_SPACING,
        predictions=_ANY_PREDICTION,
    ),
    Scheduler(
        "pndm",
        "PNDM",
        "The sampler of Stable Diffusion 1.x; asks the network once more than there are steps",
        "PNDMScheduler",
        settings={"skip_prk_steps": True},
        spacings=_ANY_SPACING,
        predictions=_NOISE_OR_VELOCITY,
    ),
    Scheduler(
        "euler",
        "Euler",
        "Fast and even; with Trailing also for Lightning and SD-Turbo models",
        "EulerDiscreteScheduler",
        spacings=_ANY_SPACING,
        sigmas=_ANY_SIGMAS,
        predictions=_ANY_PREDICTION,
    ),
    Scheduler(
        "euler_ancestral",
        "Euler Ancestral",
        "Adds new noise at every step: livelier, and bends show less",
        "EulerAncestralDiscreteScheduler",
        spacings=_ANY_SPACING,
        predictions=_NOISE_OR_VELOCITY,
    ),
    Scheduler(
        "heun",
        "Heun",
        "Asks the network twice at every step but the last: slower, and closer to the exact path",
        "HeunDiscreteScheduler",
        spacings=_ANY_SPACING,
        sigmas=_ANY_SIGMAS,
        predictions=_NOISE_OR_VELOCITY,
    ),
    Scheduler(
        "dpm",
        "DPM++ 2M",
        "The finest pictures in few steps",
        "DPMSolverMultistepScheduler",
        settings={"algorithm_type": "dpmsolver++", "solver_order": 2},
        spacings=_ANY_SPACING,
        sigmas=_ANY_SIGMAS,
        predictions=_ANY_PREDICTION,
        spaced_by_sigmas=True,
    ),
    Scheduler(
        "dpm_sde",
        "DPM++ 2M SDE",
        "As DPM++ 2M, with new noise at every step: rich detail from 20 steps on",
        "DPMSolverMultistepScheduler",
        settings={"algorithm_type": "sde-dpmsolver++", "solver_order": 2},
        spacings=_ANY_SPACING,
        sigmas=_ANY_SIGMAS,
        predictions=_ANY_PREDICTION,
        spaced_by_sigmas=True,
    ),
    Scheduler(
        "unipc",
        "UniPC",
        "Corrects each step with what the next one finds: good pictures in 5 to 15 steps",
        "UniPCMultistepScheduler",
        spacings=_ANY_SPACING,
        sigmas=_ANY_SIGMAS,
        predictions=_ANY_PREDICTION,
        spaced_by_sigmas=True,
    ),
    Scheduler(
        "lcm",
        "LCM",
        "For LCM and DMD2 models and LCM LoRAs: 2 to 8 steps, guidance 1",
        "LCMScheduler",
        spacings=("trailing",),
        predictions=_ANY_PREDICTION,
        spaced_by_hand=True,
    ),
    Scheduler(
        "tcd",
        "TCD",
        "For TCD LoRAs: 2 to 8 steps, guidance 1, without added noise",
        "TCDScheduler",
        spacings=("trailing",),
        predictions=_ANY_PREDICTION,
        spaced_by_hand=True,
    ),
    Scheduler(
        "flow_euler",
        "Flow Euler",
        "For SD3 and FLUX: the sampler that they were published with",
        "FlowMatchEulerDiscreteScheduler",
        flow=True,
        sigmas=_ANY_SIGMAS,
    ),
    Scheduler(
        "flow_heun",
        "Flow Heun",
        "For SD3 and FLUX: asks the network twice at every step but the last",
        "FlowMatchHeunDiscreteScheduler",
        flow=True,
    ),
    Scheduler(
        "flow_dpm",
        "Flow DPM++ 2M",
        "For SD3 and FLUX: fine pictures in few steps",
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
        "For SD3 and FLUX: corrects each step with what the next one finds",
        "UniPCMultistepScheduler",
        flow=True,
        settings={"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
        renamed={"flow_shift": "shift"},
    ),
    Scheduler(
        "flow_lcm",
        "Flow LCM",
        "For SD3 and FLUX with an LCM kind of LoRA: adds new noise at every step",
        "FlowMatchLCMScheduler",
        flow=True,
        sigmas=_ANY_SIGMAS,
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
        raise BendError(Code.PARAMETER_INVALID, f"There is no sampler '{name}'.", f"Choose one of: {', '.join(NAMES)}.")
    return _BY_NAME[name]


def offered(name: str) -> list[str]:
    """The options that a sampler has; the interface shows no others, and of an unknown sampler none."""
    return [option for option in OPTIONS if name in _BY_NAME and _BY_NAME[name].choices(option)]


def reaching(name: str, **chosen: str) -> dict[str, str]:
    """Of choices those of options that a sampler has; what is not shown does not reach it."""
    return {option: value for option, value in chosen.items() if option in offered(name)}


def acting(name: str, **chosen: str) -> dict[str, str]:
    """Of choices those that change something: neither left to the model nor overruled by another."""
    made = {option: value for option, value in chosen.items() if value != AUTO}
    if "sigmas" in made and scheduler(name).spaced_by_sigmas:
        made.pop("spacing", None)
    return made
