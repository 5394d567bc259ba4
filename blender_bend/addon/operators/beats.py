"""Beat tools."""

CLASSES = ()
