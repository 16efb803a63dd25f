"""Which arm answers a unit: the same one for as long as the weights stand, and as few as possible move when they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from math import log

_SIZE = 2.0**64
_number = int.from_bytes
_LEAST, _MOST = 2.0**-64, 1.0 - 2.0**-53


def assign(salt: str, unit: str, weights: Sequence[tuple[str, float]]) -> str:
    """The unit's arm by weighted rendezvous hashing: argmax of -w / ln u, with u = blake2b(salt|arm|unit, 8 bytes) / 2^64.

    The salt is the model's name. An arm of weight 0 gets nobody; raising one arm takes units from the others and moves none between them.
    ValueError where no arm has any weight. Source: Schindelhauer and Schomaker 2005; Thaler and Ravishankar 1998.
    """
    return assigning(salt, weights)(unit)


def assigning(salt: str, weights: Sequence[tuple[str, float]]) -> Callable[[str], str]:
    """`assign` of any unit, for whoever asks again and again while the weights stand."""
    return _begun(salt, tuple(weights))


@lru_cache(maxsize=64)
def _begun(salt: str, weights: tuple[tuple[str, float], ...]) -> Callable[[str], str]:
    # What all units have in common is hashed once.
    positive = tuple((arm, weight, blake2b(f"{salt}|{arm}|".encode(), digest_size=8)) for arm, weight in weights if weight > 0.0)
    if not positive:
        raise ValueError("no arm has any weight")
    if len(positive) == 1:
        only = positive[0][0]
        return lambda _: only
    return partial(_chosen, positive)


def _chosen(positive: Sequence[tuple[str, float, blake2b]], unit: str) -> str:
    told = unit.encode()
    best, chosen = -1.0, ""
    for arm, weight, begun in positive:
        whole = begun.copy()
        whole.update(told)
        u = _number(whole.digest(), "big") / _SIZE
        score = -weight / log(min(max(u, _LEAST), _MOST))
        if score > best:
            best, chosen = score, arm
    return chosen
