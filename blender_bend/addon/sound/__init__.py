"""What a bend strip hears: which strips, mixed down, and noticed when it changes."""
