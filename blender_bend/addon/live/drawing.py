"""The draft over the preview, where the strip's own picture would be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy
import gpu
import numpy as np
from bpy.types import Context, SpaceSequenceEditor
from gpu_extras.batch import batch_for_shader

from ...core.process.shared_picture import Picture
from ..host import activity, compat, typed
from ..timeline import strips
from . import placing

if TYPE_CHECKING:
    from .controller import Live

#: Of a quad as two triangles: where each corner of the picture lies, whose first row is the top one.
_ON_PICTURE = ((0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0))

_handler: Any = None
_texture: tuple[Picture, Any] | None = None


def register(live: Callable[[], Live | None]) -> None:
    """Draw from now on; in background there is nothing to draw on.

    Parameters
    ----------
    live : gives what is drawn
    """
    global _handler
    if not bpy.app.background:
        _handler = SpaceSequenceEditor.draw_handler_add(_draw, (live,), "PREVIEW", "POST_PIXEL")


def unregister() -> None:
    """Draw no more."""
    global _handler
    if _handler is not None:
        SpaceSequenceEditor.draw_handler_remove(_handler, "PREVIEW")
        _handler = None
    forget()


def forget() -> None:
    """Give back the memory of what was drawn."""
    global _texture
    _texture = None


def _draw(current: Callable[[], Live | None]) -> None:
    """Called by Blender for every preview that it draws."""
    live = current()
    if live is None or live.picture is None or live.shown is None:
        return
    try:
        _draw_picture(bpy.context, live)
    except Exception as error:  # an exception in a draw handler would be printed for every redraw, forever
        live.picture = None
        activity.unexpected(error)


def _draw_picture(context: Context, live: Live) -> None:
    space, scene = typed.sequencer_space(context), compat.sequencer_scene(context)
    shown, picture = live.shown, live.picture
    if shown is None or picture is None or scene is None or scene.name != shown.scene:
        return
    strip = strips.find(shown.scene, shown.strip)
    if strip is None or strip.mute or space.display_mode != "IMAGE":
        return
    region: Any = context.region
    to_view = region.view2d.view_to_region
    (left, bottom), (right, top) = to_view(-1000, -1000, clip=False), to_view(1000, 1000, clip=False)
    zoom, middle = ((right - left) / 2000, (top - bottom) / 2000), ((left + right) / 2, (bottom + top) / 2)
    places = [(middle[0] + zoom[0] * x, middle[1] + zoom[1] * y) for x, y in placing.corners(strip, shown.size)]
    shader = gpu.shader.from_builtin("IMAGE")
    batch = batch_for_shader(shader, "TRI_STRIP", {"pos": places, "texCoord": _ON_PICTURE})
    shader.bind()
    shader.uniform_sampler("image", _texture_of(picture))
    batch.draw(shader)


def _texture_of(picture: Picture) -> Any:
    """The picture on the GPU, put there once."""
    global _texture
    if _texture is None or _texture[0] is not picture:
        width, height = picture.size
        colors = np.ones((height * width, 4), np.float32)
        colors[:, :3] = np.frombuffer(picture.pixels, np.uint8).reshape(-1, 3) * np.float32(1 / 255)
        types: Any = gpu.types  # 4.5's stubs know no arguments of theirs
        buffer = types.Buffer("FLOAT", colors.size, colors.ravel())
        _texture = picture, types.GPUTexture(picture.size, format="RGBA8", data=buffer)
    return _texture[1]
