"""What must be there before an operator can run, said in words beside the greyed button."""

from __future__ import annotations

import bpy
from bpy.types import Context, Operator

from ...host import activity
from ...host.typed import OperatorMixin
from ...timeline.strips import polled_bend_strip, require_bend_strip


def require_idle(cls: type[Operator]) -> bool:
    """A poll: one thing at a time."""
    if activity.current is not None:
        cls.poll_message_set(f"{activity.current.title} is in progress")
        return False
    return True


class OnBendStrip(OperatorMixin):
    """A mixin for operators that work on the bend strip."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        return require_bend_strip(cls, context)


class WhenIdle(OperatorMixin):
    """A mixin for operators that need the engine to themselves."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        return require_idle(cls)


class WhenOnline(WhenIdle):
    """A mixin for operators that go to the network."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not bpy.app.online_access:
            cls.poll_message_set("Enable Allow Online Access in the System preferences")
            return False
        return require_idle(cls)


class OnIdleBendStrip(OperatorMixin):
    """A mixin for operators that let the engine work on the bend strip."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        return require_bend_strip(cls, context) and require_idle(cls)


class OnBend(OperatorMixin):
    """A mixin for operators that work on the active bend."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not require_bend_strip(cls, context):
            return False
        if polled_bend_strip(context).bend_settings.bend is None:
            cls.poll_message_set("The strip has no bends; add one")
            return False
        return True
