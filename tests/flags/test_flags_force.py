"""Which flags are in force: one row and one entry of the audit log for each change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flag_values import flag, rule
from sqlmodel import col, select

from headrace import flags
from headrace.flags import InForce, Unreadable
from headrace.store import Store
from headrace.store.flagged import Flag
from headrace.store.tables import Audit

FEW = rule("few", split={"on": 0.1, "off": 0.9})


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = "sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    made = Store.open(url, "blobs", root=tmp_path)
    yield made
    made.close()


def entries(store: Store) -> list[tuple[Any, ...]]:
    with store.read() as session:
        bodies = [json.loads(row.body) for row in session.exec(select(Audit).order_by(col(Audit.seq)))]
    return [
        (body["actor"], body["action"], body["subject"]["id"], body.get("before"), body.get("after"))
        for body in bodies
        if body["subject"]["kind"] == "flag"
    ]


def there(store: Store) -> dict[str, InForce | Unreadable]:
    with store.read() as session:
        return flags.read(session)


def test_each_change_is_one_entry_with_what_it_was_and_is(store: Store) -> None:
    one, two = flag(FEW), flag(enabled=False)
    told = [flags.put(store, "user:ana", made) for made in (one, one, two)]
    held = there(store)["shown"]
    assert isinstance(held, InForce)
    assert (two, "shown", "user:ana") == (held.flag, held.salt, held.actor)
    assert [True, True, False] == [*told[::2], told[1]]
    first, second = entries(store)
    assert (("user:ana", "set flag", "shown"), None) == (first[:3], first[3])
    assert (first[4], held.digest) == second[3:]
    assert [True, False] == [flags.remove(store, "user:bob", "shown") for _ in range(2)]
    assert ({}, ("user:bob", "remove flag", "shown", held.digest, None)) == (there(store), entries(store)[-1])


def test_another_name_keeps_what_shares_are_dealt_by(store: Store) -> None:
    flags.put(store, "user:ana", flag(FEW))
    told = [flags.put(store, "user:ana", flag(FEW, name="told"), before="shown") for _ in range(2)]
    (held,) = there(store).values()
    assert isinstance(held, InForce)
    assert ([True, False], "told", "shown") == (told, held.flag.name, held.salt)


def test_values_come_back_as_they_were_declared(store: Store) -> None:
    made = flag(rule("r", "a", x=[1, "1", True]), variants={"a": 1, "b": 1.0, "c": True, "d": "1"}, default="a")
    flags.put(store, "user:ana", made)
    held = there(store)["shown"]
    assert isinstance(held, InForce)
    assert repr(made) == repr(held.flag)


def test_a_row_that_cannot_be_read_says_so_and_leaves_the_others(store: Store) -> None:
    for name in ("a", "b"):
        flags.put(store, "user:ana", flag(name=name))
    with store.transaction("test", "break", "flag/a") as session:
        row = session.get_one(Flag, "a")
        row.config = {**row.config, "enabled": "yes"}
    told = there(store)
    assert isinstance(told["a"], Unreadable)
    assert told["a"].why.startswith("`enabled`")
    assert isinstance(told["b"], InForce)
