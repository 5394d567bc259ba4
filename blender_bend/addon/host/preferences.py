"""The add-on's preferences: the engine's Python, where frames go, and the files of models. Never in the .blend."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import CollectionProperty, EnumProperty, IntProperty, StringProperty
from bpy.types import PropertyGroup

from ...core.errors import BendError, Code
from ...core.process import environment

#: The extension's own package name: bl_ext.<repository>.blender_bend
ROOT_PACKAGE = __package__.rsplit(".", 3)[0]
ROOT = Path(__file__).resolve().parents[3]
#: The folder beside a .blend file that holds its frames.
BESIDE = "bend_frames"


class BEND_PG_model_folder(PropertyGroup):
    """A model on this machine"""

    name: StringProperty(name="Name", description="How the model is called in the Bend tab", default="my model")
    folder: StringProperty(
        name="Folder or File",
        description="A folder with a model_index.json, as diffusers writes it, or a checkpoint in one .safetensors. "
        "Its files are read once, in the background, to tell them from others",
        subtype="FILE_PATH",
    )


class BEND_PG_decoder_folder(PropertyGroup):
    """A decoder on this machine"""

    name: StringProperty(name="Name", description="How the decoder is called in the Bend tab", default="my decoder")
    folder: StringProperty(
        name="Folder",
        description="A folder with the config.json and the .safetensors of an autoencoder, such as TAESD",
        subtype="DIR_PATH",
    )


class BEND_PG_lora_file(PropertyGroup):
    """A LoRA on this machine"""

    name: StringProperty(name="Name", description="How the LoRA is called in the Bend tab", default="my LoRA")
    folder: StringProperty(name="File", description="A .safetensors file", subtype="FILE_PATH")


class BEND_PG_embedding_file(PropertyGroup):
    """A textual inversion embedding on this machine"""

    name: StringProperty(
        name="Name", description="What to write in a prompt to use the embedding", default="my embedding"
    )
    folder: StringProperty(name="File", description="A .safetensors file", subtype="FILE_PATH")


class BEND_PG_hearing_folder(PropertyGroup):
    """What lets a model hear, on this machine"""

    name: StringProperty(
        name="Name", description="How the adapters are called in the Bend tab", default="my sound adapters"
    )
    folder: StringProperty(
        name="Folder",
        description="A folder with audio adapters (such as landscape.pt) and their audio_projector file",
        subtype="DIR_PATH",
    )


#: The lists of the preferences: property, heading, what one entry is called.
LISTS = (
    ("models", "Models of Your Own", "Model"),
    ("decoders", "Decoders", "Decoder Folder"),
    ("loras", "LoRA", "LoRA File"),
    ("embeddings", "Embeddings", "Embedding File"),
    ("hearings", "Sound Adapters", "Sound Adapters Folder"),
)


class Fields:
    """A mixin for the add-on's preferences: all that they hold."""

    engine_python: StringProperty(
        name="Engine Python",
        description="The Python with torch, diffusers and librosa in which the engine runs. "
        "Empty: the environment that Set Up has made",
        subtype="FILE_PATH",
    )
    device: EnumProperty(
        name="Device",
        description="What the pictures are computed on",
        items=(
            ("auto", "Automatic", "The graphics card if torch finds one, else the processor"),
            ("cuda", "CUDA or ROCm", "An NVIDIA or AMD graphics card"),
            ("mps", "Metal", "The graphics part of an Apple processor"),
            ("cpu", "Processor", "Works everywhere; slow with large models"),
        ),
    )
    precision: EnumProperty(
        name="Precision",
        description="How exactly the model computes. Frames of another precision are other frames",
        items=(  # numbered, so that what was chosen before Automatic existed stays chosen
            ("auto", "Automatic", "What is fastest here, by measuring; strips keep the precision of their frames", 3),
            ("float32", "32 bit", "Exact, and works everywhere", 0),
            ("float16", "16 bit", "Half the memory, and faster on most GPUs; slow on most CPUs", 1),
            ("bfloat16", "bfloat16", "Like 16 bit, with a larger range; for recent hardware", 2),
        ),
        default="auto",
    )
    frame_folder: StringProperty(
        name="Frame Folder",
        description="Where rendered frames are kept. Empty: a folder bend_frames beside the .blend file",
        subtype="DIR_PATH",
    )
    batch: IntProperty(
        name="Batch",
        description="How many pictures are computed at once. 1 makes each picture exactly what it is alone; more is "
        "faster on most GPUs. 0: Automatic",
        default=0,
        min=0,
        max=16,
    )
    idle_minutes: IntProperty(
        name="Free Memory After",
        description="Minutes without work after which the engine is ended, which frees its memory. "
        "The next request starts it again. 0: never",
        default=10,
        min=0,
        soft_max=120,
    )
    encodec: StringProperty(
        name="EnCodec Folder",
        description="A folder with a local EnCodec model, for the features under Learned. Empty: there are none",
        subtype="DIR_PATH",
    )
    clap: StringProperty(
        name="CLAP File",
        description="What `sonic convert` has made of CLAP_weights_2022.pth: the ear of sound adapters that bring "
        "none of their own",
        subtype="FILE_PATH",
    )
    models: CollectionProperty(type=BEND_PG_model_folder)
    decoders: CollectionProperty(type=BEND_PG_decoder_folder)
    loras: CollectionProperty(type=BEND_PG_lora_file)
    embeddings: CollectionProperty(type=BEND_PG_embedding_file)
    hearings: CollectionProperty(type=BEND_PG_hearing_folder)


def preferences() -> Fields:
    """The preferences of this add-on."""
    return bpy.context.preferences.addons[ROOT_PACKAGE].preferences


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
                f"There is no Python at {path}.",
                "Choose the engine's Python in the preferences.",
                "bend.open_preferences",
            )
        return path
    found = set_up_python() or beside_the_extension()
    if found is None:
        raise BendError(
            Code.ENGINE_MISSING,
            "The engine is not set up.",
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


def hearing_folders() -> dict[str, str]:
    """The folders of sound adapters by name."""
    return _paths("hearings")


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
    BEND_PG_hearing_folder,
)
