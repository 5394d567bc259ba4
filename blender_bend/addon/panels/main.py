"""Sound, model, source, prompt and LoRA."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bpy.types import Context, Panel

from ...core.catalogue import strip as catalogue
from ...core.errors import BendError
from ...core.models.suggestions import suggestions_for
from ...core.samplers import schedulers
from ..host import preferences
from ..host.activity import Activity
from ..host.typed import PanelMixin
from ..prompts import notices
from ..timeline.strips import active_bend_strip, polled_bend_strip
from .parameters import draw_parameters
from .sounds import draw_choice, draw_others


class BendPanel(PanelMixin):
    """Where every panel of Bend lives."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Bend"

    @classmethod
    def poll(cls, context: Context) -> bool:
        return active_bend_strip(context) is not None


def draw_repair(layout: Any, error: BendError) -> None:
    """A failure in words, with the button that repairs it."""
    box = layout.box().column(align=True)
    for line in wrap(error.message):
        box.label(text=line, icon="ERROR" if line == wrap(error.message)[0] else "BLANK1")
    for line in wrap(error.hint):
        box.label(text=line, icon="BLANK1")
    if error.action:
        box.operator(error.action)


def draw_under_way(layout: Any, current: Activity) -> None:
    """How far something is, with the button that cancels it."""
    row = layout.row(align=True)
    row.progress(factor=current.fraction, type="BAR", text=current.text())
    row.operator("bend.cancel", text="", icon="X")


def draw_notice(layout: Any, text: str) -> Any:
    """Something that an artist should know, in lines that fit the sidebar; the box, for a button below them."""
    box = layout.box().column(align=True)
    for index, line in enumerate(wrap(text)):
        box.label(text=line, icon="BLANK1" if index else "INFO")
    return box


def wrap(text: str, width: int = 44) -> list[str]:
    """Text in lines that fit the sidebar."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def draw_suggestion(layout: Any, model: str) -> None:
    """What suits a checkpoint in one file, in a few lines; nothing for a model that says nothing."""
    path = preferences.model_folders().get(model.strip())
    found = suggestions_for(Path(path)) if path else None
    column = layout.column(align=True)
    for number, line in enumerate(wrap(found.words) if found else ()):
        column.label(text=line, icon="BLANK1" if number else "INFO")


class BEND_PT_main(BendPanel, Panel):
    """Sound, model and prompt of the bend strip"""

    bl_idname = "BEND_PT_main"
    bl_label = "Bend"

    def draw(self, context: Context) -> None:
        layout = self.layout
        strip = polled_bend_strip(context)
        settings = strip.bend_settings
        layout.use_property_split = True
        layout.use_property_decorate = False
        draw_choice(layout, strip)
        draw_others(layout, strip)
        layout.prop(settings, "model", icon="NETWORK_DRIVE")
        row = layout.row(align=True)
        row.prop(settings, "width", text="Size")
        row.prop(settings, "height", text="")
        if settings.travel == "NONE":
            layout.prop(settings, "prompt")
        for notice in notices.of(strip):
            draw_notice(layout, notice.text)


class BEND_PT_source(BendPanel, Panel):
    """What the frames start from, and how the initial noise moves"""

    bl_idname = "BEND_PT_source"
    bl_label = "Source"
    bl_parent_id = "BEND_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        strip = polled_bend_strip(context)
        settings = strip.bend_settings
        column = layout.column()
        column.use_property_decorate = False
        column.prop(settings, "source")
        if settings.source == catalogue.StartsFrom.PROCEDURAL:
            column.prop(settings, "scene")
            column.prop(settings, "palette")
            column.prop(settings, "scene_seed")
            column.prop(settings, "scene_speed")
        if settings.source == catalogue.StartsFrom.PICTURES:
            row = column.row()
            row.scale_y = 1.2
            text = "Capture Again" if settings.captured else "Capture Strips Below"
            row.operator("bend.capture", text=text, icon="IMAGE_REFERENCE")
        draw_parameters(layout, strip, settings, lambda parameter: parameter not in catalogue.OF_CONDITION)
        column = layout.column(align=True)
        column.use_property_decorate = False
        column.prop(settings, "walk_amount")
        row = column.row()
        row.active = settings.walk_amount > 0
        row.prop(settings, "walk_turns")


class BEND_PT_prompt(BendPanel, Panel):
    """Prompt travel, negative prompt, seed, sampler, steps and guidance"""

    bl_idname = "BEND_PT_prompt"
    bl_label = "Prompt and Sampling"
    bl_parent_id = "BEND_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        settings = polled_bend_strip(context).bend_settings
        layout.prop(settings, "negative")
        column = layout.column()
        column.prop(settings, "travel")
        if settings.travel == "TEXT":
            column.prop(settings, "travel_text")
        if settings.travel != "NONE":
            column.prop(settings, "blending")
        column = layout.column()
        column.prop(settings, "prompt_weights")
        column.prop(settings, "clip_skip")
        column = layout.column(align=True)
        column.prop(settings, "seed")
        column.prop(settings, "steps")
        column.prop(settings, "guidance")
        column = layout.column()
        column.prop(settings, "scheduler")
        chosen = {option: getattr(settings, option) for option in schedulers.offered(settings.scheduler)}
        acting = schedulers.acting(settings.scheduler, **chosen) if chosen else {}
        for option, value in chosen.items():
            row = column.row()
            row.active = value == schedulers.AUTO or option in acting
            row.prop(settings, option)
        column.prop(settings, "decoder", placeholder="model's own")
        draw_suggestion(layout, settings.model)


class BEND_PT_loras(BendPanel, Panel):
    """LoRAs applied to this strip's model"""

    bl_idname = "BEND_PT_loras"
    bl_label = "LoRA"
    bl_parent_id = "BEND_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        layout = self.layout
        for index, item in enumerate(polled_bend_strip(context).bend_settings.loras):
            row = layout.row(align=True)
            split = row.split(factor=0.65, align=True)
            split.prop(item, "name", text="")
            split.prop(item, "strength", text="")
            row.operator("bend.remove_lora", text="", icon="X").index = index
        layout.operator("bend.add_lora", icon="ADD")


CLASSES = (BEND_PT_main, BEND_PT_source, BEND_PT_prompt, BEND_PT_loras)
