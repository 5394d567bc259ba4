"""The gallery in a window of its own, and the renewal of its pictures."""

from __future__ import annotations

from bpy.props import EnumProperty, IntProperty
from bpy.types import Context, Event, Operator

from ...core.errors import BendError
from ...core.wording import counted
from ..gallery import library, renewing
from ..gallery.renewing import Renewing
from ..gallery.state import gallery_of
from ..host import activity, compat
from ..host.typed import Result
from ..panels.gallery.grid import draw_gallery
from ..timeline import strips
from ..timeline.strips import polled_bend_strip
from .shared.modal import Watching
from .shared.polls import OnBendStrip, OnIdleBendStrip

#: Width of the window, in Blender's units.
WIDTH = 840


class BEND_OT_gallery(OnBendStrip, Operator):
    """Look through presets and operators by their pictures, and add them to this strip"""

    bl_idname = "bend.gallery"
    bl_label = "Browse Presets and Operators"
    bl_options = {"REGISTER"}

    kind: EnumProperty(name="Show", description="What the gallery shows", items=library.KINDS)

    def invoke(self, context: Context, event: Event) -> Result:
        if self.properties.is_property_set("kind"):
            gallery_of(context).kind = self.kind
        return context.window_manager.invoke_popup(self, width=WIDTH)

    def execute(self, context: Context) -> Result:
        return {"FINISHED"}

    def draw(self, context: Context) -> None:
        draw_gallery(self.layout, context)


class BEND_OT_gallery_page(Operator):
    """Show another page of the gallery"""

    bl_idname = "bend.gallery_page"
    bl_label = "Show Page"
    bl_options = {"INTERNAL"}

    by: IntProperty(name="By", description="Pages to turn", default=1)

    def execute(self, context: Context) -> Result:
        gallery = gallery_of(context)
        gallery.page = min(max(gallery.page + self.by, 0), gallery.pages() - 1)
        return {"FINISHED"}


class BEND_OT_renew_pictures(OnIdleBendStrip, Watching, Operator):
    """Renew the shown pictures of the gallery as drafts with the prompt, the model, and the frame under the playhead"""

    bl_idname = "bend.renew_pictures"
    bl_label = "Renew Pictures"
    bl_options = {"REGISTER"}

    interval = 0.02
    work: Renewing

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not super().poll(context):
            return False
        strip = polled_bend_strip(context)
        if compat.sequencer_scene(context).frame_current not in strips.frame_range(strip):
            cls.poll_message_set("Move the playhead over the bend strip")
            return False
        return True

    def invoke(self, context: Context, event: Event) -> Result:
        return self.watch(context)

    def execute(self, context: Context) -> Result:
        try:
            self.start(context)
            while self.update():
                pass
            self.finish()
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        activity.end()
        return {"FINISHED"}

    def start(self, context: Context) -> None:
        gallery, scene = gallery_of(context), compat.sequencer_scene(context)
        entries = [entry for entry in gallery.shown() if not entry.problem]
        activity.begin("Renewing pictures", len(entries))
        self.work = Renewing(scene, polled_bend_strip(context), scene.frame_current, entries)

    def update(self) -> bool:
        self.work.update()
        if activity.current:
            activity.current.advance(self.work.made + len(self.work.left_out))
        return self.work.running

    def cancel_work(self) -> None:
        self.work.close()

    def finish(self) -> None:
        self.work.close()
        left_out = f"; not with this strip: {', '.join(self.work.left_out)}" if self.work.left_out else ""
        self.report({"INFO"}, f"{counted(self.work.made, 'picture')} renewed{left_out}")


class BEND_OT_restore_pictures(Operator):
    """Show the pictures that came with Bend again"""

    bl_idname = "bend.restore_pictures"
    bl_label = "Restore Pictures"
    bl_options = {"REGISTER"}

    def execute(self, context: Context) -> Result:
        count = sum(renewing.restore(library.entries(kind)) for kind, *_ in library.KINDS)
        activity.redraw()
        self.report({"INFO"}, f"{counted(count, 'picture')} restored")
        return {"FINISHED"}


CLASSES = (
    BEND_OT_gallery,
    BEND_OT_gallery_page,
    BEND_OT_renew_pictures,
    BEND_OT_restore_pictures,
)
