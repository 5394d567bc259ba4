"""What a strip needs, frame by frame, and which of it the store has."""
