"""A small Hugging Face hub on this machine: models, parts of files, gated ones, tokens, and lines that break.

As the real one it sends on: small files to another place of its own, weights to a storage on another host.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_goodtoken"
CACHE, STORAGE = "api/resolve-cache/models/", "storage/"


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
    tokens_at_storage : what the storage was shown, which must be nothing
    """

    daemon_threads = True

    def __init__(self, models: dict[str, Model]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.models = models
        self.tokens_at_storage: list[str] = []

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
        place = next((place for place in ("api/models/", CACHE, STORAGE) if path.startswith(place)), "")
        owner, name, *rest = path.removeprefix(place).split("/")
        model = self.server.models.get(f"{owner}/{name}")
        file = "/".join(rest if place else rest[2:])
        if place == STORAGE:
            self.server.tokens_at_storage += [self.headers["Authorization"]] if "Authorization" in self.headers else []
        if model is None:
            self._json(404, {}, "RepoNotFound")
        elif place == "api/models/":
            siblings = [{"rfilename": name, "size": len(content)} for name, content in model.files.items()]
            about = {"id": f"{owner}/{name}", "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}
            self._json(200, {**about, "gated": "auto" if model.gated else False, "downloads": 0, "likes": 0})
        elif model.gated and place != STORAGE and not self._has_token():
            self._json(403, {}, "GatedRepo")
        elif file not in model.files:
            self._json(404, {}, "EntryNotFound")
        elif place:
            self._file(model, file)
        elif file.endswith(".safetensors"):
            self._send_on(model, file, f"http://localhost:{self.server.server_port}/{STORAGE}{owner}/{name}/{file}")
        else:
            self._send_on(model, file, f"/{CACHE}{owner}/{name}/{file}")

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

    def _send_on(self, model: Model, name: str, place: str) -> None:
        self.send_response(307 if place.startswith("/") else 302)
        self.send_header("Location", place)
        self.send_header("X-Linked-Size", str(len(model.files[name])))
        self.send_header("X-Linked-Etag", f'"{_etag(model, name)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _file(self, model: Model, name: str) -> None:
        content = model.files[name]
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        large = name.endswith(".safetensors")
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", f'"{_etag(model, name)}"')
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


def _etag(model: Model, name: str) -> str:
    """Weights have their SHA-256, small files that of git, or whatever the hub likes."""
    content = model.files[name]
    return (hashlib.sha256 if name.endswith(".safetensors") else hashlib.sha1)(content).hexdigest()
