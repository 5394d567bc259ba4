"""The record of captured pictures: which picture each frame has, as text on the strip."""

from __future__ import annotations

import zlib
from base64 import b85decode, b85encode
from collections.abc import Mapping

import numpy as np

from ..core.errors import BendError, Code
from ..core.packing import inflate

#: Bytes of a SHA-256 digest.
_WIDTH = 32


def encode(digests: Mapping[int, str]) -> str:
    """A record as text: a table of the different pictures, and for every frame its place in the table.

    Parameters
    ----------
    digests : digest by element number, counted from the strip's first element; a still costs one entry of the table
    """
    table = list(dict.fromkeys(digests.values()))
    places = {digest: place for place, digest in enumerate(table)}
    rows = np.array([(number, places[digest]) for number, digest in digests.items()], "<i4").reshape(-1, 2)
    rows[1:] -= rows[:-1].copy()
    packed = len(table).to_bytes(4, "little") + bytes.fromhex("".join(table)) + rows.tobytes()
    return b85encode(zlib.compress(packed, 6)).decode()


def decode(text: str) -> dict[int, str]:
    """Read what ``encode`` wrote; text from elsewhere counts as no record."""
    try:
        packed = inflate(b85decode(text)) if text else b""
        count = int.from_bytes(packed[:4], "little")
        end = 4 + count * _WIDTH
        if end > max(len(packed), 4):
            return {}
        table = [packed[4 + place * _WIDTH : 4 + (place + 1) * _WIDTH].hex() for place in range(count)]
        rows = np.cumsum(np.frombuffer(packed[end:], "<i4").reshape(-1, 2), axis=0)
        return {number: table[place] for number, place in rows.tolist()}
    except (ValueError, IndexError):
        return {}


def missing(what: str) -> BendError:
    """What to say when pictures of the sequencer are needed and not there."""
    return BendError(
        Code.CAPTURE_MISSING,
        f"{what} are not captured yet.",
        "Capture them once; capture again when they change.",
        "bend.capture",
    )
