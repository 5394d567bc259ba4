"""Live: drafts of the playhead's frame on every change, drawn over the preview."""
