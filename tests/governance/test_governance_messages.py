"""Who may vote is told that something waits, soon lapses, is decided, or was passed over and not looked at: each once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from approval_world import ANA, BOB, CAT, DAN, HOUR, T0, World, approval, governance, living, policy
from sqlmodel import select

from headrace import notify
from headrace.compiled import BreakGlassConfig, ChannelConfig
from headrace.diagnostics import Report
from headrace.governance import Choice
from headrace.hooks import load_plugins
from headrace.registry import admission, attending
from headrace.store import clock, tables

GLASS = BreakGlassConfig(group="calls", quorum=2, for_seconds=4 * 3600, review_seconds=24 * 3600)
TOLD = ("team", "lead")


def told(**more: Any) -> Any:
    return governance(policy(approval(**more), glass=GLASS, notify=TOLD), calls=(CAT, DAN))


@pytest.fixture
def asked() -> Iterator[World]:
    """Version 1 waits for one vote, for four hours."""
    with living(told(deadline_seconds=4 * 3600)) as world:
        world.passes(1)
        world.replace()
        yield world


def sent(world: World) -> list[tuple[str, str, str]]:
    """Status, severity and title of each message, by one of the channels; both are told the same."""
    with world.store.read() as session:
        rows = list(session.exec(select(tables.Outbox).order_by(tables.Outbox.created_at, tables.Outbox.id)))
    by = {name: [row.message for row in rows if row.channel == name] for name in TOLD}
    assert [item["title"] for item in by["team"]] == [item["title"] for item in by["lead"]]
    return [(item["status"], item["severity"], item["title"]) for item in by["team"]]


def text(world: World) -> str:
    with world.store.read() as session:
        found = session.exec(select(tables.Outbox).order_by(tables.Outbox.created_at.desc())).first()  # type: ignore[attr-defined]
    assert found is not None
    return str(found.message["text"])


def attend(world: World) -> list[str]:
    return attending.attend(world.store, "p", world.governing, "dev", "up")


def test_a_request_is_told_once_with_who_may_vote_and_what_to_type(asked: World) -> None:
    for _ in range(3):
        asked.replace()
        attend(asked)
    assert [("firing", "info", "version 1 of model/m waits for approval (dev)")] == sent(asked)
    (request,) = asked.requests()
    assert [
        "policy release: 0 of 1 votes of group/risk",
        "may vote: user:ana, user:bob, user:cat",
        "lapses: 2026-01-05T13:00",
        f'headrace approve --request {request.id} --reason "what you looked at"',
    ] == text(asked).splitlines()


def test_who_has_no_vote_is_not_told_to_vote() -> None:
    with living(told()) as world:
        world.apply(ANA)
        world.passes(1, authors=("bob",))
        world.replace()
        assert "may vote: user:cat" in text(world)


def test_a_quarter_of_the_time_before_the_deadline_it_is_told_again_once(asked: World) -> None:
    asked.wait(3 * HOUR - timedelta(seconds=1))
    assert [] == attend(asked)
    asked.wait(timedelta(seconds=1))
    assert ["approval of model/m v1: open, and soon lapses"] == attend(asked)
    asked.replace()
    assert [] == attend(asked)
    assert ("firing", "warning", "version 1 of model/m lapses at 2026-01-05T13:00, and waits for approval (dev)") == sent(asked)[-1]
    assert 2 == len(sent(asked))


def test_a_request_lapses_by_time_alone_and_that_is_told_and_ends_its_candidate(asked: World) -> None:
    asked.wait(4 * HOUR + timedelta(seconds=1))
    assert ["approval of model/m v1: lapsed"] == attend(asked)
    assert [] == attend(asked)
    assert ("resolved", "warning", "version 1 of model/m was not approved in time (dev)") == sent(asked)[-1]
    assert ({}, 2) == (asked.aliases(), len(sent(asked)))


@pytest.mark.parametrize(
    ("choice", "severity", "said"), [(Choice.APPROVE, "info", "is approved"), (Choice.REJECT, "warning", "is rejected")]
)
def test_what_was_decided_is_told_once_and_not_reminded_of(asked: World, choice: Choice, severity: str, said: str) -> None:
    asked.vote(BOB, choice)
    asked.wait(4 * HOUR)
    assert [] == attend(asked)
    asked.replace()
    assert [("resolved", severity, f"version 1 of model/m {said} (dev)")] == sent(asked)[1:]


def test_a_request_of_what_was_changed_is_reminded_of_no_more_and_void(asked: World) -> None:
    asked.judged(1)
    asked.wait(5 * HOUR)
    assert ["approval of model/m v1: no longer what was asked for"] == attend(asked)
    assert ([], 1, ["void"]) == (attend(asked), len(sent(asked)), [row.status.value for row in asked.requests()])


def forced(world: World) -> None:
    world.passes(1)
    world.replace()
    for who in (CAT, DAN):
        world.vote(who, Choice.BREAK_GLASS, reason="incident 4711")
    assert world.replace().passed


def test_what_was_passed_over_and_not_looked_at_in_time_is_alarmed_once() -> None:
    with living(told()) as world:
        forced(world)
        assert ("firing", "critical", "version 1 of model/m goes on without approval until 2026-01-05T13:00 (dev)") == sent(world)[-1]
        world.wait(24 * HOUR)
        assert [] == attend(world)
        world.wait(timedelta(seconds=1))
        assert ["approval of model/m v1: nobody looked at what was passed over"] == attend(world)
        assert ("firing", "critical", "version 1 of model/m goes on without approval, and its review is overdue (dev)") == sent(world)[-1]
        assert "user:cat, user:dan passed the policy over, and nobody looked at it by 2026-01-06T09:00" == text(world)
        fired = world.event("alert.fired").payload
        assert ("approval.review", "critical", world.requests()[0].id) == (fired["alert"], fired["severity"], fired["request"])
        count = len(sent(world))
        for _ in range(2):
            attend(world)
            world.replace()
        assert count == len(sent(world))


def lapses(world: World) -> None:
    """A look after the time for votes, which ends the request."""
    with world.store.transaction("test", "look", "model/m") as session:
        standing = admission.admit(session, world.governing, "dev", "m", 1, now=world.now)
        assert standing is not None
        assert "lapsed" == standing.request.status


def test_a_review_is_alarmed_although_the_votes_lapsed_meanwhile_or_it_was_judged_again() -> None:
    for change in (lapses, lambda world: world.judged(1)):
        with living(told(deadline_seconds=3600)) as world:
            forced(world)
            world.wait(25 * HOUR)
            change(world)
            attend(world)
            assert 1 == len([told for told in sent(world) if "overdue" in told[2]])
            from headrace.registry import asked

            with world.store.read() as session:
                (request,) = asked.requests(session, world.governing, "dev", "m", every=False)
            assert request["overdue"] is not None


def test_what_was_looked_at_in_time_is_not_alarmed_and_late_is_told_to_be_over() -> None:
    with living(told()) as world:
        forced(world)
        world.vote(BOB)
        world.wait(25 * HOUR)
        assert ([], "resolved") == (attend(world), sent(world)[-1][0])
    with living(told()) as world:
        forced(world)
        world.wait(25 * HOUR)
        attend(world)
        world.vote(BOB)
        assert ("resolved", "info", "version 1 of model/m was looked at, late (dev)") == sent(world)[-1]


def test_a_policy_that_names_no_channel_or_only_warns_tells_nobody() -> None:
    for more in ({}, {"notify": TOLD, "mode": "warn"}):
        with living(governance(policy(approval(), **more))) as world:
            world.passes(1)
            world.replace()
            assert [] == sent(world)


def test_who_is_told_decides_nothing(asked: World) -> None:
    asked.vote(BOB)
    asked.governing = governance(policy(approval(deadline_seconds=4 * 3600), glass=GLASS), calls=(CAT, DAN))
    assert asked.replace().passed


def test_two_that_attend_at_once_tell_once(asked: World) -> None:
    asked.wait(3 * HOUR)
    import threading

    found: list[list[str]] = []
    both = [threading.Thread(target=lambda: found.append(attend(asked))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert ([0, 1], 2) == (sorted(len(one) for one in found), len(sent(asked)))


def test_a_message_of_a_request_goes_out_by_its_channels(asked: World) -> None:
    report = Report()
    channels = {name: ChannelConfig(type="log", params={"path": f"{name}.jsonl"}) for name in TOLD}
    assert 2 == notify.deliver(asked.store, load_plugins(None, report), channels, clock.wall())
    with asked.store.read() as session:
        assert {"delivered"} == {row.status.value for row in session.exec(select(tables.Outbox))}
    assert T0 == asked.event("alert.delivered").at
