"""From measured values to keys: routes, their shaping, and Bézier keys within a stated error."""
