"""Garbage: what nothing names goes after a while; what anything names, or an upload brings anew, stays."""

import os
import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import JSON, String

from headrace import registry
from headrace.registry import garbage
from headrace.store import Blobs, Store, digest, sweep
from headrace.store.tables import Row

DAY = timedelta(days=1)


def age(store, name, days=30.0):
    path = store.root / "blobs" / "sha256" / name[7:9] / name[7:]
    os.utime(path, (time.time() - days * 86400,) * 2)


def taken(found):
    return [blob.digest for blob in found.taken]


@pytest.fixture
def old(store):
    """An old blob that nothing names."""
    name = store.blobs.put(b"of nobody")
    age(store, name)
    return name


def test_it_is_said_first_and_taken_only_where_asked(store, old):
    assert ([old], 9, True) == (taken(found := garbage.collect(store, actor="test")), found.size, store.blobs.exists(old))
    assert ([old], False) == (taken(garbage.collect(store, actor="test", apply=True)), store.blobs.exists(old))
    assert [] == taken(garbage.collect(store, actor="test", apply=True))


def test_what_a_version_names_stays_though_it_was_withdrawn(make, store, write, old):
    kept = {part: store.blobs.put(part.encode()) for part in ("reference", "profile", "baseline", "data", "spec", "code", "environment")}
    digests = {part: kept[part] for part in ("data", "spec", "code", "environment")}
    nested = {"algorithm": "a", "digest": kept["baseline"]}
    version = make(digests=digests, reference=kept["reference"], profile=kept["profile"], baseline=nested)
    write(registry.withdraw, model="churn", number=1, at=version.created_at, reason="test")
    for name in (*kept.values(), version.model_digest):
        age(store, name)
    found = garbage.collect(store, actor="test", apply=True)
    assert ([old], 8, True) == (taken(found), found.used, all(map(store.blobs.exists, (*kept.values(), version.model_digest))))


def test_what_a_kept_blob_names_stays(make, store):
    inner = store.blobs.put(b"inner")
    middle = store.blobs.put(b'{"of": "' + inner.encode() + b'"}')
    outer = store.blobs.put(b'["' + middle.encode() + b'"]')
    make(tuned={"study": outer})
    for name in (inner, middle, outer):
        age(store, name)
    assert [] == taken(garbage.collect(store, actor="test", apply=True))


def test_what_is_young_stays(store):
    store.blobs.put(b"an upload that goes on")
    found = garbage.collect(store, actor="test", apply=True)
    assert (1, []) == (found.young, taken(found))


def test_no_grace_is_shorter_than_an_hour(store):
    with pytest.raises(ValueError, match="below"):
        garbage.collect(store, actor="test", grace=timedelta(minutes=59))


def test_what_is_uploaded_again_is_young_again(store, old):
    store.blobs.put(b"of nobody")
    assert [] == taken(garbage.collect(store, actor="test", apply=True))
    age(store, old)
    assert store.blobs.keep(old)
    assert [] == taken(garbage.collect(store, actor="test", apply=True))
    assert not store.blobs.keep(digest(b"never"))


def test_what_is_uploaded_while_it_is_taken_stays(store, old, monkeypatch):
    references = garbage.references

    def meanwhile(session):
        found = set(references(session))
        store.blobs.put(b"of nobody")
        return found

    monkeypatch.setattr(garbage, "references", meanwhile)
    assert ([], True) == (taken(garbage.collect(store, actor="test", apply=True)), store.blobs.get(old) == b"of nobody")


def test_what_is_registered_while_it_is_looked_for_stays(store, make, monkeypatch):
    name = store.blobs.put(b"model")
    age(store, name)
    monkeypatch.setattr(garbage, "_closure", lambda *_: (make(), age(store, name), set())[-1])
    assert ([], b"model") == (taken(garbage.collect(store, actor="test", apply=True)), store.blobs.get(name))


def test_an_upload_that_goes_on_is_no_blob(store, old):
    path = store.root / "blobs" / "sha256" / old[7:9] / f".{old[7:]}.{'0' * 32}"
    path.write_bytes(b"half")
    os.utime(path, (0, 0))
    garbage.collect(store, actor="test", apply=True)
    assert path.exists()


def test_every_column_that_may_name_a_blob_is_looked_through():
    """A new table or column is looked through by itself; who writes one into `NEVER` must know that it holds no digest."""
    looked = {(table.name, column.name) for table, columns in garbage.searched() for column in columns}
    may = {
        (table.name, column.name)
        for table in Row.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, String | JSON) and ("digest" in column.name or isinstance(column.type, JSON))
    }
    assert {("outbox", "message"), ("prediction", "answer"), ("prediction", "inputs"), ("prediction", "unseen")} == may - looked
    assert {name for name in garbage.NEVER if name in Row.metadata.tables} == garbage.NEVER - {"alembic_version"}


@pytest.fixture
def afar(tmp_path):
    opened = Store.open("sqlite:///state.db", f"memory://{uuid4().hex}", root=tmp_path)
    yield opened
    opened.close()


def back_date(blobs, name, days):
    held = blobs.remote.store[f"/{blobs.base.strip('/')}/sha256/{name[7:9]}/{name[7:]}"]
    held.created -= timedelta(days=days)


def test_blobs_of_elsewhere_are_collected_and_renewed(afar):
    name, other = afar.blobs.put(b"of nobody"), afar.blobs.put(b"of somebody")
    for each in (name, other):
        back_date(afar.blobs, each, 30)
    afar.blobs.put(b"of somebody")
    assert ([name], [True, False]) == (
        taken(garbage.collect(afar, actor="test", apply=True)),
        [afar.blobs.exists(each) for each in (other, name)],
    )
    assert not sweep.remove(afar.blobs, name, afar.clock.now())
    assert not sweep.remove(afar.blobs, other, afar.clock.now() - DAY)


def test_a_root_without_blobs_has_none(tmp_path: Path):
    assert ([], []) == (
        list(sweep.everything(Blobs("empty", root=tmp_path))),
        list(sweep.everything(Blobs(f"memory://{uuid4().hex}", root=tmp_path))),
    )
