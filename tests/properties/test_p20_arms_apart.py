"""P20: the metrics of the arms are kept apart: each arm's sums are those of its own units, and nothing another arm does changes them."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import insert

from headrace.diagnostics import Report
from headrace.experiment.declared import Declared, Guardrail, Measure, Primary
from headrace.experiment.exposure import expose
from headrace.experiment.observe import observe
from headrace.hooks import load_plugins
from headrace.spec.quantity import Difference
from headrace.stats.moments import Moments
from headrace.stats.proportions import Proportion
from headrace.store import Store
from headrace.store.experimental import Experiment
from headrace.store.measured import Measure as Told
from headrace.store.tables import Prediction, Weights

START, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)
PLUGINS = load_plugins(None, Report())
SHARES = {"champion": 0.4, "candidate": 0.4, "challenger": 0.2}
ABOUT = Declared(
    arms=SHARES,
    unit="customer",
    primary=(Primary(metric="spent", detect=Difference(0.1, relative=True), mean=2.0, deviation=1.0),),
    guardrails=(Guardrail(metric="error_rate", worse_by_at_most=Difference(0.01, relative=False)),),
    lasts=30 * DAY,
    measures=(Measure(name="spent", within=2 * DAY),),
)
UNIT = st.tuples(st.sampled_from(sorted(SHARES)), st.integers(1, 3), st.booleans(), st.lists(st.integers(0, 9), max_size=3))
"""A unit's arm, how often it asked, whether its last request failed, and what it spent."""


def seen(units, folder):
    """What a look sees of units, in a store of its own: (metric, arm) to sums."""
    store = Store.open("sqlite:///state.db", "blobs", root=Path(folder))
    asked, told = [], []
    for n, (arm, times, failed, values) in enumerate(units):
        base = {
            "model": "shop",
            "version": 1,
            "arm": arm,
            "epoch": 1,
            "entity": f"u{n}",
            "recorded_at": START,
            "latency_us": 5,
            "inputs": {},
        }
        base |= {"output": 0.5, "unseen": []}
        late = [failed and k + 1 == times for k in range(times)]
        asked += [base | {"id": f"{n}-{k}", "at": START + k * DAY, "error": "late" if late[k] else None} for k in range(times)]
        common = {"model": "shop", "unit": f"u{n}", "metric": "spent", "at": START + DAY, "known_at": START + 9 * DAY}
        told += [common | {"id": f"{n}-{k}", "value": float(value)} for k, value in enumerate(values)]
    row = Experiment(
        id="e", model="shop", number=1, candidate=2, champion=1, arms={}, state="enrolling", declared={}, first_epoch=1,
        started_at=START, enrols_until=START + 28 * DAY, ends_at=START + 30 * DAY, details={},
    )  # fmt: skip
    arms = [{"name": name, "version": 1, "weight": share} for name, share in SHARES.items()]
    told.append(
        {"model": "shop", "unit": "nobody", "metric": "spent", "id": "x", "value": 1.0, "at": START + 9 * DAY, "known_at": START + 9 * DAY}
    )
    with store.transaction("user:test", "put", "model/shop") as session:
        session.add(row)
        session.add(Weights(model="shop", epoch=1, arms=arms, at=START, reason="a test"))
        session.flush()
        if asked:
            session.execute(insert(Prediction), asked)
        session.execute(insert(Told), told)
        expose(session, row, ABOUT)
        found = observe(session, row, ABOUT, START + 10 * DAY, plugins=PLUGINS)
    store.close()
    return {(cell.metric, cell.arm): cell.seen for cell in found.cells}


@settings(max_examples=6, deadline=None)
@given(st.lists(UNIT, max_size=12), st.lists(UNIT.filter(lambda unit: unit[0] != "champion"), max_size=6))
def test_each_arms_sums_are_those_of_its_own_units(units, others):
    by_arm = defaultdict(list)
    for unit in units:
        by_arm[unit[0]].append(unit)
    expected = {("spent", arm): Moments.of([float(sum(unit[3])) for unit in mine]) for arm, mine in by_arm.items()}
    expected |= {("error_rate", arm): Proportion(len(mine), sum(unit[2] for unit in mine)) for arm, mine in by_arm.items()}
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        found, with_others = seen(units, one), seen([*units, *others], other)

    assert expected == found
    assert {key: sums for key, sums in found.items() if key[1] == "champion"} == {
        key: sums for key, sums in with_others.items() if key[1] == "champion"
    }
