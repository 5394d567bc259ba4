"""Downloads from a hub that runs in a test, in processes of their own, as Blender starts them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 300


class Downloads:
    """Downloads in processes of their own, as Blender starts them, into one cache."""

    def __init__(self, endpoint: str, home: Path) -> None:
        self.cache = home / "hub"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        self.variables = {**kept, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost"}
        self.variables |= {"HF_HUB_CACHE": str(self.cache)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin."""
        return subprocess.Popen(
            [sys.executable, "-m", "blender_bend.engine", *arguments, "--json"],
            cwd=ROOT,
            env=self.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, says: str = "") -> list[dict[str, object]]:
        """Everything that was said, to the end."""
        process = self.start(*arguments)
        assert process.stdin and process.stdout
        process.stdin.write(says)
        process.stdin.flush()
        said = [json.loads(line) for line in process.stdout]
        process.wait(PATIENCE)
        process.stdin.close()
        return said

    def end(self, model: str) -> dict[str, object]:
        """How a download ended."""
        return self.run("download", model)[-1]

    def snapshot(self, model: str) -> Path:
        """The files of a model."""
        (found,) = self.cache.glob(f"models--{model.replace('/', '--')}/snapshots/*")
        return found
