"""What is measured in a sound, a subject a module."""
