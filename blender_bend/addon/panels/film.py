"""What is ready, what is to be rendered, and the button."""

from __future__ import annotations

from typing import Any

from bpy.types import Context, ImageStrip, Panel

from ...core.errors import BendError
from ...core.wording import about, counted
from ..baking import bake_queue
from ..film import picture_states
from ..frames import status
from ..host import activity, compat, preferences, reading
from ..live import switch
from ..process import tasks
from ..sound import mixdown, song_length, sound_print
from ..timeline.strips import active_bend_strip, bend_strips
from .gallery import icons
from .main import BendPanel, draw_notice, draw_repair, draw_under_way
from .preferences.precision import draw_notices


def draw_fit(layout: Any, strip: ImageStrip) -> None:
    """The button that makes the strip as long as its song, where it is not."""
    found = song_length.difference(strip.id_data, strip)
    if found is None:
        return
    text = f"Song: {counted(len(found.song), 'frame')}, strip: {compat.duration(strip):,}"
    if found.stretch(strip.bend_settings.rate) != 1:
        text = "The frame rate has changed"
    draw_notice(layout, text).operator("bend.fit_to_song", icon="ARROW_LEFTRIGHT")


def draw_first_step(layout: Any, context: Context) -> None:
    """What to do in a scene without a bend strip."""
    scene = compat.sequencer_scene(context)
    sounds = mixdown.sound_strips(scene) if scene else []
    column = layout.column()
    if scene and any(bend_strips(scene)):
        column.label(text="Select a bend strip to see its settings", icon="RESTRICT_SELECT_OFF")
    row = column.row()
    row.scale_y = 1.5
    row.operator(
        "bend.film_from_song", text="Make Film from Song" if sounds else "Make Film from Song…", icon="SEQUENCE"
    )
    column.separator()
    column.label(text="Or step by step:")
    if not sounds:
        column.operator("bend.add_sound", text="Add Sound…", icon="SOUND")
    column.operator("bend.add_strip", icon="ADD")


class BEND_PT_film(BendPanel, Panel):
    """The film: what is there, what is missing, and the buttons that make it"""

    bl_idname = "BEND_PT_film"
    bl_label = "Film"

    @classmethod
    def poll(cls, context: Context) -> bool:
        return True

    def draw(self, context: Context) -> None:
        layout = self.layout
        try:
            preferences.engine_python()
        except BendError as error:
            if str(error) != str(activity.last_failure):
                draw_repair(layout, error)
        strip = active_bend_strip(context)
        if strip is None:
            draw_first_step(layout, context)
        else:
            draw_live(layout, context)
            draw_state(layout, context, strip)
            draw_buttons(layout)
        if activity.current and not isinstance(activity.current, tasks.Working):  # those have a panel of their own
            draw_under_way(layout, activity.current)
        if activity.last_failure:
            draw_repair(layout, activity.last_failure)
            layout.operator("bend.dismiss", icon="X")


def draw_live(layout: Any, context: Context) -> None:
    """The switch of Live, and what it is at."""
    on = switch.live is not None
    layout.prop(context.window_manager, "bend_live", toggle=True, icon="RADIOBUT_ON" if on else "RADIOBUT_OFF")
    if switch.live is not None and switch.live.problem is not None:
        draw_repair(layout, switch.live.problem)
    elif on:
        layout.label(text=switch.state())


def draw_state(layout: Any, context: Context, strip: ImageStrip) -> None:
    """What is ready and what isn't, and what has changed since it was made."""
    if compat.lacks_sequencer_scene(context):
        draw_notice(layout, "The timeline isn't showing a scene").operator("bend.show_sequencer", icon="SEQUENCE")
    draw_fit(layout, strip)
    if sound_print.stale(strip.id_data, strip):
        draw_notice(layout, "The sound has changed since the bake").operator("bend.rebake", icon="KEYFRAME_HLT")
    known = status.shown
    if known and (known.scene, known.strip) != (strip.id_data.name, strip.name):
        known = None
    if known and known.problem and not activity.last_failure:
        draw_repair(layout, known.problem)
    elif known and not _counted_below(strip):
        column = layout.column(align=True)
        for line in counts(known):
            column.label(text=line)
    draw_states(layout, strip)
    if unbaked := len(bake_queue.still(strip)):
        layout.label(text=f"{counted(unbaked, 'curve')} not baked yet", icon="INFO")
    read = reading.current()
    if read and activity.current is None:
        layout.progress(factor=read.fraction, type="BAR", text=read.text)
    if known and known.outdated:
        box = draw_notice(layout, f"{known.outdated}.")
        box.operator("bend.capture", text="Capture Again", icon="IMAGE_REFERENCE")
    if known and known.flashes:
        draw_notice(layout, known.flashes).operator("bend.soften_flashes", icon="SMOOTHCURVE")
    if known:
        draw_notices(layout, known)


def _counted_below(strip: ImageStrip) -> bool:
    """Whether frames are arriving, so that only the states along the strip are right."""
    return picture_states.tally(strip).get(picture_states.State.MAKING, 0) > 0


def draw_states(layout: Any, strip: ImageStrip) -> None:
    """What the colors along the strip mean, with how many frames there are of each; nothing if all are ready."""
    counts = {state: number for state, number in picture_states.tally(strip).items() if number}
    if not set(counts) - {picture_states.State.READY}:
        return
    grid = layout.grid_flow(columns=2, even_columns=True, align=True)
    for state, number in counts.items():
        look = picture_states.LOOKS[state]
        grid.label(text=f"{look.label}: {number:,}", icon_value=icons.of_color(look.color))


def draw_buttons(layout: Any) -> None:
    """From the sound to the film, in the order in which it is done."""
    column = layout.column(align=True)
    row = column.row(align=True)
    row.operator("bend.bake", text="Bake", icon="KEYFRAME_HLT").parameter = ""
    row.operator("bend.preview_frame", icon="RENDER_STILL")
    row = column.row(align=True)
    row.scale_y = 1.5
    row.operator("bend.generate", icon="IMAGE_DATA")
    row.operator("bend.render_film", icon="RENDER_ANIMATION")
    column.operator("bend.check_flashes", icon="LIGHT")


def counts(known: status.Status) -> list[str]:
    """What is ready and what the rest costs, in lines that fit the sidebar."""
    if known.waiting:
        return ["Frames are counted after the model", "has been read once"]
    elsewhere = ["Generate also searches the strip's", "previous frame folder"] if known.elsewhere else []
    if not known.missing:
        return [f"{counted(known.frames, 'frame')}, all ready", *elsewhere]
    seconds = activity.seconds_per_state
    effort = f"about {about(seconds * known.states)}" if seconds else counted(known.states, "step")
    # In a chain, frames before those that are shown may be needed as well.
    ready = max(known.frames - known.missing, 0)
    return [
        f"{counted(known.frames, 'frame')}: {ready:,} ready",
        f"{known.missing:,} to render, {effort}",
        *elsewhere,
    ]


CLASSES = (BEND_PT_film,)
