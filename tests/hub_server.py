"""A small Hugging Face hub on this machine: models, parts of files, gated ones, tokens, and lines that break."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_goodtoken"


@dataclass
class Model:
    """A model of the hub.

    Parameters
    ----------
    gated : only with the token
    rate : bytes a second; 0 for no limit
    breaks_after : bytes after which the line breaks, once for every number
    damaged : files whose content comes wrong
    asked : the files that were fetched, and from which byte on
    """

    files: dict[str, bytes]
    gated: bool = False
    rate: int = 0
    breaks_after: list[int] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    asked: list[tuple[str, int]] = field(default_factory=list)


class Hub(ThreadingHTTPServer):
    """The server.

    Parameters
    ----------
    models : by their ids
    """

    daemon_threads = True

    def __init__(self, models: dict[str, Model]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.models = models

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        """Information about a model, a file of it, or who a token belongs to."""
        path = self.path.split("?")[0].strip("/")
        if path == "api/whoami-v2":
            user = {"name": "painter", "type": "user", "auth": {"accessToken": {"displayName": "x", "role": "read"}}}
            self._json(200, user) if self._has_token() else self._json(401, {"error": "Invalid token"})
            return
        parts = path.removeprefix("api/models/").split("/")
        model = self.server.models.get("/".join(parts[:2]))
        if model is None:
            self._json(404, {}, "RepoNotFound")
        elif path.startswith("api/"):
            siblings = [{"rfilename": name, "size": len(content)} for name, content in model.files.items()]
            about = {"id": "/".join(parts[:2]), "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}
            self._json(200, {**about, "gated": "auto" if model.gated else False, "downloads": 0, "likes": 0})
        elif model.gated and not self._has_token():
            self._json(403, {}, "GatedRepo")
        elif (name := "/".join(parts[4:])) in model.files:
            self._file(model, name)
        else:
            self._json(404, {}, "EntryNotFound")

    do_HEAD = do_GET

    def _has_token(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _json(self, status: int, data: object, code: str = "") -> None:
        content = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _file(self, model: Model, name: str) -> None:
        content = model.files[name]
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        large = name.endswith(".safetensors")  # what the real hub keeps by its SHA-256
        digest = hashlib.sha256(content) if large else hashlib.sha1(content)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", f'"{digest.hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            model.asked.append((name, start))
            if name in model.damaged:
                content = bytes(len(content))
            self._send(model, content[start:], large)

    def _send(self, model: Model, content: bytes, large: bool) -> None:
        limit = model.breaks_after.pop(0) if large and model.breaks_after else len(content)
        for begin in range(0, min(limit, len(content)), 1 << 16):
            try:
                self.wfile.write(content[begin : begin + (1 << 16)])
            except OSError:
                break  # whoever asked is gone
            if model.rate and large:
                time.sleep((1 << 16) / model.rate)
        if limit < len(content):
            self.wfile.flush()
            self.connection.close()

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""
