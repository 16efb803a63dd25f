"""Ways to read a source: one file a format, exposing `READER`."""
