"""What a sound file begins with, to tell it from any other file without decoding it."""

from __future__ import annotations

from pathlib import Path

from ..files.whole import open_regular

#: Beginnings of WAV, AIFF, FLAC, Ogg, MP3, CAF, AU, WavPack, Monkey's Audio, Matroska, ASF, AC-3, MPEG, FLV and MIDI.
_BEGINNINGS = (
    *(b"RIFF", b"RF64", b"FORM", b"fLaC", b"OggS", b"ID3", b"caff", b".snd", b"wvpk", b"MAC "),
    *(b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75", b"\x0b\x77", b"\0\0\x01\xba", b"\0\0\x01\xb3", b"FLV", b"MThd"),
)


def looks_like_sound(path: Path) -> bool:
    """Whether a file begins as sounds, films with sound, or MIDI do; False if it is none, or cannot be read."""
    try:
        with open_regular(path, follow=True) as file:
            head = file.read(16)
    except OSError:
        return False
    in_frames = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0  # MP3 without a title, and ADTS
    return head.startswith(_BEGINNINGS) or head[4:8] in {b"ftyp", b"moov", b"mdat"} or in_frames
