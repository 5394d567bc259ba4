"""Pictures and colors in the interface."""
