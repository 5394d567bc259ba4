"""What the engine stands on: devices, memory, aligned weights, libraries held in check."""
