"""What can be chosen of samplers, and how one is described; the table itself is ``core.samplers.schedulers``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from ..errors import BendError, Code

#: A choice that is left to the model.
AUTO = "auto"
OWN = "own"

Row = tuple[str, str, str]


class SamplerChoices(TypedDict, total=False):
    """Of the options of a sampler those that are chosen instead of the model's own."""

    spacing: str
    sigmas: str
    prediction: str


#: name, label, tooltip
SPACINGS: tuple[Row, ...] = (
    (AUTO, "Model's Own", "The spacing the model was published with"),
    ("trailing", "Trailing", "Starting at the very first timestep, for Turbo, Lightning, Hyper and DMD2 models"),
    ("linspace", "Linspace", "Evenly from the first timestep to the last"),
    (
        "leading",
        "Leading",
        "Evenly, starting a little after the first timestep, as published for Stable Diffusion 1.5 and XL",
    ),
)
SIGMAS: tuple[Row, ...] = (
    (AUTO, "Model's Own", "The noise levels the model was published with"),
    ("karras", "Karras", "More steps at low noise: finer detail in few steps"),
    ("exponential", "Exponential", "Noise levels decrease by the same factor at every step"),
    ("beta", "Beta", "More steps at high and at low noise, fewer in between"),
)
PREDICTIONS: tuple[Row, ...] = (
    (AUTO, "Model's Own", "Use the model's settings"),
    ("epsilon", "Noise", "The network predicts the noise (epsilon), like most models"),
    (
        "v_prediction",
        "Velocity",
        "The network predicts the velocity (v-prediction): choose it if the picture is only noise",
    ),
    ("sample", "Picture", "The network predicts the picture itself, like one-step Lightning models"),
)

#: The choices by the name of their job field; the name is also what messages call them.
OPTIONS: dict[str, tuple[Row, ...]] = {"spacing": SPACINGS, "sigmas": SIGMAS, "prediction": PREDICTIONS}


def names(rows: Iterable[Row]) -> tuple[str, ...]:
    """What can be chosen besides the model's own."""
    return tuple(name for name, _, _ in rows if name != AUTO)


ANY_SPACING, ANY_SIGMAS = names(SPACINGS), names(SIGMAS)
NOISE_OR_VELOCITY = ("epsilon", "v_prediction")
ANY_PREDICTION = names(PREDICTIONS)


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

    def config(self) -> dict[str, Any]:
        """The class and what makes this sampler of it, by diffusers' names."""
        return {"_class_name": self.diffusers, **self.defaults, **self.settings}

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
                f"The sampler {self.label} doesn't support {option.title()}: {labels.get(value, value)}.",
                f"Set {option.title()} to {' or '.join(allowed)}, or choose another sampler.",
            )
