"""What the engine is asked for: jobs, the frames in them, and what frames share."""
