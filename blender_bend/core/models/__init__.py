"""Models by name: known ones, those of the hub, folders and files, checked before they are loaded."""
