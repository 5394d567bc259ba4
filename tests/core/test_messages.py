"""Messages: one line each, there and back, and no garbage gets through."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core import messages
from blender_bend.core.errors import BendError, Code
from blender_bend.core.messages import Message, decode

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
