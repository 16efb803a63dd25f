"""What a look sees: who was exposed to what, and what became of each unit after it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from observed_world import DAY, HOUR, RETAINED, START, World, declared
from sqlalchemy.exc import DBAPIError

from both import on_both
from headrace.diagnostics import HeadraceError
from headrace.experiment.declared import Guardrail, Measure, Primary
from headrace.experiment.observed import KEPT, Cell, Observed
from headrace.spec.quantity import Difference
from headrace.stats.cuped import Covaried
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.proportions import Proportion

LATER = START + 10 * DAY
ACCURATE = (Primary(metric="accuracy", detect=Difference(0.05, relative=False)),)


def seen(found: Observed, metric: str, segment: str | None = None) -> dict[tuple[str, int], object]:
    return {(cell.arm, cell.epoch): cell.seen for cell in found.cells if (cell.metric, cell.segment) == (metric, segment)}


@on_both
def test_a_flood_from_one_user_is_one_unit(observed: World) -> None:
    observed.put(*(observed.asked("ann", "champion", at=START + n * HOUR) for n in range(50)), observed.asked("bob", "candidate"))
    found = observed.observe(declared(), LATER)

    assert {2: {"champion": 1, "candidate": 1}} == found.arrived


@on_both
def test_a_unit_holds_its_first_arm_in_whatever_order_the_journal_comes(observed: World) -> None:
    observed.deal(3, {"champion": 0.2, "candidate": 0.8})
    observed.put(observed.asked("ann", "candidate", epoch=3, at=START + DAY), observed.asked("bob", "candidate", epoch=3, at=START + DAY))
    observed.observe(declared(), LATER)
    observed.put(observed.asked("ann", "champion", at=START), observed.asked("ann", "champion", at=START + HOUR))
    observed.observe(declared(), LATER)

    assert [("ann", "champion", 2, True), ("bob", "candidate", 3, False)] == observed.exposures()


@on_both
def test_what_a_shadow_answered_and_who_takes_no_part_is_no_exposure(observed: World) -> None:
    observed.put(
        observed.asked("ann", "shadow"),
        observed.asked("bob", "outside"),
        observed.asked("cid", "champion", epoch=1),
        observed.asked("dan", "champion", model="other"),
        observed.asked("eve", "candidate"),
    )
    observed.observe(declared(), LATER)

    assert [("eve", "candidate", 2, False)] == observed.exposures()


@on_both
def test_a_champion_that_stepped_in_moves_no_unit_from_the_arm_that_failed(observed: World) -> None:
    observed.put(observed.asked("ann", "candidate", output=None, error="late"), observed.asked("ann", "champion"))
    found = observed.observe(
        declared(guardrails=(Guardrail(metric="error_rate", worse_by_at_most=Difference(0.01, relative=False)),)), LATER
    )

    assert [("ann", "candidate", 2, False)] == observed.exposures()
    assert {("candidate", 2): Proportion(1, 1)} == seen(found, "error_rate")


@on_both
def test_the_unit_is_the_input_that_deals_and_the_entity_where_it_is_missing(observed: World) -> None:
    observed.put(
        observed.asked("ann", "champion", inputs={"customer": "house-1"}),
        observed.asked("bob", "champion", inputs={"customer": "house-1"}),
        observed.asked("cid", "candidate", inputs={"customer": None}),
    )
    observed.observe(declared(), LATER)

    assert [("cid", "candidate", 2, False), ("house-1", "champion", 2, False)] == observed.exposures()


def test_a_unit_that_the_journal_has_encrypted_is_refused(observed: World) -> None:
    observed.put(observed.asked("ann", "champion", inputs={"customer": {"aes-256-gcm": "k:x"}}))

    with pytest.raises(HeadraceError) as raised:
        observed.observe(declared(), LATER)
    assert ["unit-unreadable"] == [one.id for one in raised.value.report]


@on_both
def test_only_what_happens_within_a_units_window_counts(observed: World) -> None:
    observed.put(*(observed.asked(who, "champion", at=START + HOUR) for who in ("before", "within", "after", "unknown", "twice", "young")))
    observed.put(observed.asked("young", "candidate", at=LATER - DAY))
    at = START + HOUR
    observed.told(
        ("before", 1, at - timedelta(seconds=1)),
        ("within", 1, at),
        ("after", 1, at + 2 * DAY),
        ("twice", 1, at + HOUR),
        ("twice", 1, at + 2 * HOUR),
        ("nobody", 1, LATER - HOUR),
    )
    observed.told(("unknown", 1, at + HOUR), known_at=LATER + DAY)
    found = observed.observe(declared(), LATER)

    assert {("champion", 2): Proportion(6, 2)} == seen(found, "retained")


@on_both
def test_a_unit_too_young_for_its_window_is_not_counted_yet(observed: World) -> None:
    observed.put(observed.asked("ann", "champion"), observed.asked("bob", "candidate", at=LATER - DAY))
    observed.told(("ann", 1, START + HOUR), ("bob", 1, LATER - HOUR))
    found = observed.observe(declared(), LATER)

    assert {("champion", 2): Proportion(1, 1)} == seen(found, "retained")
    assert {2: {"champion": 1, "candidate": 1}} == found.arrived


@on_both
def test_means_are_of_units_capped_and_with_what_was_known_before(observed: World) -> None:
    spent = Measure(name="spent", kind="mean", of="order", within=2 * DAY, winsorize=0.75)
    with_before = Measure(name="spent_more", kind="mean", of="order", within=2 * DAY, covariate="order")
    observed.put(*(observed.asked(who, "champion", at=START + 3 * DAY) for who in ("ann", "bob", "cid", "dan")))
    after, before = START + 4 * DAY, START + 2 * DAY
    observed.told(("ann", 10, after), ("ann", 5, after), ("bob", 4, after), ("cid", 1000, after), ("bob", 3, before), ("cid", 7, before))
    observed.told(("zoe", 1, LATER - HOUR))
    about = declared(spent, with_before, secondary=("spent_more",))
    found = observed.observe(about, LATER)

    assert {("champion", 2): Moments.of([15, 4, 15, 0])} == seen(found, "spent")
    known = JointMoments.of([4, 1000], [3, 7])
    assert {("champion", 2): Covaried(known, Moments.of([15, 0]))} == seen(found, "spent_more")


@on_both
def test_a_ratio_has_both_sums_of_each_unit(observed: World) -> None:
    per_visit = Measure(name="per_visit", kind="ratio", of="order", per="visit", within=2 * DAY)
    observed.put(observed.asked("ann", "candidate"), observed.asked("bob", "candidate"))
    observed.told(("ann", 30, START + HOUR), ("zoe", 1, LATER - HOUR))
    observed.told(("ann", 1, START), ("ann", 1, START + HOUR), ("bob", 1, START), ("zoe", 1, LATER - HOUR), metric="visit")
    found = observed.observe(declared(per_visit), LATER)

    assert {("candidate", 2): JointMoments.of([30, 0], [2, 1])} == seen(found, "per_visit")


@on_both
def test_quality_is_the_mean_of_rows_by_unit_of_the_arm_that_answered_them(observed: World) -> None:
    observed.deal(3, {"champion": 0.2, "candidate": 0.8})
    observed.put(
        observed.asked("ann", "champion", output=0.9, inputs={"customer": "h"}),
        observed.asked("bob", "champion", output=0.2, inputs={"customer": "h"}),
        observed.asked("cid", "candidate", output=0.8),
        observed.asked("dan", "candidate", output=0.8, epoch=3, at=START + DAY, inputs={"customer": "h"}),
    )
    observed.labelled(*((who, 1.0, START + 3 * DAY) for who in ("ann", "bob", "cid", "dan")))
    found = observed.observe(declared(primary=ACCURATE, delay=DAY), LATER)

    assert {("champion", 2): JointMoments.of([1], [2]), ("candidate", 2): JointMoments.of([1], [1])} == seen(found, "accuracy")


def test_a_metric_that_is_no_mean_over_rows_is_refused(observed: World) -> None:
    observed.put(observed.asked("ann", "champion"))

    for metric, fault in (("roc_auc", "metric-not-by-row"), ("nonsense", "unknown-metric")):
        with pytest.raises(HeadraceError) as raised:
            observed.observe(declared(primary=(Primary(metric=metric, detect=Difference(0.05, relative=False)),)), LATER)
        assert [fault] == [one.id for one in raised.value.report]


@on_both
def test_latency_is_of_the_first_request_of_each_unit(observed: World) -> None:
    rails = (Guardrail(metric="latency_p99", worse_by_at_most=Difference(0.1, relative=True)),)
    observed.put(*(observed.asked(f"u{n}", "champion", latency_us=1_000 * n) for n in range(1, 5)))
    observed.put(
        observed.asked("u1", "champion", latency_us=9_000_000, at=START + HOUR), observed.asked("v", "candidate", latency_us=123_456)
    )
    found = observed.observe(declared(guardrails=rails), LATER)
    champion, candidate = seen(found, "latency_p99")["champion", 2], seen(found, "latency_p99")["candidate", 2]

    assert (4, 1) == (champion.n, candidate.n)
    assert {0.001: 1, 0.002: 1, 0.003: 1, 0.004: 1} == {edge: n for edge, n in zip(champion.edges, champion.counts[1:], strict=True) if n}
    assert {0.123: 1} == {edge: n for edge, n in zip(candidate.edges, candidate.counts[1:], strict=True) if n}


@on_both
def test_segments_and_units_that_kept_their_arm_are_told_apart(observed: World) -> None:
    observed.deal(3, {"champion": 0.2, "candidate": 0.8})
    observed.put(
        observed.asked("ann", "champion", inputs={"plan": "gold"}),
        observed.asked("bob", "champion", inputs={"plan": "free"}),
        observed.asked("bob", "candidate", epoch=3, at=START + DAY),
        observed.asked("zoe", "candidate", epoch=3, at=LATER),
    )
    observed.told(("ann", 1, START + HOUR), ("zoe", 1, LATER - HOUR))
    found = observed.observe(declared(RETAINED, segments=("plan",)), LATER)

    def one(segment: str | None, n: int, hits: int) -> Cell:
        return Cell(metric="retained", arm="champion", epoch=2, segment=segment, seen=Proportion(n, hits))

    assert [one(None, 2, 1), one("plan=free", 1, 0), one("plan=gold", 1, 1), one(KEPT, 1, 1)] == list(found.cells)
    assert {"champion": 1} == found.switched


def test_a_metric_that_stops_arriving_is_no_zero(observed: World) -> None:
    observed.put(observed.asked("ann", "champion"), observed.asked("bob", "candidate"))
    assert "no value of `order` was ever told" == observed.observe(declared(), LATER).metrics["retained"].stale
    observed.told(("ann", 1, START + HOUR))
    found = observed.observe(declared(), LATER)

    assert "no value of `order` has come since 2026-01-01 01:00" == found.metrics["retained"].stale
    assert () == found.cells
    assert "no_data" == observed.analyse(declared(), LATER).verdict


def test_a_query_that_fails_raises_and_is_no_zero(observed: World) -> None:
    observed.put(observed.asked("ann", "champion"))
    with observed.store.transaction("user:test", "drop", "model/shop") as session:
        session.connection().exec_driver_sql("DROP TABLE measure")

    with pytest.raises((HeadraceError, DBAPIError)):
        observed.observe(declared(), LATER)


@on_both
def test_what_came_after_the_moment_is_not_known_at_it(observed: World) -> None:
    observed.put(observed.asked("ann", "champion"), observed.asked("bob", "candidate", at=LATER + HOUR))
    observed.told(("ann", 1, START + HOUR), ("zoe", 1, LATER - HOUR))
    observed.row.details = {"looks": [{"at": (START + day * DAY).isoformat(), "information": day / 30} for day in (3, 9, 12)]}
    found = observed.observe(declared(), LATER)

    assert {2: {"champion": 1}} == found.arrived
    assert (0.1, 0.3) == found.looks
    assert not found.final
    assert observed.observe(declared(), START + 30 * DAY).final
