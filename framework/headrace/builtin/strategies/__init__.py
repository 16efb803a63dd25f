"""Rollout strategies: one file a strategy, exposing `STRATEGY`."""
