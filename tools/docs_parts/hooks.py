"""Hooks that mkdocs calls while it builds: pages from outside docs/, links between them, diagrams as SVG."""

from __future__ import annotations

import posixpath
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from docs_parts import diagram  # noqa: E402

#: Pages that lie outside docs/, by the name that they have on the site.
OUTSIDE = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)")


def on_config(config: Any) -> Any:
    """Let flowcharts be drawn while the site is built: mermaid's own way asks a server for its program."""
    fence = {"name": "mermaid", "class": "diagram", "format": draw}
    config.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}
    return config


def draw(source: str, *_: Any, **__: Any) -> str:
    """A flowchart as an SVG within the page."""
    return f'<div class="diagram">{diagram.svg(diagram.read(source))}</div>'


def on_files(files: Files, config: Any) -> Files:
    """Add the pages from outside docs/, with links as they are from inside."""
    for name, file in OUTSIDE.items():
        written = _LINK.sub(partial(_from_docs, "", ""), (ROOT / file).read_text(encoding="utf-8"))
        files.append(File.generated(config, name, content=written))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let the pages in docs/ link to those from outside by their names on the site."""
    if page.file.generated_by is not None:
        return markdown
    folder = posixpath.dirname(page.file.src_uri)
    return _LINK.sub(partial(_from_docs, posixpath.join("docs", folder), folder), markdown)


def _from_docs(folder: str, site_folder: str, link: re.Match[str]) -> str:
    """A link from a file of the repository as a link between pages of the site; what isn't on the site stays.

    Parameters
    ----------
    folder, site_folder : where the page is, in the repository and on the site
    """
    target = posixpath.normpath(posixpath.join(folder, link[1]))
    names = {file: name for name, file in OUTSIDE.items()}
    if target in names:
        return posixpath.relpath(names[target], site_folder or ".")
    if target.startswith("docs/"):
        return posixpath.relpath(target.removeprefix("docs/"), site_folder or ".")
    return link[1]
