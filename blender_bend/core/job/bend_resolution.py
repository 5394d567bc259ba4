"""The bends of a job as frames have them: what is the same for every frame is read once a job."""

from __future__ import annotations

import functools

from .. import catalogue
from ..bends import channel_selection, sites
from ..catalogue import Parameter
from ..site_kinds import SiteKind
from .job import Bend
from .resolved import BendOfJob, ResolvedBend


def settle(value: float) -> float:
    """A value as jobs hold it: six decimals, so that a float32 curve read twice gives the same frame."""
    return round(float(value), 6) + 0.0


def within(parameter: Parameter, values: dict[str, float]) -> float:
    """A settled value, kept within the limits of its parameter."""
    value = values.get(parameter.name, parameter.default)
    return settle(min(max(value, parameter.minimum), parameter.maximum))


class JobBend:
    """One bend of a job.

    Parameters
    ----------
    steps : how many denoising steps the job has
    """

    def __init__(self, bend: Bend, steps: int) -> None:
        self.bend, self._steps = bend, steps
        self._operator = catalogue.operator(bend.operator)
        self._parameters = catalogue.animated_parameters(bend.operator, bend.region)
        self._windows: dict[tuple[int, int], tuple[int, int]] = {}

    @functools.cached_property
    def _site(self) -> sites.Site:
        return sites.parse(self.bend.site)

    @functools.cached_property
    def _window(self) -> tuple[int, int]:
        return sites.window_steps(self._site.kind, self.bend.start, self.bend.end, self._steps)

    @functools.cached_property
    def _same(self) -> BendOfJob:
        """What all frames have in common; the choices are theirs as well, and nobody changes them."""
        bend = self.bend
        return {
            "name": bend.name,
            "operator": bend.operator,
            "site": str(self._site),
            "channels": str(channel_selection.parse(bend.channels)),
            "choices": {
                choice.name: bend.choices.get(choice.name, choice.default) for choice in self._operator.choices
            },
            "region": bend.region,
            "inverted": bend.inverted and bend.region != catalogue.EVERYWHERE,
            "restore": bend.restore,
        }

    def resolve(self, values: dict[str, float], mask: str, start: int) -> ResolvedBend | None:
        """The bend on one frame; None if it changes nothing there.

        Parameters
        ----------
        values : its animated parameters by name
        mask : digest of its mask picture
        start : the step at which the frame begins
        """
        settled = {parameter.name: within(parameter, values) for parameter in self._parameters}
        if settled["mix"] == 0.0 or self._operator.is_neutral(settled):
            return None
        first, last = self._window
        if self._site.kind != SiteKind.NOISE:
            first = max(first, start)
        if last <= first:
            return None
        masked = mask if self.bend.region == catalogue.MASK else ""
        # One pair for all frames: what there are fewer of is walked less often by the garbage collector.
        steps = self._windows.setdefault((first, last), (first, last))
        return {**self._same, "steps": steps, "values": settled, "mask": masked}
