"""Ways to make a model: one file each, exposing `ALGORITHM`."""
