"""Keys in bulk, and which of them a person has touched."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from bpy.types import FCurve, Keyframe

from ...core.curves.keys import Keys
from ...core.files.packing import unpack64
from ..host import typed

# Blender's numbers of the enums, which foreach_get and foreach_set speak.
_INTERPOLATION, _HANDLE, _TYPE = (
    typed.enum_items(Keyframe, name) for name in ("interpolation", "handle_left_type", "type")
)
CONSTANT, LINEAR, BEZIER = (_INTERPOLATION[name].value for name in ("CONSTANT", "LINEAR", "BEZIER"))
FREE, VECTOR = _HANDLE["FREE"].value, _HANDLE["VECTOR"].value
GENERATED, KEYFRAME = _TYPE["GENERATED"].value, _TYPE["KEYFRAME"].value

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
#: Numbers that the memory keeps of a frame that a sound was added to.
ADDED = 3
#: Keys of a frame that a memory may tell of: some of the bakes before, some of a person, some that are gone.
_A_FRAME = 16
#: Frames that a strip may have had before it was made shorter.
_ROOM = 4096
#: Twice as far as Blender's timeline goes.
_LAST_FRAME = 1 << 21

KeyTable = dict[str, np.ndarray]


def read_keys(curve: FCurve) -> KeyTable:
    """Every attribute of every key: arrays of shape (keys, numbers)."""
    return read_attributes(curve, ATTRIBUTES)


def read_attributes(curve: FCurve, names: Iterable[str]) -> KeyTable:
    """Some attributes of every key."""
    points = curve.keyframe_points
    table: KeyTable = {}
    for name in names:
        width, kind = ATTRIBUTES[name]
        table[name] = np.empty(len(points) * width, dtype=kind)
        points.foreach_get(name, table[name])
        table[name] = table[name].reshape(-1, width)
    return table


def read_shape(curve: FCurve) -> KeyTable:
    """What a person's keys are told by, in half the time of everything; handles only where there are curves."""
    table = read_attributes(curve, ("co", "interpolation", "type"))
    if (table["interpolation"] == BEZIER).any():
        return table | read_attributes(curve, ("handle_left", "handle_right"))
    return table | {"handle_left": table["co"], "handle_right": table["co"]}


def write_keys(curve: FCurve, table: KeyTable) -> None:
    """Replace all keys of a curve; the table must ascend in time."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(table["co"]))
    # Types first: while a handle is automatic, Blender moves it when a neighbour changes.
    for name in sorted(ATTRIBUTES, key=lambda name: not name.endswith("_type")):
        values = table[name]
        if name != "easing" or values.any():  # new keys have none
            points.foreach_set(name, np.ascontiguousarray(values).ravel())
    curve.update()


def set_hand_keys(curve: FCurve, frames: np.ndarray, values: np.ndarray) -> None:
    """Set keys that are a person's own, in frames that ascend; from each the curve runs on as before it.

    What a key is, is set for all at once: after a single change Blender sorts and smooths the whole curve.
    """
    runs = _running(curve, frames)
    points = curve.keyframe_points
    for frame, value in zip(frames.tolist(), values.tolist(), strict=True):
        points.insert(frame, value, options={"FAST"})
    table = read_attributes(curve, ("co", "interpolation", "type"))
    places = _nearest(table["co"][:, 0], frames)
    table["interpolation"][places, 0], table["type"][places, 0] = runs, KEYFRAME
    for name in ("interpolation", "type"):
        points.foreach_set(name, table[name].ravel())
    curve.update()


def _running(curve: FCurve, frames: np.ndarray) -> np.ndarray:
    """How a curve runs at frames: as from the key before."""
    table = read_attributes(curve, ("co", "interpolation"))
    before = np.searchsorted(table["co"][:, 0], frames, side="right") - 1
    return np.append(table["interpolation"][:, 0], BEZIER)[before]  # the last one is before the first


def _nearest(ascending: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """The places of the keys that are nearest to frames: Blender keeps a key that is there within a hundredth."""
    return np.searchsorted((ascending[1:] + ascending[:-1]) / 2, frames)


def table_of(keys: Keys) -> KeyTable:
    """Generated keys as a table: Bézier with the handles of the fit, or straight lines, or constant steps."""
    count = len(keys.frames)
    position = np.stack([keys.frames, keys.values], axis=1)
    third = np.array([1 / 3, 0.0])
    table: KeyTable = {
        name: np.full((count, width), _DEFAULTS.get(name, 0), dtype=kind) for name, (width, kind) in ATTRIBUTES.items()
    }
    table["co"][:] = position
    table["handle_left"][:] = position - third if keys.left is None else keys.left
    table["handle_right"][:] = position + third if keys.right is None else keys.right
    table["handle_left_type"][:] = table["handle_right_type"][:] = VECTOR if keys.left is None else FREE
    table["interpolation"][:] = _INTERPOLATION[keys.interpolation].value
    table["type"][:] = GENERATED
    return table


def no_keys() -> KeyTable:
    """An empty table."""
    return table_of(Keys(np.empty(0), np.empty(0)))


def select(table: KeyTable, chosen: np.ndarray) -> KeyTable:
    """The chosen rows (a mask) of a table."""
    return table if chosen.all() else {name: values[chosen] for name, values in table.items()}


def merge(first: KeyTable, second: KeyTable) -> KeyTable:
    """Both tables in one, ascending in time."""
    if not len(first["co"]) or not len(second["co"]):
        return first if len(first["co"]) else second
    joined = {name: np.concatenate([first[name], second[name]]) for name in ATTRIBUTES}
    order = np.argsort(joined["co"][:, 0], kind="stable")
    return {name: values[order] for name, values in joined.items()}


@dataclass(frozen=True)
class Memory:
    """What the last bakes wrote, to tell a person's keys from their own, and to take an addition back.

    Frames are counted from the strip's first element, so that sliding the strip changes nothing.

    Parameters
    ----------
    keys : float32 array, shape (n, 7): frame, value, left handle (frame, value), right handle (frame, value),
        interpolation; the value is not a number for keys that were the person's at the last bake
    removed : float32 array, shape (m,): frames whose baked key a person deleted or moved away
    added : float32 array, shape (k, 3), ascending: frames, how much of the curve's value there is the sound's, and by
        how much a person's keys there were lifted (the same, but where keys are missing or simplified)
    """

    keys: np.ndarray
    removed: np.ndarray
    added: np.ndarray

    @classmethod
    def empty(cls) -> Memory:
        """Nothing was ever baked."""
        return cls(np.empty((0, COLUMNS), np.float32), np.empty(0, np.float32), np.empty((0, ADDED), np.float32))

    @classmethod
    def decode(cls, text: str, frames: int) -> Memory:
        """Read what ``encode`` wrote; text from elsewhere, or of more than a curve can have, counts as no memory.

        Parameters
        ----------
        frames : how many frames and keys there are that it can tell of
        """
        most = 4 * (3 + (frames + _ROOM) * _A_FRAME * (COLUMNS + 1 + ADDED))
        try:
            packed = np.frombuffer(unpack64(text, most + 1), np.float32)
            keys, removed, added = (int(count) for count in packed[:3])
            parts = np.split(packed[3:], np.cumsum([COLUMNS * keys, removed]))
            memory = cls(parts[0].reshape(COLUMNS, keys).T, parts[1], parts[2].reshape(ADDED, added).T)
        except (ValueError, OverflowError):
            return cls.empty()
        return memory if memory._possible() else cls.empty()

    def _possible(self) -> bool:
        """Whether everything is remembered of frames that there can be, and nothing is beyond measure."""
        for frames in (self.keys[:, 0], self.removed, self.added[:, 0]):
            if not (np.abs(frames) <= _LAST_FRAME).all():
                return False
        return bool((np.diff(self.added[:, 0]) >= 0).all() and np.isfinite(self.added).all())

    def encode(self) -> str:
        """The memory as text for a string property; column by column, which packs best."""
        counts = np.array([len(self.keys), len(self.removed), len(self.added)])
        parts = [counts, self.keys.T.ravel(), self.removed, self.added.T.ravel()]
        packed = np.concatenate([part.astype(np.float32) for part in parts])
        return b64encode(zlib.compress(packed.tobytes(), 1)).decode()

    @classmethod
    def of(cls, table: KeyTable, start: int) -> Memory:
        """Remember the keys of a table, as frames counted from the strip's first element."""
        return replace(cls.empty(), keys=rows(table, start))


def rows(table: KeyTable, start: int) -> np.ndarray:
    """Keys as a memory keeps them; handles that do not shape the curve are Blender's own affair and count as 0."""
    keys = np.zeros((len(table["co"]), COLUMNS), np.float32)
    keys[:, 0], keys[:, 1] = table["co"][:, 0] - start, table["co"][:, 1]
    keys[:, 6] = table["interpolation"][:, 0]
    curved = keys[:, 6] == BEZIER
    if curved.any():
        keys[curved, 2:4], keys[curved, 4:6] = table["handle_left"][curved], table["handle_right"][curved]
        keys[curved, 2:6:2] -= start
    return keys


def follow(
    memory: Memory,
    before: KeyTable,
    after: KeyTable,
    own: np.ndarray,
    starts: tuple[int, int],
    move: Callable[[np.ndarray], np.ndarray],
) -> Memory:
    """What is remembered of a curve after its keys were moved in time.

    Parameters
    ----------
    before, after : the keys, one by one
    own : bool array, shape (keys,), the keys that are as the bake put them
    starts : frame of the strip's first element, before and after
    move : from frames of the timeline before to frames after, ascending
    """

    def relative(frames: np.ndarray) -> np.ndarray:
        return np.asarray(move(frames.astype(np.float64) + starts[0]) - starts[1], np.float32)

    keys = memory.keys.copy()
    keys[:, 0] = relative(keys[:, 0])
    curved = keys[:, 6] == BEZIER
    keys[curved, 2], keys[curved, 4] = relative(keys[curved, 2]), relative(keys[curved, 4])
    # What is the bake's own is remembered as Blender keeps it, to the last bit.
    there, known = ticks(before["co"][:, 0] - starts[0]), ticks(memory.keys[:, 0])
    place = np.minimum(np.searchsorted(there, known), max(len(there) - 1, 0))
    same = (there[place] == known) & own[place] if len(there) else np.zeros(len(known), bool)
    keys[same] = rows(after, starts[1])[place[same]]
    return Memory(keys, relative(memory.removed), _moved_addition(memory.added, relative))


def _moved_addition(added: np.ndarray, relative: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What a sound has added, on whole frames again: between two frames that are remembered, what lies between."""
    if not len(added):
        return added
    there = relative(added[:, 0])
    frames = np.arange(np.ceil(there[0]), np.floor(there[-1]) + 1)
    widest = max(1.0, float(np.min(np.diff(there), initial=np.inf))) + 1e-3
    after = np.searchsorted(there, frames).clip(1, max(len(there) - 1, 1)).clip(max=len(there) - 1)
    known = there[after] - there[np.maximum(after - 1, 0)] <= widest
    known |= np.isin(frames, there)
    columns = [np.interp(frames, there, added[:, column]) for column in range(1, ADDED)]
    return np.stack([frames, *columns], axis=1)[known].astype(np.float32)


def ticks(frames: np.ndarray) -> np.ndarray:
    """Frames as whole thousandths, to compare them."""
    return np.rint(np.asarray(frames, dtype=np.float64) * 1000).astype(np.int64)


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
    now = rows(table, start)
    there, baked_there = ticks(now[:, 0]), ticks(memory.keys[:, 0])
    order = np.argsort(baked_there, kind="stable")
    place = np.searchsorted(baked_there, there, sorter=order)
    known = place < len(order)
    known[known] = baked_there[order[place[known]]] == there[known]
    found = order[place[known]]
    baked = memory.keys[found]
    # A key that was the person's has no number in the memory, which is close to nothing.
    same = (np.abs(now[known] - baked) <= 1e-4 + 1e-5 * np.abs(baked)).all(axis=1)
    own = known.copy()
    own[known] = same & (table["type"][known, 0] == GENERATED)
    gone = np.ones(len(memory.keys), dtype=bool)
    gone[found] = False
    return ~own, np.unique(np.concatenate([memory.keys[gone, 0], memory.removed]).astype(np.float32))
