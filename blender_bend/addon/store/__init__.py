"""The frame store and the project: what is used, how much there is, and what leaves the house."""
