"""Messages: one line each, there and back, and no garbage gets through."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code
from blender_bend.core.process import messages
from blender_bend.core.process.messages import Message, decode

ROOT = Path(__file__).resolve().parents[2]
TEXT = st.text(max_size=50)
PAYLOAD = st.dictionaries(
    TEXT, st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=3))
)


@given(kind=TEXT, request_id=TEXT, payload=PAYLOAD)
def test_a_message_comes_back_as_it_was_sent(kind: str, request_id: str, payload: dict[str, object]) -> None:
    message = Message(kind, request_id, payload)
    assert decode(message.encode()) == message


@given(kind=TEXT, request_id=TEXT, payload=PAYLOAD)
def test_a_message_is_exactly_one_line(kind: str, request_id: str, payload: dict[str, object]) -> None:
    line = Message(kind, request_id, payload).encode()
    assert line.count(b"\n") == 1 and line.endswith(b"\n")


def test_numbers_that_are_not_json_are_never_sent() -> None:
    with pytest.raises(ValueError):
        Message("frame", "1", {"value": float("nan")}).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"hello\n",
        b"[]\n",
        b"null\n",
        b"7\n",
        b'"v"\n',
        b"{}\n",
        b"\xff\xfe\n",
        b'{"v": 1, "id": 3, "type": "hello", "data": {}}\n',
        b'{"v": 1, "id": "3", "type": null, "data": {}}\n',
        b'{"v": 1, "id": "3", "type": "hello", "data": []}\n',
        b'{"v": 1, "id": "3", "type": "hello"}\n',
        b"[" * 500_000,
        b'{"v": 1, "id": "3", "type": "hello", "data": {"x": "' + b"x" * messages.LONGEST_LINE + b'"}}\n',
    ],
    ids=lambda line: repr(line[:40]),
)
def test_a_line_that_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(BendError) as caught:
        decode(line)
    assert caught.value.code == Code.MESSAGE_INVALID
    assert len(caught.value.message) < 1000


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(line: bytes) -> None:
    try:
        decode(line)
    except BendError as error:
        assert error.code == Code.MESSAGE_INVALID


@given(st.fixed_dictionaries({}, optional={key: PAYLOAD | TEXT | st.integers() for key in ("v", "id", "type", "data")}))
def test_any_object_is_a_message_or_refused(data: dict[str, object]) -> None:
    try:
        decode(json.dumps(data).encode())
    except BendError as error:
        assert error.code in {Code.MESSAGE_INVALID, Code.ENGINE_VERSION}


def test_a_message_of_another_version_says_so() -> None:
    line = json.dumps({"v": messages.PROTOCOL + 1, "id": "1", "type": "hello", "data": {}}).encode()
    with pytest.raises(BendError) as caught:
        decode(line)
    assert caught.value.code == Code.ENGINE_VERSION
    assert caught.value.hint


#: Of every field a value that it takes.
GOOD = {
    messages.TEXT: "x",
    messages.MAYBE_TEXT: "x",
    messages.TEXTS: ["rms"],
    messages.LIST: [],
    messages.MAYBE_LIST: [1],
    messages.MAYBE_TABLE: {},
    messages.FLAG: False,
    messages.WHOLE: 3,
    messages.MAYBE_WHOLE: 3,
    messages.NUMBER: 1.5,
}
#: Every kind of message, with its fields; DONE once for every kind of request.
KINDS = [(kind, "", fields) for kind, fields in messages.FIELDS.items()]
KINDS += [(messages.DONE, request, fields) for request, fields in messages.ANSWERS.items()]
EVERY = [(kind, request, name) for kind, request, fields in KINDS for name in fields]


def whole(fields: dict[str, messages.Field]) -> dict[str, Any]:
    """The data of a message with all its fields."""
    data: dict[str, Any] = {}
    for name, described in fields.items():
        first, _, rest = name.partition(".")
        if rest:
            data[first] = {**data.get(first, {}), rest: GOOD[described]}
        else:
            data[first] = GOOD[described]
    return data


def changed(data: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The data with another value of a field, or without it."""
    first, _, rest = name.partition(".")
    kept = {key: each for key, each in data.items() if key != first}
    if rest:
        return {**kept, first: changed(data[first], rest, value)}
    return kept if value is messages.MISSING else {**kept, first: value}


def fault(kind: str, request: str, data: dict[str, Any]) -> str:
    """What is said of a message; empty if it is taken."""
    try:
        messages.check(Message(kind, "1", data), request)
    except BendError as error:
        assert error.code == Code.MESSAGE_INVALID and error.hint
        return error.message
    return ""


def test_every_kind_of_message_stands_in_the_table() -> None:
    spoken = {value for name, value in vars(messages).items() if name.isupper() and isinstance(value, str)}
    assert spoken == {*messages.FIELDS, messages.DONE}
    requests = {messages.HELLO, messages.MEASURE, messages.EMBED, messages.RENDER, messages.DRAFT, messages.SPEEDS}
    assert set(messages.ANSWERS) == {*requests, messages.SHEET}
    for kind, request, fields in KINDS:
        assert fault(kind, request, whole(fields)) == "", kind
        assert fault(kind, request, {**whole(fields), "more": object()}) == "", "another version may say more"


@pytest.mark.parametrize(("kind", "request_kind", "name"), EVERY, ids=lambda part: str(part) or "-")
def test_a_field_that_is_missing_or_wrong_is_named(kind: str, request_kind: str, name: str) -> None:
    fields = next(fields for each, of, fields in KINDS if (each, of) == (kind, request_kind))
    described, data = fields[name], whole(fields)
    without = fault(kind, request_kind, changed(data, name, messages.MISSING))
    assert without == (f"'{name}' is missing in the message '{kind}'." if described.needed else "")
    wrong = "yes" if described == messages.FLAG else 1.5
    if described != messages.NUMBER:
        said = fault(kind, request_kind, changed(data, name, wrong))
        assert said == f"'{name}' is not {described.what} in the message '{kind}'."
    if described == messages.TEXTS:
        assert "a list of texts" in fault(kind, request_kind, changed(data, name, ["rms", 3]))
    nothing = fault(kind, request_kind, changed(data, name, None))
    assert bool(nothing) == (described.needed and described != messages.NUMBER)


def test_lines_of_several_threads_do_not_mix() -> None:
    script = (
        "import sys, threading; sys.setswitchinterval(1e-6)\n"
        "from blender_bend.core.process.messages import print_line\n"
        "def tell(name):\n"
        "    for number in range(500): print_line(name=name, number=number)\n"
        "threads = [threading.Thread(target=tell, args=(name,)) for name in 'abcd']\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in said.splitlines()]
    assert sorted((line["name"], line["number"]) for line in lines) == [(n, i) for n in "abcd" for i in range(500)]
