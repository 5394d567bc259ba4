"""The job: everything that is needed to make the frames, with every per-frame value resolved; plain JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from .. import catalogue
from ..bends import channel_selection as channels
from ..bends import sites
from ..catalogue import scenes
from ..errors import BendError, Code
from ..files import foreign_json
from ..files.json_stream import read_object
from ..files.whole import DIGEST
from ..limits import BATCH, FRAMES, GUIDANCE, SIDE, STEPS
from ..precision import Precision
from ..prompts.schedule import Blending
from ..samplers import schedulers
from . import tiling
from .frames import LONGEST_PROMPT, Form, Frame, Frames, check_alone, from_plain

SCHEMA = 2

#: Bytes of a job's file; one of 100,000 frames with ten bends has a tenth of it.
_LARGEST = 1 << 31
#: Of a LoRA, and of the sound in a block; stronger ones leave nothing of the model.
STRONGEST = 100
#: More than any stack, folder of LoRA files or prompt has.
MOST_BENDS, MOST_FILES = 1000, 1000

#: After so many frames there is a pause.
_PAUSE = 512


@dataclass(frozen=True)
class Bend:
    """One bend of the stack, without its animated values.

    Parameters
    ----------
    name : unique in the stack; shown in messages
    operator : a name from the catalogue
    site : see ``core.bends.sites``
    start, end : step window, 0...1
    channels : see ``core.bends.channel_selection``
    choices : the operator's choices by name
    region : a region of the catalogue; ``inverted`` bends all but it
    restore : a restoration of the catalogue
    """

    name: str
    operator: str
    site: str
    start: float = 0.0
    end: float = 1.0
    channels: str = "all"
    choices: dict[str, str] = field(default_factory=dict)
    region: str = catalogue.EVERYWHERE
    inverted: bool = False
    restore: str = catalogue.Restoration.NOTHING


@dataclass(frozen=True)
class Lora:
    """A LoRA file on this machine, and how strongly it acts."""

    name: str
    path: str
    fingerprint: str
    strength: float = 1.0

    @property
    def site_name(self) -> str:
        """Its name as sites have it, in any script: no two names become one."""
        return sites.as_name(self.name)


@dataclass(frozen=True)
class Embedding:
    """A textual inversion file on this machine, which stands for its name in the prompts."""

    name: str
    path: str
    fingerprint: str


@dataclass(frozen=True)
class SoundCondition:
    """Sound as a condition of the pictures: the adapters, as files on this machine; see ``engine.sonic``.

    Parameters
    ----------
    adapters, projector : the files, each with its fingerprint
    separate : whether the sound has a guidance of its own beside the prompt's
    start, end : the steps in which the sound counts, 0...1
    blocks : factors by the beginning of a block's path, such as ``mid_block`` or ``up_blocks.1``
    """

    adapters: str
    adapters_fingerprint: str
    projector: str
    projector_fingerprint: str
    separate: bool = False
    start: float = 0.0
    end: float = 1.0
    blocks: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """All that determines a run of frames.

    Parameters
    ----------
    frames : a tuple, or ``Frames`` if there may be many
    model : folder of the model; ``fingerprint`` is its content's hash
    size : width and height in pixels, multiples of 8
    precision : ``float32``, ``float16`` or ``bfloat16``
    walk_amount : 0...1, the share of the walking noise in the starting noise
    source : what a frame starts from: ``noise``, a ``procedural`` scene, ``pictures``, or the ``previous`` frame
    scene, palette, scene_seed : the procedural scene, see ``core.catalogue.scenes``
    scheduler : a name of ``core.samplers.schedulers``
    spacing, sigmas, prediction : what is chosen of it instead of the model's own, see ``core.samplers.schedulers``
    blending : how prompts are blended, ``linear`` or ``spherical``
    decoder : folder of another decoder (such as TAESD), with its fingerprint; empty for the model's own
    batch : how many states are denoised at once; 1 is bit-equal to rendering each frame alone
    sound_condition : how sound conditions the pictures; None for a job without
    editing : whether a picture that a frame starts from is inverted and keeps its layout, instead of being painted over
    prompt_weights : whether brackets in the prompts are weights, see ``core.prompts.weights``, or letters
    clip_skip : how many of CLIP's last layers are left out, as diffusers counts: 0 is the model's own way
    embeddings : the textual inversion files that the prompts name
    decode : ``whole``, or ``tiled`` where memory does not suffice; see ``core.job.tiling``
    draft_of : size of the pictures that these are drafts of, see ``core.resources.drafts``; None for a film's own
    """

    model: str
    fingerprint: str
    size: tuple[int, int]
    steps: int
    guidance: float
    seed: int
    negative: str
    bends: tuple[Bend, ...]
    frames: Sequence[Frame]
    walk_amount: float = 0.0
    precision: str = Precision.FLOAT32
    source: str = catalogue.strip.StartsFrom.NOISE
    scene: str = scenes.DEFAULT_SCENE
    palette: str = scenes.DEFAULT_PALETTE
    scene_seed: int = 0
    scheduler: str = "own"
    blending: str = Blending.LINEAR
    decoder: str = ""
    decoder_fingerprint: str = ""
    loras: tuple[Lora, ...] = ()
    batch: int = 1
    sound_condition: SoundCondition | None = None
    editing: bool = False
    decode: str = tiling.WHOLE
    spacing: str = schedulers.AUTO
    sigmas: str = schedulers.AUTO
    prediction: str = schedulers.AUTO
    prompt_weights: bool = True
    clip_skip: int = 0
    embeddings: tuple[Embedding, ...] = ()
    draft_of: tuple[int, int] | None = None
    schema: int = SCHEMA

    def to_json(self) -> str:
        """The job as text, to be read back with ``from_json``."""
        return "".join(self.pieces())

    def pieces(self) -> Iterator[str]:
        """The text of ``to_json`` in pieces that take a few milliseconds each: a film has many frames."""
        plain: dict[str, Any] = {
            "schema": self.schema,
            **{name: value for name, value in vars(self).items() if name != "frames"},
            "bends": [vars(bend) for bend in self.bends],
            "loras": [vars(lora) for lora in self.loras],
            "embeddings": [vars(embedding) for embedding in self.embeddings],
            "sound_condition": None if self.sound_condition is None else vars(self.sound_condition),
        }
        yield json.dumps(plain, ensure_ascii=False, allow_nan=False)[:-1] + ', "frames": ['
        for index, block in enumerate(Frames.of(self.frames).blocks()):
            yield f",\n{block}" if index else f"\n{block}"
        yield "\n]}\n"

    @classmethod
    def from_json(cls, text: str, pause: Callable[[], None] = lambda: None) -> Job:
        """Read and check a job.

        Parameters
        ----------
        pause : called from time to time, for a film has many frames; what it raises ends the reading

        Raises
        ------
        BendError(JOB_INVALID) and the errors of unknown operators and sites.
        """
        return cls._of_text(io.StringIO(text), pause)

    @classmethod
    def read(cls, path: Path, pause: Callable[[], None] = lambda: None) -> Job:
        """Read a job file piece by piece; ``pause`` as for ``from_json``.

        Raises
        ------
        BendError(JOB_INVALID) if it cannot be opened or read.
        """
        try:
            data = foreign_json.read_bytes(path, _LARGEST)
        except foreign_json.Unreadable as error:
            raise BendError(Code.JOB_INVALID, f"This is not a job that Bend can render: {error}.") from error
        if data is None:
            raise BendError(Code.JOB_INVALID, f"Job {path} not found.", "Check its path.")
        return cls._of_text(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig"), pause)

    @classmethod
    def _of_text(cls, text: TextIO, pause: Callable[[], None]) -> Job:
        frames = Frames()

        def take(plain: dict[str, Any]) -> None:
            if len(frames) % _PAUSE == 0:
                pause()
            frames.append(from_plain(plain))

        try:
            data = read_object(text, "frames", take)
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']} instead of {SCHEMA}")
            if "hearing" in data:  # as jobs of earlier versions name it
                data["sound_condition"] = data.pop("hearing")
            # Half a character, which no tokenizer and no file takes, is a ValueError.
            json.dumps(data, ensure_ascii=False).encode()
            width, height = (int(side) for side in data["size"])
            drawn = None if data.get("draft_of") is None else tuple(int(side) for side in data["draft_of"])
            read = {
                "bends": tuple(Bend(**bend) for bend in data["bends"]),
                "frames": frames,
                "loras": tuple(Lora(**lora) for lora in data.get("loras", ())),
                "embeddings": tuple(Embedding(**embedding) for embedding in data.get("embeddings", ())),
                "size": (width, height),
                "draft_of": drawn,
                "sound_condition": _sound_condition(data.get("sound_condition")),
            }
            numbers: dict[str, Any] = {
                name: int(data[name]) for name in ("steps", "seed", "scene_seed", "batch") if name in data
            }
            amounts: dict[str, Any] = {name: float(data[name]) for name in ("guidance", "walk_amount") if name in data}
            settings: dict[str, Any] = {**data, **read, **numbers, **amounts}
            job = cls(**settings)
            job.check()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
            raise BendError(
                Code.JOB_INVALID, f"This is not a job that Bend can render: {type(error).__name__} {error}."
            ) from error
        return job

    def check(self) -> None:
        """Refuse what no engine can render.

        Raises
        ------
        BendError(JOB_INVALID), and the errors of unknown operators, regions and sites.
        """
        for holds, what in self._demands():
            if not holds:
                raise BendError(Code.JOB_INVALID, f"The job cannot be rendered: {what}.")
        for form, number in Frames.of(self.frames).forms():
            self._check_form(form, number)

    def check_frame(self, frame: Frame) -> None:
        """Refuse a frame that no engine can render.

        Raises
        ------
        BendError(JOB_INVALID)
        """
        check_alone(frame)
        self._check_form(Form.of(frame), frame.number)

    def _check_form(self, form: Form, number: int) -> None:
        if what := self._fault_of(form, number):
            raise BendError(Code.JOB_INVALID, f"The job cannot be rendered: {what}.")

    def _demands(self) -> Iterator[tuple[bool, str]]:
        yield (
            all(map(SIDE.holds, self.size)),
            f"width and height must be multiples of {SIDE.multiple} from {SIDE.least} to {SIDE.most}",
        )
        yield (
            self.draft_of is None or (len(self.draft_of) == 2 and all(map(SIDE.holds, self.draft_of))),
            "a draft is of a picture, whose sides have the same limits",
        )
        yield STEPS.holds(self.steps), f"steps must be from {STEPS.least} to {STEPS.most}"
        yield GUIDANCE.holds(self.guidance), f"guidance must be from {GUIDANCE.least} to {GUIDANCE.most}"
        yield 0 <= self.seed < 2**32, "the seed must be from 0 to 4294967295"
        yield 0 <= self.walk_amount <= 1, "the noise walk's amount must be from 0 to 1"
        yield self.precision in tuple(Precision), f"precision must be one of {', '.join(Precision)}"
        sources = catalogue.strip.BY_SOURCE
        yield self.source in sources, f"the source must be one of {', '.join(sources)}"
        yield self.scene in scenes.SCENE_NAMES, f"the scene must be one of {', '.join(scenes.SCENE_NAMES)}"
        yield self.palette in scenes.PALETTE_NAMES, f"the palette must be one of {', '.join(scenes.PALETTE_NAMES)}"
        yield 0 <= self.scene_seed < 2**32, "the scene's seed must be from 0 to 4294967295"
        yield self.scheduler in schedulers.NAMES, f"the sampler must be one of {', '.join(schedulers.NAMES)}"
        for option in schedulers.OPTIONS:
            yield isinstance(getattr(self, option), str), f"{option} must be text"
        schedulers.scheduler(self.scheduler).check(spacing=self.spacing, sigmas=self.sigmas, prediction=self.prediction)
        yield self.blending in tuple(Blending), f"prompts are blended in one of these ways: {', '.join(Blending)}"
        yield BATCH.holds(self.batch), f"the batch must be from {BATCH.least} to {BATCH.most}"
        yield (
            self.decode in tuple(tiling.Decoding),
            f"pictures are decoded in one of these ways: {', '.join(tiling.Decoding)}",
        )
        yield len(self.negative) <= LONGEST_PROMPT, f"the negative prompt has more than {LONGEST_PROMPT} characters"
        for text in (self.negative, self.model, self.decoder, self.fingerprint, self.decoder_fingerprint):
            yield isinstance(text, str), "model, decoder and negative prompt must be text"
        prints = [self.fingerprint, *([self.decoder_fingerprint] if self.decoder else [])]
        yield all(DIGEST.fullmatch(text) for text in prints), "a model's fingerprint must be a digest"
        for lora in self.loras:
            yield isinstance(lora.name, str) and isinstance(lora.path, str), "the name and path of a LoRA must be text"
            yield (
                sites.is_name(lora.name),
                f"{lora.name!r} cannot name a LoRA: it is empty, or has * or control characters",
            )
            yield abs(lora.strength) <= STRONGEST, f"the strength of the LoRA {lora.name} must be from -100 to 100"
            yield bool(DIGEST.fullmatch(lora.fingerprint)), f"the fingerprint of {lora.name} must be a digest"
        yield isinstance(self.editing, bool), "pictures are edited or not: true or false"
        yield isinstance(self.prompt_weights, bool), "prompts have weights or not: true or false"
        yield type(self.clip_skip) is int and 0 <= self.clip_skip <= 100, "CLIP skip must be from 0 to 100"
        yield from _demands_of_embeddings(self.embeddings)
        if self.sound_condition is not None:
            yield from _demands_of_condition(self.sound_condition)
        names = [lora.site_name for lora in self.loras]
        yield len(set(names)) == len(names), "two LoRA files have the same name: rename one in the preferences"
        yield len(self.bends) <= MOST_BENDS, f"a job has up to {MOST_BENDS} bends"
        yield len(self.loras) <= MOST_FILES, f"a job has up to {MOST_FILES} LoRA files"
        yield len(self.embeddings) <= MOST_FILES, f"a job has up to {MOST_FILES} embeddings"
        yield len(self.frames) <= FRAMES.most, f"a job has up to {FRAMES.most:,} frames"
        for bend in self.bends:
            check_bend(bend)

    def _fault_of(self, form: Form, number: int) -> str:
        """What this job lacks in frames of a form, such as the one of a number; empty if that is nothing."""
        if form.values != len(self.bends):
            return f"frame {number} has values for {form.values} bends instead of {len(self.bends)}"
        if form.sounding and self.sound_condition is None:
            return f"frame {number} has a sound, but the job has no sound condition"
        if self.source == catalogue.strip.StartsFrom.PICTURES and not form.pictured:
            return f"frame {number} has no source picture"
        if len(form.masked) not in {0, len(self.bends)}:
            return f"frame {number} has masks for other bends"
        masked = form.masked or (False,) * len(self.bends)
        for bend, has_mask in zip(self.bends, masked, strict=True):
            if bend.region == catalogue.MASK and not has_mask:
                return f"frame {number} has no mask for {bend.name}"
        return ""


def _sound_condition(plain: dict[str, Any] | None) -> SoundCondition | None:
    return None if plain is None else SoundCondition(**plain)


def _demands_of_embeddings(embeddings: tuple[Embedding, ...]) -> Iterator[tuple[bool, str]]:
    for embedding in embeddings:
        texts = (embedding.name, embedding.path, embedding.fingerprint)
        yield all(isinstance(text, str) for text in texts), "the name and path of an embedding must be text"
        yield bool(embedding.name.strip()), "an embedding needs a name to be written in the prompt"
        yield bool(DIGEST.fullmatch(embedding.fingerprint)), f"the fingerprint of {embedding.name} must be a digest"
    names = {embedding.name.casefold() for embedding in embeddings}
    yield len(names) == len(embeddings), "two embeddings have the same name: rename one in the preferences"


def _demands_of_condition(condition: SoundCondition) -> Iterator[tuple[bool, str]]:
    for path, digest in (
        (condition.adapters, condition.adapters_fingerprint),
        (condition.projector, condition.projector_fingerprint),
    ):
        yield isinstance(path, str) and bool(DIGEST.fullmatch(digest)), f"the fingerprint of {path} must be a digest"
    yield isinstance(condition.separate, bool), "guidance is separate or not: true or false"
    yield 0 <= condition.start <= condition.end <= 1, "the steps in which the sound counts must lie within 0 to 1"
    factors = condition.blocks.values()
    yield all(abs(factor) <= STRONGEST for factor in factors), "the factor of a block must be from -100 to 100"


def check_bend(bend: Bend) -> None:
    """Refuse a bend that does not exist.

    Raises
    ------
    BendError of an unknown operator, region, choice or site, or BendError(JOB_INVALID)
    """
    sites.parse(bend.site)
    catalogue.region(bend.region)
    channels.parse(bend.channels)
    for holds, what in (
        (isinstance(bend.name, str), "the name of a bend must be text"),
        (0 <= bend.start <= bend.end <= 1, f"the step window of {bend.name} must lie within 0 to 1"),
        (isinstance(bend.inverted, bool), f"{bend.name} is inverted or not: true or false"),
        (
            bend.restore in tuple(catalogue.Restoration),
            f"{bend.name} can restore one of: {', '.join(catalogue.Restoration)}",
        ),
    ):
        if not holds:
            raise BendError(Code.JOB_INVALID, f"The job cannot be rendered: {what}.")
    choices = {choice.name: choice for choice in catalogue.operator(bend.operator).choices}
    for name, value in bend.choices.items():
        if name not in choices or not choices[name].allows(value):
            known = f"Choose one of: {', '.join(choices[name].options)}." if name in choices else ""
            raise BendError(Code.PARAMETER_INVALID, f"{bend.name} has no choice '{name}: {value}'.", known)
