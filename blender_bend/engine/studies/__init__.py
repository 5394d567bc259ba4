"""What is found out about a model once and kept."""
