"""The drivers of a strip's custom properties, and those of anything in the file that read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy
from bpy.types import ID, DriverTarget, FCurve, Scene

from ..host import typed


def of(scene: Scene, path: str) -> list[FCurve]:
    """The drivers of a property of a scene.

    Parameters
    ----------
    path : the property's, from the scene
    """
    return [driver for driver in on(scene) if driver.data_path == path]


def copy(scene: Scene, path: str, copied: str) -> None:
    """Drive a property as another one is."""
    for driver in of(scene, path):
        typed.animation(scene).drivers.from_existing(src_driver=driver).data_path = copied


def move(scene: Scene, path: str, moved: str) -> None:
    """Let the drivers of a property, and all that read it, follow it to another name."""
    for driver in of(scene, path):
        driver.data_path = moved
    for target in _targets(scene, path):
        target.data_path = moved


def remove(scene: Scene, path: str) -> None:
    """Drive a property no longer."""
    for driver in of(scene, path):
        typed.animation(scene).drivers.remove(driver)


def _targets(scene: Scene, path: str) -> Iterator[DriverTarget]:
    """What reads a property, wherever it is in the file."""
    variables = (variable for owner in _owners() for driver in on(owner) for variable in driver.driver.variables)
    for variable in variables:
        for target in variable.targets:
            # A property of the context is one of the scene that is shown.
            if target.data_path == path and (target.id == scene or variable.type == "CONTEXT_PROP"):
                yield target


def _owners() -> Iterator[ID]:
    """Everything that can be animated: the data-blocks, and the node trees within some of them."""
    lists = (p.identifier for p in bpy.data.bl_rna.properties if p.type == "COLLECTION")
    for item in (item for name in lists for item in getattr(bpy.data, name)):
        yield item
        if tree := getattr(item, "node_tree", None):
            yield tree


def on(owner: Any) -> list[FCurve]:
    """All drivers of a data-block."""
    animation = getattr(owner, "animation_data", None)
    return list(animation.drivers) if animation else []
