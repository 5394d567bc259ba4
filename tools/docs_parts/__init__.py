"""The parts of tools/docs.py: what mkdocs calls, and diagrams as SVG."""
