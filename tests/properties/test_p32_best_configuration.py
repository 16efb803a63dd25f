"""P32: a search gives the best configuration that it tried, by another argmax over the kept trials; of several goals, one of the front.

Breaks tried, each found: `max` for `min` where lower is better; the last of equal trials instead of the first; pruned trials taken into
account; a front without the comparison by all goals; scaling left out of the choice by the ideal point.
"""

import math

from hypothesis import given
from hypothesis import strategies as st

from headrace.training.search import choose, front
from headrace.training.search.values import Trial

BETTER = st.sampled_from(["higher", "lower"])
STATES = st.sampled_from(["complete", "complete", "complete", "pruned", "failed", "lost"])
ANY = st.integers(1, 3)
NUMBERS = st.one_of(st.floats(-10, 10), st.integers(-2, 2).map(float), st.just(math.nan))


@st.composite
def searches(draw, goals=ANY):
    """Directions, and trials in any order with what each is worth."""
    better = draw(st.lists(BETTER, min_size=(size := draw(goals)), max_size=size))
    states = draw(st.lists(STATES, max_size=12))
    trials = []
    for number, state in enumerate(states):
        values = draw(st.lists(NUMBERS, min_size=size, max_size=size))
        trials.append(Trial(number, state, {"x": number}, values if state in {"complete", "pruned"} else None, [], 0.0))
    return better, draw(st.permutations(trials))


def whole(trials):
    return [trial for trial in trials if trial.state == "complete" and not any(map(math.isnan, trial.values))]


@given(searches(st.just(1)))
def test_of_one_goal_the_chosen_trial_is_the_first_of_the_best(search):
    better, trials = search
    expected = None
    for trial in sorted(whole(trials), key=lambda trial: trial.number):
        mine = trial.values[0] if better == ["higher"] else -trial.values[0]
        if expected is None or mine > expected[0]:
            expected = (mine, trial)
    for rule in ("ideal", "first"):
        assert (expected and expected[1]) == choose(trials, better, rule)


def beats(other, mine, better):
    """Whether one is as good by all goals and better by one, goal by goal."""
    pairs = list(zip(other.values, mine.values, better, strict=True))
    as_good = all(a >= b if word == "higher" else a <= b for a, b, word in pairs)
    return as_good and any(a > b if word == "higher" else a < b for a, b, word in pairs)


@given(searches())
def test_the_front_is_those_that_no_other_beats(search):
    better, trials = search
    expected = sorted(mine.number for mine in whole(trials) if not any(beats(other, mine, better) for other in whole(trials)))
    assert expected == [trial.number for trial in front(trials, better)]


@given(searches())
def test_the_chosen_trial_is_of_the_front_and_keeps_its_rule(search):
    better, trials = search
    best = front(trials, better)
    first, ideal = (choose(trials, better, rule) for rule in ("first", "ideal"))
    if not best:
        assert (None, None) == (first, ideal)
        return
    by_first = [trial.values[0] for trial in best]
    assert first.values[0] == (max(by_first) if better[0] == "higher" else min(by_first))
    bounds = [(min(column), max(column)) for column in zip(*(trial.values for trial in best), strict=True)]

    def far(trial):
        scaled = [
            ((high if word == "higher" else low) - value) / (high - low)
            for value, (low, high), word in zip(trial.values, bounds, better, strict=True)
            if high > low
        ]
        return math.fsum(part * part for part in scaled)

    assert ideal in best
    assert far(ideal) <= min(map(far, best)) + 1e-12


@given(searches(st.just(1)), st.floats(-10, 10))
def test_nothing_worse_than_the_parameters_of_the_spec_is_chosen(search, value):
    """The first trial has them."""
    better, trials = search
    defaults = Trial(-1, "complete", {}, [value], [], 0.0, defaults=True)
    chosen = choose([*trials, defaults], better, "ideal")
    assert chosen.values[0] >= value if better == ["higher"] else chosen.values[0] <= value


@given(st.sampled_from([1e-6, 1.0, 1e6]), st.permutations(range(3)))
def test_the_unit_of_a_goal_does_not_move_the_choice(unit, order):
    """Of two extremes and a middle the middle is the nearest to both."""
    worth = [(0.0, 1.0), (0.8, 0.7), (1.0, 0.0)]
    trials = [Trial(number, "complete", {}, [worth[number][0] * unit, worth[number][1]], [], 0.0) for number in order]
    assert 1 == choose(trials, ["higher", "higher"], "ideal").number
