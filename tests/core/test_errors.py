"""Errors keep their code, words and button on the way between two processes."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code

TESTS = Path(__file__).resolve().parents[1]


def asserted(tree: ast.AST) -> Iterator[str]:
    """The codes that a test compares with: in assertions, and in the tables of parametrised tests."""
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Assert) or (isinstance(called, ast.Attribute) and called.attr == "parametrize"):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Attribute):
                    owner = inner.value
                    if (owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")) == "Code":
                        yield inner.attr.lower()
                elif isinstance(inner, ast.Constant) and inner.value in set(Code):
                    yield str(inner.value)


@cache
def provoked() -> set[str]:
    """The codes that the tests of all rooms provoke; this file only carries them about."""
    files = [file for file in TESTS.rglob("test_*.py") if file != Path(__file__).resolve()]
    return {code for file in files for code in asserted(ast.parse(file.read_text(encoding="utf-8")))}


@pytest.mark.parametrize("code", Code)
def test_every_failure_is_provoked_by_a_test(code: Code) -> None:
    assert code in provoked()


def test_a_code_that_is_only_mentioned_does_not_count() -> None:
    source = "code = Code.OFFLINE\n# offline\nassert error.code == errors.Code.MODEL_GATED or x == 'internal'"
    assert set(asserted(ast.parse(source))) == {"model_gated", "internal"}


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
