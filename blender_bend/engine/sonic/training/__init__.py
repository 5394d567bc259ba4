"""Teaching a model to hear, and measuring how well it does."""
