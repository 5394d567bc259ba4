"""Leaving out of a report what is nobody else's business. What is left is shown before it goes anywhere."""

from __future__ import annotations

import getpass
import re
from pathlib import Path

#: What stands between ``//`` and ``@`` in an address, and what the hub's tokens look like.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+@")
_TOKEN = re.compile(r"\bhf_\w{6,}")
_AFTER = r"(?![\w.-])"


def without_private(text: str, home: str = "", user: str = "") -> str:
    """A text without the home folder, the person's name in a path, passwords in addresses, and tokens.

    Parameters
    ----------
    home, user : the home folder and the name of the account; of this process if they are empty
    """
    home = home or str(Path.home())
    for spelled in {home, home.replace("\\", "/"), home.replace("\\", "\\\\")}:
        if spelled.strip("/\\"):
            text = re.sub(re.escape(spelled) + _AFTER, "~", text, flags=re.IGNORECASE if "\\" in home else 0)
    user = user or _user()
    if user:
        text = re.sub(rf"(?<=[/\\]){re.escape(user)}{_AFTER}", "…", text)
    return _TOKEN.sub("hf_…", _CREDENTIALS.sub("…@", text))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # nobody that this system knows
        return ""
