"""Every row of an input scored once: in chunks that survive a kill, by whatever runs them, to an output that appears whole."""

from headrace.batch.runners import Processes, here
from headrace.batch.score import score
from headrace.batch.values import Asked, Chunk, Opened, Opening, Part, Progress, Ready, Runner, Scored, Stretch

__all__ = [
    "Asked",
    "Chunk",
    "Opened",
    "Opening",
    "Part",
    "Processes",
    "Progress",
    "Ready",
    "Runner",
    "Scored",
    "Stretch",
    "here",
    "score",
]
