"""A layout that draws nothing: it notes what a panel draws, and refuses what Blender's own layout would refuse."""

from __future__ import annotations

from typing import Any

import bpy

_FUNCTIONS = bpy.types.UILayout.bl_rna.functions
_INNER = ("row", "column", "box", "split", "column_flow", "grid_flow")


class _Operator:
    """The settings of a drawn operator."""

    def __init__(self, name: str) -> None:
        owner, _, own = name.partition(".")
        known = getattr(getattr(bpy.ops, owner), own).get_rna_type().properties.keys()
        self.__dict__.update(name=name, known=set(known), given={})

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in self.known, f"{self.name} has no {name}"
        self.given[name] = value


class Layout:
    """What ``self.layout`` is for a panel.

    Parameters
    ----------
    said : every text, in the order in which it is drawn
    operators : every operator with its text and its settings
    """

    def __init__(self, parent: Layout | None = None) -> None:
        self.__dict__["said"] = parent.said if parent else []
        self.__dict__["operators"] = parent.operators if parent else []

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in bpy.types.UILayout.bl_rna.properties, name

    def __getattr__(self, function: str) -> Any:
        def draw(*arguments: Any, **settings: Any) -> Any:
            parameters = _FUNCTIONS[function].parameters
            for name, value in settings.items():
                assert name in parameters, f"{function} has no {name}"
                if parameters[name].type == "ENUM":
                    assert value in parameters[name].enum_items, f"{function} has no {name} {value}"
            if function in _INNER:
                return Layout(self)
            if function == "panel":
                return Layout(self), Layout(self)
            if function == "prop" and not arguments[1].startswith("["):
                assert arguments[1] in arguments[0].bl_rna.properties, arguments[1]
            if settings.get("text"):
                self.said.append(settings["text"])
            if function == "operator":
                drawn = _Operator(arguments[0])
                self.operators.append((arguments[0], settings.get("text"), drawn.given))
                return drawn
            return None

        return draw
