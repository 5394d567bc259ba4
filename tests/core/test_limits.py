"""What a job may say: values beyond their limits are their limits, and names and digests are what they claim to be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blender_bend.core.bends.sites import parse
from blender_bend.core.errors import BendError, Code
from blender_bend.core.job.job import Bend, Frame, Job, Lora
from blender_bend.core.job.resolve import frame_key, resolve, trace

INK, WASH = (Lora(name, f"/loras/{name}.safetensors", digit * 64) for name, digit in (("ink", "1"), ("wash", "2")))


def key(job: Job) -> str:
    return frame_key(resolve(job, job.frames[0]))


def with_values(job: Job, values: dict[str, float]) -> Job:
    return replace(job, frames=(replace(job.frames[0], values=(*job.frames[0].values[:1], values, {"mix": 0.0})),))


@pytest.mark.parametrize(("beyond", "limit"), [(1e9, 16.0), (16.5, 16.0)])
def test_a_value_beyond_its_limit_is_the_limit(job: Job, beyond: float, limit: float) -> None:
    assert key(with_values(job, {"radius": beyond})) == key(with_values(job, {"radius": limit}))
    assert key(with_values(job, {"radius": limit})) != key(with_values(job, {"radius": limit - 1}))


@pytest.mark.parametrize("strength", [-1.0, 0.0, 0.5, 1.0, 7.0])
def test_a_start_from_a_picture_lies_within_the_steps(job: Job, strength: float) -> None:
    frame = replace(job.frames[0], picture="a" * 64, strip={"strength": strength})
    source = resolve(replace(job, source="pictures"), frame)["source"]
    assert 0 <= source["start"] <= job.steps


def test_a_camera_that_would_divide_by_zero_does_not(job: Job) -> None:
    frame = replace(job.frames[0], previous="b" * 64, anchor="c" * 64, strip={"zoom": 0.0})
    zoom, *_ = resolve(replace(job, source="previous"), frame)["source"]["warp"]
    assert zoom > 0


def test_names_of_lora_files_count_where_a_bend_calls_them(job: Job) -> None:
    swapped = replace(INK, name="wash"), replace(WASH, name="ink")
    assert key(replace(job, loras=(INK, WASH))) == key(replace(job, loras=swapped))
    frames = (replace(job.frames[0], values=(*job.frames[0].values, {"factor": 2.0})),)
    bent = replace(job, bends=(*job.bends, Bend("More ink", "multiply", "lora:ink")), frames=frames)
    assert key(replace(bent, loras=(INK, WASH))) != key(replace(bent, loras=swapped))


def test_a_chain_is_the_same_whatever_the_batch(job: Job) -> None:
    chain = replace(job, source="previous")
    keys = [[traced.key for traced in trace(replace(chain, batch=batch))] for batch in (1, 8)]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("fingerprint", ["", "../../evil", "/tmp/evil", "f" * 63, "F" * 64])
def test_a_fingerprint_that_is_no_digest_is_refused(job: Job, fingerprint: str) -> None:
    for wrong in (
        replace(job, fingerprint=fingerprint),
        replace(job, decoder="/decoders/tiny", decoder_fingerprint=fingerprint),
        replace(job, loras=(replace(INK, fingerprint=fingerprint),)),
    ):
        with pytest.raises(BendError) as caught:
            wrong.check()
        assert caught.value.code == Code.JOB_INVALID


def test_two_lora_files_of_one_name_are_refused(job: Job) -> None:
    with pytest.raises(BendError, match="rename"):
        replace(job, loras=(replace(INK, name="ink"), replace(WASH, name=" ink"))).check()
    with pytest.raises(BendError, match="rename"):  # one letter, and the letter with its mark beside it
        replace(job, loras=(replace(INK, name="caf\u00e9"), replace(WASH, name="cafe\u0301"))).check()
    replace(job, loras=(INK, WASH)).check()


@pytest.mark.parametrize("names", [("墨", "水彩"), ("чернила", "акварель"), ("my ink", "my_ink"), ("v1.5", "v1_5")])
def test_lora_files_are_told_apart_by_names_in_any_script(job: Job, names: tuple[str, str]) -> None:
    loras = (replace(INK, name=names[0]), replace(WASH, name=names[1]))
    replace(job, loras=loras).check()
    for own, other in (names, names[::-1]):
        site = parse(f"lora:{own}")
        assert site.fits(own) and not site.fits(other)
        assert parse("lora:*").fits(own) and parse(f"lora:{own[:1]}*").fits(own)


@pytest.mark.parametrize("name", ["हिन्दी स्याही", "حبر", "墨 (v2.0) – 最終", "ink/wash: #3", "🖋️", "a+b|c[d]"])
def test_a_lora_may_have_any_name(job: Job, name: str) -> None:
    replace(job, loras=(replace(INK, name=name),)).check()
    site = parse(f"lora:{name}")
    assert str(site) == f"lora:{name}" and site.fits(name) and not site.fits(f"{name}2")


@pytest.mark.parametrize("name", ["", " ", "a*b", "a\nb", "\x00"])
def test_what_no_site_can_call_is_no_name_of_a_lora(job: Job, name: str) -> None:
    with pytest.raises(BendError, match="cannot name a LoRA") as caught:
        replace(job, loras=(replace(INK, name=name),)).check()
    assert caught.value.code == Code.JOB_INVALID


def test_two_stars_cross_dots_and_one_does_not() -> None:
    paths = ["up_blocks.0.attentions.1.attn2", "mid_block.attn2", "mid_block"]
    assert parse("unet:**.attn2").matches(paths) == paths[:2]
    assert parse("unet:*.attn2").matches(paths) == [paths[1]]
    assert parse("unet:**").matches(paths) == paths


def test_a_frame_without_a_walk_knows_no_place_on_it(job: Job) -> None:
    still = replace(job, frames=(Frame(1, (("a calm sea", 1.0),), job.frames[0].values),))
    assert resolve(still, still.frames[0])["walk"] is None
