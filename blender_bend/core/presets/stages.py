"""How an operator is shown in a small picture: where, when and how strongly what it does can be seen best."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .. import catalogue
from ..job.job import Bend, Job


@dataclass(frozen=True)
class Stage:
    """Where an operator acts in its picture, and with which settings.

    Parameters
    ----------
    start, end : shares of the denoising
    values, choices : those that are not named are those of a new bend
    """

    site: str = "latent"
    start: float = 0.75
    end: float = 0.75
    values: dict[str, float] = field(default_factory=dict)
    choices: dict[str, str] = field(default_factory=dict)


#: By operator; for the others the stage is as it comes.
STAGES: dict[str, Stage] = {
    "add": Stage(values={"amount": 1.2}),
    "subtract": Stage(values={"amount": 1.0}),
    "multiply": Stage(values={"factor": 2.2}),
    "threshold": Stage(values={"level": 1.2}),
    "soft_threshold": Stage(values={"level": 1.0}),
    "shrink_threshold": Stage(values={"level": 1.2}),
    "power": Stage(values={"exponent": 1.75}),
    "clamp": Stage(values={"low": -0.5, "high": 0.5}),
    "rescale": Stage(values={"low": -1.0, "high": 1.0}),
    "sine": Stage(values={"frequency": 3.0}),
    "quantise": Stage(values={"interval": 1.6}),
    "rotate_channels": Stage(values={"angle": 1.6}),
    "channel_matrix": Stage(values={"amount": 1.0}),
    "rotate_picture": Stage(values={"angle": 0.6}),
    "zoom": Stage(values={"factor": 1.7}),
    "translate": Stage(values={"x": 0.25, "y": 0.15}),
    "shear": Stage(values={"x": 0.6}),
    "ripple": Stage(values={"amplitude": 5.0}),
    "gradient": Stage(values={"mix": 0.5}),
    "sobel": Stage(values={"mix": 0.5}),
    "blur": Stage(values={"radius": 2.0}),
    "sharpen": Stage(values={"amount": 2.5}),
    "low_gain": Stage(values={"gain": 2.2}),
    "high_gain": Stage(values={"gain": 2.5}),
    "band_gain": Stage(values={"gain": 3.0}),
    "phase_shift": Stage(values={"angle": 1.6}),
    "spectrum_swap": Stage(values={"amount": 1.0}),
    "spectral_noise": Stage(values={"amount": 1.0}),
    "add_noise": Stage(values={"amount": 0.9}),
    "add_sparse": Stage(values={"amount": 4.0}),
    "dropout": Stage(values={"fraction": 0.6}),
    "random_rows": Stage(values={"amount": 3.0}),
    "random_columns": Stage(values={"amount": 3.0}),
    "blend_noise": Stage(values={"amount": 0.8}),
    "add_bump": Stage(values={"amount": 4.0}),
    "add_direction": Stage(site="unet:mid_block", start=0.0, end=1.0, values={"amount": 4.0}),
}


def job_bent(job: Job, operator: str) -> Job:
    """The first frame of a job with one operator as its picture shows it, and no other bend.

    Raises
    ------
    BendError if the operator does not go with the job's model
    """
    stage = STAGES.get(operator, Stage())
    kind = stage.site.partition(":")[0]
    described = catalogue.operator(operator)
    parameters = catalogue.animated_parameters(operator)
    values = {parameter.name: parameter.default_at(kind) for parameter in parameters} | stage.values
    choices = {choice.name: choice.default for choice in described.choices} | stage.choices
    bend = Bend(described.label, operator, stage.site, stage.start, stage.end, choices=choices)
    bent = replace(job, bends=(bend,), frames=(replace(job.frames[0], values=(values,), masks=()),))
    bent.check()
    return bent
