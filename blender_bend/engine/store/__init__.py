"""Where frames live: the frame store, what frames start from, and what is missing."""
