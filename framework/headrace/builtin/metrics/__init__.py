"""Numbers that say how good a model is: one file a kind, exposing `METRICS`."""
