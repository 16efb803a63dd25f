"""Simulated rollouts go the way of real ones: each run is taken through `decide` again, by the counts that it met."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace import steps
from headrace.rollout import (
    Bake,
    Canary,
    Facts,
    Hold,
    Judge,
    Look,
    NoData,
    Promote,
    Raise,
    RollBack,
    Running,
    StartBake,
    Step,
    Warmup,
    decide,
)
from headrace.rollout.declared import canary
from headrace.rollout.judgement import watch
from headrace.rollout.simulate import HARMFUL, HELD, NO_DATA, PROMOTED, UNDECIDED, Block, simulate
from headrace.rollout.world import Effect, Rate, World
from headrace.stats.eprocess import Stratum
from headrace.traffic import Arm, Weights

ROOT = Path(__file__).parents[2]
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
CANARY = Canary(
    unit="person_id",
    steps=[Step(weight=0.1, hold=timedelta(hours=6)), Step(weight=0.5, hold=timedelta(hours=12))],
    judge=[Judge(metric="error_rate", ceiling=0.05), Judge(metric="slow_request", over=timedelta(milliseconds=250), negligible=0.01)],
)
EVEN = {"error_rate": Rate(0.01, 0.01), "slow_request": Rate(0.005, 0.005)}


def world(per_day: float = 20_000, **more: object) -> World:
    return replace(World(name="as good", per_day=per_day, base=EVEN, effect={}), **more)  # type: ignore[arg-type]


@dataclass
class Life:
    """One run as the flow sees it: judged after each block, looked at when due."""

    canary: Canary
    counts: dict[str, list[list[int]]]
    step: int = 0
    since: float = 0.0
    look: float = 0.0
    passed: tuple[str, ...] = ()
    wrong: bool = False
    end: tuple[str, float] | None = None

    @property
    def weights(self) -> list[float]:
        """The candidate's share in each step, and in the bake."""
        return [*(step.weight for step in self.canary.steps), *([] if self.canary.bake is None else [self.canary.bake.weight])]

    @property
    def baking(self) -> bool:
        """Whether the steps are behind it."""
        return self.step == len(self.canary.steps)

    def meet(self, block: Block, at: int) -> None:
        """Count the block; be judged and, where it is time, looked at."""
        assert self.step == block.step[at]
        for metric, arms in block.counts.items():
            for place, counted in enumerate(arms):
                self.counts[metric][self.step][place] += int(counted[at])
        strata = {
            metric: [Stratum(weight, *counted) for weight, counted in zip(self.weights, steps, strict=True) if any(counted)]
            for metric, steps in self.counts.items()
        }
        if watch(self.canary).verdict(strata) is not None:
            self.end = (HARMFUL, block.at)
        elif block.at >= self.look - 1e-9:
            self._looked(block, strata, BEGAN + timedelta(days=float(block.heard[at])))

    def _looked(self, block: Block, strata: dict[str, list[Stratum]], heard: datetime) -> None:
        share, now = self.weights[self.step], BEGAN + timedelta(days=block.at)
        facts = Facts(
            canary=self.canary,
            now=now,
            driven=False,
            running=Running(2, 1, self.step, BEGAN, BEGAN + timedelta(days=self.since), self.passed, self.wrong, baking=self.baking),
            waiting=None,
            champion=1,
            weights=Weights("m", self.step, (Arm("champion", 1, 1 - share), Arm("candidate", 2, share))),
            counts=strata,
            heard=heard,
        )
        action = decide(facts)
        match action:
            case Promote():
                self.end = (PROMOTED, block.at)
            case RollBack():
                self.end = ({"harmful": HARMFUL, "undecided": UNDECIDED, "no-data": NO_DATA}[action.verdict], block.at)
            case Look() | Hold() | Raise() | StartBake():
                self.look = (action.look - BEGAN) / timedelta(days=1)
                self.passed, self.wrong = action.judgement.passed, self.wrong or action.judgement.wrong_share
            case _:
                raise AssertionError(action)
        if isinstance(action, Raise | StartBake):
            self.step, self.since = action.step if isinstance(action, Raise) else len(self.canary.steps), block.at


@dataclass
class Lives:
    """All runs of a simulation, taken through `decide` as they are met."""

    canary: Canary
    runs: dict[int, Life] = field(default_factory=dict)

    def __call__(self, block: Block) -> None:
        for at, run in enumerate(block.run.tolist()):
            if run not in self.runs:
                counts = {
                    judge.metric: [
                        [0] * 4 for _ in (*self.canary.steps, self.canary.bake)[: len(self.canary.steps) + (self.canary.bake is not None)]
                    ]
                    for judge in self.canary.judge
                }
                self.runs[run] = Life(self.canary, counts, look=self.canary.steps[0].hold / timedelta(days=4))
            self.runs[run].meet(block, at)


def went(canary: Canary, met: World, runs: int = 12, every: int = 100, seed: int = 1) -> list[tuple[str, float]]:
    """How each run ended by `decide`; those that did not are as the simulation says."""
    lives = Lives(canary)
    ends = simulate(canary, met, runs=runs, seed=seed, every=every, seen=lives)
    told = list(zip(ends.end.tolist(), ends.days.tolist(), strict=True))
    for run, life in lives.runs.items():
        end, at = told[run]
        assert life.end == (end, at) or (life.end is None and end in {HELD, UNDECIDED}), (run, life.end, told[run])
    return told


PATIENT = replace(CANARY, no_data=NoData(after=timedelta(hours=12), deadline=timedelta(days=2)))


@pytest.mark.parametrize(
    ("canary", "met", "end"),
    [
        (CANARY, world(), PROMOTED),
        (replace(CANARY, bake=Bake(time=timedelta(hours=8))), world(), PROMOTED),
        (replace(CANARY, bake=Bake(time=timedelta(days=3))), world(base={**EVEN, "error_rate": Rate(0.001, 0.2)}), HARMFUL),
        (CANARY, world(effect={"error_rate": Effect(times=5)}), HARMFUL),
        (CANARY, world(effect={"slow_request": Effect(rate=0.5)}), HARMFUL),
        (PATIENT, world(per_day=300), UNDECIDED),
        (replace(PATIENT, when_undecided="hold"), world(per_day=300), HELD),
        (CANARY, world(per_day=30), NO_DATA),
        (replace(CANARY, no_data=NoData(then="rollback")), world(per_day=3000), NO_DATA),
    ],
    ids=["as good", "baked", "bad in its bake", "five times", "half slow", "little traffic", "held", "silence", "no patience"],
)
def test_a_simulated_rollout_ends_as_decide_ends_it(canary: Canary, met: World, end: str) -> None:
    ends = [how for how, _ in went(canary, met)]
    assert ends.count(end) > len(ends) / 2


rates = st.sampled_from([0.0, 0.001, 0.01, 0.05, 0.5])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(st.tuples(st.sampled_from([0.02, 0.1, 0.5, 0.9]), st.integers(1, 48)), min_size=1, max_size=3),
    bounds=st.tuples(st.sampled_from([None, 0.02, 0.1]), st.sampled_from([1.5, 2.0]), st.sampled_from([0.005, 0.02])),
    alphas=st.tuples(st.sampled_from([0.01, 0.05, 0.5]), st.sampled_from([0.01, 0.05, 0.5])),
    undecided=st.sampled_from(["rollback", "hold"]),
    warmup=st.builds(Warmup, requests=st.sampled_from([0, 200]), time=st.sampled_from([timedelta(0), timedelta(hours=3)])),
    no_data=st.builds(
        NoData, after=st.sampled_from([timedelta(seconds=30), timedelta(hours=2)]), then=st.sampled_from(["hold", "rollback"])
    ),
    bake=st.none() | st.builds(Bake, time=st.sampled_from([timedelta(hours=5), timedelta(days=2)]), holdback=st.sampled_from([0.05, 0.5])),
    per_day=st.sampled_from([200.0, 5_000.0, 50_000.0]),
    base=st.tuples(rates, rates),
    effect=st.builds(Effect, times=st.sampled_from([0.5, 1.0, 2.0]), rate=st.none() | rates),
    seed=st.integers(0, 1000),
)
def test_any_rollout_is_simulated_as_decide_goes(  # noqa: PLR0917 - all that a rollout is made of
    steps: list[tuple[float, int]],
    bounds: tuple[float | None, float, float],
    alphas: tuple[float, float],
    undecided: str,
    warmup: Warmup,
    no_data: NoData,
    bake: Bake | None,
    per_day: float,
    base: tuple[float, float],
    effect: Effect,
    seed: int,
) -> None:
    ceiling, margin, negligible = bounds
    judge = Judge(metric="error_rate", ceiling=ceiling, promote_below=margin, negligible=min(negligible, ceiling or 1.0))
    canary = Canary(
        unit="person_id",
        steps=[Step(weight=weight, hold=timedelta(hours=hours)) for weight, hours in steps],
        judge=[judge, Judge(metric="slow_request", over=timedelta(seconds=1))],
        false_rollback=alphas[0],
        false_promotion=alphas[1],
        when_undecided=undecided,  # type: ignore[arg-type]
        warmup=warmup,
        no_data=no_data,
        bake=bake,
    )
    met = world(per_day=per_day, base={"error_rate": Rate(*base), "slow_request": Rate(0.01, 0.01)}, effect={"error_rate": effect})
    went(canary, met, runs=3, every=max(100, int(per_day / 50)), seed=seed)


def test_shares_that_are_not_those_that_were_set_hold_and_then_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from headrace.rollout import simulate as module

    class Skewed(module._Flock):
        def pass_block(self, before: float, at: float, seen: object) -> None:
            dealt, self.weights = self.weights, self.weights * 0.5
            counts = self._draw(before, at)
            self.weights = dealt
            self._draw = lambda *_: counts  # type: ignore[method-assign]
            super().pass_block(before, at, seen)  # type: ignore[arg-type]
            del self._draw

    monkeypatch.setattr(module, "_Flock", Skewed)
    assert {UNDECIDED} == {how for how, _ in went(CANARY, world())}


def test_a_seed_says_all_and_runs_and_blocks_are_counted() -> None:
    met: list[Block] = []
    one = simulate(CANARY, world(), runs=50, seed=7, every=100, seen=met.append)
    other = simulate(CANARY, world(), runs=50, seed=7, every=100)
    assert one.end.tolist() == other.end.tolist() != simulate(CANARY, world(), runs=50, seed=8, every=100).days.tolist()
    assert one.requests.tolist() == other.requests.tolist()
    assert all(0 < candidate < whole for candidate, whole in zip(one.candidate, one.requests, strict=True))
    assert len(met) < 20_000 * 0.75 / 100 * 2


def test_a_section_is_simulated_as_its_flow_has_it() -> None:
    from headrace.diagnostics import Report
    from headrace.project import load

    loaded = load(ROOT, Report())
    assert loaded is not None
    (section,) = (model.rollout for model in loaded.models if model.name == "employment")
    assert section is not None
    flow = ast.parse((ROOT / "flows" / "employment.py").read_text(encoding="utf-8"))
    (written,) = (node for node in ast.walk(flow) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Canary")
    names = {name: getattr(steps, name) for name in ("Canary", "Judge", "NoData", "Step", "Warmup")} | {"timedelta": timedelta}
    found = eval(compile(ast.Expression(written), "flow", "eval"), names)  # noqa: S307 - the flow's own words
    assert canary(section) == replace(found, steps=tuple(found.steps), judge=tuple(found.judge))


def test_slow_requests_are_counted_of_neither_arm_before_the_warm_up_is_over() -> None:
    met: list[Block] = []
    simulate(CANARY, world(), runs=1, seed=3, every=100, seen=met.append)
    asked = [int(block.counts["error_rate"][0].sum()) for block in met]
    slow = [int(block.counts["slow_request"][0].sum()) for block in met]
    others = [int(block.counts["slow_request"][2].sum()) for block in met]
    first = next(at for at in range(len(met)) if sum(asked[: at + 1]) > CANARY.warmup.requests)
    assert (0, 0, sum(asked[: first + 1]) - 200) == (sum(slow[:first]), sum(others[:first]), slow[first])
    assert (asked[first + 1 :], True) == (slow[first + 1 :], others[first + 1] > 0)


def test_failures_in_clusters_are_as_many_and_come_together() -> None:
    import numpy as np

    rng, n = np.random.default_rng(1), np.full(20_000, 100)
    alone = world().bad(rng, n, 0.1)
    together = world(cluster=10, icc=0.5).bad(rng, n, 0.1)
    assert abs(alone.mean() - 10) < 0.1
    assert abs(together.mean() - 10) < 0.3
    # Kish's design effect, 1 + (m - 1) icc: 5.5 times the variance of requests that fail alone.
    assert 5.0 < together.var() / alone.var() < 6.0


@pytest.mark.parametrize(
    ("effect", "no_worse", "beyond"),
    [
        (Effect(), True, False),
        (Effect(times=0.5), True, False),
        (Effect(times=1.5), False, False),
        (Effect(times=2.0), False, True),
        (Effect(rate=0.0), True, False),
    ],
)
def test_a_world_knows_which_end_would_be_false(effect: Effect, *, no_worse: bool, beyond: bool) -> None:
    met = world(effect={"error_rate": effect})
    assert (no_worse, beyond) == (met.no_worse(CANARY), met.beyond(CANARY))


def test_a_candidate_above_its_ceiling_is_rightly_aborted_though_the_champion_is_as_bad() -> None:
    assert not world(base=EVEN | {"error_rate": Rate(0.01, 0.06)}).no_worse(CANARY)


def test_units_that_fail_by_themselves_keep_the_rates_that_requests_break() -> None:
    """20 requests come of a unit, and half of what makes them fail is the unit's own."""
    found = {}
    for count_ in ("requests", "units"):
        judged = Canary(
            unit="u",
            steps=[Step(weight=0.1, hold=timedelta(days=5)), Step(weight=0.5, hold=timedelta(days=5))],
            judge=[Judge(metric="error_rate", count=count_, negligible=0.05)],
        )
        world = World(name="", per_day=10_000, base={"error_rate": Rate(0.05, 0.05)}, effect={}, cluster=20, icc=0.5)
        found[count_] = simulate(judged, world, runs=200, seed=1, every=200).share("harmful")
    assert found["units"] <= 0.05 < found["requests"]


def test_the_share_of_units_that_fail_follows_from_that_of_requests() -> None:
    alone = World(name="", per_day=1, base={}, effect={}, cluster=3)
    alike = replace(alone, icc=0.5)
    assert alone.of_units(0.1) == pytest.approx(1 - 0.9**3)
    # Beta(0.1, 0.9): the mean of (1 - p)^3 is 0.9 * 1.9 * 2.9 / (1 * 2 * 3).
    assert alike.of_units(0.1) == pytest.approx(1 - 0.9 * 1.9 * 2.9 / 6)
    assert alike.of_units(0.0) == 0.0
