"""``sonic convert``, ``train``, ``evaluate`` and ``embed``: sound adapters, and embeddings of sound."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...core.limits import FRAMES, GUIDANCE, SIDE, STEPS, WINDOW, WINDOW_STEP, Real, Whole

TRAINING_STEPS = Whole("The number of steps", 1, 10_000_000)
TRAINING_BATCH = Whole("The batch", 1, 1024)
RATE = Real("The learning rate", 1e-9, 1)


def add(commands: Any) -> None:
    """Add the commands to a parser."""
    parser = commands.add_parser("sonic", help="convert CLAP's weights, train sound adapters, or embed sound")
    parts = parser.add_subparsers(required=True, metavar="COMMAND")

    convert = parts.add_parser("convert", help="extract the audio encoder from CLAP_weights_2022.pth")
    convert.add_argument("source", type=Path)
    convert.add_argument("--out", type=Path, help="the .safetensors file to write (default: next to the source)")
    convert.set_defaults(run=_convert)

    train = parts.add_parser(
        "train", help="train on a folder of CLASS/NAME.wav, NAME.png and NAME.txt (a caption), or of CLASS/NAME.mp4"
    )
    train.add_argument("data", type=Path)
    train.add_argument("--model", type=Path, required=True, help="folder of a Stable Diffusion 1.x model, or mini's")
    train.add_argument("--clap", type=Path, required=True, help="the file written by `sonic convert`")
    train.add_argument(
        "--out", type=Path, required=True, help="folder for the trained files and the state of the training"
    )
    train.add_argument("--stage", type=int, choices=(1, 2), required=True)
    train.add_argument("--steps", type=TRAINING_STEPS, default=10_000)
    train.add_argument("--batch", type=TRAINING_BATCH, default=6)
    train.add_argument("--rate", type=RATE, default=1e-4)
    train.add_argument("--size", type=SIDE, default=512, help="size of the pictures in pixels")
    train.add_argument(
        "--projector", type=Path, help="projector to start from (default: that of stage 1 in --out, or a new one)"
    )
    train.add_argument("--adapters", type=Path, help="adapters to start from (default: new ones)")
    train.add_argument("--every", type=TRAINING_STEPS, default=500, help="steps between states, loss plots and samples")
    train.set_defaults(run=_train)

    evaluate = parts.add_parser(
        "evaluate", help="measure how well pictures fit the sounds they were made from: AIC, IIS, AIS"
    )
    evaluate.add_argument("data", type=Path, help="as for `train`")
    evaluate.add_argument("--model", type=Path, required=True)
    evaluate.add_argument("--clap", type=Path, required=True)
    evaluate.add_argument("--projector", type=Path, required=True)
    evaluate.add_argument("--adapters", type=Path, required=True)
    evaluate.add_argument("--clip", type=Path, required=True, help="folder of CLIP ViT-L/14, for AIC and IIS")
    evaluate.add_argument("--clip-b", type=Path, help="folder of CLIP ViT-B/32, for AIS, which also needs wav2clip")
    evaluate.add_argument("--out", type=Path, required=True, help="folder for the pictures and figures.json")
    evaluate.add_argument("--size", type=SIDE, default=512)
    evaluate.add_argument("--steps", type=STEPS, default=50)
    evaluate.add_argument("--guidance", type=GUIDANCE, default=7.5)
    evaluate.set_defaults(run=_evaluate)

    embed = parts.add_parser(
        "embed", aliases=["listen"], help="embed the sound window of every frame, for the frames of a job"
    )
    embed.add_argument("sound", type=Path)
    embed.add_argument("--clap", type=Path, required=True, help="the file written by `sonic convert`")
    embed.add_argument("--fps", required=True, help="24, 30000/1001 or 29.97")
    embed.add_argument("--store", type=Path, default=Path("frames"), help="frame folder (default: frames)")
    embed.add_argument("--out", type=Path, required=True, help="the .json file to write")
    embed.add_argument("--window", type=WINDOW, default=10.0, help="seconds of sound around a frame, up to 10")
    embed.add_argument("--step", type=WINDOW_STEP, default=0.0, help="seconds between windows (default: one frame)")
    embed.add_argument("--blended", action="store_true", help="interpolate between windows instead of holding")
    embed.add_argument("--cache", type=Path, help="cache folder for embeddings")
    embed.set_defaults(run=_embed)


def _convert(options: argparse.Namespace) -> int:
    from ..sonic.checkpoints import convert_clap

    target = options.out or options.source.with_suffix(".safetensors")
    print(convert_clap(options.source, target))
    return 0


def _train(options: argparse.Namespace) -> int:
    import torch

    from ..families import family_of
    from ..loading import load_pipeline
    from ..sonic import checkpoints
    from ..sonic.adapters import AudioAdapters
    from ..sonic.projector import AudioProjector
    from ..sonic.training.dataset import read_examples
    from ..sonic.training.report import plot_losses
    from ..sonic.training.training import Recipe, Training, smoothed

    pipeline = load_pipeline(options.model, torch.float32, "cpu")
    tower = checkpoints.load_tower(options.clap)
    width = pipeline.unet.config.cross_attention_dim
    data = _with_films(options.data, options.out)
    examples = read_examples(data, pipeline, tower, options.size, pictures=options.stage == 2)
    torch.manual_seed(0)
    earlier = options.projector or options.out / "audio_projector.safetensors"
    if options.projector or earlier.is_file():
        projector = checkpoints.load_projector(earlier)
    else:
        tokens = family_of(pipeline).text_encoders()[0].length
        projector = AudioProjector("stacked", examples.embeddings.shape[1], tokens, width)
    adapters = None
    if options.stage == 2:
        new = AudioAdapters.for_unet(pipeline.unet, width)
        adapters = checkpoints.load_adapters(options.adapters, pipeline.unet) if options.adapters else new
    recipe = Recipe(options.stage, options.steps, options.batch, options.rate)
    training = Training(recipe, projector, adapters, pipeline)
    place = options.out / f"stage{options.stage}"

    def show(step: int, loss: float) -> None:
        print(f"step {step}/{options.steps}  loss {loss:.4f}  mean {smoothed(training.losses):.4f}", flush=True)
        if step % options.every == 0 or step == options.steps:
            plot_losses(training.losses, place / "losses.png", f"Stage {options.stage}, {step} steps")
            if adapters is not None:
                _sample(training, examples, data, options.size, place / "samples" / f"{step:06d}.png")

    training.run(examples, place, every=options.every, progress=show)
    print(checkpoints.save_projector(options.out / "audio_projector.safetensors", projector))
    if adapters is not None:
        print(checkpoints.save_adapters(options.out / "audio_adapters.safetensors", adapters))
    return 0


def _with_films(data: Path, out: Path) -> Path:
    """The folder to learn from: that of the sounds, or what its films were cut into."""
    from ..sonic.training.videos import extract, videos_in

    videos = videos_in(data)
    if not videos:
        return data
    return extract(videos, out / "films", lambda done, total: print(f"film {done}/{total}", flush=True))


def _sample(training: Any, examples: Any, data: Path, size: int, path: Path) -> None:
    """What a training makes of the first sound of up to eight classes, without a prompt."""
    from ..sampling.sound_picture import sound_picture
    from ..sonic.condition import Guidance, SoundConditioner
    from ..sonic.training.report import save_samples

    conditioner = SoundConditioner(training.pipeline.unet, training.projector, training.adapters)
    numbers = examples.classes.unique()[:8].tolist()
    firsts = [int((examples.classes == number).nonzero()[0]) for number in numbers]
    pictures = [
        sound_picture(
            training.pipeline,
            conditioner,
            examples.embeddings[first],
            size=(size, size),
            steps=20,
            guidance=Guidance(5.0),
        )
        for first in firsts
    ]
    names = sorted(folder.name for folder in data.iterdir() if folder.is_dir())
    save_samples(pictures, [names[number] for number in numbers], path)


def _evaluate(options: argparse.Namespace) -> int:
    import json

    import torch

    from ..loading import load_pipeline
    from ..sampling.sound_picture import sound_picture
    from ..sonic import checkpoints
    from ..sonic.condition import Guidance, SoundConditioner
    from ..sonic.training.evaluation import evaluate

    pipeline = load_pipeline(options.model, torch.float32, "cpu")
    adapters = checkpoints.load_adapters(options.adapters, pipeline.unet)
    conditioner = SoundConditioner(pipeline.unet, checkpoints.load_projector(options.projector), adapters)
    size, guidance = (options.size, options.size), Guidance(options.guidance)

    def paint(embedding: torch.Tensor, seed: int) -> Any:
        return sound_picture(
            pipeline, conditioner, embedding, size=size, steps=options.steps, guidance=guidance, seed=seed
        )

    figures = evaluate(
        paint,
        checkpoints.load_tower(options.clap),
        _with_films(options.data, options.out),
        options.out,
        clip=options.clip,
        clip_b=options.clip_b,
    )
    print(json.dumps(figures, indent=2))
    return 0


def _embed(options: argparse.Namespace) -> int:
    """Write for every frame its ``sound`` as a job has it, and how much of its sound is no silence."""
    import json

    from ...core.sound.windows import Windows
    from ...core.timebase import FrameRate
    from ..analysis.reading.sound_file import read_mono
    from ..host.results import write_text
    from ..rendering.sound_embedding import SoundEmbedder, embed_frames
    from ..sonic.mel import SAMPLE_RATE, prepare
    from ..store.frame_store import FrameStore

    windows = Windows(FrameRate.parse(options.fps), options.step, options.blended)
    mono = prepare(*read_mono(options.sound))
    frames = range(FRAMES(max(1, int(len(mono) * windows.rate.value / SAMPLE_RATE))))
    embedder, store = SoundEmbedder(options.clap, cache=options.cache), FrameStore(options.store)
    embedded = embed_frames(embedder, mono, windows, frames, store, length=options.window)
    blends = [windows.blend(frame, embedded) for frame in frames]
    rows = [{"number": frame + 1, "sound": blend, "audible": share} for frame, (blend, share) in enumerate(blends)]
    write_text(options.out, json.dumps(rows))
    print(f"{len(rows)} frames have {len(set(embedded.values()))} different windows -> {options.out}")
    return 0
