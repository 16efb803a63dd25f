"""As of a time: who was champion and in production, with which digest, right across a rollback, and the same for ever."""

from datetime import UTC, datetime, timedelta

import pytest

from both import on_both
from headrace import registry, traffic
from headrace.traffic import Arm

AT = datetime(2020, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def lived(make, write):
    """1 champion at 1 h, 2 at 2 h, rolled back at 3 h."""
    made = [make(data=b"%d" % n) for n in range(3)]
    write(registry.promote, model="churn", number=1, at=AT + HOUR, reason="first")
    write(registry.promote, model="churn", number=2, at=AT + 2 * HOUR, reason="better")
    write(registry.rollback, "churn", AT + 3 * HOUR, "complaints")
    return made


@pytest.fixture
def then(store):
    def told(hours):
        with store.read() as session:
            return registry.as_of(session, "churn", AT + hours * HOUR)

    return told


@pytest.mark.usefixtures("lived")
@pytest.mark.parametrize(
    ("hours", "champion", "previous"),
    [(0.99, None, None), (1, 1, None), (1.99, 1, None), (2, 2, 1), (2.99, 2, 1), (3, 1, None), (99, 1, None)],
)
def test_the_champion_of_each_moment_is_told_across_a_rollback(then, hours, champion, previous):
    found = then(hours)
    assert {name: number for name, number in (("champion", champion), ("previous", previous)) if number} == {
        name: held.version.number for name, held in found.aliases.items()
    }
    assert champion == (found.production.version.number if found.production else None)


def test_it_has_the_digest_the_reason_and_the_event(lived, then, store):
    held = then(2.5).production
    assert (lived[1].model_digest, "better", "test", AT + 2 * HOUR) == (held.version.model_digest, held.reason, held.actor, held.since)
    with store.read() as session:
        assert [held.event_id] == [
            e.id for e in registry_events(session) if e.payload.get("to") == "production" and e.payload["number"] == 2
        ]


def registry_events(session):
    from headrace.store import events

    return events.log(session, "churn", [events.EventKind.STAGE_MOVED])


@pytest.mark.usefixtures("lived")
def test_stages_are_told(then):
    assert [("registered", "registered"), ("production", "registered"), ("deprecated", "production"), ("production", "rejected")] == [
        (then(hours).stages[1].value, then(hours).stages[2].value) for hours in (0, 1.5, 2.5, 3.5)
    ]


@pytest.mark.usefixtures("lived")
def test_who_answered_is_told_with_its_share(then, write):
    write(traffic.set_weights, model="churn", expected=None, arms=(Arm("champion", 1, 1.0),), at=AT + HOUR, reason="x")
    arms = (Arm("champion", 1, 0.75), Arm("candidate", 3, 0.25))
    write(traffic.set_weights, model="churn", expected=1, arms=arms, at=AT + 2 * HOUR, reason="x")
    told = [[(arm.version.number, arm.weight) for arm in then(hours).arms] for hours in (0.5, 1.5, 2.5)]
    assert [[], [(1, 1.0)], [(1, 0.75), (3, 0.25)]] == told


@on_both
@pytest.mark.usefixtures("lived")
def test_a_clock_that_was_set_back_changes_nothing_that_was_told(then, write):
    before = [then(hours / 4) for hours in range(12)]
    write(registry.promote, model="churn", number=3, at=AT + HOUR, reason="the clock went back")
    assert before == [then(hours / 4) for hours in range(12)]
    assert 3 == then(3).production.version.number
