"""The engine as a process: requests, their order, and its health."""
