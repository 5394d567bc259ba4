"""What keeps the libraries from asking questions, from the network, and from running code that comes with a model.

The checks of ``core.models.model_checks`` come first; this holds where a library finds a way that they do not know.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO, NoReturn

from ...core.errors import BendError, Code

#: The modules of the libraries through which a model's own code would be imported.
_DOORS = ("transformers.dynamic_module_utils", "transformers.generation.utils", "diffusers.utils.dynamic_modules_utils")


def close_stdin() -> None:
    """From now on whoever reads stdin finds its end at once, children too: nobody can be asked anything."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process lives


def private_stdin() -> BinaryIO:
    """Keep the real stdin for messages; everybody else finds it closed.

    Returns
    -------
    the stream of messages
    """
    private = os.fdopen(os.dup(0), "rb")
    close_stdin()
    return private


def go_offline() -> None:
    """Tell the libraries that there is no network. Must be called before they are imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def refuse_code() -> None:
    """Take from those libraries that are imported the ways to import code of a model's, and to ask for it."""
    for name in _DOORS:
        door = sys.modules.get(name)
        if hasattr(door, "get_class_in_module"):
            door.get_class_in_module = _refuse  # type: ignore[union-attr]
        if hasattr(door, "TIME_OUT_REMOTE_CODE"):
            door.TIME_OUT_REMOTE_CODE = 0  # type: ignore[union-attr]


def _refuse(class_name: str, *_: object, **__: object) -> NoReturn:
    raise BendError(
        Code.MODEL_UNSAFE,
        f"The model needs code that comes with it: {class_name}.",
        "Bend never runs code from models. Choose a model that diffusers loads without it.",
        "bend.open_preferences",
    )
