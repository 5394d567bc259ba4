"""Builds the documentation as a site into site/, strictly: no dead link, no missing picture, no request to elsewhere.

python3 tools/docs.py             makes .venv/docs when it is missing
python3 tools/docs.py FOLDER      into another folder
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import docs_check
import environments
from environments import DOCS, ROOT

SITE = ROOT / "site"


def build(target: Path = SITE) -> Path:
    """Build the site and check its pages.

    Raises
    ------
    SystemExit with mkdocs's words, or with what is wrong on which page
    """
    # Not --quiet: it would hide the warnings from --strict.
    command = [environments.ensure(DOCS), "-m", "mkdocs", "build", "--strict", "--clean"]
    command += ["--config-file", ROOT / "mkdocs.yml", "--site-dir", target]
    settings = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=ROOT, env=settings)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}{done.stderr}\nThe documentation was not built.")
    if wrong := docs_check.faults(target):
        sys.exit("\n".join(wrong))
    return target


if __name__ == "__main__":
    try:
        built = build(Path(sys.argv[1]).resolve() if sys.argv[1:] else SITE)
    except environments.PythonMissing as missing:
        sys.exit(str(missing))
    print(f"{built}: open index.html")
