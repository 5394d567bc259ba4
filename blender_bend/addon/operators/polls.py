"""What must be there before an operator can run, said in words beside the greyed button."""

from __future__ import annotations

from bpy.types import Context

from ..strips import active_bend_strip, require_bend_strip


class OnBendStrip:
    """A mixin for operators that work on the bend strip."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        return require_bend_strip(cls, context)


class OnBend:
    """A mixin for operators that work on the active bend."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not require_bend_strip(cls, context):
            return False
        if active_bend_strip(context).bend_settings.bend is None:
            cls.poll_message_set("The strip has no bend yet: add one")
            return False
        return True
