"""Sound files whose headers do not know how long they are: streamed from a pipe, or written by a program that died.

libsndfile never reads past the length that a header claims. So where the claim is missing or a guess, it is given a
view of the file in which the header is right.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

#: How many times as long as its first frame suggests an MP3 can be: 320 kbit/s at first, 8 from there on, and some.
_LONGER = 64
#: An ID3 tag is looked for at the end; there is none behind the end that is pretended.
_TAG = 256
_HEAD = 1 << 16
_CHUNK_NAME = re.compile(rb"[A-Za-z0-9 _]{4}")


class View:
    """A file that seems to have other bytes at some places, and to be longer than it is.

    Parameters
    ----------
    patches : bytes by their offset
    times : how many times as long as it is the file seems
    """

    def __init__(self, file: IO[bytes], patches: Mapping[int, bytes], times: int = 1) -> None:
        self._file, self._patches = file, patches
        self._real = file.seek(0, 2)
        self._end = times * self._real
        file.seek(0)

    def read(self, count: int) -> bytes:
        """So many bytes from here on; less at the end."""
        at = self._file.tell()
        if self._end > self._real and at >= self._end - _TAG:
            return bytes(self._file.seek(min(self._end, at + count)) - at)
        data = bytearray(self._file.read(count))
        for offset, patch in self._patches.items():
            first, last = max(at, offset), min(at + len(data), offset + len(patch))
            if first < last:
                data[first - at : last - at] = patch[first - offset : last - offset]
        return bytes(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._file.seek(self._end + offset) if whence == 2 else self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()


def view(path: Path, file: IO[bytes]) -> Any:
    """What libsndfile is to open: the path itself, or a view of the file if its length is not known from its header."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(_HEAD)
    if lengths := _LENGTHS.get(head[:4]):
        patches = lengths(head, size, file)
        return View(file, patches) if patches else str(path)
    return View(file, {}, _LONGER) if _is_mpeg_without_length(head, file) else str(path)


def _of_wav(head: bytes, size: int, file: IO[bytes]) -> dict[int, bytes]:
    """The true lengths of a WAV file that is said to end long before it does, mostly at once."""
    number = ">I" if head.startswith(b"RIFX") else "<I"
    for at, name, length in _chunks(head, number):
        if name == b"data":
            rest = size - at - 8
            if 2 * length >= rest or _are_chunks(file, at + 8 + length + length % 2, size, number):
                return {}
            return {4: _number(number, size - 8), at + 4: _number(number, rest)}
    return {}


def _of_rf64(head: bytes, size: int, file: IO[bytes]) -> dict[int, bytes]:
    """The same of a WAV file that may be longer than 4 GB; its lengths stand in a chunk of their own."""
    chunks = {name: at for at, name, _ in _chunks(head, "<I")}
    if not {b"ds64", b"data"} <= chunks.keys():
        return {}
    at, rest = chunks[b"ds64"] + 8, size - chunks[b"data"] - 8
    (length,) = struct.unpack_from("<Q", head, at + 8)
    return {at: struct.pack("<QQ", size - 8, rest)} if length == 0 or length >= 1 << 63 else {}


def _of_caf(head: bytes, size: int, file: IO[bytes]) -> dict[int, bytes]:
    """The true length of a CAF file whose samples are said to go on to the end, as the format allows."""
    at = 8
    while at + 12 <= len(head):
        (length,) = struct.unpack_from(">q", head, at + 4)
        if head[at : at + 4] == b"data":
            return {at + 4: struct.pack(">q", size - at - 12)} if length == -1 else {}
        at += 12 + max(0, length)
    return {}


def _of_au(head: bytes, size: int, file: IO[bytes]) -> dict[int, bytes]:
    """An AU file that is said to be empty: its length is not known."""
    return {8: b"\xff\xff\xff\xff"} if head[8:12] == bytes(4) else {}


def _number(kind: str, value: int) -> bytes:
    return struct.pack(kind, min(value, 0xFFFFFFFF))


def _chunks(head: bytes, number: str) -> Iterator[tuple[int, bytes, int]]:
    """Where each chunk of a WAV file begins, its name and its length."""
    at = 12
    while at + 8 <= len(head):
        (length,) = struct.unpack_from(number, head, at + 4)
        yield at, head[at : at + 4], length
        at += 8 + length + length % 2


def _are_chunks(file: IO[bytes], at: int, size: int, number: str) -> bool:
    """Whether nothing but whole chunks follows, such as the title of a sound that is really empty."""
    while at + 8 <= size:
        file.seek(at)
        name, length = file.read(4), struct.unpack(number, file.read(4))[0]
        if not _CHUNK_NAME.fullmatch(name):
            return False
        at += 8 + length + length % 2
    return at in {size, size + 1}


def _is_mpeg_without_length(head: bytes, file: IO[bytes]) -> bool:
    """Whether this is MPEG audio whose first frame does not tell how many there are, so that its length is a guess."""
    if head.startswith(b"ID3") and len(head) >= 10:
        size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(10 + size)
        head = file.read(4096)
    synchronous = len(head) > 3 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 0x06
    return bool(synchronous) and not any(tag in head[:4096] for tag in (b"Xing", b"Info", b"VBRI"))


_LENGTHS: dict[bytes, Callable[[bytes, int, IO[bytes]], dict[int, bytes]]] = {
    b"RIFF": _of_wav,
    b"RIFX": _of_wav,
    b"RF64": _of_rf64,
    b"caff": _of_caf,
    b".snd": _of_au,
}
