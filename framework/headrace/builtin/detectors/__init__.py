"""Ways to tell drift from counts: one file a member, exposing `DETECTOR`."""
