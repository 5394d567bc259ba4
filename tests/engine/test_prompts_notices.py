"""What a model cannot take of a prompt is told with the words that are cut, before the first frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_child import Child, request
from transformers import T5Config, T5EncoderModel, T5TokenizerFast

from blender_bend.core.job.job import Job
from blender_bend.core.job.resolve import resolve
from blender_bend.core.process import messages
from blender_bend.engine.families import family_of
from blender_bend.engine.families.text import LimitedEncoder
from blender_bend.engine.prompts.encoder import PromptEncoder
from blender_bend.engine.prompts.notices import Notice, left_out, notices
from blender_bend.engine.rendering.render import Renderer
from blender_bend.engine.store.frame_store import FrameStore

Load = Callable[..., Any]
MakeJob = Callable[..., Job]

#: More than CLIP's 30 tokens here, fewer than T5's 512 letters, and more than both.
SHORT, LONG, ENDLESS = "a calm sea", " ".join(["sea"] * 40), " ".join(["sea"] * 200)


def told(pipeline: Any, job: Job) -> list[Notice]:
    """What is said about a job's prompts."""
    return notices(PromptEncoder(family_of(pipeline)), [resolve(job, frame) for frame in job.frames])


def asking(make_job: MakeJob, kind: str, prompt: str, **settings: Any) -> Job:
    """A job with one prompt on two frames."""
    return make_job(kind, frames=[{"prompt": ((prompt, 1.0),)}] * 2, **settings)


@pytest.mark.parametrize("kind", ["sd15", "sdxl", "mini", "lcm"])
def test_models_that_read_in_chunks_cut_nothing(kind: str, load: Load, make_job: MakeJob) -> None:
    job = asking(make_job, kind, f"({ENDLESS}:1.2)", negative=ENDLESS, clip_skip=1)
    assert told(load(kind), job) == []


def cut_by_stock(tokenizer: Any, most: int, text: str) -> str:
    """What the stock pipelines' truncation leaves out, in tokens written out."""
    kept = tokenizer(text, max_length=most, truncation=True)["input_ids"]
    whole = tokenizer(text)["input_ids"]
    ends = tokenizer.num_special_tokens_to_add()
    return tokenizer.decode(whole[len(kept) - (1 if ends else 0) :], skip_special_tokens=True).strip()


@pytest.mark.parametrize("name", ["tokenizer", "tokenizer_2"])
@pytest.mark.parametrize("count", [1, 27, 28, 29, 30, 31, 32, 60, 200])
def test_the_words_that_are_named_are_those_that_stock_leaves_out(name: str, count: int, load: Load) -> None:
    tokenizer = getattr(load("flux"), name)
    encoder = LimitedEncoder("CLIP", tokenizer, 32)
    text = " ".join(["sea"] * (count - 1) + ["fire"])
    found = left_out(encoder, text)
    cut = cut_by_stock(tokenizer, 32, text)
    assert text.endswith(found) and (found == "") == (cut == "")
    if name == "tokenizer":  # whole words; this T5 knows letters only, so that a word may be half read
        assert found.split() == cut.split()
    else:
        assert found.replace(" ", "").endswith(cut.replace(" ", ""))
        assert len(found.replace(" ", "")) - len(cut.replace(" ", "")) < len("fire")


def test_words_are_named_as_they_were_written(load: Load) -> None:
    encoder = LimitedEncoder("CLIP", load("flux").tokenizer, 32)
    assert left_out(encoder, " ".join(["sea"] * 30) + "  Ünder  the MOON,\nat night ") == "Ünder  the MOON,\nat night"
    run = "海" * 40  # no spaces: only the end is named
    cut = left_out(encoder, run)
    assert 0 < len(cut) < len(run) and run.endswith(cut)


def test_flux_says_what_only_t5_reads_and_what_nothing_reads(load: Load, make_job: MakeJob) -> None:
    pipeline = load("flux")
    assert told(pipeline, asking(make_job, "flux", SHORT)) == []
    (notice,) = told(pipeline, asking(make_job, "flux", LONG))
    assert notice.prompt == LONG and notice.text.startswith("CLIP doesn't read “sea")
    assert notice.text.endswith("only T5 does.") and notice.cut == " ".join(["sea"] * 10)
    first, second = told(pipeline, asking(make_job, "flux", ENDLESS))
    assert "only T5 does" in first.text and "too long for this model" in second.text
    assert len(second.cut) < len(first.cut) and second.text.count(second.cut) == 1


def test_sd3_without_t5_loses_what_clip_does_not_read(load: Load, make_job: MakeJob) -> None:
    (notice,) = told(load("sd3"), asking(make_job, "sd3", LONG))
    assert "too long for this model" in notice.text and notice.cut == " ".join(["sea"] * 10)


def test_sd3_with_t5_says_that_t5_reads_the_rest(load: Load, make_job: MakeJob) -> None:
    pipeline = load("sd3")
    letters = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), ("▁", -3.0), *((one, -4.0) for one in "aefirs")]
    config = T5Config(vocab_size=len(letters), d_model=96, d_kv=8, d_ff=64, num_layers=1, num_heads=4)
    torch.manual_seed(0)
    pipeline.register_modules(text_encoder_3=T5EncoderModel(config).eval())
    pipeline.register_modules(tokenizer_3=T5TokenizerFast(vocab=letters, extra_ids=0))
    (notice,) = told(pipeline, asking(make_job, "sd3", LONG))
    assert "only T5 does" in notice.text


@pytest.mark.parametrize("kind", ["sd3", "flux"])
def test_weights_that_a_model_cannot_give_are_told(kind: str, load: Load, make_job: MakeJob) -> None:
    pipeline = load(kind)
    for prompt in ("a (calm:1.3) sea", "a sea BREAK fire"):
        (notice,) = told(pipeline, asking(make_job, kind, prompt))
        assert notice.text == "This model ignores prompt weights and BREAK."
    assert told(pipeline, asking(make_job, kind, "a (calm:1.3) sea", prompt_weights=False)) == []
    assert told(pipeline, asking(make_job, kind, "a \\(calm\\) sea")) == []


def test_a_clip_skip_that_does_nothing_is_told(load: Load, make_job: MakeJob) -> None:
    (notice,) = told(load("flux"), asking(make_job, "flux", SHORT, clip_skip=1))
    assert notice.text == "CLIP Skip has no effect with this model."
    assert told(load("sd3"), asking(make_job, "sd3", SHORT, clip_skip=1)) == []


def test_a_negative_prompt_is_told_about_only_if_it_is_read(load: Load, make_job: MakeJob) -> None:
    guided = asking(make_job, "sd3", SHORT, negative=LONG, guidance=4.0)
    assert [notice.prompt for notice in told(load("sd3"), guided)] == [LONG]
    assert told(load("sd3"), asking(make_job, "sd3", SHORT, negative=LONG, guidance=1.0)) == []
    assert told(load("flux"), asking(make_job, "flux", SHORT, negative=LONG, guidance=4.0)) == []


def test_it_is_told_on_every_render_although_prompts_are_kept(make_job: MakeJob, tmp_path: Path) -> None:
    renderer, heard = Renderer("cpu"), []
    for seed in (1, 2):
        job = asking(make_job, "flux", LONG, seed=seed, steps=1)
        renderer.render(job, FrameStore(tmp_path / "frames"), told=heard.append)
    assert len(heard) == 2 and heard[0] == heard[1]
    renderer.render(asking(make_job, "flux", SHORT, steps=1), FrameStore(tmp_path / "frames"), told=heard.append)
    assert len(heard) == 2


def test_it_travels_to_blender_before_the_first_frame(fresh: Child, make_job: MakeJob, tmp_path: Path) -> None:
    fresh.send(messages.RENDER, "1", **request(asking(make_job, "flux", LONG, steps=1), tmp_path))
    answers = fresh.answers("1")
    kinds = [message.type for message in answers]
    assert kinds.index(messages.NOTICES) < kinds.index(messages.FRAME) and kinds[-1] == messages.DONE
    (told,) = answers[kinds.index(messages.NOTICES)].data["notices"]
    assert told["prompt"] == LONG and "only T5 does" in told["text"] and told["cut"] in LONG
