"""What a bend strip carries, as Blender's properties, and the stack of its bends."""
