"""P15: a version is found by its number and by each of its aliases, and all of them give the same."""

from hypothesis import given, settings
from hypothesis import strategies as st
from registry_values import AT, registering

from headrace import registry

ALIASES = st.dictionaries(st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", fullmatch=True), st.integers(1, 3), max_size=6)


@settings(max_examples=15, deadline=None)
@given(ALIASES.map(lambda held: {name: number for name, number in held.items() if name != "latest" and not name[1:].isdigit()}))
def test_number_and_aliases_find_the_same_version(held):
    with registering() as (store, register):
        made = {register(data=b"%d" % n).number: n for n in range(3)}
        for name, number in held.items():
            with store.transaction("test", "move", name) as session:
                registry.move(session, model="churn", alias=name, number=number, at=AT, reason="p")
        with store.read() as session:
            by_number = {number: registry.get(session, "churn", number) for number in made}
            assert (by_number, {name: by_number[number] for name, number in held.items()}, by_number[3]) == (
                {number: registry.find(session, "churn", f"v{number}") for number in made},
                {name: registry.find(session, "churn", name) for name in held},
                registry.find(session, "churn", "latest"),
            )
