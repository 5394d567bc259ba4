"""The engine: the child process that hears with librosa and paints with diffusers."""
