"""How many workers there should be, from how loaded those are that run: a pure decision, with hysteresis and cool-downs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

GROW_ABOVE = 0.75
"""The mean load above which there are too few."""
AIM = 0.6
"""The mean load that a growth aims at."""
SHRINK_BELOW = 0.5
"""The mean load that one worker fewer may come to. It lies under `AIM`, so that no growth is taken back by the load that caused it, and
no shrinking brings the rest over `GROW_ABOVE`."""
CROWD = 16
"""Requests in flight at once by which one worker is full, however idle its processor is: they wait for something else."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the load is looked at and how long each change stands, in seconds."""

    look: float = 1.0
    grow: float = 3.0
    """How long a change stands before another worker is added."""
    shrink: float = 30.0
    """How long one worker fewer must have sufficed, and a change have stood, before one is taken away."""
    life: float = 60.0
    """How long lies between two workers that are replaced for their memory, and between two tries once too many have failed."""
    again: float = 0.5
    """How long after one that ended another starts; twice as long after each that ends young."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision is made of."""

    least: int
    most: int
    wanted: int
    """How many were decided on last."""
    running: int
    """Workers that answer."""
    load: float
    """The mean load of those that answer, from 0 to 1."""
    since: float
    """Seconds since the number was last changed."""
    calm: float
    """Seconds for which one worker fewer would have sufficed."""


def load(busy: float, in_flight: float) -> float:
    """How loaded one worker is, from 0 to 1: by the share of time that it wants a processor, or by the requests that it has at once."""
    return min(1.0, max(busy, in_flight / CROWD, 0.0))


def spare(running: int, mean: float) -> bool:
    """Whether one worker fewer would suffice for the load that there is."""
    return running > 1 and mean * running / (running - 1) <= SHRINK_BELOW


def decide(facts: Facts, pace: Pace) -> int:
    """How many workers there should be; what was decided last is waited for before anything else is."""
    there = min(max(facts.wanted, facts.least), facts.most)
    if facts.running != there or not facts.running:
        return there
    if facts.load > GROW_ABOVE and facts.since >= pace.grow:
        return min(max(ceil(there * facts.load / AIM), there + 1), 2 * there, facts.most)
    if min(facts.since, facts.calm) >= pace.shrink and spare(there, facts.load):
        return max(there - 1, facts.least)
    return there
