"""The add-on's preferences as they are drawn."""
