"""Why a process has ended, in words for the artist, from its exit code and the last lines it wrote."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from ..errors import BendError, Code
from ..privacy import without_private

LAST_LINES = 4
#: Lines of a stack, which say nothing to an artist.
_STACK = ("  File ", "    ", "Extension modules:", "Current thread ", "Thread ")

_MEMORY = "Use a smaller picture, a smaller Batch or 16 bit in the preferences, or close other programs."
_CRASH = "Try again. If it happens again, set the engine up again: a driver or package may not fit this machine."
_AGAIN = "Try again; see the log for details."


@dataclass(frozen=True)
class Cause:
    """What ended a process: in words, and what to do about it."""

    words: str
    hint: str = _AGAIN
    action: str = "bend.show_log"


_NO_MEMORY = Cause("Out of memory.", _MEMORY, "bend.open_preferences")
#: What a signal means, and the exit codes of Windows for the same.
_BY_SIGNAL = {
    "SIGKILL": Cause("The system terminated it, probably because memory ran out.", _MEMORY, "bend.open_preferences"),
    "SIGSEGV": Cause("It crashed in a library.", _CRASH),
    "SIGBUS": Cause("It crashed: a file it was reading changed, or the disk is full.", _CRASH),
    "SIGILL": Cause("It crashed: a package was built for a different kind of CPU.", _CRASH, "bend.set_up_engine"),
    "SIGFPE": Cause("It crashed in a library.", _CRASH),
    "SIGABRT": Cause("A library aborted.", _CRASH),
    "SIGTERM": Cause("It was terminated."),
    "SIGINT": Cause("It was terminated."),
}
_BY_WINDOWS_CODE = {
    0xC0000005: "SIGSEGV",
    0xC000001D: "SIGILL",
    0xC0000017: "SIGKILL",
    0xC000012D: "SIGKILL",
    0xC0000409: "SIGABRT",
    0xC000013A: "SIGINT",
}
#: Words in the last lines that tell more than the exit code.
_BY_WORDS = (
    (
        "No module named",
        Cause("A package is missing from its Python.", "Set the engine up again.", "bend.set_up_engine"),
    ),
    ("out of memory", _NO_MEMORY),
    ("MemoryError", _NO_MEMORY),
    ("bad_alloc", _NO_MEMORY),
    ("can't allocate memory", _NO_MEMORY),
    ("No space left on device", Cause("The disk is full.", "Free some space.", "bend.show_log")),
)


def signal_name(code: int) -> str:
    """The signal that an exit code stands for, ``SIGKILL``; empty if it stands for none."""
    if code & 0xFFFFFFFF in _BY_WINDOWS_CODE:
        return _BY_WINDOWS_CODE[code & 0xFFFFFFFF]
    number = -code if code < 0 else code - 128  # a shell between gives 128 and the signal
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def last_words(written: str) -> str:
    """The last lines of a log that say something."""
    lines = [line for line in written.splitlines() if line.strip() and not line.startswith(_STACK)]
    return "\n".join(line[:200] for line in lines[-LAST_LINES:])


def cause_of(code: int, last_lines: str) -> Cause:
    """The likely cause of an end.

    Parameters
    ----------
    code : exit code as ``subprocess`` gives it
    last_lines : what it wrote at the end
    """
    for words, cause in _BY_WORDS:
        if words in last_lines:
            return cause
    return _BY_SIGNAL.get(signal_name(code), Cause(""))


def death(subject: str, code: int, written: str, log: str = "", error: Code = Code.ENGINE_DIED) -> BendError:
    """The end of a process as a failure that can be shown.

    Parameters
    ----------
    subject : what has ended, at the beginning of a sentence
    code : exit code as ``subprocess`` gives it
    written : what it wrote to its log
    log : the name of the log; empty to leave it out
    """
    words = last_words(without_private(written))
    cause, name = cause_of(code, words), signal_name(code)
    named = f"exit code {code}, {name}" if name else f"exit code {code}"
    last = f"Last output: {words}" if words else ""
    message = " ".join(filter(None, (f"{subject} stopped ({named}).", cause.words, last)))
    hint = f"{cause.hint} The log is {log}." if log else cause.hint
    return BendError(error, message, hint, cause.action)


def engine_died(code: int, written: str, log: str = "") -> BendError:
    """The end of the engine as a failure that can be shown; see ``death``."""
    return death("The engine", code, written, log)
