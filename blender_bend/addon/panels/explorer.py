"""What the explorer compares: a tab beside its sheet."""

from __future__ import annotations

from bpy.types import Context, Panel

from ...core.sheets.kinds import Kind
from ..explorer import choices, opened
from ..host.typed import PanelMixin
from .main import draw_notice, draw_repair


class _ExplorerPanel(PanelMixin):
    """Where the explorer's panels live."""

    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Explorer"

    @classmethod
    def poll(cls, context: Context) -> bool:
        return opened.is_in(context)


class BEND_PT_explorer(_ExplorerPanel, Panel):
    """What rows and columns compare"""

    bl_idname = "BEND_PT_explorer"
    bl_label = "Explorer"

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        chosen, explorer = choices.of_window_manager(), opened.explorer
        if explorer is None:
            return
        for kind, most in (("rows", "down"), ("columns", "across")):
            row = layout.row(align=True)
            row.prop(chosen, kind)
            count = row.row(align=True)
            count.ui_units_x = 2.6
            count.prop(chosen, most, text="")
        if Kind.PRESETS in {chosen.rows, chosen.columns}:
            layout.prop(chosen, "presets")
        if Kind.PROMPTS in {chosen.rows, chosen.columns}:
            layout.prop(chosen, "prompts")
        layout.prop(chosen, "finish")
        layout.operator("bend.explore_again", icon="FILE_REFRESH")
        if explorer.problem is not None:
            draw_repair(layout, explorer.problem)
        elif explorer.sheet is not None:
            made, every = explorer.counts()
            row = layout.row(align=True)
            row.progress(factor=made / max(every, 1), type="BAR", text=f"{made} of {every}")
            if explorer.waits or explorer.stopped:
                row.operator("bend.explore_stop", text="", icon="PLAY" if explorer.stopped else "X")
        if explorer.outdated:
            draw_notice(layout, "The strip no longer matches any of these pictures")
        layout.operator("bend.save_sheet", icon="FILE_IMAGE")


CLASSES = (BEND_PT_explorer,)
