"""What a strip asks for, frame by frame, and what of it the store has."""
