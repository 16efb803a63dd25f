"""P9: a query finds what its condition says and sorts it in a total order: held against Python's own evaluation and sorting."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from tracked_values import SLOW, begun, tracked

from headrace import tracking
from headrace.spec.expression import parse

NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 0.5, 1.0, 2.0, 1e300])
TEXTS = st.sampled_from(["", "a", "b", "ab", "a b", "A", "ä", "zz", "'"])
PARAM = st.one_of(NUMBERS, TEXTS, st.booleans(), st.integers(-2, 2), st.none())
RUN = st.fixed_dictionaries(
    {
        "params": st.dictionaries(st.sampled_from(["rate", "kind"]), PARAM),
        "metrics": st.dictionaries(st.sampled_from(["auc", "loss"]), NUMBERS),
        "tags": st.dictionaries(st.sampled_from(["owner"]), TEXTS),
        "second": st.integers(0, 3),
    }
)
NAME = st.sampled_from(["metrics.auc", "metrics.loss", "params.rate", "params.kind", "tags.owner"])
COMPARED = st.builds(
    "{} {} {}".format, NAME, st.sampled_from([">", ">=", "<", "<=", "==", "!="]), st.sampled_from(["0", "0.5", "1", "100%", "-2", "1e300"])
)
SAME = st.builds(
    lambda name, sign, text: f"{name} {sign} '{text.replace(chr(39), chr(92) + chr(39))}'",
    st.sampled_from(["params.rate", "params.kind", "tags.owner"]),
    st.sampled_from(["==", "!="]),
    TEXTS,
)
CONDITION = st.recursive(
    st.one_of(COMPARED, SAME, NAME),
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner), st.builds("({}) and ({})".format, inner, inner), st.builds("({}) or ({})".format, inner, inner)
    ),
    max_leaves=5,
)


def made(store, experiment, runs):
    logged = ("params", "metrics", "tags")
    return {begun(store, run["second"], experiment=experiment, **{kind: run[kind] for kind in logged}): run for run in runs}


def values(run):
    return {f"{kind}.{name}": value for kind in ("params", "metrics", "tags") for name, value in run[kind].items()}


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(st.lists(RUN, max_size=6), CONDITION)
def test_a_condition_finds_what_it_holds_for(runs, condition):
    with tracked() as (store, experiment):
        known = made(store, experiment, runs)
        found = tracking.search(store, condition, experiment=experiment)
        expected = {id_ for id_, run in known.items() if parse(condition, texts=True).evaluate(values(run))}
        assert (expected, len(expected)) == ({run.id for run in found.runs}, found.total)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW)
@given(st.lists(RUN, max_size=8), NAME, st.booleans(), st.integers(1, 4))
def test_an_order_is_total_with_nan_and_missing_last(runs, name, down, page):
    with tracked() as (store, experiment):
        known = made(store, experiment, runs)
        order = tracking.order(f"{name} {'desc' if down else 'asc'}")

        def key(id_):
            value = values(known[id_]).get(name)
            ties = (known[id_]["second"], id_)
            if isinstance(value, str):
                points = [ord(c) for c in value]
                return (1, [-p for p in points] + [math.inf] if down else points, *ties)
            if value is None or math.isnan(value):
                return (2, 0, *ties)
            return (0, -value if down else value, *ties)

        expected = sorted(known, key=key)
        pages = [
            tracking.search(store, experiment=experiment, order=order, limit=page, offset=at).runs for at in range(0, len(runs) + 1, page)
        ]
        assert (expected, expected) == (
            [run.id for run in tracking.search(store, experiment=experiment, order=order).runs], [run.id for part in pages for run in part],
        )  # fmt: skip
