"""Every difference between the Blender versions that Bend supports (4.5 LTS to 5.2 LTS)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import bpy
from bpy.types import Action, ActionKeyframeStrip, ActionSlot, Area, Context, FCurve, Scene, Strip, Window

#: Seconds without a sign of life after which a mixdown counts as failed.
MIXDOWN_PATIENCE = 3.0

# Blender 5.2 renamed the time fields and warns about the old names (to be removed in 6.0).
_NEW_TIME_NAMES = {
    "frame_final_start": "left_handle",
    "frame_final_end": "right_handle",
    "frame_final_duration": "duration",
    "frame_start": "content_start",
    "frame_duration": "content_duration",
    "animation_offset_start": "content_trim_start",
}


def _time_name(strip: Strip, name: str) -> str:
    new = _NEW_TIME_NAMES[name]
    return new if new in strip.bl_rna.properties else name


def stored(owner: Any) -> Any:
    """What a file has stored of declared properties, those of former names too; since 5.0 a set of its own."""
    return owner.bl_system_properties_get() or {} if hasattr(owner, "bl_system_properties_get") else owner


def left_handle(strip: Strip) -> int:
    """First frame that the strip shows."""
    return int(getattr(strip, _time_name(strip, "frame_final_start")))


def right_handle(strip: Strip) -> int:
    """The frame after the last that the strip shows."""
    return int(getattr(strip, _time_name(strip, "frame_final_end")))


def duration(strip: Strip) -> int:
    """How many frames the strip shows."""
    return right_handle(strip) - left_handle(strip)


def content_start(strip: Strip) -> int:
    """The frame at which the strip's content begins, hidden or not; it moves with the strip and stays when trimmed.

    What a hard split has cut off in front still counts, so that elements and curves keep their places.
    """
    return round(exact_content_start(strip))


def exact_content_start(strip: Strip) -> float:
    """The same for a sound, which may begin between two frames."""
    begin = float(getattr(strip, _time_name(strip, "frame_start")))
    return begin - int(getattr(strip, _time_name(strip, "animation_offset_start"), 0))


def set_content_start(strip: Strip, frame: int) -> None:
    """Move a strip, with its curves, until its content begins at a frame."""
    name = _time_name(strip, "frame_start")
    setattr(strip, name, getattr(strip, name) + frame - content_start(strip))


def set_handles(strip: Strip, first: int, end: int) -> None:
    """Trim a strip to the frames from ``first`` to before ``end``, which lie within its content."""
    for _ in range(2):  # neither handle passes the other
        setattr(strip, _time_name(strip, "frame_final_start"), first)
        setattr(strip, _time_name(strip, "frame_final_end"), end)


def sequencer_scene(context: Context) -> Scene:
    """The scene whose sequencer is edited, or would be: since 5.0 a choice of the workspace, which may have none."""
    return getattr(context, "sequencer_scene", None) or _likeliest(context.scene)


def lacks_sequencer_scene(context: Context) -> bool:
    """Whether the workspace has no scene for the sequencer, as one that was added with + since 5.0."""
    return hasattr(context, "sequencer_scene") and context.sequencer_scene is None


def choose_sequencer_scene(context: Context) -> Scene:
    """The scene whose sequencer is edited; a workspace that has none gets the one whose strips there are."""
    scene = sequencer_scene(context)
    if lacks_sequencer_scene(context):
        workspace: Any = context.workspace  # 4.5 has no such choice
        workspace.sequencer_scene = scene
    return scene


def _likeliest(shown: Scene) -> Scene:
    """The shown scene, unless only another one has strips."""
    scenes = (shown, *(scene for scene in bpy.data.scenes if scene != shown))
    return next((scene for scene in scenes if scene.sequence_editor and scene.sequence_editor.strips), shown)


def window_sequencer_scene(window: Window) -> Scene:
    """The scene whose sequencer a window edits, for code without a context, such as timers."""
    return getattr(window.workspace, "sequencer_scene", None) or _likeliest(window.scene)


@contextmanager
def editing(scene: Scene, window: Window, area: Area) -> Iterator[None]:
    """A context in which a scene's sequencer is edited, in an area that is a sequencer."""
    chosen: dict[str, Any] = {"scene": scene} | ({"sequencer_scene": scene} if bpy.app.version >= (5, 0) else {})
    # The window comes first: Blender 4.5 would take its scene instead.
    with bpy.context.temp_override(window=window, area=area), bpy.context.temp_override(**chosen):
        yield


def mixdown(scene: Scene, path: str, sample_rate: int) -> None:
    """Write the sound of the scene's frame range as a stereo 32-bit float wav file.

    The operator takes its scene from ``context.scene`` in every version, never from ``sequencer_scene``. In a windowed
    Blender 5.2 it only starts a thread and returns; a second one starts once Blender has taken note of the first one's
    end, which it cannot while a script runs.

    Raises
    ------
    RuntimeError if Blender cannot mix
    """
    if bpy.app.version >= (5, 0):
        _forget_cancelled_render()
    with bpy.context.temp_override(scene=scene):
        bpy.ops.sound.mixdown(
            filepath=path,
            container="WAV",
            codec="PCM",
            format="F32",
            mixrate=sample_rate,
            channels="STEREO",
            check_existing=False,
        )
    wait_for_wav(Path(path))
    seconds = (scene.frame_end - scene.frame_start) * scene.render.fps_base / scene.render.fps
    if Path(path).stat().st_size < int(seconds * sample_rate) * 2 * 4:
        raise RuntimeError("it ended before the sound did; save and reopen the file")


def _forget_cancelled_render() -> None:
    """Let a mixdown run to its end.

    When a render has failed or was cancelled, Blender 5.2 keeps the wish to stop, and a mixdown ends at once, as if it
    had done its work. A bake of physics, here of no object, takes the wish back.
    """
    empty = bpy.data.scenes.new("Bend")
    try:
        with bpy.context.temp_override(scene=empty):
            bpy.ops.ptcache.bake_all(bake=False)
    finally:
        bpy.data.scenes.remove(empty)


def wait_for_wav(path: Path) -> None:
    """Wait until a wav file is written to its end; the length in its head is put right last.

    Raises
    ------
    RuntimeError if nothing more has been written for some seconds
    """
    size, grown = -1, time.monotonic()
    while not is_whole_wav(path):
        now = path.stat().st_size if path.exists() else -1
        if now != size:
            size, grown = now, time.monotonic()
        elif time.monotonic() - grown > MIXDOWN_PATIENCE:
            raise RuntimeError("it didn't start or didn't finish; try again in a moment")
        time.sleep(0.005)


def is_whole_wav(path: Path) -> bool:
    """Whether a wav file is as long as its head says."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        head = file.read(8)
    return len(head) == 8 and int.from_bytes(head[4:], "little") + 8 == path.stat().st_size


def fcurves(scene: Scene) -> Any:
    """The collection of a scene's F-curves (with ``find`` and ``remove``), or None if it has no animation."""
    data = scene.animation_data
    return fcurves_of(data.action, data.action_slot) if data else None


def fcurves_of(action: Action | None, slot: ActionSlot | None) -> Any:
    """The collection of the F-curves that an action has for a slot, or None if it has none."""
    if action is None or not action.layers or slot is None:
        return None
    bag = cast(ActionKeyframeStrip, action.layers[0].strips[0]).channelbag(slot)
    return bag.fcurves if bag else None


def ensure_fcurve(scene: Scene, data_path: str, group: str) -> FCurve:
    """The F-curve of a path of the scene, made if there is none, in a group of that name."""
    data = scene.animation_data or scene.animation_data_create()
    if data.action is None:
        data.action = bpy.data.actions.new(f"{scene.name}Action")
    if bpy.app.version >= (5, 0):
        action: Any = data.action
        return cast(FCurve, action.fcurve_ensure_for_datablock(scene, data_path, group_name=group))
    curve = data.action.fcurve_ensure_for_datablock(scene, data_path)
    if curve.group is None or curve.group.name != group:
        groups = cast(ActionKeyframeStrip, data.action.layers[0].strips[0]).channelbag(data.action_slot).groups
        curve.group = groups.get(group) or groups.new(group)
    return curve


def set_image_output(scene: Scene) -> None:
    """Let a scene render to PNG files; since 5.0 the kind of media must be set before the format."""
    settings: Any = scene.render.image_settings
    if "media_type" in settings.bl_rna.properties:
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"


def set_film_output(scene: Scene) -> None:
    """Let a scene render to an MP4 film with h264 picture and AAC sound."""
    settings: Any = scene.render.image_settings
    if "media_type" in settings.bl_rna.properties:
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec, scene.render.ffmpeg.audio_codec = "MPEG4", "H264", "AAC"
