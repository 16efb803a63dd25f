"""A waiver that ends takes what it let through with it: nothing is promoted, or gets more traffic, by one that is over."""

from datetime import timedelta

from approval_world import CANARY, HOUR, T0, World, governance, living

from both import on_both
from headrace import registry
from headrace.store import tables

DAY = timedelta(days=1)


def waive(world: World, number: int, *, days: int) -> None:
    """Its gate failed, and somebody answers for it for so many days."""
    until = (T0 + days * DAY).date().isoformat()
    with world.store.transaction("test", "judge", "model/m") as session:
        session.add(
            tables.Verdict(
                model="m", number=number, run_id=f"w{number}", gate="quality", metric="roc_auc", passed=False, mode="block", value=0.1,
                reason="0.1 is less than 0.8", waived={"by": "ana", "reason": "late labels", "until": until}, at=world.now + HOUR,
            )
        )  # fmt: skip


@on_both
def test_a_candidate_whose_waiver_ended_while_it_waited_is_not_promoted(store: str) -> None:
    with living(governance(), store) as world:
        world.passes(1)
        waive(world, 1, days=3)
        world.wait(5 * DAY)
        assert ("no candidate waits", {}) == (world.replace().payload["reason"], world.aliases())
        told = world.event("candidate.rejected").payload
        assert (["quality"], "what waived its gates is over: quality (by ana until 2026-01-08)") == (told["failed"], told["reason"])


def test_it_is_promoted_while_the_waiver_holds() -> None:
    with living(governance()) as world:
        world.passes(1)
        waive(world, 1, days=3)
        world.wait(3 * DAY)
        assert world.replace().passed


def test_a_canary_whose_waiver_ended_gets_no_more_traffic() -> None:
    with living(governance()) as world:
        world.passes(1)
        assert world.look().passed
        world.passes(2)
        waive(world, 2, days=1)
        world.look()
        world.wait(2 * DAY)
        canary = CANARY.__class__(unit="e", steps=[*CANARY.steps, *CANARY.steps], judge=[])
        assert ("headrace.rollout.rolled_back", {"champion": 1}) == (world.look(canary).event, world.aliases())


def test_a_judgement_that_passes_ends_what_was_waived() -> None:
    with living(governance()) as world:
        world.passes(1)
        waive(world, 1, days=1)
        world.wait(5 * DAY)
        world.judged(1)
        assert world.replace().passed
        with world.store.read() as session:
            assert 1 == registry.aliases(session, "m")["champion"]
