"""Training sound adapters, and measuring how well it does."""
