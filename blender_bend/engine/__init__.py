"""The engine: the child process that measures sound with librosa and makes pictures with diffusers."""
