"""Write everything in the documentation that comes from tables, from imports, or from counting.

python3 tools/pages.py
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from blender_bend.core.catalogue import OPERATORS  # noqa: E402
from blender_bend.core.catalogue.scenes import PALETTES, SCENES  # noqa: E402
from blender_bend.core.samplers.schedulers import OWN, SCHEDULERS  # noqa: E402
from blender_bend.core.sound.feature_table import FEATURES  # noqa: E402

#: The scripts that write a page each.
WRITERS = ("operators_page", "features_page", "samplers_page", "rooms_page")
#: What pages count, as they write it.
COUNTS = {
    "operators": len(OPERATORS),
    "features": len(FEATURES),
    "presets": len(list((ROOT / "presets").glob("*.json"))),
    "scenes": len(SCENES),
    "palettes": len(PALETTES),
    "samplers": sum(row.name != OWN for row in SCHEDULERS),
}
COUNTED = re.compile(rf"\b(\d+)(\s+)({'|'.join(COUNTS)})\b")


def counting() -> list[Path]:
    """The pages on which things are counted."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def counted(text: str) -> str:
    """A page with the counts of now."""
    return COUNTED.sub(lambda found: f"{COUNTS[found[3]]}{found[2]}{found[3]}", text)


def main() -> None:
    """Write what differs, and name it."""
    pages = {(writer := importlib.import_module(name)).PAGE: writer.page() for name in WRITERS}
    for path in dict.fromkeys([*pages, *counting()]):
        before = path.read_text(encoding="utf-8")
        after = counted(pages.get(path, before))
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
