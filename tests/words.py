"""What is not American English, or not in the form of Blender's own labels and tooltips."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ENDINGS = re.compile(r"\b\w*[a-z](?:is(?:e[drs]?|ing|ation|ations|able)|ys(?:e[drs]?|ing))\b", re.IGNORECASE)
_STEMS = re.compile(
    r"\b\w*(?:colour|grey|centre|neighbour|behaviour|favour|flavour|honour|labour|rumour|licence|catalogue|analogue|"
    r"dialogue|judgement|artefact|defence|offence|pretence|sceptic|mould|spectre|sombre|lustre|calibre|fulfilment|"
    r"skilful|learnt|spelt|dreamt|whilst|amongst|towards|upwards|downwards|backwards|anti-?clockwise|"
    r"counter-clockwise|cosy|ochre|aluminium|grey|half-way|(?:cancel|label|model|travel|level|signal|channel|"
    r"fuel|dial|total|equal)l(?:ed|ing|er|ers))\w*\b|\b(?:metres?|litres?|fibres?|theatres?|programmes?|storeys?)\b",
    re.IGNORECASE,
)
#: Words that end as British ones do and are American.
_AMERICAN = re.compile(
    r"(?:un)?(?:\w*(?:wise|noise[drs]?|noising|rais(?:e[drs]?|ing)|ris(?:e[drs]?|ing|able)|precise|advis(?:e[drs]?|ing|able)|"
    r"revis(?:e[drs]?|ing)|devis(?:e[drs]?|ing)|surpris(?:e[drs]?|ing)|pris(?:e[drs]?|ing)|exercis(?:e[drs]?|ing)|"
    r"promis(?:e[drs]?|ing)|premises?|concise|expertise|disguis(?:e[drs]?|ing)|supervis(?:e[drs]?|ing)|paradises?|"
    r"praised?|treatise|likewise|otherwise|prais\w+|analyses|demise|poised?|vis(?:e|ed|ing|able|ation)|bruises?))",
    re.IGNORECASE,
)
#: Phrases of a translation; Blender or the field has a shorter word for each.
_PHRASES = (
    "nobody", "somebody", "anew", "shall", "so many", "good for", "is whole", "as it is",
    "what is where",
    "is here", "are here", "gives up", "gave up", "came damaged", "wears", "is well", "any more", "graphics cards?",
    "that may read", "lies? beside", "meets? the features?", "do not show", "which of .{1,30} is",
)  # fmt: skip
_BANNED = re.compile(rf"\b(?:{'|'.join(_PHRASES)})\b", re.IGNORECASE)
_DOUBLED = re.compile(r"\b([a-z]{2,})[ \n]\1\b", re.IGNORECASE)
#: Words that a title does not capitalize unless they begin or end it, as in Blender.
_SMALL = {
    "a", "an", "and", "as", "at", "but", "by", "for", "from", "in", "into", "of", "off", "on", "or", "per", "the", "to",
    "via", "with",
}  # fmt: skip


def british(text: str) -> Iterator[str]:
    """The words of a text that America spells otherwise."""
    yield from (found[0] for found in _STEMS.finditer(text))
    yield from (found[0] for found in _ENDINGS.finditer(text) if not _AMERICAN.fullmatch(found[0]))


def faults(text: str) -> list[str]:
    """What is wrong with a text, whatever it is for: British words, phrases of a translation, doubled words."""
    found = [*british(text), *(match[0] for match in _BANNED.finditer(text))]
    return [*found, *(match[0] for match in _DOUBLED.finditer(text) if match[1].lower() not in {"had", "that"})]


def tooltip_faults(text: str) -> list[str]:
    """What is wrong with a tooltip: Blender adds the period, and a sentence begins with a capital."""
    found = faults(text)
    if text.endswith("."):
        found.append("ends with a period")
    if text[:1].islower():
        found.append("begins with a small letter")
    return found


def label_faults(text: str) -> list[str]:
    """What is wrong with a label: Blender writes them in title case, without a period."""
    found = faults(text)
    words = re.sub(r"\(.*?\)|['’]s\b", "", text.replace("Log In ", "Login ")).split()
    for place, word in enumerate(words):
        inside = 0 < place < len(words) - 1
        if word[0].islower() and not (inside and word in _SMALL) and not re.search(r"[A-Z0-9_/.]", word):
            found.append(f"{word} begins with a small letter")
        if inside and word.lower() in _SMALL and word != word.lower():
            found.append(f"{word} begins with a capital")
    if text.endswith("."):
        found.append("ends with a period")
    return found
