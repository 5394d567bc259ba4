"""A Blender of its own installs the zip, uses it, disables, enables and removes it, and writes down what it saw.

python tests/blender/visit_extension.py ZIP REPORT.json
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

RESOURCES = tempfile.mkdtemp(prefix="bend-install-")
os.environ["BLENDER_USER_RESOURCES"] = RESOURCES
import bpy  # noqa: E402

MODULE = "bl_ext.user_default.blender_bend"
TYPES = ("Strip", "ImageStrip", "SoundStrip", "Scene", "WindowManager", "Object", "Preferences")
MENUS = ("SEQUENCER_MT_add", "SEQUENCER_MT_context_menu")


def state() -> dict[str, object]:
    """Everything in Blender that an add-on could leave behind."""
    lists = {name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)}
    draws = {name: getattr(getattr(bpy.types, name).draw, "_draw_funcs", ()) for name in MENUS}
    return {
        "types": sorted(dir(bpy.types)),
        "handlers": {name: [f.__name__ for f in found] for name, found in lists.items() if isinstance(found, list)},
        "properties": {name: sorted(getattr(bpy.types, name).bl_rna.properties.keys()) for name in TYPES},
        "menus": {
            name: [f.__name__ for f in functions if f.__module__.startswith("bl_ext")]
            for name, functions in draws.items()
        },
        "operators": sorted(dir(bpy.ops.bend)),
        "addons": sorted(bpy.context.preferences.addons.keys()),
        "files": sorted(path.name for path in Path(RESOURCES, "extensions", "user_default").glob("[!.]*")),
    }


def use() -> list[str]:
    """Add a bend strip and take it away again."""
    scene = bpy.context.scene
    scene.sequence_editor_create()
    choose = bpy.context.temp_override(sequencer_scene=scene) if bpy.app.version >= (5, 0) else nullcontext()
    with choose:
        result = list(bpy.ops.bend.add_strip())
    for strip in list(scene.sequence_editor.strips):
        scene.sequence_editor.strips.remove(strip)
    return result


def main(archive: str, report: str) -> None:
    """The visit."""
    seen: dict[str, object] = {"before": state()}
    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
    seen["installed"] = state()
    seen["made"] = use()
    bpy.ops.preferences.addon_disable(module=MODULE)
    seen["disabled"] = state()
    bpy.ops.preferences.addon_enable(module=MODULE)
    seen["enabled_again"] = state()
    repositories = [repo.module for repo in bpy.context.preferences.extensions.repos]
    bpy.ops.extensions.package_uninstall(repo_index=repositories.index("user_default"), pkg_id="blender_bend")
    seen["removed"] = state()
    Path(report).write_text(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
