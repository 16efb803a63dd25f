"""Evidence from shadow traffic, where both models answer the same request: pairs that one alone had wrong, valid at every look.

Pairs that both had right or both wrong cancel, and with them what makes requests hard: far fewer are needed than of two separate groups.
Every function returns the natural logarithm of an e-process E, so that P(E ever reaches 1/alpha) <= alpha (Ville 1939). The standard
library alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, log1p

from headrace.stats.eprocess import Stratum, e_ratio


@dataclass(frozen=True, slots=True)
class Pairs:
    """Of n requests that both models answered: those that the candidate alone had wrong, and those that the champion alone had wrong."""

    n: int = 0
    candidate_wrong: int = 0
    champion_wrong: int = 0

    def __post_init__(self) -> None:
        if min(self.candidate_wrong, self.champion_wrong) < 0 or self.candidate_wrong + self.champion_wrong > self.n:
            raise ValueError(f"{self.candidate_wrong} and {self.champion_wrong} of {self.n} pairs cannot be")

    def __add__(self, other: Pairs) -> Pairs:
        wrong = (self.candidate_wrong + other.candidate_wrong, self.champion_wrong + other.champion_wrong)
        return Pairs(self.n + other.n, *wrong)


def worse(pairs: Pairs) -> float:
    """Log E against "the candidate is wrong no more often than the champion".

    Of the pairs that one alone had wrong each is the candidate's with the chance r / (1 + r), where r is the ratio of both: the ratio-grid
    e-process at a share of one half. Sources: McNemar (1947); Lindon and Malek, arXiv 2011.03567.
    """
    return e_ratio([Stratum(0.5, pairs.n, pairs.candidate_wrong, pairs.n, pairs.champion_wrong)])


def no_worse(pairs: Pairs, margin: float) -> float:
    """Log E against "the candidate's share of wrong answers is at least `margin` above the champion's"; a margin in (0, 1).

    With d = 1, -1 or 0 for each pair, the fortune of betting on margin - d: the mean over 24 bets of the product of 1 + bet (margin - d).
    Source: Waudby-Smith and Ramdas (2024), eq. 24, with constant bets. ValueError where the margin is no such share.
    """
    if not 0 < margin < 1:
        raise ValueError(f"a margin of {margin} does not lie between 0 and 1")
    same = pairs.n - pairs.candidate_wrong - pairs.champion_wrong
    fortunes = []
    for bet in _bets(0.95 / (1 - margin)):
        lost = log1p(bet * (margin - 1))
        fortunes.append(pairs.candidate_wrong * lost + pairs.champion_wrong * log1p(bet * (margin + 1)) + same * log1p(bet * margin))
    top = max(fortunes)
    return top + log(sum(exp(fortune - top) for fortune in fortunes) / len(fortunes))


def _bets(most: float) -> list[float]:
    """24 bets, log-spaced from a 200th of the largest to the largest, at which a lost pair leaves a 20th of the fortune."""
    return [most * exp(-log(200.0) * place / 23) for place in range(24)]
