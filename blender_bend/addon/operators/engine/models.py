"""Models of the Hugging Face hub: fetching and deleting them, and the token for those that ask for one."""

from __future__ import annotations

from bpy.props import BoolProperty, StringProperty
from bpy.types import Context, Event, Operator, OperatorProperties

from ....core.errors import BendError
from ....core.models import known_models
from ...host import activity, model_list
from ...host.typed import Result
from ...process import model_library
from ...process.tasks import size_text
from ...timeline.strips import active_bend_strip
from ..shared.following import follow
from ..shared.polls import WhenIdle, WhenOnline


class BEND_OT_download_model(WhenOnline, Operator):
    """Download a model from the Hugging Face Hub, often several gigabytes; interrupted downloads resume"""

    bl_idname = "bend.download_model"
    bl_label = "Download Model"

    model: StringProperty(
        name="Model",
        description="Model ID as on its page, owner/name. Empty: the model of the bend strip",
        options={"SKIP_SAVE"},
    )
    ask: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, context: Context, properties: OperatorProperties) -> str:
        known = known_models.known(properties.model)
        if known is None:
            return cls.__doc__ or ""
        gate = ". You must accept the terms on its page first" if known.gated else ""
        return (
            f"Download {known.name}, about {known.gigabytes:.0f} GB. Best for: {known.good_for}. License: "
            f"{known.licence}{gate}"
        )

    def invoke(self, context: Context, event: Event) -> Result:
        if self.ask:
            return context.window_manager.invoke_props_dialog(self, width=360, confirm_text="Download")
        return self.execute(context)

    def draw(self, context: Context) -> None:
        self.layout.prop(self, "model", text="", placeholder="owner/name")
        self.layout.label(text="Only models with .safetensors weights can be downloaded", icon="INFO")

    def execute(self, context: Context) -> Result:
        strip = active_bend_strip(context)
        name = self.model.strip() or (strip.bend_settings.model.strip() if strip else "")
        try:
            return follow(self, model_library.download(name), f"{name} downloaded")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


class BEND_OT_delete_model(WhenIdle, Operator):
    """Delete a downloaded model from the disk; other programs that use it will have to download it again"""

    bl_idname = "bend.delete_model"
    bl_label = "Delete Model"

    model: StringProperty(name="Model", description="Model to delete", options={"SKIP_SAVE"})

    def invoke(self, context: Context, event: Event) -> Result:
        here = next((model for model in model_list.stored() if model.name == self.model), None)
        size = f"Frees {size_text(here.size)}. " if here else ""
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=f"Delete {self.model}?",
            message=f"{size}Other programs that use this model will have to download it again.",
            confirm_text="Delete",
            icon="WARNING",
        )

    def execute(self, context: Context) -> Result:
        try:
            return follow(self, model_library.delete(self.model), f"{self.model} deleted")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


class BEND_OT_log_in(WhenOnline, Operator):
    """Log in to Hugging Face with an access token, for models that require accepting terms"""

    bl_idname = "bend.log_in"
    bl_label = "Log In to Hugging Face…"
    bl_options = {"INTERNAL"}

    token: StringProperty(
        name="Token",
        description="Token with read access. It is stored by huggingface_hub, not by Bend or the .blend file",
        subtype="PASSWORD",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: Context, event: Event) -> Result:
        return context.window_manager.invoke_props_dialog(self, width=360, confirm_text="Log In")

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.label(text="1. Accept the terms on the model's page")
        layout.label(text="2. Create a token with read access and paste it here")
        row = layout.row(align=True)
        row.prop(self, "token", text="")
        row.operator("wm.url_open", text="", icon="URL").url = f"{known_models.page_of('settings')}/tokens"

    def execute(self, context: Context) -> Result:
        token, self.token = self.token, ""
        try:
            return follow(self, model_library.log_in(token), "Logged in to Hugging Face")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


class BEND_OT_log_out(WhenIdle, Operator):
    """Remove the Hugging Face access token from this machine, for all programs"""

    bl_idname = "bend.log_out"
    bl_label = "Log Out"

    def execute(self, context: Context) -> Result:
        try:
            return follow(self, model_library.log_out(), "Logged out of Hugging Face")
        except BendError as error:
            activity.end(error)
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}


CLASSES = (BEND_OT_download_model, BEND_OT_delete_model, BEND_OT_log_in, BEND_OT_log_out)
