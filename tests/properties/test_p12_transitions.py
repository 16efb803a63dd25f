"""P12: however aliases move, every version stays what it was, under its number; and what a promotion takes away, a rollback gives back."""

from hypothesis import given, settings
from hypothesis import strategies as st
from registry_values import AT, registering

from headrace import registry
from headrace.diagnostics import HeadraceError

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
