"""The gallery: presets and operators with small pictures, those that come with Bend and one's own."""
