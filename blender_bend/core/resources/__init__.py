"""Speed and memory: what a machine can do, and what a job takes."""
