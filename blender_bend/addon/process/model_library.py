"""Fetching models from the Hugging Face hub, deleting them, and handing over the token for those that ask for one."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import bpy

from ...core.errors import BendError, Code
from ...core.models import references
from ...core.process.messages import GONE
from ..host import changes, model_list, preferences
from . import engine_client
from .child import Child, engine_command
from .tasks import Task


def download(name: str) -> Task:
    """Begin to fetch a model; where it was interrupted it goes on.

    Parameters
    ----------
    name : a hub id

    Raises
    ------
    BendError(OFFLINE), BendError(MODEL_MISSING) for a name without a model on the hub, BendError(ENGINE_MISSING)
    """
    wanted = references.download_for(name, preferences.model_folders())
    if wanted is None:
        raise BendError(
            Code.MODEL_MISSING,
            f"'{name}' isn't a Hugging Face model ID.",
            "Enter owner/name, as on the model's page.",
            "bend.open_preferences",
        )
    _require_online()
    command = engine_command(["download", wanted, "--json"])
    return Task(command, f"Downloading {wanted}", partial(_stopped, "download"), then=_look_again)


def log_in(token: str) -> Task:
    """Hand an access token to huggingface_hub, which tries it and keeps it; Bend itself keeps nothing.

    Raises
    ------
    BendError(OFFLINE), BendError(ENGINE_MISSING)
    """
    _require_online()
    child = engine_command(["login", "--json"])
    child.say(token.strip())
    return Task(child, "Logging in", partial(_stopped, "log-in"))


def log_out() -> Task:
    """Let huggingface_hub forget its token.

    Raises
    ------
    BendError(ENGINE_MISSING)
    """
    return Task(engine_command(["logout", "--json"]), "Logging out", partial(_stopped, "log-out"))


def delete(name: str) -> Task:
    """Begin to take a model off the disk."""
    engine_client.shut_down(patience=0.0)  # Windows deletes no file that the engine has mapped
    # Blender's own Python: a model can be deleted without an engine.
    child = Child(Path(sys.executable), ["-m", "blender_bend.engine", "delete", name, "--json"], "delete")
    return Task(child, f"Deleting {name}", partial(_stopped, "deletion"), after=_look_again)


def _look_again() -> None:
    model_list.stored(fresh=True)
    changes.mark_changed()


def _require_online() -> None:
    if not bpy.app.online_access:
        raise BendError(
            Code.OFFLINE,
            "Models have to be downloaded, but Blender's online access is disabled.",
            "Enable Allow Online Access in the System preferences, or use a local folder or file.",
            "bend.open_preferences",
        )


def _stopped(what: str, child: Child) -> BendError:
    if child.process.returncode == GONE:
        return BendError(Code.CANCELLED, f"The {what} was stopped and can be resumed.")
    return child.death(f"The {what}")
