"""What a training keeps of its held-out rows is enough to test any metric of its task by, whatever it answers."""

import numpy as np
import pytest

from headrace import registry, tracking
from headrace.compiled import SourceConfig
from headrace.hooks import Answers
from headrace.hooks.asking import asking
from headrace.training import train

KINDS = {"id": "int64", "seen": "timestamp", "age": "float", "colour": "category", "left": "int64"}
SOURCE = SourceConfig.model_validate(
    {
        "uri": "people.pq",
        "columns": {name: {"from": name, "type": kind} for name, kind in KINDS.items()},
        "arrival": None,
        "fresh_within_seconds": None,
        "checks": (),
    }
)


def classes(people):
    seems = people["age"] + np.random.default_rng(1).normal(0, 5, len(people))
    return np.where(seems > 45, "old", np.where(seems < 35, "young", "middle"))


def number(people):
    return people["age"] * 2.0


@pytest.mark.parametrize(
    ("algorithm", "answers", "params"),
    [
        ("lightgbm.multiclass", classes, {}),
        ("lightgbm.quantile", number, {"quantiles": [0.1, 0.5, 0.9]}),
        ("lightgbm.regressor", number, {}),
    ],
)
def test_each_difference_is_that_of_the_metrics_of_both(store, plugins, make_rows, people, algorithm, answers, params):  # noqa: PLR0917 - fixtures
    column = SOURCE.columns["left"].model_copy(update={"type": "category" if answers is classes else "float"})
    source = SOURCE.model_copy(update={"columns": {**SOURCE.columns, "left": column}})
    task = plugins.algorithms[algorithm].task
    frame = people.assign(left=answers(people))
    runs = []
    for trees in (1, 12):
        rows = make_rows(f"r{trees}", frame=frame, sources={"people": source}, task=task)
        made = train(store, plugins, rows, actor="test", algorithm=algorithm, params={"n_estimators": trees, **params}, seed=7)
        with store.transaction("test", "log", rows.run_id) as session:
            version = registry.get(session, made.model, made.number)
            at = store.clock.now()
            kept = version.manifest["reference"]
            tracking.begin(session, id=rows.run_id, experiment="churn", actor="test", at=at)
            tracking.log_points(session, rows.run_id, [(name, 0, value, at) for name, value in made.metrics.items() if value is not None])
            tracking.link(session, rows.run_id, tracking.REFERENCE, kept, at=at)
            tracking.write_digests(session, rows.run_id, {tracking.HOLDOUT: tracking.holdout_digest(store.blobs.get(kept))})
        runs.append(tracking.get(store, rows.run_id))
    told = Answers.of(version.manifest)
    found = tracking.compare(store, runs, {name: asking(plugins.metrics[name], told) for name in runs[0].metrics})
    apart = {name: runs[1].metrics[name].value - last.value for name, last in runs[0].metrics.items()}
    assert (apart, ()) == (pytest.approx({item.metric: item.tested.estimate for item in found.paired}, abs=1e-9), found.untested)
