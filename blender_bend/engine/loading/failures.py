"""What the libraries raise for files that cannot be loaded."""

from __future__ import annotations

from safetensors import SafetensorError

#: What diffusers and safetensors raise for folders and files that are no models, or damaged ones.
UNLOADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError, SafetensorError)
