"""Pictures of the strips below and of mask strips, for the frames that use them."""
