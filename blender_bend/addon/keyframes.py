"""Keys in bulk, and which of them a person has touched."""

from __future__ import annotations

import zlib
from base64 import b85decode, b85encode
from dataclasses import dataclass

import numpy as np
from bpy.types import FCurve, Keyframe

from ..core.curves import Keys

# Blender's numbers of the enums, which foreach_get and foreach_set speak.
_INTERPOLATION = Keyframe.bl_rna.properties["interpolation"].enum_items
_HANDLE = Keyframe.bl_rna.properties["handle_left_type"].enum_items
_TYPE = Keyframe.bl_rna.properties["type"].enum_items
LINEAR, BEZIER = _INTERPOLATION["LINEAR"].value, _INTERPOLATION["BEZIER"].value
FREE, VECTOR = _HANDLE["FREE"].value, _HANDLE["VECTOR"].value
GENERATED = _TYPE["GENERATED"].value

#: Every attribute of a key, with how many numbers it has and their kind.
ATTRIBUTES: dict[str, tuple[int, type]] = {
    "co": (2, np.float32),
    "handle_left": (2, np.float32),
    "handle_right": (2, np.float32),
    "handle_left_type": (1, np.int32),
    "handle_right_type": (1, np.int32),
    "interpolation": (1, np.int32),
    "easing": (1, np.int32),
    "type": (1, np.int32),
    "amplitude": (1, np.float32),
    "back": (1, np.float32),
    "period": (1, np.float32),
}
_DEFAULTS = {"amplitude": 0.8, "back": 1.70158, "period": 4.1}

#: Numbers that the memory keeps of a key.
COLUMNS = 7

KeyTable = dict[str, np.ndarray]


def read_keys(curve: FCurve) -> KeyTable:
    """Every attribute of every key: arrays of shape (keys, numbers)."""
    points, table = curve.keyframe_points, {}
    for name, (width, kind) in ATTRIBUTES.items():
        table[name] = np.empty(len(points) * width, dtype=kind)
        points.foreach_get(name, table[name])
        table[name] = table[name].reshape(-1, width)
    return table


def write_keys(curve: FCurve, table: KeyTable) -> None:
    """Replace all keys of a curve; the table must ascend in time."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(table["co"]))
    # Types first: while a handle is automatic, Blender moves it when a neighbour changes.
    for name in sorted(ATTRIBUTES, key=lambda name: not name.endswith("_type")):
        points.foreach_set(name, np.ascontiguousarray(table[name]).ravel())
    curve.update()


def table_of(keys: Keys) -> KeyTable:
    """Generated keys as a table: straight lines, or Bézier with the handles of the fit."""
    count = len(keys.frames)
    position = np.stack([keys.frames, keys.values], axis=1)
    straight = keys.left is None or keys.right is None
    third = np.array([1 / 3, 0.0])
    table: KeyTable = {
        name: np.full((count, width), _DEFAULTS.get(name, 0), dtype=kind) for name, (width, kind) in ATTRIBUTES.items()
    }
    table["co"][:] = position
    table["handle_left"][:] = position - third if straight else keys.left
    table["handle_right"][:] = position + third if straight else keys.right
    table["handle_left_type"][:] = table["handle_right_type"][:] = VECTOR if straight else FREE
    table["interpolation"][:] = LINEAR if straight else BEZIER
    table["type"][:] = GENERATED
    return table


def select(table: KeyTable, chosen: np.ndarray) -> KeyTable:
    """The chosen rows (indices or mask) of a table."""
    return {name: values[chosen] for name, values in table.items()}


def merge(first: KeyTable, second: KeyTable) -> KeyTable:
    """Both tables in one, ascending in time."""
    joined = {name: np.concatenate([first[name], second[name]]) for name in ATTRIBUTES}
    return select(joined, np.argsort(joined["co"][:, 0], kind="stable"))


@dataclass(frozen=True)
class Memory:
    """What the last bake wrote, to tell a person's keys from its own.

    Frames are counted from the strip's first element, so that sliding the strip changes nothing.

    Parameters
    ----------
    keys : float32 array, shape (n, 7): frame, value, left handle (frame, value), right handle (frame, value),
        interpolation; the value is not a number for keys that were the person's at the last bake
    removed : float32 array, shape (m,): frames whose baked key a person deleted or moved away
    """

    keys: np.ndarray
    removed: np.ndarray

    @classmethod
    def empty(cls) -> Memory:
        """Nothing was ever baked."""
        return cls(np.empty((0, COLUMNS), np.float32), np.empty(0, np.float32))

    @classmethod
    def decode(cls, text: str) -> Memory:
        """Read what ``encode`` wrote; text from elsewhere counts as no memory."""
        try:
            packed = np.frombuffer(zlib.decompress(b85decode(text)), np.float32) if text else np.empty(0, np.float32)
            count = int(packed[0]) if len(packed) else 0
            return cls(packed[1 : 1 + COLUMNS * count].reshape(-1, COLUMNS), packed[1 + COLUMNS * count :])
        except (ValueError, zlib.error):
            return cls.empty()

    def encode(self) -> str:
        """The memory as text for a string property."""
        packed = np.concatenate([[len(self.keys)], self.keys.ravel(), self.removed]).astype(np.float32)
        return b85encode(zlib.compress(packed.tobytes(), 6)).decode()

    @classmethod
    def of(cls, table: KeyTable, start: int) -> Memory:
        """Remember the keys of a table, as frames counted from the strip's first element."""
        keys = np.concatenate(
            [table["co"], table["handle_left"], table["handle_right"], table["interpolation"]], axis=1
        ).astype(np.float32)
        keys[:, 0:6:2] -= start
        return cls(keys, np.empty(0, np.float32))


def hand_keys(table: KeyTable, memory: Memory, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Find what a person did to a curve since the last bake.

    A key is the bake's own if it is still of the generated type and exactly where and as the bake put it.

    Parameters
    ----------
    table : the curve's keys now
    start : frame of the strip's first element

    Returns
    -------
    touched : bool array, shape (keys,): keys that a person moved, added or changed
    removed : float32 array: frames, counted from the start, whose baked key a person deleted or moved away
    """
    now = Memory.of(table, start).keys
    known = {round(float(key[0]), 3): key for key in memory.keys}
    touched = np.ones(len(now), dtype=bool)
    still_there = set()
    for index, key in enumerate(now):
        frame = round(float(key[0]), 3)
        baked = known.get(frame)
        if baked is None:
            continue
        still_there.add(frame)
        # A straight key's handles are Blender's own affair.
        compared = [0, 1, 6] if baked[6] == LINEAR else slice(None)
        own = table["type"][index, 0] == GENERATED
        touched[index] = not (own and np.allclose(key[compared], baked[compared], rtol=1e-5, atol=1e-4))
    gone = {frame for frame in known if frame not in still_there} | {float(frame) for frame in memory.removed}
    return touched, np.array(sorted(gone), dtype=np.float32)
