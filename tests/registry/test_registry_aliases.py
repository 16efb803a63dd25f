"""Aliases: how champion, candidate and previous move."""

from datetime import UTC, datetime

import pytest

from headrace import registry
from headrace.diagnostics import Exit, HeadraceError
from headrace.store import events

AT = datetime(2020, 1, 2, tzinfo=UTC)


@pytest.fixture
def three(make):
    return [make() for _ in range(3)]


@pytest.fixture
def promote(write):
    return lambda number: write(registry.promote, model="churn", number=number, at=AT, reason="good")


@pytest.fixture
def held(store):
    def aliases():
        with store.read() as session:
            return registry.aliases(session, "churn")

    return aliases


@pytest.fixture
def moved(store):
    def told():
        with store.read() as session:
            found = events.log(session, "churn", [events.EventKind.ALIAS_MOVED])
        return [(event.payload["alias"], event.payload["from"], event.payload["to"]) for event in found]

    return told


@pytest.mark.usefixtures("three")
def test_the_first_champion_has_no_previous(promote, held):
    promote(1)
    assert {"champion": 1} == held()


@pytest.mark.usefixtures("three")
def test_promotion_keeps_the_champion_so_far(promote, held, moved):
    promote(1)
    promote(3)
    assert ({"champion": 3, "previous": 1}, [("champion", None, 1), ("champion", 1, 3), ("previous", None, 1)]) == (held(), moved())


@pytest.mark.usefixtures("three")
def test_promoting_twice_is_promoting_once(promote, held):
    promote(1)
    promote(2)
    promote(2)
    assert {"champion": 2, "previous": 1} == held()


@pytest.mark.usefixtures("three")
def test_promotion_drops_its_own_candidate(write, promote, held):
    write(registry.move, model="churn", alias="candidate", number=2, at=AT, reason="passed")
    promote(2)
    assert {"champion": 2} == held()


@pytest.mark.usefixtures("three")
def test_promotion_leaves_a_newer_candidate_waiting(write, promote, held):
    write(registry.move, model="churn", alias="candidate", number=3, at=AT, reason="passed")
    promote(2)
    assert {"champion": 2, "candidate": 3} == held()


@pytest.mark.usefixtures("three")
def test_rollback_puts_the_previous_back_and_forgets_it(write, promote, held):
    promote(1)
    promote(2)
    write(registry.rollback, "churn", AT, "bad")
    assert {"champion": 1} == held()


@pytest.mark.usefixtures("three")
def test_rollback_without_a_previous_is_refused(write, promote):
    promote(1)
    with pytest.raises(HeadraceError, match="no-previous") as raised:
        write(registry.rollback, "churn", AT, "bad")
    assert raised.value.code is Exit.REFUSED


@pytest.mark.usefixtures("three")
def test_moving_to_where_it_stands_is_no_event(write, moved):
    for _ in range(2):
        write(registry.move, model="churn", alias="best-of-may", number=2, at=AT, reason="test")
    write(registry.move, model="churn", alias="nobody", number=None, at=AT, reason="test")
    assert [("best-of-may", None, 2)] == moved()


def test_an_alias_needs_a_version(write):
    with pytest.raises(HeadraceError, match="no-version"):
        write(registry.move, model="churn", alias="champion", number=1, at=AT, reason="test")


@pytest.mark.parametrize("alias", ["latest", "v1", "1", "Über", ""])
def test_a_name_that_could_be_a_number_is_no_alias(write, alias):
    with pytest.raises(HeadraceError, match="reserved-alias"):
        write(registry.move, model="churn", alias=alias, number=1, at=AT, reason="test")
