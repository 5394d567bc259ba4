"""From a job to frames: the model that stays loaded, and the work that fills a frame store."""
