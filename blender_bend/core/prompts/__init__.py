"""Prompts: schedules, weights, and the embeddings that they name."""
