"""What a bend acts on: sites, their patterns, and the channels of a tensor."""
