"""Films to learn from: each is cut by ffmpeg into ten-second sounds, with the picture in the middle of each."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import soundfile

from ....core.errors import BendError, Code
from ....core.process.exit_causes import cause_of, last_words
from ..mel import SAMPLE_RATE

VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg")
#: Seconds of sound that belong to one picture.
LENGTH = 10
_DONE = "extracted"


def videos_in(folder: Path) -> list[Path]:
    """The films of a folder that has a folder for each class."""
    return [path for path in sorted(folder.glob("*/*")) if path.suffix.lower() in VIDEOS]


def extract(videos: list[Path], target: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Cut films up; those that were cut before are left alone, a film that was interrupted is cut again.

    Parameters
    ----------
    videos : ``CLASS/NAME.mp4`` and others, see ``VIDEOS``
    target : folder to write ``CLASS/NAME-0000.wav`` and ``CLASS/NAME-0000.png`` to
    progress : called after each film with how many are done, of how many

    Returns
    -------
    ``target``, to be read with ``dataset.read_examples``

    Raises
    ------
    BendError(INPUT_MISSING) if there is no ffmpeg
    BendError(SOUND_UNREADABLE) if a film has no sound or no picture, or is damaged
    """
    program = find_ffmpeg()
    for done, video in enumerate(videos, 1):
        folder = target / video.parent.name
        mark = folder / f"{video.stem}.{_DONE}"
        if not mark.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _cut(program, video, folder)
            mark.touch()
        progress(done, len(videos))
    return target


def find_ffmpeg() -> str:
    """The ffmpeg program: what BEND_FFMPEG names, or the one on the PATH.

    Raises
    ------
    BendError(INPUT_MISSING)
    """
    program = os.environ.get("BEND_FFMPEG") or shutil.which("ffmpeg")
    if not program:
        raise BendError(
            Code.INPUT_MISSING,
            "Training on movies requires ffmpeg, which was not found.",
            "Install ffmpeg, or set the environment variable BEND_FFMPEG to where it is.",
        )
    return program


def _cut(program: str, video: Path, folder: Path) -> None:
    pattern = f"{folder / video.stem}".replace("%", "%%") + "-%04d.wav"
    # -nostdin and the lists of arguments: nothing in a file's name is read as a command.
    sound = ("-vn", "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "segment", "-segment_time", str(LENGTH))
    _run(program, video, (), (*sound, pattern), "sound")
    for number, part in enumerate(sorted(folder.glob(f"{_escaped(video.stem)}-[0-9][0-9][0-9][0-9].wav"))):
        seconds = soundfile.info(part).duration
        if seconds < 1 and number:  # the rest of a film
            part.unlink()
            continue
        middle = number * LENGTH + seconds / 2
        picture = ("-frames:v", "1", str(part.with_suffix(".png")))
        _run(program, video, ("-ss", f"{middle:.3f}"), picture, "picture")
        if not part.with_suffix(".png").is_file():  # the film's picture ends before its sound
            part.unlink()


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _run(program: str, video: Path, before: tuple[str, ...], after: tuple[str, ...], what: str) -> None:
    command = [program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *before, "-i", str(video), *after]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        last = last_words(done.stderr).rpartition("\n")[2] or cause_of(done.returncode, "").words or "no reason given"
        raise BendError(
            Code.SOUND_UNREADABLE,
            f"The {what} of {video.name} can't be extracted: {last.rstrip('.')}.",
            "Remove the file from the folder, or convert it.",
        )
