"""The operators of the catalogue in menus, a submenu for each family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpy.types import Context, Menu, UILayout

from ...core import catalogue
from ...core.catalogue import Operator
from ..gallery import library
from ..settings import enums
from ..settings.bend_settings import BEND_PG_bend
from ..timeline.strips import polled_bend_strip


def draw_operator(layout: UILayout, bend: BEND_PG_bend) -> None:
    """The operator of a bend, with the menu to choose another one."""
    split = layout.split(factor=0.4)
    label = split.row()
    label.alignment = "RIGHT"
    label.label(text="Operator")
    split.menu("BEND_MT_operator", text=catalogue.operator(bend.operator).label if bend.operator else "Unknown")


def _draw_add(layout: UILayout, context: Context, operator: Operator) -> None:
    layout.operator("bend.add_bend", text=operator.label).operator = operator.name


def _draw_choose(layout: UILayout, context: Context, operator: Operator) -> None:
    layout.prop_enum(polled_bend_strip(context).bend_settings.bend, "operator", operator.name)


def _family_menus(prefix: str, draw_one: Callable[[UILayout, Context, Operator], None]) -> tuple[type[Menu], ...]:
    """A menu for each family of operators."""

    def menu(name: str, family: str, operators: list[Operator]) -> type[Menu]:
        def draw(self: Any, context: Context) -> None:
            for operator in operators:
                draw_one(self.layout, context, operator)

        return type(name, (Menu,), {"bl_idname": name, "bl_label": family, "draw": draw})

    return tuple(menu(f"{prefix}_{number}", *family) for number, family in enumerate(enums.families()))


_ADDING = _family_menus("BEND_MT_add_bend", _draw_add)
_CHOOSING = _family_menus("BEND_MT_operator", _draw_choose)


class BEND_MT_add_bend(Menu):
    """Add a bend to the end of the stack"""

    bl_idname = "BEND_MT_add_bend"
    bl_label = "Add Bend"
    bl_options = {"SEARCH_ON_KEY_PRESS"}

    def draw(self, context: Context) -> None:
        self.layout.operator("bend.gallery", text="By Pictures…", icon="IMAGE_DATA").kind = library.OPERATORS
        self.layout.separator()
        for menu in _ADDING:
            self.layout.menu(menu.bl_idname)


class BEND_MT_operator(Menu):
    """Change the operator of the bend, keeping its mix"""

    bl_idname = "BEND_MT_operator"
    bl_label = "Operator"
    bl_options = {"SEARCH_ON_KEY_PRESS"}

    def draw(self, context: Context) -> None:
        for menu in _CHOOSING:
            self.layout.menu(menu.bl_idname)


CLASSES = (*_ADDING, *_CHOOSING, BEND_MT_add_bend, BEND_MT_operator)
