"""Kinds of gates: one file a kind, exposing `GATE`."""
