"""Ways around an approval, each of which comes to nothing."""

import threading
from datetime import timedelta

import pytest
from approval_world import ANA, BOB, CAT, DAN, HOUR, T0, World, approval, governance, living, policy
from sqlalchemy import text

from both import on_both
from headrace import registry
from headrace.compiled import BreakGlassConfig, GovernanceConfig
from headrace.diagnostics import HeadraceError
from headrace.governance import Choice
from headrace.identity import keys
from headrace.identity.voting import voter
from headrace.registry import evidence
from headrace.registry.evidence import CardFacts
from headrace.store import clock, events
from headrace.store.kinds import Successor


def fault(error: pytest.ExceptionInfo[HeadraceError]) -> str:
    return next(iter(error.value.report)).id


def card(monkeypatch: pytest.MonkeyPatch, digest: str, author: str = "nobody") -> None:
    """A version's card, until the room that writes cards stands: the one function that is asked for it."""
    found = CardFacts(digest, complete=True, approved=True, author=author)
    monkeypatch.setattr(evidence, "card_facts", lambda *_: found)


@on_both
def test_a_card_edited_after_the_approval_voids_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    card(monkeypatch, "sha256:a")
    world.passes(1)
    world.vote(BOB)
    card(monkeypatch, "sha256:b")
    assert "awaiting approval" == world.replace().payload["state"]
    with pytest.raises(HeadraceError, match="its card changed after it was approved"):
        world.loadable()


@on_both
def test_an_artifact_edited_after_the_approval_voids_it(world: World) -> None:
    world.passes(1)
    world.vote(BOB)
    with world.store.transaction("eve", "edit", "model_version") as session:
        session.connection().execute(text("UPDATE model_version SET model_digest = 'sha256:other'"))
    assert "awaiting approval" == world.replace().payload["state"]
    with pytest.raises(HeadraceError, match="its artifact changed after it was approved"):
        world.loadable()


@on_both
def test_an_evaluation_edited_after_the_approval_voids_it(world: World) -> None:
    world.passes(1)
    world.vote(BOB)
    with world.store.transaction("eve", "edit", "verdict") as session:
        session.connection().execute(text("UPDATE verdict SET value = 0.99"))
    assert "awaiting approval" == world.replace().payload["state"]


def test_votes_on_what_was_changed_meanwhile_do_not_count() -> None:
    with living(governance(policy(approval(quorum=2)))) as world:
        world.passes(1)
        world.vote(BOB)
        world.judged(1)
        assert "waiting" == world.vote(CAT).outcome
        assert ["void", "open"] == [row.status.value for row in world.requests()]


def test_a_policy_changed_after_the_approval_asks_anew(world: World) -> None:
    world.passes(1)
    world.vote(BOB)
    world.governing = governance(policy(approval(quorum=2)))
    assert "awaiting approval" == world.replace().payload["state"]


@on_both
def test_the_next_run_started_by_hand_or_by_a_forged_event_does_nothing(world: World) -> None:
    world.passes(1)
    world.replace()
    with world.store.transaction("eve", "forge", "event") as session:
        forged = {"number": 1, "outcome": "approved", "request": world.requests()[0].id}
        events.append(session, model="m", kind=events.EventKind.APPROVAL_DECIDED, payload=forged, at=T0, successor=Successor.ROLL_OUT)
    assert ("awaiting approval", {"candidate": 1}) == (world.replace().payload["state"], world.aliases())
    with pytest.raises(HeadraceError, match="nobody approved it"):
        world.loadable()


def test_one_person_votes_once_by_whatever_key() -> None:
    with living(governance(policy(approval(quorum=2)))) as world:
        world.passes(1)
        world.vote(BOB, key="one")
        with pytest.raises(HeadraceError) as error:
            world.vote(BOB, key="two")
        assert ("already-voted", 1) == (fault(error), len(world.votes()))


@on_both
def test_who_loses_the_group_before_the_quorum_loses_the_vote(store: str) -> None:
    asked = policy(approval(quorum=2))
    with living(governance(asked), store) as world:
        world.passes(1)
        world.vote(BOB)
        world.governing = governance(asked, risk=(ANA, CAT))
        assert "waiting" == world.vote(CAT).outcome
        assert "awaiting approval" == world.replace().payload["state"]


def test_who_loses_the_group_after_the_quorum_takes_nothing_back(world: World) -> None:
    world.passes(1)
    world.vote(BOB)
    world.governing = governance(policy(approval()), risk=(ANA,))
    assert world.replace().passed


@on_both
def test_a_vote_after_the_deadline_is_none_and_a_clock_that_goes_back_brings_none_back(store: str) -> None:
    with living(governance(policy(approval(deadline_seconds=3600))), store) as world:
        world.passes(1)
        world.replace()
        world.wait(2 * HOUR)
        world.replace()
        clock.release(world.store, "test")
        clock.drive(world.store, "test", T0 + HOUR / 2)
        with pytest.raises(HeadraceError) as error:
            world.vote(BOB)
        assert "already-decided" == fault(error)


@on_both
def test_a_deadline_that_passed_unseen_stays_passed_for_what_has_seen_the_time(store: str) -> None:
    with living(governance(policy(approval(quorum=2, deadline_seconds=3600))), store) as world:
        world.passes(1)
        world.wait(HOUR / 2)
        world.vote(BOB)
        clock.release(world.store, "test")
        clock.drive(world.store, "test", T0)
        world.vote(CAT)
        assert [T0 + HOUR / 2] * 2 == [vote.at for vote in world.votes()]


@on_both
def test_two_looks_at_once_promote_once(world: World) -> None:
    world.passes(1)
    world.vote(BOB)
    found: list[bool] = []
    runs = [threading.Thread(target=lambda: found.append(world.replace().passed)) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    with world.store.read() as session:
        moved = [event for event in events.log(session, "m") if event.kind.value == "rollout.promoted"]
    assert ([False, True], 1, {"champion": 1}) == (sorted(found), len(moved), world.aliases())


def test_two_looks_at_once_ask_once(world: World) -> None:
    world.passes(1)
    runs = [threading.Thread(target=world.replace) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert (1, ["approval.requested"]) == (len(world.requests()), world.kinds())


@pytest.mark.parametrize(
    ("auth", "why"), [(None, "showed no key"), (2 * HOUR, r"showed a key 72\d\d s before"), (-HOUR, r"showed a key 3[56]\d\d s after")]
)
def test_stale_authentication_is_none(auth: timedelta | None, why: str) -> None:
    with living(governance(policy(approval(fresh_seconds=600, keyed=True)))) as world:
        world.passes(1)
        with pytest.raises(HeadraceError, match=why):
            world.vote(BOB, auth=auth)
        assert "approved" == world.vote(BOB, auth=timedelta(minutes=5)).outcome


def test_what_acts_by_itself_may_not_vote() -> None:
    with living(governance(policy(approval()), risk=("service:train",))) as world:
        world.passes(1)
        with pytest.raises(HeadraceError, match="service:train is no person"):
            world.vote("service:train")


def test_who_wrote_the_card_has_no_vote(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    card(monkeypatch, "sha256:a", author="bob")
    world.passes(1)
    with pytest.raises(HeadraceError, match="user:bob wrote its card"):
        world.vote(BOB)


def test_a_reason_is_kept_as_it_was_written_and_does_nothing(world: World) -> None:
    said = "'); DROP TABLE approval_vote; -- <script>alert(1)</script>"
    world.passes(1)
    world.vote(BOB, reason=said)
    assert [said] == [vote.reason for vote in world.votes()]


@pytest.mark.parametrize("reason", ["", "  \n ", "a" * 1001, "red \x1b[31m"])
def test_a_reason_that_nobody_can_read_is_none(world: World, reason: str) -> None:
    world.passes(1)
    with pytest.raises(HeadraceError) as error:
        world.vote(BOB, reason=reason)
    assert "no-reason" == fault(error)


def test_a_vote_on_what_no_policy_asks_about_is_none() -> None:
    with living(governance()) as world:
        world.passes(1)
        with pytest.raises(HeadraceError) as error:
            world.vote(BOB)
        assert "not-governed" == fault(error)


GLASS = BreakGlassConfig(group="call", quorum=2, for_seconds=3600, review_seconds=7200)


def breaking() -> GovernanceConfig:
    return governance(policy(approval(quorum=2, deadline_seconds=1800), glass=GLASS), call=(ANA, DAN))


def test_a_policy_is_passed_over_by_two_who_show_keys_and_for_a_while_alone() -> None:
    with living(breaking()) as world:
        world.passes(1)
        with pytest.raises(HeadraceError, match="showed no key"):
            world.vote(ANA, Choice.BREAK_GLASS, auth=None)
        with pytest.raises(HeadraceError, match="no member of group/call"):
            world.vote(BOB, Choice.BREAK_GLASS)
        assert "waiting" == world.vote(ANA, Choice.BREAK_GLASS).outcome
        assert not world.replace().passed
        standing = world.vote(DAN, Choice.BREAK_GLASS)
        assert ("approved", [ANA, DAN]) == (standing.outcome, (standing.request.glass or {})["by"])
        assert world.event("approval.decided").payload["break_glass"]["until"] == (T0 + HOUR).isoformat()
        assert world.replace().passed
        world.loadable()
        world.wait(HOUR)
        with pytest.raises(HeadraceError, match="passed over for a while, and that is over without the votes"):
            world.loadable()


@on_both
def test_a_clock_that_goes_back_passes_no_policy_over_anew(store: str) -> None:
    with living(breaking(), store) as world:
        world.passes(1)
        for who in (ANA, DAN):
            world.vote(who, Choice.BREAK_GLASS)
        world.wait(HOUR)
        assert "awaiting approval" == world.replace().payload["state"]
        clock.release(world.store, "test")
        clock.drive(world.store, "test", T0)
        assert "awaiting approval" == world.replace().payload["state"]
        assert {"candidate": 1} == world.aliases()


def test_what_was_passed_over_is_looked_at_afterwards_by_those_who_vote() -> None:
    with living(breaking()) as world:
        world.passes(1)
        world.vote(ANA, Choice.BREAK_GLASS)
        world.vote(DAN, Choice.BREAK_GLASS)
        world.replace()
        world.wait(HOUR)
        world.vote(BOB)
        with pytest.raises(HeadraceError) as error:
            world.vote(ANA)
        assert "already-voted" == fault(error)
        standing = world.vote(CAT)
        assert ("approved", None) == (standing.outcome, standing.request.glass)
        world.wait(9 * HOUR)
        world.loadable()


def test_a_candidate_that_was_not_rolled_out_while_its_policy_was_passed_over_waits_whatever_the_clock_says() -> None:
    with living(breaking()) as world:
        world.passes(1)
        world.vote(ANA, Choice.BREAK_GLASS)
        world.vote(DAN, Choice.BREAK_GLASS)
        world.wait(HOUR)
        assert "awaiting approval" == world.replace().payload["state"]
        clock.release(world.store, "test")
        clock.drive(world.store, "test", T0)
        assert "awaiting approval" == world.replace().payload["state"]


def test_no_policy_without_break_glass_is_passed_over(world: World) -> None:
    world.passes(1)
    with pytest.raises(HeadraceError, match="no policy that holds for it says `break_glass`"):
        world.vote(ANA, Choice.BREAK_GLASS)


def test_distinct_groups_want_one_of_each() -> None:
    asked = policy(approval(groups=("risk", "law"), quorum=2, distinct_groups=True))
    with living(governance(asked, law=(CAT, DAN))) as world:
        world.passes(1)
        world.vote(ANA)
        assert "waiting" == world.vote(BOB).outcome
        assert "approved" == world.vote(CAT).outcome  # of both groups, and counted for the other one


ISSUED = {"name": "a", "environment": "dev", "expires": None}


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"environment": "staging", "principal": BOB, "scopes": ["approve"]}, "no such key"),
        ({"principal": BOB, "scopes": ["predict"]}, "nobody's to vote by"),
        ({"principal": None, "scopes": ["approve"]}, "nobody's to vote by"),
        ({"principal": BOB, "scopes": None}, "nobody's to vote by"),
        ({"principal": BOB, "scopes": ["approve"], "models": ["other"]}, "not for model/m"),
        ({"principal": BOB, "scopes": ["approve"], "expires": timedelta(seconds=-1)}, "has ended"),
    ],
)
def test_a_key_that_is_not_for_this_vote_is_refused(world: World, made: dict[str, object], why: str) -> None:
    key = keys.issue(world.store, "user:admin", **(ISSUED | {"models": None} | made))  # type: ignore[arg-type]
    with world.store.read() as session, pytest.raises(HeadraceError, match=why) as error:
        voter(session, "dev", "m", key.text)
    assert ("bad-key", False) == (fault(error), key.text[20:] in str(error.value))


def test_one_key_with_the_secret_of_another_or_revoked_is_refused(world: World) -> None:
    made = [
        keys.issue(world.store, "user:admin", name="a", environment="dev", expires=None, models=None, principal=who, scopes=["approve"])
        for who in (BOB, CAT)
    ]
    with world.store.read() as session:
        assert BOB == voter(session, "dev", "m", made[0].text).principal
        for wrong in (made[0].text[:16] + made[1].text[16:], "", "hr_" + "x" * 56, "ü" * 59):
            with pytest.raises(HeadraceError, match="no such key"):
                voter(session, "dev", "m", wrong)
    keys.revoke(world.store, "user:admin", made[0].row.id, environment="dev")
    with world.store.read() as session, pytest.raises(HeadraceError, match="no such key"):
        voter(session, "dev", "m", made[0].text)
    assert CAT == keys.rotate(world.store, "user:admin", made[1].row.id, environment="dev", overlap=HOUR).row.principal


def test_a_version_that_came_to_be_champion_by_another_hand_is_not_loaded(world: World) -> None:
    world.passes(1)
    with world.store.transaction("eve", "promote", "model/m") as session:
        registry.promote(session, model="m", number=1, at=T0, reason="by hand")
    with pytest.raises(HeadraceError) as error:
        world.loadable()
    assert "not-approved" == fault(error)
    world.vote(BOB)
    world.loadable()
