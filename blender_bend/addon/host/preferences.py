"""The add-on's preferences: the engine's Python, where frames go, and the files of models. Never in the .blend."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import cast

import bpy
from bpy.props import CollectionProperty, EnumProperty, IntProperty, StringProperty
from bpy.types import PropertyGroup

from ...core.errors import BendError, Code
from ...core.files.caches import Cache
from ...core.precision import Precision
from ...core.process import environment
from ...core.resources.ways import AUTOMATIC
from . import compat

#: The extension's own package name: bl_ext.<repository>.blender_bend
ROOT_PACKAGE = __package__.rsplit(".", 3)[0]
ROOT = Path(__file__).resolve().parents[3]
#: The folder beside a .blend file that holds its frames.
BESIDE = "bend_frames"


class BEND_PG_model_folder(PropertyGroup):
    """A model on this computer"""

    name: StringProperty(name="Name", description="Name of the model in the Bend tab", default="my model")
    folder: StringProperty(
        name="Folder or File",
        description="A diffusers folder with a model_index.json, or a checkpoint in a single .safetensors file. "
        "Its files are read once, in the background, to identify them",
        subtype="FILE_PATH",
    )


class BEND_PG_decoder_folder(PropertyGroup):
    """A decoder on this computer"""

    name: StringProperty(name="Name", description="Name of the decoder in the Bend tab", default="my decoder")
    folder: StringProperty(
        name="Folder",
        description="A folder with the config.json and .safetensors file of an autoencoder, such as TAESD",
        subtype="DIR_PATH",
    )


class BEND_PG_lora_file(PropertyGroup):
    """A LoRA on this computer"""

    name: StringProperty(name="Name", description="Name of the LoRA in the Bend tab", default="my LoRA")
    folder: StringProperty(name="File", description="A .safetensors file", subtype="FILE_PATH")


class BEND_PG_embedding_file(PropertyGroup):
    """A textual inversion embedding on this computer"""

    name: StringProperty(
        name="Name", description="Word that inserts the embedding into a prompt", default="my embedding"
    )
    folder: StringProperty(name="File", description="A .safetensors file", subtype="FILE_PATH")


class BEND_PG_sound_adapter_folder(PropertyGroup):
    """Sound adapters on this computer"""

    name: StringProperty(name="Name", description="Name of the adapters in the Bend tab", default="my sound adapters")
    folder: StringProperty(
        name="Folder",
        description="A folder with audio adapters (such as landscape.pt) and their audio_projector file",
        subtype="DIR_PATH",
    )


#: The lists of the preferences: property, heading, what one entry is called.
LISTS = (
    ("models", "Local Models", "Model"),
    ("decoders", "Decoders", "Decoder Folder"),
    ("loras", "LoRA", "LoRA File"),
    ("embeddings", "Embeddings", "Embedding File"),
    ("sound_adapters", "Sound Adapters", "Sound Adapters Folder"),
)


class Fields:
    """A mixin for the add-on's preferences: all that they hold."""

    engine_python: StringProperty(
        name="Engine Python",
        description="Python that runs the engine, with torch, diffusers and librosa installed. Empty: the "
        "environment created by Set Up",
        subtype="FILE_PATH",
    )
    device: EnumProperty(
        name="Device",
        description="Device that computes the pictures",
        items=(
            ("auto", "Automatic", "The GPU if torch finds one, otherwise the CPU"),
            ("cuda", "CUDA or ROCm", "NVIDIA or AMD GPU"),
            ("mps", "Metal", "Apple GPU"),
            ("cpu", "CPU", "Works everywhere; slow with large models"),
        ),
    )
    precision: EnumProperty(
        name="Precision",
        description="Numeric precision of the model. Changing it means rendering the frames again",
        items=(  # numbered, so that what was chosen before Automatic existed stays chosen
            (AUTOMATIC, "Automatic", "Fastest on this machine, as measured; strips keep that of their frames", 3),
            (Precision.FLOAT32, "32 bit", "Exact, and works everywhere", 0),
            (Precision.FLOAT16, "16 bit", "Half the memory, and faster on most GPUs; slow on most CPUs", 1),
            (Precision.BFLOAT16, "bfloat16", "Like 16 bit with a larger range, for recent hardware", 2),
        ),
        default=AUTOMATIC,
    )
    frame_folder: StringProperty(
        name="Frame Folder",
        description="Folder for rendered frames. Empty: a folder bend_frames next to the .blend file",
        subtype="DIR_PATH",
    )
    preset_folder: StringProperty(
        name="Preset Folder",
        description="Folder for your own presets, which can be shared. Empty: one in Blender's user folder",
        subtype="DIR_PATH",
    )
    batch: IntProperty(
        name="Batch",
        description="Number of pictures computed at once. More is faster on most GPUs; 1 makes each picture "
        "exactly as if it were rendered alone. 0: Automatic",
        default=0,
        min=0,
        max=16,
    )
    idle_minutes: IntProperty(
        name="Unload Model After",
        description="Idle minutes after which the engine quits and frees its memory. The next request starts it "
        "again. 0: never",
        default=10,
        min=0,
        soft_max=120,
    )
    encodec: StringProperty(
        name="EnCodec Folder",
        description="Folder of a local EnCodec model, for the features under Learned. Empty: those are unavailable",
        subtype="DIR_PATH",
    )
    clap: StringProperty(
        name="CLAP File",
        description="The file that `sonic convert` made from CLAP_weights_2022.pth: the audio encoder for sound "
        "adapters that don't include one",
        subtype="FILE_PATH",
    )
    models: CollectionProperty(type=BEND_PG_model_folder)
    decoders: CollectionProperty(type=BEND_PG_decoder_folder)
    loras: CollectionProperty(type=BEND_PG_lora_file)
    embeddings: CollectionProperty(type=BEND_PG_embedding_file)
    sound_adapters: CollectionProperty(type=BEND_PG_sound_adapter_folder)


def preferences() -> Fields:
    """The preferences of this add-on."""
    return cast(Fields, bpy.context.preferences.addons[ROOT_PACKAGE].preferences)


def set_up_python() -> Path | None:
    """The Python of the environment that Set Up has made; None if there is none, or its base Python is gone."""
    base = user_folder("engine")
    record = environment.read_record(base)
    python = record.interpreter(base) if record else None
    return python if python and python.exists() else None


def beside_the_extension() -> Path | None:
    """The engine's environment in the folder of the extension, as ``tools/test.py`` makes it; None if there is none."""
    for relative in ("bin/python", "Scripts/python.exe"):
        candidate = ROOT / ".venv" / "engine" / relative
        if candidate.exists():
            return candidate
    return None


def engine_python() -> Path:
    """The Python that the engine runs in.

    Raises
    ------
    BendError(ENGINE_MISSING)
    """
    named = preferences().engine_python
    if named:
        path = Path(bpy.path.abspath(named))
        if not path.is_file():
            raise BendError(
                Code.ENGINE_MISSING,
                f"Python not found at {path}.",
                "Choose the engine's Python in the preferences.",
                "bend.open_preferences",
            )
        return path
    found = set_up_python() or beside_the_extension()
    if found is None:
        raise BendError(
            Code.ENGINE_MISSING,
            "The engine isn't installed yet.",
            "Press Set Up.",
            "bend.set_up_engine",
        )
    return found


def model_folders() -> dict[str, str]:
    """The model folders and single files by name."""
    return _paths("models")


def decoder_folders() -> dict[str, str]:
    """The decoder folders by name."""
    return _paths("decoders")


def lora_files() -> dict[str, str]:
    """The LoRA files by name."""
    return _paths("loras")


def embedding_files() -> dict[str, str]:
    """The embedding files by name."""
    return _paths("embeddings")


def sound_adapter_folders() -> dict[str, str]:
    """The folders of sound adapters by name."""
    return _paths("sound_adapters")


def clap_file() -> str:
    """The file of CLAP's audio tower; empty if none is named."""
    return bpy.path.abspath(preferences().clap) if preferences().clap else ""


def encodec_folder() -> str:
    """The folder of the EnCodec model; empty if none is named."""
    return bpy.path.abspath(preferences().encodec) if preferences().encodec else ""


def _paths(kind: str) -> dict[str, str]:
    listed = getattr(preferences(), kind)
    return {item.name: bpy.path.abspath(item.folder) for item in listed if item.name and item.folder}


def user_folder(name: str) -> Path:
    """A folder of the add-on's own, outside the extension, so that an update does not delete it."""
    return Path(bpy.utils.extension_path_user(ROOT_PACKAGE, path=name, create=True))


def cache_folder(cache: Cache) -> Path:
    """Where a kind of files is kept that can be made again; what lies in the folder of its former name moves along."""
    folder = user_folder(cache.name)
    former = folder.with_name(cache.former) if cache.former else folder
    if former != folder and former.is_dir():
        with suppress(OSError):  # another Blender has moved it, or both have files: they can be made again
            folder.rmdir()
            former.rename(folder)
    return user_folder(cache.name)


def frame_folder() -> Path:
    """Where frames are kept: the named folder, else beside the .blend file, else in the add-on's own folder.

    A file that was collected keeps its frames beside it.
    """
    named = preferences().frame_folder
    if named and not (bpy.data.filepath and is_beside()):
        return Path(bpy.path.abspath(named))
    if bpy.data.filepath:
        return Path(bpy.data.filepath).parent / BESIDE
    return user_folder("frames")


def is_beside() -> bool:
    """Whether this file keeps its frames beside it, whatever the preferences name."""
    return any(scene.bend_beside for scene in bpy.data.scenes if scene.library is None)


_entry_is_ours = False


def register() -> None:
    """Have preferences also when a script enabled the add-on without adding it to the user's preferences."""
    global _entry_is_ours
    addons = bpy.context.preferences.addons
    if ROOT_PACKAGE not in addons:
        addons.new().module = ROOT_PACKAGE
        _entry_is_ours = True
    _adopt_former_names()


def _adopt_former_names() -> None:
    """Take over the sound adapters that a user has listed in an earlier version, which called them hearings."""
    stored = compat.stored(preferences())
    if "hearings" in stored:
        for former in stored["hearings"]:
            item = preferences().sound_adapters.add()
            item.name, item.folder = former.get("name", item.name), former.get("folder", "")
        del stored["hearings"]


def unregister() -> None:
    """Take away what ``register`` added."""
    global _entry_is_ours
    addons = bpy.context.preferences.addons
    if _entry_is_ours and ROOT_PACKAGE in addons:
        addons.remove(addons[ROOT_PACKAGE])
    _entry_is_ours = False


CLASSES = (
    BEND_PG_model_folder,
    BEND_PG_decoder_folder,
    BEND_PG_lora_file,
    BEND_PG_embedding_file,
    BEND_PG_sound_adapter_folder,
)
