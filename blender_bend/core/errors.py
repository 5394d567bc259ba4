"""What can go wrong, in words for the artist: a code, what happened, what to do, and the button that does it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any


class Code(StrEnum):
    """Every failure that Bend knows by name."""

    BEND_FAILED = "bend_failed"
    CANCELLED = "cancelled"
    CAPTURE_MISSING = "capture_missing"
    CHANNEL_MISSING = "channel_missing"
    ENGINE_DIED = "engine_died"
    ENGINE_MISSING = "engine_missing"
    ENGINE_VERSION = "engine_version"
    FILE_EXISTS = "file_exists"
    FILE_UNSAVED = "file_unsaved"
    FRAME_INVALID = "frame_invalid"
    FRAMES_MISSING = "frames_missing"
    INPUT_MISSING = "input_missing"
    INTERNAL = "internal"
    JOB_INVALID = "job_invalid"
    LORA_EMPTY = "lora_empty"
    LORA_INVALID = "lora_invalid"
    LORA_KIND = "lora_kind"
    LORA_MISFIT = "lora_misfit"
    MESSAGE_INVALID = "message_invalid"
    MODEL_GATED = "model_gated"
    MODEL_INVALID = "model_invalid"
    MODEL_KIND = "model_kind"
    MODEL_MISSING = "model_missing"
    MODEL_PICKLED = "model_pickled"
    MODEL_PURPOSE = "model_purpose"
    MODEL_QUANTIZED = "model_quantized"
    MODEL_SPACE = "model_space"
    MODEL_UNREAD = "model_unread"
    MODEL_UNSAFE = "model_unsafe"
    NON_FINITE = "non_finite"
    NOT_BAKED = "not_baked"
    OFFLINE = "offline"
    OPERATOR_UNKNOWN = "operator_unknown"
    OUT_OF_MEMORY = "out_of_memory"
    PARAMETER_INVALID = "parameter_invalid"
    PRESET_INVALID = "preset_invalid"
    PROMPT_INVALID = "prompt_invalid"
    PYTHON_UNFIT = "python_unfit"
    SETUP_BUSY = "setup_busy"
    SETUP_FAILED = "setup_failed"
    SETUP_SPACE = "setup_space"
    SITE_SHAPE = "site_shape"
    SITE_UNKNOWN = "site_unknown"
    SOUND_MISSING = "sound_missing"
    SOUND_NONE = "sound_none"
    SOUND_NOT_EMBEDDED = "sound_not_embedded"
    SOUND_SILENT = "sound_silent"
    SOUND_UNREADABLE = "sound_unreadable"
    STORE_UNWRITABLE = "store_unwritable"
    STRIP_CHANGED = "strip_changed"
    STRIP_MISSING = "strip_missing"

    @property
    def of_setup(self) -> bool:
        """Whether it is a failure of setting up the engine or of adding a model: both are shown in the preferences."""
        return self in _OF_SETUP


_OF_SETUP = frozenset(
    (
        Code.MODEL_GATED,
        Code.MODEL_INVALID,
        Code.MODEL_KIND,
        Code.MODEL_MISSING,
        Code.MODEL_PICKLED,
        Code.MODEL_PURPOSE,
        Code.MODEL_QUANTIZED,
        Code.MODEL_SPACE,
        Code.MODEL_UNREAD,
        Code.MODEL_UNSAFE,
        Code.OFFLINE,
        Code.PYTHON_UNFIT,
        Code.SETUP_BUSY,
        Code.SETUP_FAILED,
        Code.SETUP_SPACE,
    )
)


#: A message may quote what somebody else wrote; it is cut here, so that it can be shown and sent.
LONGEST_MESSAGE = 1000


def _showable(text: str) -> str:
    """Text that fits into the interface and is UTF-8."""
    cut = text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"
    return cut.encode("utf-8", "replace").decode()


class BendError(Exception):
    """A failure that an artist can read and act on.

    Parameters
    ----------
    code : which failure; stable, for tests and for the interface
    message : what happened, one sentence
    hint : what to do about it, one sentence; may be empty
    action : the Blender operator that repairs it (``"bend.open_preferences"``); may be empty
    """

    def __init__(self, code: Code, message: str, hint: str = "", action: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = _showable(message)
        self.hint = hint
        self.action = action

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def to_dict(self) -> dict[str, str]:
        """The error as plain data, to travel in a message."""
        return {"code": str(self.code), "message": self.message, "hint": self.hint, "action": self.action}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BendError:
        """The error that another process sent; an unknown code becomes ``INTERNAL``."""
        code = str(data.get("code"))
        known = Code(code) if code in set(Code) else Code.INTERNAL
        words = (str(data.get(key, "")) for key in ("message", "hint", "action"))
        return cls(known, *words)


def store_unwritable(folder: Path, error: OSError) -> BendError:
    """What to tell the artist when the frame folder cannot be written."""
    return BendError(
        Code.STORE_UNWRITABLE,
        f"Frames can't be written to {folder}: {error.strerror}.",
        "Choose another frame folder in the preferences, or free some space.",
        "bend.open_preferences",
    )
