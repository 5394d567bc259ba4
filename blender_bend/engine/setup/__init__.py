"""The engine's environments and models on the disk: installed, downloaded, and removed."""
