"""Errors keep their code, words and button on the way between two processes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code


@pytest.mark.parametrize("code", Code)
def test_an_error_comes_back_as_it_was_sent(code: Code) -> None:
    sent = BendError(code, "It broke.", "Mend it.", "bend.open_preferences")
    came = BendError.from_dict(json.loads(json.dumps(sent.to_dict())))
    assert (came.code, came.message, came.hint, came.action) == (code, "It broke.", "Mend it.", "bend.open_preferences")


def test_an_error_reads_as_what_happened_and_what_to_do() -> None:
    assert str(BendError(Code.OFFLINE, "No network.", "Allow it.")) == "No network. Allow it."
    assert str(BendError(Code.OFFLINE, "No network.")) == "No network."


def test_an_unknown_code_is_an_internal_error_that_keeps_its_words() -> None:
    came = BendError.from_dict({"code": "from the future", "message": "It broke."})
    assert (came.code, came.message) == (Code.INTERNAL, "It broke.")


@given(
    st.dictionaries(
        st.sampled_from(["code", "message", "hint", "action"]),
        st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=1) | st.sampled_from(list(Code)),
    )
)
def test_whatever_another_process_sends_becomes_an_error(data: dict[str, object]) -> None:
    came = BendError.from_dict(data)
    assert came.code in set(Code)
    assert isinstance(came.message, str)
