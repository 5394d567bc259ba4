"""What suits a checkpoint in one file: read from its content, or guessed from its name and said to be a guess.

A name decides nothing: pictures depend on content alone. It may only be put into words, for the artist to act on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..checkpoints import single_files
from ..checkpoints.training_marks import V, named_few_steps, named_prediction
from ..errors import BendError
from ..samplers.few_steps import BY_NAME, FewSteps
from ..samplers.schedulers import scheduler
from ..wording import counted

_STEPS = re.compile(r"(?<!\d)(\d{1,2})[ _-]?steps?(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Suggestion:
    """What suits a model.

    Parameters
    ----------
    words : one or two sentences for the panel
    steps : from, to; None if any number that the sampler takes
    guidance : None if the usual
    sampler, spacing, prediction : what to choose on the strip; empty where the model's own is right
    """

    words: str
    steps: tuple[int, int] | None = None
    guidance: float | None = None
    sampler: str = ""
    spacing: str = ""
    prediction: str = ""


def suggestions_for(file: Path) -> Suggestion | None:
    """What suits a checkpoint; None if it says nothing, or is none.

    Parameters
    ----------
    file : a single file
    """
    try:
        kind = single_files.kind_of(file)
        marks = single_files.marks(file, kind)
    except BendError:
        return None
    read, guessed = marks.few_steps, named_few_steps(file.stem)
    few = BY_NAME.get(read or guessed)
    v_guessed = not marks.prediction and named_prediction(file.stem) == V
    said = []
    if few:
        steps, guidance, sampler = _steps(few, file.stem), _guidance(few), scheduler(few.scheduler).label
        model = "This model" if read else "Judging by its name, this model"
        suits = f"{model} is {few.called}: {_range(steps)}, guidance {guidance:g}"
        said.append(f"{suits}." if read else f"{suits}, sampler {sampler}, spacing Trailing.")
    elif marks.prediction == V:
        said.append(
            f"This model uses v-prediction{' with zero terminal SNR' if marks.zero_snr else ''} and is "
            "sampled accordingly."
        )
    if v_guessed:
        said.append(
            "Judging by its name, it uses v-prediction: if pictures are gray or burnt, set Prediction to Velocity."
        )
    if not said:
        return None
    words, prediction = " ".join(said), "v_prediction" if v_guessed else ""
    if not few:
        return Suggestion(words, prediction=prediction)
    if read:
        return Suggestion(words, steps, guidance, prediction=prediction)
    return Suggestion(words, steps, guidance, sampler, "trailing", prediction)


def _steps(few: FewSteps, name: str) -> tuple[int, int]:
    if found := _STEPS.search(name):
        return int(found[1]), int(found[1])
    return few.steps[0], few.steps[-1]


def _guidance(few: FewSteps) -> float:
    """The middle of what it takes."""
    return sum(few.guidance) / 2


def _range(steps: tuple[int, int]) -> str:
    first, last = steps
    return f"{first} to {last} steps" if first < last else counted(last, "step")
