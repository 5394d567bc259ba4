"""Models that need few steps, and what a bend strip is set to for them; from their published cards and papers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .schedulers import AUTO, OWN, scheduler


@dataclass(frozen=True)
class FewSteps:
    """One kind of model or LoRA.

    Parameters
    ----------
    label : as it is published; ``name`` is for tests
    scheduler, spacing, prediction : as in a job, see ``core.samplers.schedulers``
    steps : those it was made for
    guidance : from … to; 1 asks the network once a step
    note : what else there is to know
    called : what a model in one file is said to be; empty for what no single file is
    named : the regular expression of the names that models in one file have for it
    own : settings of its scheduler that differ from the sampler's
    """

    name: str
    label: str
    scheduler: str
    spacing: str
    steps: tuple[int, ...]
    guidance: tuple[float, float] = (1.0, 1.0)
    prediction: str = AUTO
    note: str = ""
    called: str = ""
    named: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)

    def scheduler_config(self) -> dict[str, Any]:
        """The class of its scheduler and what sets it apart, by diffusers' names."""
        return {**scheduler(self.scheduler).config(), **self.own}


FEW_STEPS: tuple[FewSteps, ...] = (
    FewSteps(
        "sd_turbo",
        "SD-Turbo",
        "euler",
        "trailing",
        (1, 2, 4),
        note="Model's Own is the same for the folder",
        called="Turbo",
    ),
    FewSteps(
        "sdxl_turbo",
        "SDXL-Turbo and its merges",
        "euler_ancestral",
        "trailing",
        (1, 2, 4),
        note="Model's Own is the same for the folder",
        called="Turbo",
        named=r"turbo",
    ),
    FewSteps(
        "lightning",
        "SDXL-Lightning, 2, 4 and 8 steps (model or LoRA)",
        "euler",
        "trailing",
        (2, 4, 8),
        note="as many steps as the file is named for",
        called="Lightning",
        named=r"lightning",
    ),
    FewSteps("lightning_1", "SDXL-Lightning, 1 step (model)", "euler", "trailing", (1,), prediction="sample"),
    FewSteps(
        "hyper",
        "Hyper-SD and Hyper-SDXL LoRAs, 2, 4 and 8 steps",
        "ddim",
        "trailing",
        (2, 4, 8),
        note="as many steps as the file is named for; those for 1 step start at timestep 800, which Bend doesn't offer",
        called="Hyper-SD",
        named=r"hyper(?:[ _-]?(?:sd(?:xl)?|xl|vae|\d+)|$)",
    ),
    FewSteps(
        "hyper_cfg", "Hyper-SD and Hyper-SDXL CFG LoRAs", "ddim", "trailing", (8, 12), (5.0, 8.0), note="guidance works"
    ),
    FewSteps(
        "dmd2",
        "DMD2 for SDXL, 4 steps (model or LoRA)",
        "lcm",
        "trailing",
        (4,),
        note="the one for 1 step starts at timestep 399, which Bend doesn't offer",
        called="DMD2",
        named=r"dmd2?",
    ),
    FewSteps(
        "lcm",
        "LCM models with a guidance embedding (LCM-Dreamshaper)",
        "lcm",
        AUTO,
        (1, 2, 4, 8),
        (2.0, 14.0),
        note="guidance is an input of the network: 8 is usual and costs nothing",
        called="LCM",
        own={"set_alpha_to_one": True},
    ),
    FewSteps("lcm_lora", "LCM LoRAs and their merges", "lcm", AUTO, (2, 4, 8), (1.0, 2.0), called="LCM", named=r"lcm"),
    FewSteps(
        "tcd",
        "TCD LoRAs",
        "tcd",
        AUTO,
        (4, 8),
        note="with no added noise (eta 0), as the stock pipeline does unless told otherwise",
    ),
    FewSteps("sd35_turbo", "Stable Diffusion 3.5 Large Turbo", OWN, AUTO, (4, 8)),
    FewSteps("flux_schnell", "FLUX.1 schnell", OWN, AUTO, (1, 2, 4)),
)

BY_NAME: dict[str, FewSteps] = {kind.name: kind for kind in FEW_STEPS}
