"""Why pip failed, in words for the artist: a table of what it says and what that means. Standard library only."""

from __future__ import annotations

import re

from ...core.errors import BendError, Code
from ...core.process.exit_causes import cause_of

#: What pip or the new environment says, what it means, and what to do. The first that matches counts.
CAUSES = (
    (
        r"No space left on device|Errno 28|disk full|not enough space",
        "The disk is full.",
        "Free some space and set the engine up again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "The connection is not trusted; a proxy or virus scanner may be intercepting it.",
        "Install on another network, or from a folder of wheels.",
    ),
    (
        r"name resolution|NewConnectionError|ConnectionError|Max retries|ProxyError|Connection refused|timed? ?out",
        "The package index can't be reached.",
        "Check the connection and press Set Up again to resume, or choose a folder of wheels.",
    ),
    (
        r"(?:No matching distribution found for|satisfies the requirement) (?P<what>[^\s()]+)",
        "{what} isn't available for this Python and system.",
        "Choose another accelerator, or another Python.",
    ),
    (
        r"(?s:DO NOT MATCH THE HASHES.*?\n\s*(?P<what>[\w.-]+==[^\s;]+))",
        "{what} isn't the file that Bend expects: it was corrupted in transfer or replaced.",
        "Press Set Up again. If it happens again, don't trust this package index or folder of wheels.",
    ),
    (
        r"BadZipFile|is invalid|Wheel .* is not valid",
        "A package was corrupted in transfer.",
        "Press Set Up again; if you use a folder of wheels, download them again.",
    ),
    (
        r"Permission denied|Access is denied|Errno 13",
        "The folder can't be written.",
        "Check the folder's permissions, or whether a virus scanner is blocking it.",
    ),
    (
        r"No module named '?(?P<what>ensurepip|venv|pip)",
        "It lacks {what}.",
        "Install your system's python3-venv package, or choose another Python.",
    ),
)


def explain(lines: list[str], words: str, returned: int = 0) -> BendError:
    """The failure that some lines of output stand for.

    Parameters
    ----------
    words : what did not work, without a full stop
    returned : the exit code of what has failed
    """
    text = "\n".join(lines[-200:])
    for pattern, cause, hint in CAUSES:
        match = re.search(pattern, text, re.IGNORECASE)
        if match:
            code = Code.SETUP_SPACE if pattern.startswith("No space") else Code.SETUP_FAILED
            return BendError(code, f"{words}. {cause.format(**match.groupdict())}", hint, "bend.set_up_engine")
    if (death := cause_of(returned, "")).words:
        return BendError(Code.SETUP_FAILED, f"{words}. {death.words}", death.hint, "bend.set_up_engine")
    said = [line for line in lines if line.strip()]
    last = next((line for line in reversed(said) if "error" in line.lower()), said[-1] if said else "")
    return BendError(
        Code.SETUP_FAILED, f"{words}. {last[:300]}".strip(), "See Copy Report for details.", "bend.copy_report"
    )
