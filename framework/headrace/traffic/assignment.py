"""Which arm answers a unit: the same one for as long as the weights stand, and as few as possible move when they change."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import log

_SIZE = 2.0**64
_LEAST, _MOST = 2.0**-64, 1.0 - 2.0**-53


def assign(salt: str, unit: str, weights: Sequence[tuple[str, float]]) -> str:
    """The unit's arm by weighted rendezvous hashing: argmax of -w / ln u, with u = blake2b(salt|arm|unit, 8 bytes) / 2^64.

    The salt is the model's name. An arm of weight 0 gets nobody; raising one arm takes units from the others and moves none between them.
    ValueError where no arm has any weight. Source: Schindelhauer and Schomaker 2005; Thaler and Ravishankar 1998.
    """
    positive = [(arm, weight) for arm, weight in weights if weight > 0.0]
    if not positive:
        raise ValueError("no arm has any weight")
    if len(positive) == 1:
        return positive[0][0]
    best, chosen = -1.0, ""
    for arm, weight in positive:
        digest = blake2b(f"{salt}|{arm}|{unit}".encode(), digest_size=8).digest()
        u = min(max(int.from_bytes(digest, "big") / _SIZE, _LEAST), _MOST)
        score = -weight / log(u)
        if score > best:
            best, chosen = score, arm
    return chosen
