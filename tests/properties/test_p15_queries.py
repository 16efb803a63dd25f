"""P15: a version is found by its number, by its stage and by each alias, and no alias can be mistaken for a number."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant
from registry_machine import Moves, holds, opened
from registry_values import AT, registering

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.registry import Stage

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", fullmatch=True)
FREE = NAMES.filter(lambda name: name not in {"latest", *Stage} and not (name[0] == "v" and name[1:].isdigit()))
NUMBERS = st.integers(1, 3)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(FREE, NUMBERS), max_size=8))
def test_number_and_aliases_find_the_same_version(moves):
    with registering() as (store, register):
        made = {register(data=b"%d" % n).number: n for n in range(3)}
        register(model="another", data=b"4")
        for name, number in moves:
            with store.transaction("test", "move", name) as session:
                registry.move(session, model="churn", alias=name, number=number, at=AT, reason="p")
        held = dict(moves)  # an alias that was moved again stands for the last
        with store.read() as session:
            by_number = {number: registry.get(session, "churn", number) for number in made}
            assert (by_number, by_number, {name: by_number[number] for name, number in held.items()}, by_number[3]) == (
                {number: registry.find(session, "churn", f"v{number}") for number in made},
                {number: registry.find(session, "churn", str(number)) for number in made},
                {name: registry.find(session, "churn", name) for name in held},
                registry.find(session, "churn", "latest"),
            )


@settings(max_examples=15, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=6))
def test_a_stage_finds_the_version_that_is_in_it(promoted):
    with registering() as (store, register):
        for n in range(3):
            register(data=b"%d" % n)
        stages = {}
        for number in promoted:
            with store.transaction("test", "promote", "churn") as session:
                registry.move(session, model="churn", alias=registry.CANDIDATE, number=number, at=AT, reason="p")
                assert number == registry.find(session, "churn", "candidate").number
                registry.promote(session, model="churn", number=number, at=AT, reason="p")
            if stages.get("champion") != number:
                stages = {"champion": number} | ({"previous": stages["champion"]} if "champion" in stages else {})
            with store.read() as session:
                assert stages == {stage: registry.find(session, "churn", stage).number for stage in stages}
                for empty in {"candidate", "previous"} - set(stages):
                    with pytest.raises(HeadraceError, match="no-version"):
                        registry.find(session, "churn", empty)


@settings(max_examples=15, deadline=None)
@given(st.one_of(st.just("latest"), st.integers(0, 99).map("v{}".format), st.integers(0, 99).map(str)), FREE)
def test_no_alias_can_be_taken_for_a_number_and_nothing_is_found_by_a_name_that_nobody_has(reserved, unknown):
    with registering() as (store, register):
        register()
        with store.transaction("test", "move", reserved) as session, pytest.raises(HeadraceError, match="reserved-alias"):
            registry.move(session, model="churn", alias=reserved, number=1, at=AT, reason="p")
        with store.read() as session:
            assert {} == registry.aliases(session, "churn")
            for which in {unknown, "2", "v2", "0"} - {"latest", "v1"}:
                with pytest.raises(HeadraceError, match="no-version"):
                    registry.find(session, "churn", which)


class Found(Moves):
    @invariant()
    def each_name_finds_its_version_and_what_is_withdrawn_is_refused(self):
        with self.store.read() as session:
            for model, made in self.made.items():
                called, gone = self.name(model), self.gone[model]
                for version in made:
                    names = [str(version.number), f"v{version.number}", *(s for s, n in self.semvers[model].items() if n == version.number)]
                    for which in names:
                        assert (None if version.number in gone else version) == self.found(session, called, which)
                standing = [version for version in made if version.number not in gone]
                assert (standing[-1] if standing else None) == self.found(session, called, "latest")
                stages = {version.number: registry.stage_of(session, called, version.number) for version in standing}
                for stage in Stage:
                    newest = max((number for number, it in stages.items() if it is stage), default=None)
                    assert (made[newest - 1] if newest else None) == self.found(session, called, stage.value)
                assert {name: made[number - 1] for name, number in self.held[model].items()} == {
                    name: self.found(session, called, name) for name in self.held[model]
                }

    def found(self, session, model, which):
        try:
            return registry.find(session, model, which)
        except HeadraceError:
            return None


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_every_name_finds_its_version_whatever_was_moved(request, tmp_path, database):
    with opened(request, tmp_path, database) as store:
        holds(store, Found)
