"""Sound files whose headers do not know how long they are: streamed from a pipe, or written by a program that died.

libsndfile never reads past the length that a header claims. So where the claim is missing or a guess, it is given a
view of the file in which the header is right.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

#: How many times as long as its first frame suggests an MP3 can be: 320 kbit/s at first, 8 from there on, and some.
_LONGER = 64
#: An ID3 tag is looked for at the end; there is none behind the end that is pretended.
_TAG = 256
_HEAD = 1 << 16
#: Where the next frame of MPEG audio is looked for; what is shorter is a tag of a title.
_SEARCHED, _TAG_WITHIN, _SHORT = 1 << 13, 1 << 9, 1 << 10
_ID3_AT_END = 128
#: Of a tag that is made to promise enough: a day.
_MOST_FRAMES = 4_000_000
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
    return _of_mpeg(head, size, file) or str(path)


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


@dataclass(frozen=True)
class _Tag:
    """What the first frame of MPEG audio tells of all of it.

    Parameters
    ----------
    at : where that frame is in the file
    frame : its length
    count, length : how many frames there are, and bytes; 0 where it is not told
    fields : where these two stand in the file
    """

    at: int
    frame: int
    count: int
    length: int
    fields: tuple[int, int]


def _of_mpeg(head: bytes, size: int, file: IO[bytes]) -> Any:
    """A view of MPEG audio whose first frame does not tell how many there are, or fewer than follow; None otherwise.

    Files that are joined end to end begin with the tag of the first. Those of the others, which are frames of silence,
    are left out, as FFmpeg does.
    """
    file.seek(at := _after_id3(head))
    first = file.read(_SEARCHED)
    if not _frame_length(first):
        return None
    tag = _tag_of(first, at)
    if tag is None or not tag.count:
        return View(file, {}, _LONGER)
    patches: dict[int, bytes] = {}
    last: _Tag | None = tag
    while last is not None and last.length and (more := _next_mpeg(file, last.at + last.length, size)) is not None:
        file.seek(more)
        patches[tag.fields[0]] = _number(">I", min(_LONGER * tag.count, _MOST_FRAMES))
        patches[tag.fields[1]] = _number(">I", size - at)
        if (last := _tag_of(file.read(_SEARCHED), more)) is not None:
            patches[more] = bytes(last.frame)
    return View(file, patches) if patches else None


def _tag_of(frame: bytes, at: int) -> _Tag | None:
    """The tag in a frame, which is at some place of the file."""
    for name, (flags, lengths, counts) in _TAGS.items():
        place = frame.find(name, 0, _TAG_WITHIN)
        if 0 <= place <= len(frame) - 18:
            told = 3 if flags is None else frame[place + flags]
            (count,), (length,) = (struct.unpack_from(">I", frame, place + field) for field in (counts, lengths))
            fields = (at + place + counts, at + place + lengths)
            return _Tag(at, _frame_length(frame), count if told & 1 else 0, length if told & 2 else 0, fields)
    return None


def _after_id3(head: bytes) -> int:
    """How long the ID3 tag is with which some bytes begin, if they do."""
    if not head.startswith(b"ID3") or len(head) < 10:
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))


def _next_mpeg(file: IO[bytes], at: int, size: int) -> int | None:
    """Where about here more MPEG audio begins: three frames, each where the one before ends."""
    if size - at < _SHORT:
        return None
    file.seek(at)
    if file.read(3) == b"TAG":
        at += _ID3_AT_END
    file.seek(at)
    at += _after_id3(file.read(10))
    file.seek(at)
    data = file.read(_SEARCHED)
    return next((at + start for start in range(min(len(data), _TAG_WITHIN)) if _are_frames(data, start)), None)


def _are_frames(data: bytes, start: int) -> bool:
    for _ in range(3):
        length = _frame_length(data[start : start + 4])
        if not length:
            return False
        start += length
    return True


def _frame_length(header: bytes) -> int:
    """How many bytes a frame of MPEG audio has, by its first four; 0 if it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    rate, kilobits = header[2] >> 2 & 3, header[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or kilobits in {0, 15}:
        return 0
    bits = 1000 * _KILOBITS[version == 3, layer][kilobits - 1]
    samples = (44100, 48000, 32000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    padded = header[2] >> 1 & 1
    if layer == 1:
        return 4 * (12 * bits // samples + padded)
    return (72 if layer == 3 and version != 3 else 144) * bits // samples + padded


#: By whether it is MPEG 1, and the layer.
_KILOBITS = {
    (True, 1): range(32, 449, 32),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
#: Where the tags of a first frame have their flags (None for those that tell all), the length and the number of frames.
_TAGS: dict[bytes, tuple[int | None, int, int]] = {b"Xing": (7, 12, 8), b"Info": (7, 12, 8), b"VBRI": (None, 10, 14)}

_LENGTHS: dict[bytes, Callable[[bytes, int, IO[bytes]], dict[int, bytes]]] = {
    b"RIFF": _of_wav,
    b"RIFX": _of_wav,
    b"RF64": _of_rf64,
    b"caff": _of_caf,
    b".snd": _of_au,
}
