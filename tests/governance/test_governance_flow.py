"""What a look of `roll_out` does while somebody must agree, and once all have."""

from datetime import timedelta

import pytest
from approval_world import ANA, BOB, CANARY, CAT, DAN, HOUR, T0, World, approval, governance, living, policy
from sqlmodel import select

from headrace import traffic
from headrace.backtest import Votes
from headrace.diagnostics import HeadraceError
from headrace.governance import Choice
from headrace.rollout import Bake, Governed, Warmup, by_hand
from headrace.store import due, events
from headrace.store.tables import Resource, TrafficCount


def refused(error: pytest.ExceptionInfo[HeadraceError]) -> str:
    return next(iter(error.value.report)).id


def test_a_candidate_waits_and_nothing_moves_however_often_it_is_looked_at(world: World) -> None:
    world.passes(1)
    found = [world.replace() for _ in range(3)]
    assert ["awaiting approval"] * 3 == [progress.payload["state"] for progress in found]
    assert ({"candidate": 1}, ["approval.requested"]) == (world.aliases(), world.kinds())


def test_a_promotion_by_hand_asks_for_votes_and_moves_nothing_until_they_are_there(world: World) -> None:
    def promoted() -> by_hand.Done:
        governed = Governed("dev", world.governing)
        return by_hand.promote(world.store, model="m", actor=CAT, reason="at once", governed=governed)

    world.passes(1)
    first = promoted()
    assert (False, True, {"candidate": 1}, ["approval.requested"]) == (first.changed, first.waits, world.aliases(), world.kinds())
    world.vote(BOB)
    assert (True, {"champion": 1}) == (promoted().changed, world.aliases())


def test_what_was_rejected_is_not_promoted_by_hand(world: World) -> None:
    world.passes(1)
    world.replace()
    world.vote(BOB, Choice.REJECT, reason="rows of May are missing")
    with pytest.raises(HeadraceError) as raised:
        by_hand.promote(world.store, model="m", actor=CAT, reason="at once", governed=Governed("dev", world.governing))
    assert ("no-candidate", {}) == (refused(raised), world.aliases())


def test_without_policies_nothing_is_asked_and_nothing_is_written() -> None:
    with living(governance()) as world:
        world.passes(1)
        assert (True, [], []) == (world.replace().passed, world.kinds(), world.requests())
        world.loadable()


def test_the_vote_that_completes_the_quorum_starts_the_flow_which_promotes(world: World) -> None:
    world.passes(1)
    world.replace()
    standing = world.vote(BOB)
    assert ("approved", {"candidate": 1}) == (standing.outcome, world.aliases())
    with world.store.read() as session:
        assert ["approval.decided"] == [event.kind.value for event in events.unanswered(session, "m")]
    assert (True, {"champion": 1}) == (world.replace().passed, world.aliases())
    assert ["approval.requested", "approval.voted", "approval.decided"] == world.kinds()


def test_a_vote_that_completes_nothing_starts_nothing() -> None:
    with living(governance(policy(approval(quorum=2)))) as world:
        world.passes(1)
        world.replace()
        assert "waiting" == world.vote(BOB).outcome
        with world.store.read() as session:
            assert [] == events.unanswered(session, "m")
        assert "approved" == world.vote(CAT).outcome


def test_a_rejection_ends_the_candidate(world: World) -> None:
    world.passes(1)
    world.replace()
    world.vote(BOB, Choice.REJECT, reason="rows of May are missing")
    assert ({}, "policy release: rejected by user:bob") == (world.aliases(), world.event("candidate.rejected").payload["reason"])
    assert "no candidate waits" == world.replace().payload["reason"]
    with pytest.raises(HeadraceError) as error:
        world.vote(CAT)
    assert "already-decided" == refused(error)


def test_what_was_rejected_is_asked_for_anew_once_it_was_judged_anew(world: World) -> None:
    world.passes(1)
    world.vote(BOB, Choice.REJECT)
    world.judged(1)
    assert "approved" == world.vote(BOB).outcome


def test_a_deadline_that_passes_ends_the_candidate_and_approves_nothing() -> None:
    with living(governance(policy(approval(quorum=2, deadline_seconds=3600)))) as world:
        world.passes(1)
        world.replace()
        world.vote(BOB)
        with world.store.read() as session:
            assert [(T0 + HOUR, "its approval lapses")] == [(item.at, item.reason) for item in due.list(session)]
        world.wait(HOUR + timedelta(seconds=1))
        assert ("no candidate waits", {}) == (world.replace().payload["reason"], world.aliases())
        assert ["lapsed"] == [row.status.value for row in world.requests()]
        assert ["approval.requested", "approval.voted", "approval.decided", "candidate.rejected"] == world.kinds()


def test_a_canary_gets_no_share_before_it_is_approved_and_no_champion_after_it_is_void(world: World) -> None:
    world.passes(1)
    world.vote(BOB)
    world.look()
    world.passes(2)
    assert "awaiting approval" == world.look().payload["state"]
    world.vote(BOB, number=2)
    assert "headrace.rollout.started" == world.look().event
    world.judged(2)  # what was approved is another evaluation now
    world.wait(HOUR)
    canary = CANARY.__class__(unit="e", steps=[*CANARY.steps, *CANARY.steps], judge=CANARY.judge, no_data=_patient())
    assert "awaiting approval" == world.look(canary).payload["state"]
    assert {"candidate": 2, "champion": 1} == world.aliases()
    world.vote(CAT, number=2)
    assert "headrace.rollout.raised" == world.look(canary).event


def test_a_bake_waits_for_a_judgement_that_was_agreed_to(world: World) -> None:
    canary = CANARY.__class__(
        unit="e",
        steps=CANARY.steps,
        judge=CANARY.judge,
        warmup=Warmup(requests=0, time=timedelta()),
        no_data=_patient(),
        bake=Bake(time=HOUR),
    )
    world.passes(1)
    world.vote(BOB)
    world.look()
    world.passes(2)
    world.vote(BOB, number=2)
    world.look(canary)
    with world.store.transaction("test", "count", "model/m") as session:
        epoch = traffic.current(session, "m").epoch
        for arm, n in (("candidate", 1000), ("champion", 9000)):
            session.add(TrafficCount(model="m", epoch=epoch, arm=arm, metric="error_rate", worker="w", n=n, bad=0))
    world.judged(2)
    assert "awaiting approval" == world.look(canary).payload["state"]
    with world.store.read() as session:
        assert 0.1 == traffic.current(session, "m").share
    world.vote(BOB, number=2)
    assert "baking" == world.look(canary).payload["state"]


def _patient():
    return CANARY.no_data.__class__(after=timedelta(days=9))


def test_a_rejection_rolls_a_canary_back(world: World) -> None:
    world.passes(1)
    world.vote(BOB)
    world.look()
    world.passes(2)
    world.vote(BOB, number=2)
    world.look()
    world.judged(2)
    world.vote(CAT, Choice.REJECT, number=2)
    assert ("headrace.rollout.rolled_back", {"champion": 1}) == (world.look().event, world.aliases())


def test_a_condition_that_no_vote_mends_refuses_once_and_leaves_the_candidate() -> None:
    with living(governance(policy(require={"fresh": "evaluation.age <= 1d"}))) as world:
        world.passes(1)
        world.wait(2 * 24 * HOUR)
        found = [world.replace().payload for _ in range(2)]
        assert ["refused by policy"] * 2 == [told["state"] for told in found]
        assert "policy release: `fresh` wants evaluation.age <= 1d, and evaluation.age is 172800" in found[0]["reason"]
        assert ({"candidate": 1}, ["promotion.refused"]) == (world.aliases(), world.kinds())
        world.judged(1)
        assert world.replace().passed


def test_what_is_not_known_of_a_version_does_not_hold() -> None:
    with living(governance(policy(require={"signed": "signature.valid", "approved": "card.approved"}))) as world:
        world.passes(1)
        signing = world.store.root / ".headrace" / "keys" / "signing.pem"
        signing.unlink()
        found = world.replace().payload
        assert "refused by policy" == found["state"]
        assert "`signed` wants signature.valid, and signature.valid is not known" in found["reason"]
        assert "card.approved is false" in found["reason"]


def test_a_policy_that_warns_is_told_and_stops_nothing() -> None:
    with living(governance(policy(approval(), mode="warn"))) as world:
        world.passes(1)
        assert world.replace().passed
        assert ["policy release: 0 of 1 votes of group/risk"] == world.event("approval.decided").payload["warnings"]
        world.loadable()


def test_who_applied_last_asks_for_it_and_has_no_vote(world: World) -> None:
    world.apply(ANA)
    world.passes(1)
    world.wait(HOUR)
    world.apply(BOB)
    world.replace()
    for who in (ANA, BOB):
        with pytest.raises(HeadraceError) as error:
            world.vote(who)
        assert "may-not-vote" == refused(error)
    assert "approved" == world.vote(CAT).outcome


def test_whose_commit_it_was_trained_of_has_no_vote(world: World) -> None:
    world.passes(1, authors=("Ana",))
    with pytest.raises(HeadraceError, match="user:ana trained it"):
        world.vote(ANA)


def test_policies_in_force_are_those_applied_last_whatever_is_compiled(world: World) -> None:
    from headrace.governance import in_force, note

    with world.store.transaction("test", "apply", "project") as session:
        session.add(
            Resource(uid="u", address="project/p", kind="project", fingerprint="f", spec={}, applied={"a": 1}, serial=1, updated_at=T0)
        )
        session.flush()
        note(session, "p", world.governing)
    edited = governance()
    with world.store.read() as session:
        assert world.governing == in_force(session, "p", edited)
        assert edited == in_force(session, "another", edited)
        assert {"a", "governance"} == session.exec(select(Resource)).one().applied.keys()
    with world.store.transaction("test", "apply", "project") as session:
        note(session, "p", type(edited)())
        assert {"a": 1} == session.exec(select(Resource)).one().applied


def test_somebody_of_no_group_has_no_vote(world: World) -> None:
    world.passes(1)
    with pytest.raises(HeadraceError, match="user:dan is no member of group/risk"):
        world.vote(DAN)
    assert [] == world.votes()


def awaited(world: World) -> dict[int, str]:
    with world.store.read() as session:
        return Votes("p", "dev", world.governing).awaited(session, "m")


def test_a_replay_waits_while_votes_alone_are_missing() -> None:
    with living(governance(policy(approval(quorum=2)))) as world:
        world.passes(1)
        found = [awaited(world)]
        world.replace()
        found.append(awaited(world))
        for who in (BOB, CAT):
            world.vote(who)
            found.append(awaited(world))
        missing = "policy release: {} of 2 votes of group/risk"
        assert [{}, {1: missing.format(0)}, {1: missing.format(1)}, {}] == found


def test_a_replay_does_not_wait_for_votes_that_would_let_nothing_in() -> None:
    with living(governance(policy(approval(), require={"carded": "card.complete"}))) as world:
        world.passes(1)
        world.replace()
        assert (1, {}) == (len(world.requests()), awaited(world))


def test_a_replay_does_not_wait_for_what_was_changed_since() -> None:
    with living(governance(policy(approval()))) as world:
        world.passes(1)
        world.replace()
        world.governing = governance(policy(approval(), name="another"))
        assert {} == awaited(world)
        world.governing = governance()
        assert {} == awaited(world)
