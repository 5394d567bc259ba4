"""Honest data made dishonest, at random: for everything that reads what somebody else may have written."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from blender_bend.core.files import foreign_json

DEEP: list[Any] = []
for _ in range(150):
    DEEP = [DEEP]

#: Texts that are no JSON object of a sensible size and depth.
DAMAGED_JSON = {
    "deep": "[" * 100_000,
    "deep objects": '{"a":' * 5_000 + "1" + "}" * 5_000,
    "deeper than any setting": '{"a":' * 200 + "1" + "}" * 200,
    "large": '{"a":"' + "x" * (foreign_json.LARGEST + 1) + '"}',
    "many values": '{"a":[' + "[]," * 500_000 + "[]]}",
    "a list": "[1, 2]",
    "a text": '"model"',
    "nothing": "null",
    "half": '{"a": ',
    "half a character": '{"a": "\\ud800"}',
    "a number of 5,000 digits": '{"a": ' + "9" * 5000 + "}",
    "empty": "",
}

#: What nobody who means well puts into a file.
HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(10**30), 1e308, -1e308, 1e-320, float("nan"), float("inf"), 0.1,
    "", " ", "0", "../../../etc/passwd", "/etc/passwd", "C:\\Windows\\system32", "\\\\host\\share", "~/.ssh/id_rsa",
    "a\0b", "x" * 100_000, "\ud800", "💥", "__import__('os').system('id')", "unet:" + "*." * 2000, "latent", "all",
    "0-3", "0-999999999", "a" * 64, "f" * 64 + "/..", [], {}, [[]], [1, 2], [["", 1.0]], {"": 1}, {"__class__": "os"},
    DEEP,
)  # fmt: skip


def mutated(data: Any, chance: random.Random, hostile: tuple[Any, ...] = HOSTILE) -> Any:
    """A copy of JSON data with one to three changes somewhere in it."""
    data = copy.deepcopy(data)
    for _ in range(chance.randint(1, 3)):
        places = list(_places(data))
        if not places:
            return copy.deepcopy(chance.choice(hostile))
        holder, key = chance.choice(places)
        what = chance.randrange(4)
        if what == 0:
            del holder[key]
        elif what == 1 and isinstance(holder, dict):
            holder[str(chance.choice(hostile))[:100]] = holder.pop(key)
        elif what == 2:
            holder[key] = copy.deepcopy(chance.choice(places)[0])
        else:
            holder[key] = copy.deepcopy(chance.choice(hostile))
    return data


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of JSON data where a value stands."""
    waiting = [data]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            yield holder, key
            waiting.append(holder[key])


def mutated_text(data: Any, chance: random.Random) -> str:
    """Mutated data as text, which now and then is cut or scratched as well."""
    text = json.dumps(mutated(data, chance))
    if chance.random() < 0.01:
        return text[:-1] + ', "deep": ' + "[" * 100_000
    return scratched(text.encode(), chance).decode("utf-8", "replace") if chance.random() < 0.3 else text


def scratched(data: bytes, chance: random.Random) -> bytes:
    """Bytes of which some are changed, cut off, doubled or taken out."""
    scratched = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        if not scratched:
            break
        at = chance.randrange(len(scratched))
        what = chance.randrange(5)
        if what == 0:
            scratched[at] = chance.randrange(256)
        elif what == 1:
            scratched[at] ^= 1 << chance.randrange(8)
        elif what == 2:
            del scratched[at:]
        elif what == 3:
            del scratched[at : at + chance.randint(1, 64)]
        else:
            scratched[at:at] = scratched[at : at + chance.randint(1, 64)]
    return bytes(scratched)
