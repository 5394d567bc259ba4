"""What Bend stands on in Blender: its versions, the add-on's preferences, slices of work, pictures."""
