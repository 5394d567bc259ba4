"""Sound as a condition of the picture, after SonicDiffusion (Biner et al. 2024, arXiv 2405.00878)."""
