"""A waiver lets a version through, hides nothing, names who gave it, and ends."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from both import on_both
from headrace import gates, registry
from headrace.gates import Minimum, Waiver, stands
from headrace.store import events
from headrace.store.clock import drive

HARD = "roc_auc"


@pytest.fixture
def judge(store, plugins, register):
    def ask(waive, *, version=None, run_id=None, mode="block"):
        version = version or register()
        gate = Minimum("hard", HARD, min=0.999, waive=waive, mode=mode)
        return gates.judge(
            store, plugins, actor="service:train", model="churn", number=version.number, run_id=run_id or version.run_id, gates=[gate]
        )

    return ask


def day(offset):
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def rows(store):
    with store.read() as session:
        return gates.verdicts(session, "churn")[1]


def log(store, kind):
    with store.read() as session:
        return events.log(session, "churn", [kind])


def test_a_waived_gate_has_failed_and_lets_through(judge, store):
    verdict = judge(Waiver("alice", "late labels", day(3)))
    (row,) = rows(store)
    assert (True, [], ["hard"], False) == (verdict.passed, verdict.payload["failed"], verdict.payload["waived"], row.passed)
    assert {"by": "alice", "reason": "late labels", "until": day(3)} == row.waived


def test_who_waived_until_when_is_an_event(judge, store):
    judge(Waiver("alice", "late labels", day(3)))
    (event,) = log(store, "gate.waived")
    assert ("hard", "alice", day(3), 1) == tuple(event.payload[key] for key in ("gate", "by", "until", "number"))


@pytest.mark.parametrize(
    ("waiver", "why"),
    [
        (Waiver("alice", "late", day(-1)), "its waiver by alice ended on"),
        (Waiver(" ", "late", day(3)), "its waiver names nobody"),
        (Waiver("alice", "late", "tomorrow"), "its waiver ends on no day"),
    ],
)
def test_a_waiver_that_is_none_lets_nobody_through(judge, store, waiver, why):
    verdict = judge(waiver)
    assert (False, ["hard"], None, []) == (verdict.passed, verdict.payload["failed"], rows(store)[0].waived, log(store, "gate.waived"))
    assert why in rows(store)[0].reason


def test_it_holds_through_its_last_day(judge):
    assert judge(Waiver("alice", "late", day(0))).passed


def test_what_passes_or_only_warns_is_not_waived(judge, store):
    judge(Waiver("alice", "late", day(3)), mode="warn")
    assert (None, []) == (rows(store)[0].waived, log(store, "gate.waived"))


@on_both
def test_a_judgement_after_its_end_blocks_again_and_withdraws_the_candidate(judge, store, register):
    version = register()
    waiver = Waiver("alice", "late", day(3))
    assert judge(waiver, version=version).passed
    drive(store, "test", datetime.now(UTC) + timedelta(days=5))
    again = judge(waiver, version=version, run_id="r2")
    with store.read() as session:
        assert (False, {}) == (again.passed, registry.aliases(session, "churn"))


def test_a_row_stands_as_long_as_its_waiver(judge, store):
    judge(Waiver("alice", "late", day(3)))
    (row,) = rows(store)
    now = datetime.now(UTC)
    assert (True, False) == (stands(row, now), stands(row, now + timedelta(days=4)))


def test_evidence_names_the_data_and_the_seed(judge, store, register):
    version = register()
    judge(None, version=version)
    (row,) = rows(store)
    assert (version.manifest["reference"], 7, version.manifest["reference"]) == (
        row.evidence["data"],
        row.evidence["seed"],
        row.data_digest,
    )
    assert io.BytesIO(store.blobs.get(row.evidence["data"])).getbuffer().nbytes
