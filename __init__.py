"""Blender's entry to the extension; bpy is not needed to import it, so that tests can walk through this folder."""


def register() -> None:
    """Enable the add-on."""
    from .blender_bend.addon import registration

    registration.register()


def unregister() -> None:
    """Disable the add-on."""
    from .blender_bend.addon import registration

    registration.unregister()
