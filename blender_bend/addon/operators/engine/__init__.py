"""The engine and its models: set up, looked after, and downloaded."""
