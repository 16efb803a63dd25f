"""SemVer: the standard's own lists, and that the sortable text has its precedence."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.registry import SemVer

LISTS = json.loads((Path(__file__).parent / "semver.json").read_text())
"""Those linked from semver.org; the file names the revision and the licence."""


@pytest.mark.parametrize("text", LISTS["valid"])
def test_what_the_standard_takes_is_taken_and_written_as_it_was(text):
    assert text == str(SemVer.parse(text))


@pytest.mark.parametrize("text", [*LISTS["invalid"], "", "1.2.3\n", "\uff11.2.3", "1.2.3-" + "a" * 250])
def test_what_the_standard_refuses_is_refused(text):
    with pytest.raises(HeadraceError, match="bad-semver"):
        SemVer.parse(text)


def test_precedence_is_the_standards():
    found = [SemVer.parse(text) for text in LISTS["precedence_ascending"]]
    assert all(low < high for low, high in pairwise(found))


@pytest.mark.parametrize(
    ("low", "high"),
    [("1.9.0", "1.10.0"), ("1.0.0-9", "1.0.0-10"), ("1.0.0-10", "1.0.0-a"), ("1.0.0-a", "1.0.0-a-b"), ("1.0.0-a.b", "1.0.0-a-b")],
)
def test_numbers_are_compared_as_numbers_and_stand_before_words(low, high):
    assert SemVer.parse(low) < SemVer.parse(high)


@pytest.mark.parametrize("pair", LISTS["equal_precedence"])
def test_build_metadata_does_not_count(pair):
    first, second = map(SemVer.parse, pair)
    assert (True, 1) == (first == second, len({first, second}))


def test_a_semver_is_none_of_anything_else():
    assert SemVer.parse("1.0.0") != "1.0.0"


def test_a_version_gets_its_semver_at_registration_or_once_later(make, write, store):
    make(semver="1.0.0")
    make()
    write(registry.set_semver, model="churn", number=2, semver="1.1.0-rc.1")
    write(registry.set_semver, model="churn", number=2, semver="1.1.0-rc.1")
    with store.read() as session:
        assert [1, 2] == [registry.find(session, "churn", which).number for which in ("1.0.0", "1.1.0-rc.1")]
    with pytest.raises(HeadraceError, match="semver-given"):
        write(registry.set_semver, model="churn", number=2, semver="1.1.0")


@pytest.mark.parametrize("semver", ["1.0.0", "1.0.0+build.2"])
def test_two_versions_of_a_model_have_not_one_semver(make, write, semver):
    make(semver="1.0.0")
    with pytest.raises(HeadraceError, match="semver-taken"):
        make(semver=semver)
    assert 2 == make().number
    with pytest.raises(HeadraceError, match="semver-taken"):
        write(registry.set_semver, model="churn", number=2, semver=semver)
    assert 1 == make(model="fraud", semver=semver).number
