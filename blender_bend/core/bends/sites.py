"""Where a bend acts: site names, their patterns, and which steps they cover."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import BendError, Code
from ..site_kinds import MODULE_KINDS, STATE_KINDS, WEIGHT_KINDS, SiteKind
from . import patterns

#: What the interface offers; any other path can be typed.
COMMON_SITES: tuple[tuple[str, str], ...] = (
    (SiteKind.LATENT, "The latent before each step: early content and layout, late color and grain"),
    (SiteKind.NOISE, "The initial noise: a different scene of the same kind"),
    (SiteKind.PREDICTION, "The network's prediction at each step, after guidance: like latent, but softer"),
    (SiteKind.GUIDANCE, "The guidance at each step: the difference the prompt makes"),
    (SiteKind.TEXT, "The prompt embedding, as the network reads it"),
    ("unet:mid_block", "The deepest part of the network: the content of the scene"),
    ("unet:down_blocks.*", "The down blocks: composition"),
    ("unet:up_blocks.*", "The up blocks: shapes and texture"),
    ("unet:up_blocks.0", "First up block: large shapes"),
    ("unet:up_blocks.1", "Second up block: shapes and materials"),
    ("unet:up_blocks.2", "Third up block: texture and color"),
    ("unet:skips.*", "The skip connections: outlines and fine detail"),
    ("unet:**.attn2", "All cross-attention layers, where the network reads the prompt"),
    ("unet:**.attn1", "All self-attention layers"),
    ("vae:decoder.mid_block", "The decoder, after the denoising: the material of the whole picture"),
    ("vae:decoder.up_blocks.*", "The decoder's last blocks: glitches, color and grain"),
    ("transformer:transformer_blocks.*", "The blocks of SD3 and FLUX"),
    (
        "lora:*",
        "Weights of the loaded LoRA files in the network and the text encoders; Multiply sets their strength",
    ),
)

_PATH = re.compile(r"[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+)*")
#: Names of LoRA files, in any script; they have no parts, and a dot in them is like any other character.
_NAME = re.compile(r"[^\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Site:
    """A parsed site: its kind, and for a module site the pattern of the path."""

    kind: str
    pattern: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.pattern}" if self.pattern else self.kind

    def fits(self, path: str) -> bool:
        """Whether the pattern names a path; ``*`` is any text within one part of it, ``**`` any parts.

        In names of LoRA files, which have no parts, ``*`` is any text.
        """
        if self.kind in WEIGHT_KINDS:
            return patterns.wildcard(as_name(self.pattern).replace("*", "**")).fits(as_name(path))
        return patterns.wildcard(self.pattern).fits(path)

    def matches(self, paths: Iterable[str]) -> list[str]:
        """The module paths that the pattern names.

        Raises
        ------
        BendError(SITE_UNKNOWN) if there is none; the hint names the nearest paths.
        """
        paths = list(paths)
        found = [path for path in paths if self.fits(path)]
        if not found:
            near = difflib.get_close_matches(self.pattern, paths, n=3, cutoff=0.3)
            hint = f"Did you mean {' or '.join(f'{self.kind}:{path}' for path in near)}?" if near else ""
            raise BendError(Code.SITE_UNKNOWN, f"This model has no site '{self}'.", hint)
        return found


def is_name(text: str) -> bool:
    """Whether a site can call a LoRA by this name."""
    return len(text) <= patterns.LONGEST and bool(_NAME.fullmatch(as_name(text))) and "*" not in text


def as_name(text: str) -> str:
    """A name as it is compared: letters with their marks are one, however they were typed, and ends are bare."""
    return unicodedata.normalize("NFC", text).strip()


def parse(text: str) -> Site:
    """Read a site name: ``noise``, ``latent``, ``prediction``, ``guidance``, ``text``; ``unet:``, ``transformer:`` or
    ``vae:`` and a module path, ``unet:skips.N``, or ``lora:`` and a name; ``*`` is a wildcard, ``**`` one across dots.

    Raises
    ------
    BendError(SITE_UNKNOWN)
    """
    kind, colon, pattern = text.strip().partition(":")
    if kind in STATE_KINDS and not colon:
        return Site(kind)
    allowed = _PATH if kind in MODULE_KINDS else _NAME if kind in WEIGHT_KINDS else None
    if allowed is not None and len(pattern) <= patterns.LONGEST and allowed.fullmatch(pattern):
        return Site(kind, pattern)
    raise BendError(
        Code.SITE_UNKNOWN,
        f"'{text}' is not a site.",
        "Use latent, noise, prediction, guidance, text, or a module path such as unet:mid_block.",
    )


def window_steps(kind: str, start: float, end: float, steps: int) -> tuple[int, int]:
    """The denoising steps in which a bend at a kind of site acts.

    Step ``i`` of ``n`` lies at ``i / n``; the window takes those with ``start <= i / n < end``, and always at least
    one. ``start = end = k / n`` is the single moment before step ``k``; 1.0 is after the last step (the papers'
    ``layer >= steps``), where only the latent is left: the network acts at its last step then. Noise is bent once
    before the first step, the decoder once after the last.

    Parameters
    ----------
    start, end : 0...1
    steps : number of denoising steps, 1 or more

    Returns
    -------
    first, last : half-open range within 0 ... steps + 1
    """
    if kind == SiteKind.NOISE:
        return 0, 1
    if kind == SiteKind.VAE:
        return steps, steps + 1

    def ceil(fraction: float) -> int:
        return math.ceil((fraction - 1e-6) * steps)  # windows are kept with six decimals

    latest = steps if kind == SiteKind.LATENT else steps - 1
    first = min(max(ceil(start), 0), latest)
    return first, max(min(ceil(end), steps), first + 1)
