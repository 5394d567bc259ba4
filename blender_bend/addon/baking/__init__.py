"""From sound to keyframes on the strip's curves."""
