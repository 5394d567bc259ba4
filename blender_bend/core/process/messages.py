"""The messages between Blender and the engine: one JSON object a line, with version, id and type."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from ..errors import BendError, Code
from ..files import foreign_json

PROTOCOL = 1
LONGEST_LINE = 1 << 20
#: The exit code of a process that has ended because the one who started it is gone, or has closed its pipe.
GONE = 3

# From Blender.
HELLO, MEASURE, EMBED, RENDER, CANCEL = "hello", "measure", "embed", "render", "cancel"
SPEEDS = "speeds"
#: One draft, for Live; the next one takes its place within a denoising step.
DRAFT = "draft"
#: A sheet of drafts that are kept, as a picture with labels.
SHEET = "sheet"
# From the engine. DONE, ERROR and CANCELLED end a request; exactly one of them comes.
PHASE, FRAME, DONE, ERROR, CANCELLED = "phase", "frame", "done", "error", "cancelled"
# From the engine at the start of a render: what of the prompts the model cannot take. See ``engine.prompts.notices``.
NOTICES = "notices"
# From the engine without a request: at its start, which tells the version of Bend, and every few seconds after it.
ALIVE = "alive"
ENDINGS = frozenset({DONE, ERROR, CANCELLED})


@dataclass(frozen=True)
class Field:
    """What a field of a message holds.

    Parameters
    ----------
    what : in words, to follow "is not"
    types : of Python, for what JSON has
    needed : whether it must be there; one that need not be may also be null
    """

    what: str
    types: tuple[type, ...]
    needed: bool = True

    def fault(self, value: Any) -> str:
        """What is wrong with a value, to follow the field's name; empty if nothing is."""
        if value is MISSING:
            return "is missing" if self.needed else ""
        if value is None and not self.needed:
            return ""
        items = value if self == TEXTS and isinstance(value, list) else []
        fits = isinstance(value, self.types) and all(isinstance(item, str) for item in items)
        return "" if fits else f"is not {self.what}"


#: Stands for the value of a field that is not there.
MISSING = object()
TEXT, MAYBE_TEXT = Field("text", (str,)), Field("text", (str,), needed=False)
TEXTS = Field("a list of texts", (list,))
LIST, MAYBE_LIST = Field("a list", (list,)), Field("a list", (list,), needed=False)
MAYBE_TABLE = Field("an object", (dict,), needed=False)
FLAG, WHOLE = Field("true or false", (bool,)), Field("a whole number", (int,))
MAYBE_WHOLE = Field("a whole number", (int,), needed=False)
#: A number or its text: ``core.limits`` knows what it may be, and says so.
NUMBER = Field("a number", (object,))

#: What is read of every kind of message, by field; a dot leads into an object.
FIELDS: dict[str, dict[str, Field]] = {
    HELLO: {},
    MEASURE: {
        **{"sound": TEXT, "fps": NUMBER, "features": TEXTS, "frames": NUMBER, "cache": TEXT, "out": TEXT},
        **{"beats": MAYBE_TABLE, "midi": MAYBE_TABLE, "midi.path": MAYBE_TEXT, "encodec": MAYBE_TEXT},
    },
    EMBED: {
        **{"sound": TEXT, "clap": TEXT, "fps": NUMBER, "frames": NUMBER, "start": NUMBER, "length": NUMBER},
        **{"step": NUMBER, "blended": FLAG, "store": TEXT, "cache": TEXT, "out": TEXT},
    },
    RENDER: {"job": TEXT, "store": TEXT, "numbers": MAYBE_LIST, "playhead": MAYBE_WHOLE},
    DRAFT: {"job": TEXT, "store": TEXT, "kept": TEXT, "picture": TEXT},
    SHEET: {
        **{"title": TEXT, "rows": TEXTS, "columns": TEXTS, "pictures": TEXTS, "captions": TEXTS, "marked": LIST},
        **{"kept": TEXT, "out": TEXT},
    },
    CANCEL: {},
    SPEEDS: {},
    PHASE: {"text": TEXT},
    FRAME: {"number": WHOLE, "key": TEXT},
    NOTICES: {"notices": LIST},
    ERROR: {"code": TEXT, "message": TEXT, "hint": MAYBE_TEXT, "action": MAYBE_TEXT},
    CANCELLED: {},
    ALIVE: {"bend": TEXT, "phase": MAYBE_TEXT},
}
#: What Blender reads of DONE, by the kind of the request that is done.
ANSWERS: dict[str, dict[str, Field]] = {
    HELLO: {},
    MEASURE: {"out": TEXT},
    EMBED: {"out": TEXT},
    RENDER: {"rendered": WHOLE, "batch": WHOLE, "decode": MAYBE_TEXT},
    DRAFT: {"key": TEXT, "seconds": NUMBER},
    SHEET: {"out": TEXT},
    SPEEDS: {"speeds": TEXT},
}


@dataclass(frozen=True)
class Message:
    """One line: ``type`` says what, ``id`` which request it belongs to, ``data`` the rest."""

    type: str
    id: str
    data: dict[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The message as a line, newline included."""
        return (
            json.dumps({"v": PROTOCOL, "id": self.id, "type": self.type, "data": self.data}, allow_nan=False).encode()
            + b"\n"
        )


def print_line(**data: Any) -> None:
    """Write a JSON line to standard output at once, so that lines of several threads do not mix.

    Raises
    ------
    OSError if nobody reads it any more
    """
    sys.stdout.write(json.dumps(data) + "\n")  # print would write the end of the line by itself
    sys.stdout.flush()


def lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream until its end; of one that is too long only the beginning, which is refused."""
    while line := stream.readline(LONGEST_LINE + 1):
        yield line
        while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            line = stream.readline(LONGEST_LINE + 1)


def decode(line: bytes) -> Message:
    """Read a line.

    Raises
    ------
    BendError(MESSAGE_INVALID) if it is not a message; BendError(ENGINE_VERSION) if it is one of another protocol.
    """
    try:
        data = foreign_json.parse(line, LONGEST_LINE)
        version, request, kind, payload = data["v"], data["id"], data["type"], data["data"]
        if not (isinstance(request, str) and isinstance(kind, str) and isinstance(payload, dict)):
            raise TypeError("wrong types")
        if not isinstance(version, int):
            raise TypeError("its version is no number")
    except (ValueError, TypeError, KeyError) as error:
        raise BendError(Code.MESSAGE_INVALID, f"Not a message: {line[:80]!r} ({error}).") from error
    if version != PROTOCOL:
        raise BendError(
            Code.ENGINE_VERSION,
            f"The engine uses protocol version {version}, Blender version {PROTOCOL}.",
            "Update both to the same version of Bend.",
        )
    return Message(kind, request, payload)


def check(message: Message, request: str = "") -> None:
    """Refuse a message that lacks a field, or has something else in it, by the field's name.

    Parameters
    ----------
    request : for what ends a request its kind

    Raises
    ------
    BendError(MESSAGE_INVALID)
    """
    fields = ANSWERS.get(request, {}) if message.type == DONE else FIELDS.get(message.type, {})
    for name, described in fields.items():
        if fault := described.fault(value_of(message.data, name)):
            raise BendError(
                Code.MESSAGE_INVALID,
                f"'{name}' {fault} in the message '{message.type}'.",
                "Restart Blender, or set the engine up again: their versions may differ.",
            )


def value_of(data: Mapping[str, Any], name: str) -> Any:
    """The value of a field, whose name may lead into an object; ``MISSING`` if it is not there."""
    first, _, rest = name.partition(".")
    value = data.get(first, MISSING)
    if not rest:
        return value
    return value_of(value, rest) if isinstance(value, dict) else MISSING
