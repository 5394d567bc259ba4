"""Models of the Hugging Face hub: fetching and deleting them, and the token for those that ask for one."""

from __future__ import annotations

from bpy.props import BoolProperty, StringProperty
from bpy.types import Context, Event, Operator, OperatorProperties

from ....core.errors import BendError
from ....core.models import known_models
from ...host import activity, model_list
from ...process import model_library
from ...process.errands import size_text
from ...timeline.strips import active_bend_strip
from ..shared.following import follow
from ..shared.polls import WhenIdle, WhenOnline


class BEND_OT_download_model(WhenOnline, Operator):
    """Download a model from the Hugging Face hub; it may be several gigabytes. It goes on where it was interrupted"""

    bl_idname = "bend.download_model"
    bl_label = "Download Model"

    model: StringProperty(
        name="Model",
        description="As on its page: owner/name. Empty: the model of the bend strip",
        options={"SKIP_SAVE"},
    )
    ask: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, context: Context, properties: OperatorProperties) -> str:
        known = known_models.known(properties.model)
        if known is None:
            return cls.__doc__
        gate = ". Its page asks for an agreement first" if known.gated else ""
        return (
            f"Download {known.name}, about {known.gigabytes:.0f} GB. Good for {known.good_for}. {known.licence}{gate}"
        )

    def invoke(self, context: Context, event: Event) -> set[str]:
        if self.ask:
            return context.window_manager.invoke_props_dialog(self, width=360, confirm_text="Download")
        return self.execute(context)

    def draw(self, context: Context) -> None:
        self.layout.prop(self, "model", text="", placeholder="owner/name")
        self.layout.label(text="Only models with .safetensors weights are fetched", icon="INFO")

    def execute(self, context: Context) -> set[str]:
        strip = active_bend_strip(context)
        name = self.model.strip() or (strip.bend_settings.model.strip() if strip else "")
        try:
            return follow(self, model_library.download(name), f"{name} is here")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


class BEND_OT_delete_model(WhenIdle, Operator):
    """Delete a downloaded model from the disk; other programs that use it must fetch it again too"""

    bl_idname = "bend.delete_model"
    bl_label = "Delete Model"

    model: StringProperty(name="Model", description="Which model is deleted", options={"SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> set[str]:
        here = next((model for model in model_list.stored() if model.name == self.model), None)
        size = f"{size_text(here.size)} become free. " if here else ""
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=f"Delete {self.model}?",
            message=f"{size}Other programs that use this model must fetch it again too.",
            confirm_text="Delete",
            icon="WARNING",
        )

    def execute(self, context: Context) -> set[str]:
        try:
            return follow(self, model_library.delete(self.model), f"{self.model} is deleted")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


class BEND_OT_log_in(WhenOnline, Operator):
    """Log in to Hugging Face with an access token, for models whose page asks for an agreement"""

    bl_idname = "bend.log_in"
    bl_label = "Log In to Hugging Face…"
    bl_options = {"INTERNAL"}

    token: StringProperty(
        name="Token",
        description="An access token that may read. huggingface_hub keeps it; neither Bend nor the .blend file does",
        subtype="PASSWORD",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: Context, event: Event) -> set[str]:
        return context.window_manager.invoke_props_dialog(self, width=360, confirm_text="Log In")

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.label(text="1. Agree on the page of the model")
        layout.label(text="2. Make a token that may read, and copy it here")
        row = layout.row(align=True)
        row.prop(self, "token", text="")
        row.operator("wm.url_open", text="", icon="URL").url = f"{known_models.page_of('settings')}/tokens"

    def execute(self, context: Context) -> set[str]:
        token, self.token = self.token, ""
        try:
            return follow(self, model_library.log_in(token), "Logged in to Hugging Face")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


class BEND_OT_log_out(WhenIdle, Operator):
    """Let this machine forget the access token of Hugging Face, for all programs"""

    bl_idname = "bend.log_out"
    bl_label = "Log Out"

    def execute(self, context: Context) -> set[str]:
        try:
            return follow(self, model_library.log_out(), "Logged out of Hugging Face")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


CLASSES = (BEND_OT_download_model, BEND_OT_delete_model, BEND_OT_log_in, BEND_OT_log_out)
