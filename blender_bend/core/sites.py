"""Where a bend acts: site names, their patterns, and which steps and channels they cover."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .errors import BendError, Code

MODULE_KINDS = ("unet",)
STATE_KINDS = ("noise", "latent")

#: What the interface offers; any other ``unet:`` path can be typed.
COMMON_SITES: tuple[tuple[str, str], ...] = (
    ("latent", "The picture in the making, before each step: early what and where, late colour and grain"),
    ("noise", "The noise the picture starts from: another scene of the same kind"),
    ("unet:mid_block", "The deepest part of the network: the meaning of the scene"),
    ("unet:down_blocks.*", "The way down: composition"),
    ("unet:up_blocks.*", "The way up: shapes and texture"),
    ("unet:up_blocks.0", "First block of the way up: large shapes"),
    ("unet:up_blocks.1", "Second block of the way up: shapes and materials"),
    ("unet:up_blocks.2", "Third block of the way up: texture and colour"),
)

_PATH = re.compile(r"[A-Za-z0-9_*]+(\.[A-Za-z0-9_*]+)*")


@dataclass(frozen=True)
class Site:
    """A parsed site: its kind, and for a module site the pattern of the path."""

    kind: str
    pattern: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.pattern}" if self.pattern else self.kind

    def matches(self, paths: Iterable[str]) -> list[str]:
        """The module paths that the pattern names; ``*`` stands for any letters within one part of the path.

        Raises
        ------
        BendError(SITE_UNKNOWN) if there is none; the hint names the nearest paths.
        """
        paths = list(paths)
        expression = re.compile(re.escape(self.pattern).replace(r"\*", r"[^.]*"))
        found = [path for path in paths if expression.fullmatch(path)]
        if not found:
            near = difflib.get_close_matches(self.pattern, paths, n=3, cutoff=0.3)
            hint = f"Did you mean {' or '.join(f'{self.kind}:{path}' for path in near)}?" if near else ""
            raise BendError(Code.SITE_UNKNOWN, f"This model has no place called '{self}'.", hint)
        return found


def parse(text: str) -> Site:
    """Read a site name: ``noise``, ``latent`` or ``unet:<module path with * patterns>``.

    Raises
    ------
    BendError(SITE_UNKNOWN)
    """
    kind, colon, pattern = text.strip().partition(":")
    if kind in STATE_KINDS and not colon:
        return Site(kind)
    if kind in MODULE_KINDS and _PATH.fullmatch(pattern):
        return Site(kind, pattern)
    raise BendError(
        Code.SITE_UNKNOWN,
        f"'{text}' is not a site.",
        "Use noise, latent, or unet: and a module path such as unet:mid_block.",
    )


def window_steps(start: float, end: float, steps: int) -> tuple[int, int]:
    """The denoising steps of a step window.

    Step ``i`` of ``n`` lies at ``i / n``; the window takes those with ``start <= i / n < end``, and always at least
    one. ``start = end = k / n`` is the single moment before step ``k``; 1.0 is after the last step (the papers'
    ``layer >= steps``).

    Parameters
    ----------
    start, end : 0...1
    steps : number of denoising steps, 1 or more

    Returns
    -------
    first, last : half-open range within 0 ... steps + 1
    """

    def ceil(fraction: float) -> int:
        return math.ceil((fraction - 1e-6) * steps)  # windows are kept with six decimals

    first = min(max(ceil(start), 0), steps)
    return first, max(min(ceil(end), steps), first + 1)


def parse_channels(text: str, count: int) -> Sequence[int] | None:
    """The channels that a list names: ``all`` (None), or numbers and ranges such as ``0-3, 7``.

    Raises
    ------
    BendError(PARAMETER_INVALID) if it cannot be read; BendError(CHANNEL_MISSING) if the site has fewer channels.
    """
    if text.strip() in {"", "all"}:
        return None
    chosen: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if not found:
            raise BendError(
                Code.PARAMETER_INVALID,
                f"'{text}' is not a list of channels.",
                "Write all, or numbers and ranges: 0-3, 7.",
            )
        first = int(found[1])
        last = int(found[2] or first)
        if not first <= last < 1_000_000:
            raise BendError(Code.PARAMETER_INVALID, f"'{part.strip()}' is not a range of channels.")
        if last >= count:
            raise BendError(
                Code.CHANNEL_MISSING,
                f"Channel {last} does not exist here.",
                f"This site has channels 0 to {count - 1}.",
            )
        chosen.update(range(first, last + 1))
    return sorted(chosen)
