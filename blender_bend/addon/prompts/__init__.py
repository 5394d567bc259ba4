"""The prompts of a strip: along the timeline, with the embeddings that they name."""
