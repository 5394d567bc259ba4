"""Which Bend this is: what Blender's manifest says of the files that were there when this module was imported."""

from __future__ import annotations

import tomllib
from pathlib import Path

MANIFEST = Path(__file__).resolve().parents[2] / "blender_manifest.toml"
VERSION = str(tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["version"])
