"""``download MODEL``, ``delete MODEL``, ``login`` and ``logout``: the Hugging Face hub.

With ``--json``, for Blender: JSON lines, and an end when stdin closes.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from typing import Any

from ...core.errors import BendError, Code
from ...core.models import hub_cache
from ...core.process.messages import GONE, print_line


def add(commands: Any) -> None:
    """Add the commands to a parser."""
    parser = commands.add_parser("download", help="download a model from the Hugging Face Hub, resuming if interrupted")
    parser.add_argument("model", help="model ID as owner/name")
    parser.add_argument("--json", action="store_true", help="output JSON lines; exit when stdin closes")
    parser.set_defaults(run=_download, online=True)
    parser = commands.add_parser("login", help="log in with an access token, read from the first line of stdin")
    parser.add_argument("--json", action="store_true", help="output JSON lines")
    parser.set_defaults(run=_log_in, online=True)
    parser = commands.add_parser("logout", help="log out and remove the access token")
    parser.add_argument("--json", action="store_true", help="output JSON lines")
    parser.set_defaults(run=_log_out, online=True)
    parser = commands.add_parser("delete", help="delete a downloaded model from the disk")
    parser.add_argument("model", help="model ID as owner/name")
    parser.add_argument("--json", action="store_true", help="output JSON lines")
    parser.set_defaults(run=_delete)


def _end_with_stdin() -> None:
    while os.read(0, 64):
        pass
    os._exit(GONE)  # what has come stays, and the next download goes on from it


def _download(options: argparse.Namespace) -> int:
    from ..setup.download import download

    def tell(name: str, done: int, total: int) -> None:
        if options.json:
            print_line(phase=f"Downloading {options.model}", bytes=done, total_bytes=total)
        else:
            print(f"\r{done / 1e6:10.1f} of {total / 1e6:.1f} MB  {name:60}", end="", flush=True)

    if options.json:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    path = _answer(options.json, lambda: str(download(options.model, tell)))
    if path is not None and not options.json:
        print(f"\n{path}")
    return 0 if path is not None else 1


def _log_in(options: argparse.Namespace) -> int:
    token = sys.stdin.readline().strip()
    return 0 if _answer(options.json, lambda: _keep(token)) is not None else 1


def _keep(token: str) -> str:
    """Let huggingface_hub try a token and keep it.

    Raises
    ------
    BendError(MODEL_GATED) if the hub does not take it; it is then not kept
    """
    from huggingface_hub import login

    try:
        login(token=token, add_to_git_credential=False)
    except Exception as error:  # of several libraries; its words never go on, for they may hold the token
        raise BendError(
            Code.MODEL_GATED,
            "The hub rejected this token, or can't be reached.",
            "Create a token with read access on huggingface.co/settings/tokens, and paste all of it.",
            "bend.log_in",
        ) from error
    return "kept"


def _log_out(options: argparse.Namespace) -> int:
    return 0 if _answer(options.json, _forget) is not None else 1


def _forget() -> str:
    from huggingface_hub import logout

    logout()
    return "forgotten"


def _delete(options: argparse.Namespace) -> int:
    return 0 if _answer(options.json, lambda: _remove(options.model)) is not None else 1


def _remove(name: str) -> str:
    """Delete a model.

    Raises
    ------
    BendError(MODEL_MISSING) if it is not there, or cannot be deleted
    """
    try:
        hub_cache.delete(name)
    except OSError as error:
        raise BendError(
            Code.MODEL_MISSING,
            f"{name} couldn't be deleted: {error.strerror or error}.",
            "Close the programs that use it.",
        ) from error
    return name


def _answer(lines: bool, work: Any) -> str | None:
    """Do something; as JSON lines a failure is an answer too, on the command line it goes on to be printed."""
    if not lines:
        return str(work())
    try:
        result = str(work())
    except BendError as error:
        print_line(end="error", **error.to_dict())
        return None
    print_line(end="done", result=result)
    return result
