"""Weight files: what they hold and what they are, read from their headers alone."""
