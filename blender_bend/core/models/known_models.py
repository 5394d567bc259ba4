"""Models of the hub that are known to work with Bend, with what an artist wants to know before a download."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """A model of the Hugging Face hub.

    Parameters
    ----------
    name : its hub id, which is also what the Model field takes
    gigabytes : about how much is downloaded
    licence : its publisher's name for it; the page of the model has the text
    size : width and height that it was trained for, in pixels
    steps : from how few to how many steps suit it
    guidance : the guidance that suits it; 1 is none
    note : what else to know, a few words
    gated : whether its page asks for an agreement first
    """

    name: str
    label: str
    gigabytes: float
    licence: str
    size: int
    steps: tuple[int, int]
    guidance: float
    note: str = ""
    gated: bool = False

    @property
    def good_for(self) -> str:
        """The settings that suit it, in words."""
        fewest, most = self.steps
        note = f": {self.note}" if self.note else ""
        return f"{self.size} × {self.size}, {fewest} to {most} steps, guidance {self.guidance:g}{note}"

    @property
    def page(self) -> str:
        """Its page, with the licence."""
        return page_of(self.name)


def page_of(name: str) -> str:
    """The page of a model on the hub."""
    return f"https://huggingface.co/{name}"


#: Downloads are the weights in the published precision, rounded up; without the safety checker, which is not loaded.
#: Sizes are the networks' own (``sample_size``), steps and guidance those of the cards or of the pipelines' defaults.
MODELS = (
    Known(
        "stabilityai/sd-turbo",
        "SD Turbo",
        5.2,
        "Stability AI Community",
        size=512,
        steps=(1, 4),
        guidance=1.0,
        note="fastest",
    ),
    Known(
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "Stable Diffusion 1.5",
        4.3,
        "CreativeML OpenRAIL-M",
        size=512,
        steps=(20, 50),
        guidance=7.5,
        note="reproducing the papers",
    ),
    Known("SimianLuo/LCM_Dreamshaper_v7", "LCM Dreamshaper", 4.3, "MIT", size=768, steps=(4, 8), guidance=8.0),
    Known("stabilityai/sdxl-turbo", "SDXL Turbo", 13.9, "Stability AI Community", size=512, steps=(1, 4), guidance=1.0),
    Known(
        "stabilityai/stable-diffusion-xl-base-1.0",
        "Stable Diffusion XL",
        13.9,
        "CreativeML OpenRAIL++-M",
        size=1024,
        steps=(25, 50),
        guidance=5.0,
    ),
    Known(
        "stabilityai/stable-diffusion-3.5-medium",
        "Stable Diffusion 3.5",
        16.3,
        "Stability AI Community",
        size=1024,
        steps=(28, 40),
        guidance=4.5,
        gated=True,
    ),
    Known(
        "black-forest-labs/FLUX.1-schnell",
        "FLUX.1 schnell",
        33.8,
        "Apache 2.0",
        size=1024,
        steps=(1, 4),
        guidance=1.0,
        gated=True,
    ),
)


def known(name: str) -> Known | None:
    """What is known of a model; None for any other."""
    return next((model for model in MODELS if model.name == name), None)
