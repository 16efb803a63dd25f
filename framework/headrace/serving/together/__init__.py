"""Several models answered by one process, each below `/models/NAME` with its own journal, counts and circuits."""

from headrace.serving.together.application import Member, Together

__all__ = ["Member", "Together"]
