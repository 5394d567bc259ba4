"""Checks the built pages as a browser reads them: no dead link, no missing picture, no request to another server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: What a browser fetches by itself, by tag and attribute; links of the kind "canonical" and the like it doesn't.
FETCHED = {("img", "src"), ("script", "src"), ("iframe", "src"), ("video", "src"), ("source", "src"), ("link", "href")}
_UNFETCHED = {"canonical", "prev", "next", "alternate"}
_CSS_URL = re.compile(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)")
#: A list that Markdown took for the rest of a paragraph.
_SWALLOWED = re.compile(r"\n\s*(?:[-*]|\d+\.) \S")


class Page(HTMLParser):
    """What a page links to, fetches and offers as targets, and the text of its paragraphs."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.paragraphs: list[str] = []
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note a tag's targets."""
        values = {name: value or "" for name, value in attributes}
        self.anchors.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        passive = tag == "link" and set(values.get("rel", "").split()) & _UNFETCHED
        self.fetched += [value for name, value in values.items() if (tag, name) in FETCHED and not passive]
        if tag == "p":
            self._open = True
            self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        """Note a paragraph's end."""
        if tag == "p":
            self._open = False

    def handle_data(self, data: str) -> None:
        """Note a paragraph's text."""
        if self._open:
            self.paragraphs[-1] += data


def faults(site: Path) -> list[str]:
    """What is wrong on the pages, a line each; empty if all is well."""
    pages = {file: Page(file.read_text(encoding="utf-8")) for file in sorted(site.rglob("*.html"))}
    found = []
    for file, page in pages.items():
        name = file.relative_to(site).as_posix()
        if name == "404.html":  # its addresses begin at the site's root, wherever that is
            continue
        found += [
            f"{name}: {link} leads nowhere" for link in page.links + page.fetched if not _leads(file, link, pages)
        ]
        found += [f"{name}: fetches {link}" for link in page.fetched if urlsplit(link).netloc]
        found += [f"{name}: a list lacks the empty line before it: {text[:80]!r}" for text in _swallowed(page)]
    for sheet in sorted(site.rglob("*.css")):
        for link in _CSS_URL.findall(sheet.read_text(encoding="utf-8")):
            found.append(f"{sheet.relative_to(site).as_posix()}: fetches {link}")
    return found


def _swallowed(page: Page) -> Iterator[str]:
    return (text for text in page.paragraphs if _SWALLOWED.search(text))


def _leads(file: Path, link: str, pages: dict[Path, Page]) -> bool:
    """Whether a link of a page leads somewhere, as far as this site is concerned."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if target.is_dir():
        target /= "index.html"
    if target not in pages:
        return target.is_file()
    return not parts.fragment or unquote(parts.fragment) in pages[target].anchors
