"""The published files: CLAP 2022's audio tower, projectors and adapters, checked strictly before anything is loaded."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ...core.errors import BendError, Code
from ...core.files.whole import replacing
from .adapters import AudioAdapters, blocks_of
from .clap import CHANNELS, EMBEDDING, AudioTower
from .kinds import kind_of
from .mel import N_FFT, mel_matrix
from .projector import VARIANTS, AudioProjector
from .weights import Weights, metadata, read_weights

log = logging.getLogger(__name__)

TOWER = "audio_encoder."
#: What the file of a tower says that is not the published one.
OWN_TOWER = "audio-tower"
Shapes = dict[str, tuple[int, ...]]


def convert_clap(source: Path, target: Path, channels: Sequence[int] = CHANNELS, embedding: int = EMBEDDING) -> Path:
    """Take the audio part of ``CLAP_weights_2022.pth`` out into a safetensors file; the rest is not needed.

    Raises
    ------
    BendError(MODEL_MISSING), BendError(MODEL_INVALID), BendError(STORE_UNWRITABLE)
    """
    weights = read_weights(source)
    _expect(source, weights, ("clap", "tower"), "CLAP 2022's weights")
    audio = {name: weights[name] for name in weights if name.startswith(TOWER)}
    tower = build_tower(source, audio, channels, embedding)
    return _save(target, audio, {**_said_of(tower), "bend": "clap-2022-audio", "source_sha256": _digest(source)})


def save_tower(path: Path, tower: AudioTower) -> Path:
    """Write a tower of another size than the published one, without what inference does not need."""
    return _save(path, {TOWER + name: tensor for name, tensor in tower.state_dict().items()}, _said_of(tower))


def _said_of(tower: AudioTower) -> dict[str, str]:
    channels, embedding = tower.sizes
    return {"bend": OWN_TOWER, "channels": " ".join(map(str, channels)), "embedding": str(embedding)}


def load_tower(path: Path) -> AudioTower:
    """CLAP's tower from the file that ``convert_clap`` has written, or another one from one of ``save_tower``.

    Raises
    ------
    BendError(MODEL_MISSING), BendError(MODEL_INVALID)
    """
    weights, said = read_weights(path), metadata(path)
    _expect(path, weights, ("tower",), "CLAP 2022's audio tower")
    try:
        channels = tuple(map(int, said["channels"].split())) if "channels" in said else CHANNELS
        embedding = int(said.get("embedding", EMBEDDING))
        if min(*channels, embedding) < 1:
            raise ValueError
    except (TypeError, ValueError) as error:
        raise _misfit(path, "its metadata about sizes can't be read", "Convert it again.") from error
    return build_tower(path, weights, channels, embedding, lean=said.get("bend") == OWN_TOWER)


def build_tower(
    path: Path,
    weights: Weights,
    channels: Sequence[int] = CHANNELS,
    embedding: int = EMBEDDING,
    lean: bool = False,
) -> AudioTower:
    """The tower from its 88 tensors; those that inference does not need are only checked, and are not in a lean one."""
    with torch.device("meta"):
        tower = AudioTower(channels, embedding)
    bins, wide = N_FFT // 2 + 1, channels[-1]
    unused: Shapes = {
        "base.spectrogram_extractor.stft.conv_real.weight": (bins, 1, N_FFT),
        "base.spectrogram_extractor.stft.conv_imag.weight": (bins, 1, N_FFT),
        "base.fc_audioset.weight": (527, wide),
        "base.fc_audioset.bias": (527,),
    }
    if lean:
        unused.clear()
    wanted = {TOWER + name: shape for name, shape in {**shapes_of(tower), **unused}.items()}
    _check(path, weights, wanted, "CLAP 2022's audio tower", exact=True)
    own = {name.removeprefix(TOWER): weights[name] for name in wanted}
    if not torch.allclose(own["base.logmel_extractor.melW"], mel_matrix(), atol=1e-4):
        raise _misfit(
            path, "its mel bands are not those of CLAP 2022", "Use CLAP_weights_2022.pth from Microsoft's CLAP."
        )
    tower.load_state_dict({name: tensor for name, tensor in own.items() if name not in unused}, assign=True)
    return tower.requires_grad_(False)


def load_projector(path: Path, **sizes: int) -> AudioProjector:
    """A projector from one of the published files or from one that ``save_projector`` has written.

    Parameters
    ----------
    sizes : of a projector other than the published ones, see ``AudioProjector``

    Raises
    ------
    BendError(MODEL_MISSING), BendError(MODEL_INVALID)
    """
    weights, said = read_weights(path), metadata(path)
    _expect(path, weights, ("projector",), "an audio projector")
    variant = said.get("projector", "official")
    if variant not in VARIANTS:
        raise _misfit(path, f"it is a projector of the unknown kind '{variant}'", "Update Bend.")
    with torch.device("meta"):
        projector = AudioProjector(variant, **{**_sizes(weights), **sizes})
    _check(path, weights, shapes_of(projector), "an audio projector", exact=True)
    projector.load_state_dict(
        {name: tensor.to(torch.float32, copy=True) for name, tensor in weights.items()}, assign=True
    )
    return projector.requires_grad_(False).eval()


def load_adapters(path: Path, unet: nn.Module) -> AudioAdapters:
    """The adapters of a UNet from one of the published files or from one that ``save_adapters`` has written.

    Raises
    ------
    BendError(MODEL_MISSING)
    BendError(MODEL_INVALID) also if they were made for another base model
    """
    weights = read_weights(path)
    _expect(path, weights, ("adapters",), "audio adapters")
    hosts = blocks_of(unet)
    mark = ".attn_adapter.to_q.weight"
    matrices = {name: tensor for name, tensor in weights.items() if tensor.ndim == 2}
    theirs = {name.removesuffix(mark): tensor.shape[0] for name, tensor in matrices.items() if name.endswith(mark)}
    widths = (tensor.shape[-1] for name, tensor in matrices.items() if name.endswith(".attn_adapter.to_k.weight"))
    context = max(widths, default=0)
    text = _text_width(unet)
    if theirs != hosts or context != text:
        # SD 2.x has blocks of the same widths as SD 1.x, and only the width of its text tells them apart.
        raise _misfit(
            path,
            f"it was made for another base model, with {_summary(theirs, context)}; "
            f"this one has {_summary(hosts, text)}",
            "The published files fit Stable Diffusion 1.x and models tuned from it.",
        )
    with torch.device("meta"):
        adapters = AudioAdapters(hosts, context)
    wanted = shapes_of(adapters)
    _check(path, weights, wanted, "audio adapters", exact=False)
    adapters.load_state_dict({name: weights[name].to(torch.float32, copy=True) for name in wanted}, assign=True)
    if all(abs(gate) < 1e-6 for gate in adapters.gates().values()):
        log.warning("all gates of %s are closed: it will have no effect", path)
    return adapters.requires_grad_(False).eval()


def save_adapters(path: Path, adapters: AudioAdapters, said: Mapping[str, str] | None = None) -> Path:
    """Write adapters as a flat table: ``.pt`` as the authors' files, or ``.safetensors`` with what is said of them."""
    return _save(path, adapters.state_dict(), {"bend": "audio-adapters", **(said or {})})


def save_projector(path: Path, projector: AudioProjector, said: Mapping[str, str] | None = None) -> Path:
    """Write a projector: ``.pth`` as the authors' files, or ``.safetensors``, which also says which variant it is.

    Raises
    ------
    BendError(PARAMETER_INVALID) for a stacked projector in the authors' layout, which would be read as another one
    """
    if projector.variant != "official" and path.suffix.lower() != ".safetensors":
        raise BendError(
            Code.PARAMETER_INVALID,
            f"A {projector.variant} projector can't be told apart from an official one in a {path.suffix} file.",
            "Save it as .safetensors.",
        )
    return _save(
        path, projector.state_dict(), {"bend": "audio-projector", "projector": projector.variant, **(said or {})}
    )


def shapes_of(module: nn.Module) -> Shapes:
    """The shape of every tensor of a module's state, by name."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _sizes(weights: Weights) -> dict[str, int]:
    """The sizes of a projector, as far as its tensors tell them; what is wrong with them the check will say."""
    places = {
        "tokens": ("audio_emb_projection.0.weight", 0),
        "embedding": ("audio_emb_projection.4.weight", 1),
        "width": ("to_out_adapter.0.weight", 0),
        "inner": ("between_attention.0.0.weight", 0),
    }
    return {
        size: weights[name].shape[axis]
        for size, (name, axis) in places.items()
        if name in weights and weights[name].ndim > axis
    }


def _expect(path: Path, weights: Weights, wanted: Sequence[str], words: str) -> None:
    kind = kind_of(weights)
    if kind.name not in wanted:
        raise BendError(
            Code.MODEL_INVALID, f"{path.name} is {kind.words}, not {words}.", kind.hint, "bend.open_preferences"
        )


def _check(path: Path, weights: Weights, wanted: Shapes, words: str, exact: bool) -> None:
    """Refuse a file that lacks a tensor, has one of another shape, or one that is no number."""
    lacking = [name for name in wanted if name not in weights]
    if lacking:
        raise _misfit(path, f"it lacks {len(lacking)} tensors of {words}, such as {lacking[0]}", "Download it again.")
    surplus = [name for name in weights if name not in wanted]
    if exact and surplus:
        raise _misfit(
            path, f"it has {len(surplus)} more tensors than {words}, such as {surplus[0]}", "Choose another file."
        )
    for name, shape in wanted.items():
        if tuple(weights[name].shape) != shape:
            raise _misfit(
                path, f"{name} has the shape {tuple(weights[name].shape)} instead of {shape}", "Choose another file."
            )
        if not weights[name].is_floating_point() and not name.endswith(".num_batches_tracked"):
            raise _misfit(
                path, f"{name} is of type {str(weights[name].dtype).removeprefix('torch.')}", "Choose another."
            )
        if not torch.isfinite(weights[name]).all():
            raise _misfit(path, f"{name} holds numbers that are not finite", "Download it again.")


def _summary(blocks: Mapping[str, int], context: int) -> str:
    widths = ", ".join(map(str, sorted(set(blocks.values()))))
    return f"{len(blocks)} blocks of widths {widths} and tokens of width {context}"


def _text_width(unet: nn.Module) -> int:
    """The width of the text's tokens, which those of the sound share."""
    return int(unet.config.cross_attention_dim)


def _misfit(path: Path, what: str, hint: str) -> BendError:
    return BendError(Code.MODEL_INVALID, f"{path.name} can't be used: {what}.", hint, "bend.open_preferences")


def _save(path: Path, weights: Mapping[str, Tensor], said: dict[str, str]) -> Path:
    plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in weights.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            if path.suffix.lower() == ".safetensors":
                file.write(save(plain, said))
            else:
                torch.save(plain, file)
    except OSError as error:
        raise BendError(Code.STORE_UNWRITABLE, f"{path} can't be written: {error.strerror}.") from error
    return path


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
