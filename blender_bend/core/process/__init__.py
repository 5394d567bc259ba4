"""Two processes: their environment, what they say to each other, and how they end."""
