"""Runs are found by conditions and in a total order, the same on both databases."""

import math
from datetime import timedelta

import pytest

from headrace import tracking
from headrace.diagnostics import HeadraceError
from headrace.store.kinds import TrackedStatus


def found(store, filter=None, order="started", **more):  # noqa: A002
    return [run.id for run in tracking.search(store, filter, order=tracking.order(order), **more).runs]


@pytest.fixture
def runs(store, begun):
    """One that failed, one that is good, one whose metric is NaN, one without anything."""
    made = {
        "failed": begun(params={"rate": 0.1, "kind": "gbdt", "on": True}, metrics={"auc": 0.5}, tags={"owner": "ana"}),
        "good": begun(params={"rate": 0.05, "kind": "dart", "on": False}, metrics={"auc": 0.9, "loss": math.inf}, tags={"owner": "bo"}),
        "nan": begun(params={"rate": "fast", "kind": 7}, metrics={"auc": math.nan}, tags={"owner": "ana's"}),
        "empty": begun("notes"),
    }
    with store.transaction("u", "end", "x") as session:
        tracking.end(
            session, made["failed"], TrackedStatus.FAILED, at=tracking.get(store, made["failed"]).started_at + timedelta(minutes=2)
        )
        tracking.make_note(session, made["good"], version=3)
        tracking.write_digests(session, made["good"], {"data": "sha256:1"})
    return made


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("metrics.auc > 0.4", ["failed", "good"]),
        ("metrics.auc > 0.5", ["good"]),
        ("metrics.auc >= 50%", ["failed", "good"]),
        ("metrics.loss > 1e300", ["good"]),
        ("not metrics.auc > 0.5", ["failed"]),
        ("metrics.auc == 0.9 or params.kind == 'gbdt'", ["failed", "good"]),
        ("params.rate <= 0.1", ["failed", "good"]),
        ("params.rate == 'fast'", ["nan"]),
        ("params.rate != 'slow'", ["nan"]),
        ("params.kind == '7'", []),
        ("params.kind == 7", ["nan"]),
        ("params.on", ["failed"]),
        ("not params.on", ["good"]),
        ("params.on == 1", ["failed"]),
        ("tags.owner == 'ana'", ["failed"]),
        ('tags.owner == "ana\'s"', ["nan"]),
        ("tags.owner", ["failed", "good", "nan"]),
        ("status == 'failed'", ["failed"]),
        ("status != 'failed' and experiment == 'churn'", ["good", "nan"]),
        ("experiment == 'notes'", ["empty"]),
        ("version >= 3", ["good"]),
        ("digests.data == 'sha256:1'", ["good"]),
        ("seconds > 1m", ["failed"]),
        ("age > 0s", ["failed", "good", "nan", "empty"]),
        ("age < 1d", []),
        ("age < 1e300w", ["failed", "good", "nan", "empty"]),
        ("age > 1e300w", []),
        ("metrics.nothing > 0 or status == 'failed'", ["failed"]),
        ("model == 'churn'", []),
    ],
)
def test_a_condition_finds_the_runs_that_it_holds_for(store, runs, filter, expected):  # noqa: A002
    assert [runs[name] for name in expected] == found(store, filter)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("started", ["failed", "good", "nan", "empty"]),
        ("started desc", ["empty", "nan", "good", "failed"]),
        ("metrics.auc desc", ["good", "failed", "nan", "empty"]),
        ("metrics.auc asc", ["failed", "good", "nan", "empty"]),
        ("params.rate", ["good", "failed", "nan", "empty"]),
        ("params.rate desc", ["failed", "good", "nan", "empty"]),
        ("params.kind", ["nan", "good", "failed", "empty"]),
        ("tags.owner desc", ["good", "nan", "failed", "empty"]),
        ("status", ["failed", "good", "nan", "empty"]),
        ("seconds desc", ["failed", "good", "nan", "empty"]),
        ("version", ["good", "failed", "nan", "empty"]),
        ("experiment desc", ["empty", "failed", "good", "nan"]),
        ("ended", ["failed", "good", "nan", "empty"]),
    ],
)
def test_an_order_puts_nan_and_what_is_missing_last(store, runs, order, expected):
    assert [runs[name] for name in expected] == found(store, order=order)


def test_pages_are_the_whole_in_parts(store, runs):
    pages = [tracking.search(store, order=tracking.order("metrics.auc desc"), limit=3, offset=offset) for offset in (0, 3, 6)]
    assert (found(store, order="metrics.auc desc"), [4, 4, 4]) == (
        [run.id for page in pages for run in page.runs],
        [p.total for p in pages],
    )


def test_an_experiment_is_asked_for_alone(store, runs):
    assert [runs["empty"]] == found(store, experiment="notes")


@pytest.mark.parametrize(
    "filter",
    [
        "tags.owner == 'x'; DROP TABLE tracked; --'",
        "tags.owner == '' OR 1=1",
        "metrics.auc > 1) or (1 == 1",
        "metrics.auc > (select 1)",
        "status == 'failed' union select * from lock",
        "metrics.a'b > 1",
        'metrics."auc" > 1',
        "1 == 1",
        "",
        "metrics.auc > nan",
    ],
)
def test_what_is_no_condition_is_refused(store, runs, filter):  # noqa: A002
    with pytest.raises(HeadraceError, match="bad-filter"):
        found(store, filter)
    assert 4 == len(found(store))


@pytest.mark.parametrize(
    "text", ["' or '1'='1", "x'); drop table tracked; --", "\\", "%", "_", "ana%", "'; select 1; '", '"', "ünï", "\u202e"]
)
def test_a_text_is_a_value_and_never_a_part_of_the_query(store, begun, text):
    other = begun(tags={"owner": "ana"})
    mine = begun(tags={"owner": text})
    written = text.replace("\\", "\\\\").replace("'", "\\'")
    assert ([mine], [other]) == (found(store, f"tags.owner == '{written}'"), found(store, f"tags.owner != '{written}'"))


@pytest.mark.parametrize(
    ("filter", "help_"),
    [
        ("metric.auc > 1", "did you mean `metrics.auc`?"),
        ("stats == 'failed'", "did you mean `status`?"),
        ("status > 1", "compare it with a text in quotes: status == 'churn'"),
        ("metrics.auc == 'high'", "compare it with a number: metrics.auc > 1"),
        ("status == 'done'", "there are: running, finished, failed, killed"),
        ("metrics.auc = 1", "write `==` there"),
    ],
)
def test_a_filter_that_means_nothing_says_what_to_write(store, filter, help_):  # noqa: A002
    with pytest.raises(HeadraceError) as raised:
        found(store, filter)
    (fault,) = raised.value.report
    assert ("bad-filter", help_) == (fault.id, fault.help)


@pytest.mark.parametrize("order", ["", "metrics.auc down", "metrics", "auc", "age", "metrics.auc desc desc", "1; drop table tracked"])
def test_what_is_no_order_is_refused(order):
    with pytest.raises(HeadraceError, match="bad-order"):
        tracking.order(order)


@pytest.mark.parametrize("name", ["a b", "a'; drop table tracked; --", 'a"b', "ü", "a/b"])
def test_any_name_can_be_sorted_by_or_is_refused(store, begun, name):
    few, many = begun(metrics={name: 1.0}), begun(metrics={name: 2.0})
    if " " in name:
        with pytest.raises(HeadraceError, match="bad-order"):
            tracking.order(f"metrics.{name} desc")
    else:
        assert [many, few] == found(store, order=f"metrics.{name} desc")
