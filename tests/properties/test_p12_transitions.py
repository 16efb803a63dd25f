"""P12: however aliases move, every version stays what it was, under its number; and what a promotion takes away, a rollback gives back."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant
from registry_machine import Moves, holds, opened
from registry_values import AT, registering

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.registry import Stage
from headrace.registry import stage as stages
from headrace.store import events

NUMBERS = st.integers(1, 4)
MOVES = st.one_of(
    st.tuples(st.just("promote"), NUMBERS),
    st.tuples(st.just("rollback"), st.just(0)),
    st.tuples(st.just("candidate"), NUMBERS | st.none()),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(MOVES, max_size=10))
def test_moving_aliases_changes_no_version(moves):
    with registering() as (store, register):
        made = [register(data=b"%d" % n) for n in range(4)]
        expected = {}
        for move, number in moves:
            before = dict(expected)
            try:
                with store.transaction("test", "move", "model/churn") as session:
                    if move == "promote":
                        registry.promote(session, model="churn", number=number, at=AT, reason="p")
                    elif move == "rollback":
                        registry.rollback(session, "churn", AT, "p")
                    else:
                        registry.move(session, model="churn", alias="candidate", number=number, at=AT, reason="p")
                expected = after(before, move, number)
            except HeadraceError:
                assert (move, False) == ("rollback", "previous" in before)
        with store.read() as session:
            assert (made, expected) == (registry.versions(session, "churn"), registry.aliases(session, "churn"))


def after(held, move, number):
    """The aliases as they must be, told independently of the registry."""
    held = dict(held)
    if move == "candidate":
        held["candidate"] = number
    elif move == "rollback":
        held["champion"], held["previous"] = held["previous"], None
    else:
        if held.get("champion") != number:
            held["champion"], held["previous"] = number, held.get("champion")
        if held.get("candidate") == number:
            held["candidate"] = None
    return {name: value for name, value in held.items() if value is not None}


class Moved(Moves):
    @invariant()
    def every_version_is_what_was_registered(self):
        with self.store.read() as session:
            assert self.made == {model: registry.versions(session, self.name(model)) for model in self.made}

    @invariant()
    def every_move_was_legal_has_its_event_and_follows_the_one_before(self):
        with self.store.read() as session:
            for model, made in self.made.items():
                told = {event.id: event.payload for event in events.log(session, self.name(model), [events.EventKind.STAGE_MOVED])}
                stays = [stages.history(session, self.name(model), version.number) for version in made]
                assert len(told) == sum(len(found) - 1 for found in stays)
                for found in stays:
                    assert (Stage.REGISTERED, None) == (found[0].stage, found[-1].until)
                    for before, after in pairwise(found):
                        assert after.stage in stages.MOVES[before.stage]
                        assert (before.until, before.stage, after.stage) == (
                            after.since, told[after.event_id]["from"], told[after.event_id]["to"],
                        )  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_moves_change_no_version_and_are_legal_whatever_their_order(request, tmp_path, database):
    with opened(request, tmp_path, database) as store:
        holds(store, Moved)
