"""The messages between Blender and the engine: one JSON object a line, with version, id and type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from . import foreign_json
from .errors import BendError, Code

PROTOCOL = 1
LONGEST_LINE = 1 << 20
#: The exit code of a process that has ended because the one who started it is gone, or has closed its pipe.
GONE = 3

# From Blender.
HELLO, ANALYSE, LISTEN, RENDER, CANCEL = "hello", "analyse", "listen", "render", "cancel"
SPEEDS = "speeds"
# From the engine. DONE, ERROR and CANCELLED end a request; exactly one of them comes.
PHASE, FRAME, DONE, ERROR, CANCELLED = "phase", "frame", "done", "error", "cancelled"
# From the engine at the start of a render: what of the prompts the model cannot take. See ``engine.prompt_notices``.
NOTICES = "notices"
# From the engine without a request: at its start, which tells the version of Bend, and every few seconds after it.
ALIVE = "alive"
ENDINGS = frozenset({DONE, ERROR, CANCELLED})


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
            f"The engine speaks version {version} of the messages, Blender version {PROTOCOL}.",
            "Update both to one version of Bend.",
        )
    return Message(kind, request, payload)
