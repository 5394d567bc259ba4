"""The sound of a bend strip: which strips, their mixdown, and whether it has changed."""
