"""The commands of the engine's command line that have more to say than a line."""
