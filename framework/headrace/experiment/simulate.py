"""A declared experiment, run thousands of times on units that are made up: how often each end comes, and after how long.

Every look of a run is analysed by `analyse`, and what it says is decided as the flow decides it. A look that cannot decide is told apart
before, by bounds that are a hair wider than those of the analysis: it is passed over, and no figure is another for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from headrace.experiment.analyse import analyse
from headrace.experiment.decide import AT_END, Facts, Keep, Look, Promote, RollBack, Running, decide
from headrace.experiment.declared import CHAMPION, Declared
from headrace.experiment.observed import Cell, Metric, Observed
from headrace.experiment.planned import planned_units
from headrace.experiment.screen import Screen
from headrace.experiment.world import Counts, Sums, World
from headrace.traffic import Among, Arm, Weights

Times = NDArray[np.float64]

WON, LOST, GUARDED, UNDECIDED, INVALID = "won", "lost", "guardrail", "undecided", "invalid"
ENDS = (WON, LOST, GUARDED, UNDECIDED, INVALID)
"""How a run ends. `invalid` is one whose time was over while its units had not arrived at their shares."""

_ENDS = {"win": WON, "lose": LOST, "guardrail": GUARDED, AT_END: UNDECIDED}
_DAY = timedelta(days=1)
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class Ends:
    """What came of each run, all (runs,): its end, the arm that won (empty, where none did), after how many days, of how many units."""

    end: NDArray[np.str_]
    winner: NDArray[np.str_]
    days: Times
    units: Counts

    def share(self, end: str) -> float:
        """How many of the runs ended so, as a share."""
        return float((self.end == end).mean())


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Units that entered until `at` (days), by run and arm (runs, arms), with what they made by metric, (arms, 2, runs)."""

    at: float
    n: Counts
    made: Mapping[str, Sums]


def simulate(declared: Declared, world: World, *, runs: int, seed: int, screened: bool = True) -> Ends:
    """Run an experiment so often in one world; the same seed gives the same ends.

    Where it is not `screened`, every look of every run is analysed, at a hundred times the cost.
    """
    return _Flock(declared, world, runs, np.random.default_rng(seed), screened=screened).run()


def looks(declared: Declared) -> list[float]:
    """When it is looked at, in days since its start; the last one is its end."""
    between, end = declared.looks / _DAY, declared.lasts / _DAY
    return [*(look * between for look in range(1, int(end / between - _HAIR) + 1)), end]


def _facts(declared: Declared) -> Facts:
    """What a look is decided by, beside what it finds: nobody touches the champion, the gates or the weights."""
    versions = {arm: number for number, arm in enumerate(declared.arms, 1)}
    running = Running(
        id="simulated",
        arms=versions,
        declared=declared,
        enrolling=True,
        enrols_until=_BEGAN + declared.enrols,
        ends_at=_BEGAN + declared.lasts,
        look=_BEGAN,
    )
    arms = tuple(Arm(arm, versions[arm], share) for arm, share in declared.arms.items())
    weights = Weights("simulated", 0, arms, among=Among(experiment="simulated", coverage=declared.coverage))
    return Facts(
        declared=declared, now=_BEGAN, running=running, waiting=None, champion=versions[CHAMPION], aliases=versions, weights=weights
    )


class _Flock:
    """The runs that go on; what has ended is kept in `ends` alone."""

    def __init__(self, declared: Declared, world: World, runs: int, rng: np.random.Generator, *, screened: bool) -> None:
        self.declared, self.world, self.rng = declared, world, rng
        self.arms = list(declared.arms)
        self.ends = Ends(np.full(runs, UNDECIDED, dtype="<U12"), np.full(runs, "", dtype="<U64"), np.zeros(runs), np.zeros(runs, np.int64))
        self.going = np.arange(runs)
        self.arrived = np.zeros((runs, len(self.arms)), dtype=np.int64)
        self.known = np.zeros((runs, len(self.arms)), dtype=np.int64)
        self.made = {metric: np.zeros((len(self.arms), 2, runs)) for metric in world.values}
        self.waiting: deque[Enrolled] = deque()
        self.planned = planned_units(declared)
        self.facts = _facts(declared)
        self.informed: tuple[float, ...] = ()
        self.screen = Screen(declared, world.values, world.cluster, self.planned) if screened else None

    def run(self) -> Ends:
        before = 0.0
        all_looks = looks(self.declared)
        for at in all_looks:
            for until in self._edges(before, at):
                self._enrol(before, until)
                before = until
            self._learn(at)
            self._look(at, final=at == all_looks[-1])
            if not len(self.going):
                break
        return self.ends

    def _edges(self, before: float, at: float) -> Iterator[float]:
        """Until this look, in two pieces where the units of one are known at another look than those of the other."""
        end, between = self.declared.enrols / _DAY, self.declared.looks / _DAY
        apart = at - (self.world.delay / _DAY) % between
        yield from (min(edge, end) for edge in (apart, at) if before + _HAIR < min(edge, end))

    def _enrol(self, before: float, until: float) -> None:
        total = self.world.arrived(until) - self.world.arrived(before)
        n = self.rng.multinomial(total, [self.world.dealt[arm] for arm in self.arms], size=len(self.going))
        elapsed = (before + until) / 2 / (self.declared.enrols / _DAY)
        made = {
            metric: np.array([self.world.drawn(self.rng, metric, arm, n[:, place], elapsed) for place, arm in enumerate(self.arms)])
            for metric in self.world.values
        }
        self.arrived += n
        self.waiting.append(Enrolled(until, n, made))

    def _learn(self, at: float) -> None:
        """What is known of the units by now."""
        while self.waiting and self.waiting[0].at + self.world.delay / _DAY <= at + _HAIR:
            known = self.waiting.popleft()
            self.known += known.n
            for metric, made in known.made.items():
                self.made[metric] += made

    def _look(self, at: float, *, final: bool) -> None:
        asked = np.ones(len(self.going), dtype=bool)
        if self.screen is not None and not final:
            asked = self.screen.may_decide((*self.informed, self._information()), self.arrived, self.known, self.made)
        ended = np.zeros(len(self.going), dtype=bool)
        for place in np.flatnonzero(asked).tolist():
            end, winner = self._analysed(place, at, final=final)
            if end is not None:
                ended[place] = True
                of = self.going[place]
                self.ends.end[of], self.ends.winner[of], self.ends.days[of] = end, winner, at
                self.ends.units[of] = self.arrived[place].sum()
        self._forget(~ended)
        self.informed = (*self.informed, self._information())

    def _analysed(self, place: int, at: float, *, final: bool) -> tuple[str | None, str]:
        now = _BEGAN + timedelta(days=at)
        found = analyse(self.declared, self._observed(place, final=final), now)
        match decide(replace(self.facts, now=_BEGAN + self.declared.lasts if final else now, analysis=found)):
            case Promote(arm=arm):
                return WON, arm
            case Keep(verdict=verdict) | RollBack(verdict=verdict):
                return (INVALID if found.verdict == "invalid" else _ENDS[verdict]), found.winner or ""
            case Look():
                return None, ""
            case other:
                raise AssertionError(f"a running experiment is looked at, and not {other}")

    def _observed(self, place: int, *, final: bool) -> Observed:
        """One run as the analysis is given it."""
        cells = tuple(
            Cell(
                metric=metric,
                arm=arm,
                epoch=0,
                seen=self.world.seen(metric, int(self.known[place, at]), *map(float, self.made[metric][at, :, place])),
            )
            for metric in self.made
            for at, arm in enumerate(self.arms)
            if self.known[place, at]
        )
        return Observed(
            metrics={metric: Metric(better=value.better) for metric, value in self.world.values.items()},
            cells=cells,
            arrived={0: {arm: int(self.arrived[place, at]) for at, arm in enumerate(self.arms)}},
            shares={0: dict(self.declared.arms)},
            looks=self.informed,
            final=final,
        )

    def _information(self) -> float:
        """The share of the planned units that is known: of every run the same, since as many units enter in each."""
        known = float(self.known[0].sum()) if len(self.going) else 0.0
        return min(1.0, known / self.planned)

    def _forget(self, on: NDArray[np.bool_]) -> None:
        if on.all():
            return
        self.going, self.arrived, self.known = self.going[on], self.arrived[on], self.known[on]
        self.made = {metric: made[:, :, on] for metric, made in self.made.items()}
        self.waiting = deque(
            replace(one, n=one.n[on], made={metric: made[:, :, on] for metric, made in one.made.items()}) for one in self.waiting
        )
