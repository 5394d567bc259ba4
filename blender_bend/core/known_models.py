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
    good_for : size, steps and guidance that suit it
    gated : whether its page asks for an agreement first
    """

    name: str
    label: str
    gigabytes: float
    licence: str
    good_for: str
    gated: bool = False

    @property
    def page(self) -> str:
        """Its page, with the licence."""
        return page_of(self.name)


def page_of(name: str) -> str:
    """The page of a model on the hub."""
    return f"https://huggingface.co/{name}"


#: Sizes are those of the weights in full precision, rounded up; without the safety checker, which is not loaded.
MODELS = (
    Known(
        "stabilityai/sd-turbo",
        "SD Turbo",
        5.3,
        "Stability AI Community",
        "512 × 512, 1 to 4 steps, guidance 1: the quickest",
    ),
    Known(
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "Stable Diffusion 1.5",
        4.4,
        "CreativeML OpenRAIL-M",
        "512 × 512, 20 to 30 steps, guidance 7: what the papers bent",
    ),
    Known(
        "SimianLuo/LCM_Dreamshaper_v7",
        "LCM Dreamshaper",
        4.4,
        "MIT",
        "512 × 512, 4 to 8 steps",
    ),
    Known(
        "stabilityai/sdxl-turbo",
        "SDXL Turbo",
        14.0,
        "Stability AI Community",
        "512 × 512, 1 to 4 steps, guidance 1",
    ),
    Known(
        "stabilityai/stable-diffusion-xl-base-1.0",
        "Stable Diffusion XL",
        14.0,
        "CreativeML OpenRAIL++-M",
        "1024 × 1024, 25 to 40 steps, guidance 6",
    ),
    Known(
        "stabilityai/stable-diffusion-3.5-medium",
        "Stable Diffusion 3.5",
        16.5,
        "Stability AI Community",
        "1024 × 1024, 28 to 40 steps, guidance 5",
        gated=True,
    ),
    Known(
        "black-forest-labs/FLUX.1-schnell",
        "FLUX.1 schnell",
        34.0,
        "Apache 2.0",
        "1024 × 1024, 1 to 4 steps, guidance 1",
        gated=True,
    ),
)


def known(name: str) -> Known | None:
    """What is known of a model; None for any other."""
    return next((model for model in MODELS if model.name == name), None)
