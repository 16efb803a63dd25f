"""The vote that decides starts the next flow, once, by what our log says; a run that is started without it moves nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from approval_world import BOB, CAT, World, approval, governance, living, policy

from headrace.apply.outstanding import send_again
from headrace.store import EventKind, events


class Runs:
    """What is asked of Prefect: each run by its key, and whom it was caused by."""

    project = "p"

    def __init__(self) -> None:
        self.asked: dict[str, tuple[str, Mapping[str, Any]]] = {}

    def run(self, deployment: str, parameters: Mapping[str, Any], key: str) -> str:
        self.asked.setdefault(key, (deployment, parameters))
        return key

    def started_by(self, event: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(type="SCHEDULED") for _, told in self.asked.values() if told["cause"] == event]

    def emit(self, *_: object) -> bool:
        raise AssertionError("nothing is announced to Prefect that its automation would start")


def begins(world: World, cause: str) -> None:
    """What a run writes first, whatever comes of it."""
    with world.store.transaction("service:roll_out", "start", "model/m") as session:
        events.append(session, model="m", kind=EventKind.RUN_STARTED, payload={"flow": "roll_out"}, at=world.now, cause=cause)


def looked(world: World, prefect: Runs) -> list[str]:
    return send_again(world.store, prefect, "m")  # type: ignore[arg-type]


def test_only_the_vote_that_decides_starts_the_flow_which_then_promotes() -> None:
    with living(governance(policy(approval(quorum=2)))) as world:
        prefect = Runs()
        world.passes(1)
        world.replace()
        world.vote(BOB)
        assert ([], {}) == (looked(world, prefect), prefect.asked)
        world.vote(CAT)
        decided = world.event("approval.decided").id
        assert ["approval.decided of model/m: roll_out is started"] == looked(world, prefect)
        assert [] == looked(world, prefect)
        assert {decided: ("m/roll_out", {"cause": decided})} == prefect.asked
        begins(world, decided)
        assert (True, {"champion": 1}) == (world.replace().passed, world.aliases())
        assert [] == looked(world, prefect)


def test_a_run_by_hand_before_the_votes_moves_nothing_and_takes_nothing_from_the_one_after_them() -> None:
    with living(governance(policy(approval()))) as world:
        prefect = Runs()
        world.passes(1)
        world.replace()
        begins(world, "an event that Prefect alone knows")
        assert ("awaiting approval", {"candidate": 1}) == (world.replace().payload["state"], world.aliases())
        world.vote(BOB)
        assert 1 == len(looked(world, prefect))
        assert world.replace().passed


def test_a_rejection_starts_a_look_that_finds_no_candidate() -> None:
    from headrace.governance import Choice

    with living(governance(policy(approval()))) as world:
        prefect = Runs()
        world.passes(1)
        world.replace()
        world.vote(BOB, Choice.REJECT)
        assert 1 == len(looked(world, prefect))
        assert ("no candidate waits", {}) == (world.replace().payload["reason"], world.aliases())
