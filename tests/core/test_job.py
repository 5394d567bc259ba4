"""Jobs: what is written is read back, and what cannot be rendered is refused with words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Job
from blender_bend.core.job.resolve import trace
from blender_bend.core.samplers import schedulers

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["latent", "unet:mid_block", "add", "dilate", "all", "0-3", "mix", "plane", "float16"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in JSON data."""
    found = [path] if path else []
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        found += places(value, (*path, key))
    return found


def changed(job: Job, path: tuple[Any, ...], value: Any) -> str:
    """The job's JSON with one value changed."""
    data = json.loads(job.to_json())
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(data)


@st.composite
def mutations(draw: st.DrawFn, job: Job) -> str:
    """The job's JSON with some values replaced or removed."""
    data = json.loads(job.to_json())
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(data)))
        inner = data
        for key in path[:-1]:
            inner = inner[key]
        if draw(st.booleans()):
            inner[path[-1]] = draw(ANY_JSON)
        else:
            del inner[path[-1]]
    return json.dumps(data)


def test_a_job_reads_back_from_its_own_text(job: Job) -> None:
    assert Job.from_json(job.to_json()) == job


def test_a_job_reads_back_from_a_file_with_any_letters(job: Job, tmp_path: Path) -> None:
    job = replace(job, negative="verschwommen, ぼやけた, 🎨")
    (tmp_path / "job.json").write_text(job.to_json(), encoding="utf-8")
    assert Job.read(tmp_path / "job.json") == job


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 1),
        (("size",), [100, 64]),
        (("size",), [64, 8192]),
        (("size",), [64]),
        (("size",), [0, 64]),
        (("steps",), 0),
        (("steps",), 1001),
        (("guidance",), -1),
        (("guidance",), float("nan")),
        (("seed",), -1),
        (("seed",), 2**32),
        (("walk_amount",), 1.5),
        (("precision",), "int4"),
        (("decode",), "sliced"),
        (("negative",), None),
        (("model",), 7),
        (("bends", 0, "start"), 0.75),
        (("bends", 0, "end"), 1.5),
        (("bends", 0, "surprise"), 1),
        (("bends", 0, "name"), float("nan")),
        (("bends", 1, "channels"), 3),
        (("frames", 0, "prompt"), []),
        (("frames", 0, "values"), []),
        (("frames", 0, "values", 0, "mix"), float("inf")),
        (("frames", 0, "walk"), float("nan")),
        *(((option,), value) for option in schedulers.OPTIONS for value in (None, 7, True, 0.5, [], ["auto"], {})),
        (("clip_skip",), -1),
        (("clip_skip",), 1.5),
        (("clip_skip",), True),
        (("prompt_weights",), 1),
        (("embeddings",), [{"name": "style", "path": "/style", "fingerprint": "short"}]),
        (("embeddings",), [{"name": "", "path": "/style", "fingerprint": "a" * 64}]),
        (("embeddings",), [{"name": name, "path": "/style", "fingerprint": "a" * 64} for name in ("style", "Style")]),
        (("embeddings",), [{"name": 3, "path": "/style", "fingerprint": "a" * 64}]),
        (("embeddings",), [{"name": " ", "path": "/style", "fingerprint": "a" * 64}]),
        (("embeddings",), ["style"]),
        (("frames",), None),
        (("frames", 0), None),
    ],
    ids=lambda part: "-".join(map(str, part)) if isinstance(part, tuple) else str(part),
)
def test_a_job_that_no_engine_can_render_is_refused(job: Job, path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(BendError) as caught:
        Job.from_json(changed(job, path, value))
    assert caught.value.code == Code.JOB_INVALID


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("bends", 0, "operator"), "explode", Code.OPERATOR_UNKNOWN),
        (("bends", 0, "site"), "nowhere", Code.SITE_UNKNOWN),
        (("bends", 0, "choices"), {"plane": "7-7"}, Code.PARAMETER_INVALID),
        (("bends", 0, "choices"), {"colour": "red"}, Code.PARAMETER_INVALID),
    ],
)
def test_a_bend_that_does_not_exist_is_refused_by_what_is_wrong(
    job: Job, path: tuple[Any, ...], value: Any, code: Code
) -> None:
    with pytest.raises(BendError) as caught:
        Job.from_json(changed(job, path, value))
    assert caught.value.code == code


@pytest.mark.parametrize("text", ["", "null", "[]", "3", '"job"', "{}", "{" * 100_000, '{"schema": 1}', "nonsense"])
def test_what_is_no_job_at_all_is_refused(text: str) -> None:
    with pytest.raises(BendError) as caught:
        Job.from_json(text)
    assert caught.value.code == Code.JOB_INVALID


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00", b""])
def test_a_file_that_is_no_job_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "job.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BendError) as caught:
        Job.read(path)
    assert caught.value.code == Code.JOB_INVALID


@given(data=st.data())
def test_a_damaged_job_is_read_or_refused_with_a_reason(job: Job, data: st.DataObject) -> None:
    text = data.draw(mutations(job))
    try:
        read = Job.from_json(text)
    except BendError as error:
        assert error.message
    else:
        assert Job.from_json(read.to_json()) == read


@given(data=st.data())
def test_a_job_that_was_accepted_has_a_key_for_every_frame(job: Job, data: st.DataObject) -> None:
    try:
        read = Job.from_json(data.draw(mutations(job)))
    except BendError:
        return
    assert all(len(traced.key) == 64 for traced in trace(read))
