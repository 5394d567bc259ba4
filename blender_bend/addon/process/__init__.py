"""The engine seen from Blender: started, asked, watched, set up."""
