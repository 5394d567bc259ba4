"""From prompts to embeddings, weighted and of any length."""
