"""Which arm answers a unit: the same one for as long as the weights stand, and as few as possible move when they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
    positive = _positive(salt, weights)
    if len(positive) == 1:
        only = positive[0][0]
        return lambda _: only
    return partial(_chosen, positive)


@lru_cache(maxsize=64)
def _positive(salt: str, weights: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float, blake2b], ...]:
    """The arms that have any weight, each with the hash of what all units have in common."""
    positive = tuple((arm, weight, blake2b(f"{salt}|{arm}|".encode(), digest_size=8)) for arm, weight in weights if weight > 0.0)
    if not positive:
        raise ValueError("no arm has any weight")
    return positive


def _chosen(positive: Sequence[tuple[str, float, blake2b]], unit: str) -> str:
    told = unit.encode()
    best, chosen = -1.0, ""
    for arm, weight, begun in positive:
        whole = begun.copy()
        whole.update(told)
        u = _number(whole.digest(), "big") / _SIZE
        score = -weight / log(u if 0.0 < u < 1.0 else min(max(u, _LEAST), _MOST))
        if score > best:
            best, chosen = score, arm
    return chosen


def assign_all(salt: str, units: Sequence[str], weights: Sequence[tuple[str, float]]) -> dict[str, NDArray[np.int64]]:
    """By arm the positions of its units, ascending: each unit's arm is what `assign` says."""
    import numpy as np

    positive = _positive(salt, tuple(weights))
    if len(positive) == 1:
        return {positive[0][0]: np.arange(len(units))}
    told = [unit.encode() for unit in units]
    scores = np.array([-weight / np.log(_shares(begun, told)) for _, weight, begun in positive])
    chosen = scores.argmax(axis=0)
    # numpy's logarithm may differ from the C library's by a bit: whom that could move, `assign` has the say of.
    first, second = np.sort(scores, axis=0)[:-3:-1]
    names = [arm for arm, _, _ in positive]
    for at in np.flatnonzero(second > first * _CLEAR).tolist():
        chosen[at] = names.index(assign(salt, units[at], weights))
    return {name: np.flatnonzero(chosen == place) for place, name in enumerate(names)}


_CLEAR = 1 - 1e-9
"""A score that is less than such a share of another is less whatever rounds it."""


def _shares(begun: blake2b, units: Sequence[bytes]) -> NDArray[np.float64]:
    """Each unit's u of one arm, (n,)."""
    import numpy as np

    digests, copy = [], begun.copy
    for unit in units:
        whole = copy()
        whole.update(unit)
        digests.append(whole.digest())
    return np.clip(np.frombuffer(b"".join(digests), dtype=">u8") / _SIZE, _LEAST, _MOST)
