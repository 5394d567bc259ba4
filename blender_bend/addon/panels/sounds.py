"""The sound of a bend strip: shown, chosen from a menu, and what to do when another sound is selected."""

from __future__ import annotations

from typing import Any

from bpy.types import Context, ImageStrip, Menu

from ..host import typed
from ..sound import mixdown, sound_choice
from ..timeline.strips import active_bend_strip

#: Sound strips that a menu lists; of more, the selected ones are chosen.
_MOST = 24


def draw_choice(layout: Any, strip: ImageStrip, for_condition: bool = False) -> None:
    """The sound of a strip, as a menu."""
    settings = strip.bend_settings
    items, sounds = settings.condition.sounds if for_condition else settings.sounds, mixdown.sound_strips(strip.id_data)
    found = sound_choice.find(sounds, items)
    row = layout.row(align=True)
    row.alert = bool(found.gone)
    menu = "BEND_MT_sounds_of_condition" if for_condition else "BEND_MT_sounds"
    row.menu(menu, text=_text(items, found, for_condition), icon="ERROR" if found.gone else "SOUND")
    row.operator("bend.use_sounds", text="", icon="EYEDROPPER").for_condition = for_condition


def _text(items: Any, found: sound_choice.Found, for_condition: bool) -> str:
    if not items:
        return "Same sound as the features" if for_condition else f"All sound ({len(found.strips)})"
    marks, whole = {item.mark for item in items if item.mark}, [item for item in items if item.channel]
    channels = [f"Channel {item.channel}" for item in whole if item not in found.gone]
    missing = [f"Channel {one.channel} (missing)" if one.channel else f"{one.name} (missing)" for one in found.gone]
    names = [one.name for one in found.strips if one.bend_settings.sound_mark in marks or not (marks or whole)]
    return ", ".join([*channels, *names, *missing])


def draw_others(layout: Any, strip: ImageStrip) -> None:
    """What can be done with a selected sound that the strip does not use."""
    sounds = mixdown.sound_strips(strip.id_data)
    used = sound_choice.find(sounds, strip.bend_settings.sounds).strips
    others = [one for one in sounds if one not in used and sound_choice.is_selected(one)]
    if not others:
        return
    box = layout.box().column(align=True)
    what = f"'{others[0].name}'" if len(others) == 1 else f"{len(others)} selected sounds"
    box.label(text=f"This strip doesn't use {what}", icon="INFO")
    box.operator("bend.use_sounds", text="Use It Instead" if len(others) == 1 else "Use Them Instead")
    box.operator("bend.use_sounds", text="Use Both" if len(others) == 1 else "Use All Sound").add = True
    box.operator("bend.add_strip", text="Add Bend Strip for It", icon="ADD")


class _Sounds(typed.MenuMixin):
    """The entries of both menus."""

    bl_label = "Use Sound"
    for_condition = False

    def draw(self, context: Context) -> None:
        strip = active_bend_strip(context)
        if strip is None:
            return
        sounds = mixdown.sound_strips(strip.id_data)
        text = "Same Sound as the Features" if self.for_condition else "All Sound"
        self._entry(text, everything=True)
        self._entry("Selected Strips")
        self.layout.separator()
        for one in sounds[:_MOST]:
            self._entry(one.name, "SOUND" if one.type == "SOUND" else "SCENE_DATA", strip=one.name)
        self.layout.separator()
        for channel in sorted({sound_choice.channel_of(one) for one in sounds}):
            named = typed.editor(strip.id_data).channels[channel].name
            own = "" if named == f"Channel {channel}" else f": {named}"
            self._entry(f"Channel {channel}{own}", channel=channel)

    def _entry(self, text: str, icon: Any = "NONE", **chosen: Any) -> None:
        entry = self.layout.operator("bend.use_sounds", text=text, icon=icon, translate=False)
        entry.for_condition = self.for_condition
        for name, value in chosen.items():
            setattr(entry, name, value)


class BEND_MT_sounds(_Sounds, Menu):
    """Sound that the bend strip uses"""


class BEND_MT_sounds_of_condition(_Sounds, Menu):
    """Sound that conditions the pictures"""

    for_condition = True


CLASSES = (BEND_MT_sounds, BEND_MT_sounds_of_condition)
