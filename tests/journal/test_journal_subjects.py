"""A key for each subject: what it encrypts opens until it is destroyed, and then by nothing; on both databases."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from headrace.audit.verify import Findings
from headrace.journal import OutcomeRecord, PredictionRecord, Spool, SpoolFull, Terms, ship, subjects
from headrace.journal.personal import Erased, Personal, decrypt, tag
from headrace.store import Store, trail
from headrace.store.sealing import Seal
from headrace.store.subjects import SubjectErasure, SubjectKey
from headrace.store.tables import Audit, Outcome, Prediction

COLUMNS = {"person_id": "hash", "name": "hash", "income": "encrypt"}
K1, K2 = b"1" * 32, b"2" * 32
MODEL = "employment"
Make = Callable[..., PredictionRecord]


def personal(kek: str = "k1", key: bytes = K1) -> Personal:
    return Personal(COLUMNS, "person_id", hash_key=b"a key of hashes, long enough", encryption_id=kek, encryption_key=key)


ANA = personal().subject("ana")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = "sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    with Store.open(url, "blobs", root=tmp_path) as opened:
        yield opened


def journalled(store: Store, folder: Path, *records: PredictionRecord | OutcomeRecord, by: Personal | None = None) -> None:
    spool = Spool.open(folder, Terms(personal=by or personal()))
    spool.append_all(records)
    spool.close()
    ship(store, folder)


def incomes(store: Store, keks: dict[str, bytes]) -> dict[str, Any]:
    """What each prediction's income was, by its id, or why it cannot be told."""
    found: dict[str, Any] = {}
    with store.read() as session:
        opening = subjects.Opening(session, keks)
        for row in session.exec(select(Prediction)):
            try:
                found[row.id] = decrypt(opening, row.id, "income", row.inputs["income"])
            except (Erased, KeyError, ValueError) as error:
                found[row.id] = type(error)
    return found


def erase(store: Store, **given: Any) -> subjects.Erasure | None:
    asked: dict[str, Any] = {"subjects": [(MODEL, ANA)], "keks": {MODEL: {"k1": K1}}, "reason": "asked"} | given
    return subjects.erase(store, "user:op", asked["subjects"], asked["keks"], reason=asked["reason"])


def rows(store: Store, kind: Any) -> list[Any]:
    with store.read() as session:
        return list(session.exec(select(kind)))


@pytest.fixture
def two(either: Store, folder: Path, prediction: Make, outcome: Callable[..., OutcomeRecord]) -> Store:
    """Two predictions about Ana and one about Ben, in the store, and what turned out of Ana."""
    told = [prediction(entity=who, id=id_, inputs={"income": money, "name": who}) for id_, who, money in _TOLD]
    journalled(either, folder, *told, outcome(entity="ana"))
    return either


_TOLD = (("1", "ana", 100), ("2", "ana", 200), ("3", "ben", 300))


def test_each_subject_has_a_key_of_its_own_and_all_opens(two: Store) -> None:
    kept = {(row.subject, row.kek, row.wrapped is None) for row in rows(two, SubjectKey)}
    assert ({(ANA, "k1", False), (personal().subject("ben"), "k1", False)}, {"1": 100, "2": 200, "3": 300}) == (
        kept,
        incomes(two, {"k1": K1}),
    )


def test_what_was_erased_is_unreadable_and_others_are_not(two: Store) -> None:
    done = erase(two)

    assert done is not None
    assert ((1, 2, 1), {"1": Erased, "2": Erased, "3": 300}) == (done[2:], incomes(two, {"k1": K1}))
    left = {row.entity for row in rows(two, Prediction) if row.id != "3"}
    assert left == {row.entity for row in rows(two, Outcome)}, "an outcome still finds its requests"
    assert (1, set()) == (
        len(left),
        {text for text in map(str, rows(two, Prediction) + rows(two, Outcome) + rows(two, SubjectKey)) if ANA in text},
    )
    assert [{"dropped": True}] * 2 == [row.inputs["name"] for row in rows(two, Prediction) if row.id != "3"]


def test_an_erasure_is_one_entry_that_names_nobody_and_the_log_is_sound(two: Store) -> None:
    seal, found = Seal(two.root, "dev"), Findings()
    seal.publish(two)
    done = erase(two)
    seal.publish(two)
    records = {name: one.records() for name, one in seal.named().items()}
    with two.read() as session:
        trail.judge(session, seal.public(), records, found)

    assert done is not None
    last = rows(two, Audit)[-1]
    assert ("sound", "erase", f"subject/{done.id}") == (found.verdict, last.action, last.subject)
    assert not [word for word in (ANA, "ana") if word.encode() in last.body]


def test_who_is_not_there_is_erased_without_an_entry(two: Store) -> None:
    before = len(rows(two, Audit))
    nobody = erase(two, subjects=[(MODEL, personal().subject("nobody"))])
    again = (erase(two), erase(two))[1]

    assert (None, None, before + 1) == (nobody, again, len(rows(two, Audit)))


def test_of_two_erasures_at_once_one_is_made(two: Store) -> None:
    found: list[subjects.Erasure | None] = []
    threads = [threading.Thread(target=lambda: found.append(erase(two))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (1, 1, 2) == (sum(one is not None for one in found), sum(row.action == "erase" for row in rows(two, Audit)), len(found))


def test_an_erasure_that_dies_before_its_commit_leaves_all_as_it_was(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(self: Session) -> None:
        self.flush()
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Session, "commit", killed)
        with pytest.raises(RuntimeError, match="killed"):
            erase(two)

    assert ([], {"1": 100, "2": 200, "3": 300}) == (rows(two, SubjectErasure), incomes(two, {"k1": K1}))


def test_a_key_that_was_on_its_way_when_its_subject_was_erased_comes_destroyed(two: Store, folder: Path, prediction: Make) -> None:
    spool = Spool.open(folder, Terms(personal=personal()))
    spool.append(prediction(entity="ana", id="late", inputs={"income": 400}))
    erase(two)
    spool.close()
    ship(two, folder)
    journalled(two, folder, prediction(entity="ana", id="new", inputs={"income": 500}))

    found = incomes(two, {"k1": K1})
    assert (Erased, 500) == (found["late"], found["new"]), "what is asked after an erasure is another matter"


def test_a_rotation_touches_no_value_and_the_old_key_can_go(two: Store) -> None:
    before = [row.inputs for row in rows(two, Prediction)]
    done = subjects.rewrap(two, "user:op", MODEL, {"k2": K2, "k1": K1})
    with two.read() as session:
        wrapped = subjects.wrapped_by(session, MODEL)

    assert (2, {"k2": 2}, before) == (done, wrapped, [row.inputs for row in rows(two, Prediction)])
    assert {"1": 100, "2": 200, "3": 300} == incomes(two, {"k2": K2})
    assert {KeyError} == set(incomes(two, {"k1": K1}).values())
    assert 0 == subjects.rewrap(two, "user:op", MODEL, {"k2": K2})


def test_a_subject_that_was_wrapped_anew_is_erased_and_known_again_by_every_key(two: Store) -> None:
    keks = {"k2": K2, "k1": K1}
    subjects.rewrap(two, "user:op", MODEL, keks)
    done = erase(two, keks={MODEL: keks})

    assert done is not None
    with two.read() as session:
        known = [subjects.erased(session, [tag(kek, MODEL, ANA)]) for kek in (K1, K2, b"3" * 32)]
    assert [done.at, done.at, None] == known


def test_a_rotation_without_the_old_key_names_it_and_changes_nothing(two: Store) -> None:
    with pytest.raises(KeyError, match="k1"):
        subjects.rewrap(two, "user:op", MODEL, {"k2": K2})
    with pytest.raises(ValueError, match="another key"):
        subjects.rewrap(two, "user:op", MODEL, {"k2": K2, "k1": K2})
    assert {"1": 100, "2": 200, "3": 300} == incomes(two, {"k1": K1})


def test_a_rotation_that_dies_goes_on_where_it_was_while_a_server_journals(
    either: Store, folder: Path, prediction: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects, "_AT_ONCE", 3)
    journalled(either, folder, *(prediction(entity=str(n), id=str(n), inputs={"income": n}) for n in range(8)))
    wrapped: list[str] = []
    wrap = subjects._wrap

    def dying(row: SubjectKey, *given: Any) -> None:
        wrapped.append(row.id)
        if len(wrapped) > 4:
            raise OSError("killed")
        wrap(row, *given)

    with monkeypatch.context() as patched:
        patched.setattr(subjects, "_wrap", dying)
        with pytest.raises(OSError, match="killed"):
            subjects.rewrap(either, "user:op", MODEL, {"k2": K2, "k1": K1})
    journalled(either, folder, prediction(entity="late", id="8", inputs={"income": 8}))
    done = subjects.rewrap(either, "user:op", MODEL, {"k2": K2, "k1": K1})

    assert (8 - 3 + 1, {str(n): n for n in range(9)}) == (done, incomes(either, {"k2": K2}))


def test_under_load_a_rotation_loses_no_key(either: Store, folder: Path, prediction: Make) -> None:
    stop = threading.Event()

    def serve() -> None:
        for number in range(60):
            journalled(either, folder, prediction(entity=str(number), id=str(number), inputs={"income": number}))
            if stop.is_set():
                break

    server = threading.Thread(target=serve)
    server.start()
    for _ in range(5):
        subjects.rewrap(either, "user:op", MODEL, {"k2": K2, "k1": K1})
    stop.set()
    server.join(60)
    subjects.rewrap(either, "user:op", MODEL, {"k2": K2, "k1": K1})

    found = incomes(either, {"k2": K2})
    assert found
    assert {id_: int(id_) for id_ in found} == found


def test_a_backup_from_before_an_erasure_opens_by_nothing_once_the_key_that_wrapped_it_is_gone(
    tmp_path: Path, folder: Path, prediction: Make
) -> None:
    with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as store:
        journalled(store, folder, prediction(entity="ana", id="1", inputs={"income": 100}))
        with closing(sqlite3.connect(tmp_path / "state.db")) as source, closing(sqlite3.connect(tmp_path / "backup.db")) as backup:
            source.backup(backup)
        erase(store)
        subjects.rewrap(store, "user:op", MODEL, {"k2": K2, "k1": K1})
    with Store.open("sqlite:///backup.db", "blobs", root=tmp_path) as restored:
        assert ({"1": 100}, {"1": KeyError}) == (incomes(restored, {"k1": K1}), incomes(restored, {"k2": K2}))


def test_what_was_encrypted_by_an_environments_own_key_is_dropped(store: Store, folder: Path, prediction: Make) -> None:
    spool = Spool.open(folder)
    spool.append(prediction(entity=ANA, id="1", inputs={"income": {"aes-256-gcm": "k1:AAAA"}, "age": 3.0}))
    spool.close()
    ship(store, folder)
    erase(store)

    (row,) = rows(store, Prediction)
    assert {"income": {"dropped": True}, "age": 3.0} == row.inputs


def test_a_key_whose_record_was_not_written_encrypts_nothing_more(
    folder: Path, store: Store, prediction: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool.open(folder, Terms(personal=personal()))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", _full)
        with pytest.raises(OSError, match="full"):
            spool.append(prediction(entity="ana", id="1", inputs={"income": 100}))
    spool.append(prediction(entity="ana", id="2", inputs={"income": 200}))
    spool.close()
    ship(store, folder)

    assert {"2": 200} == incomes(store, {"k1": K1})


def _full(*_: object) -> int:
    raise SpoolFull("full")


def test_a_subject_that_is_asked_about_again_has_one_key(folder: Path, store: Store, prediction: Make) -> None:
    spool = Spool.open(folder, Terms(personal=personal()))
    for number in range(3):
        spool.append(prediction(entity="ana", id=str(number), inputs={"income": number}))
    spool.close()
    ship(store, folder)

    assert (1, {"0": 0, "1": 1, "2": 2}) == (len(rows(store, SubjectKey)), incomes(store, {"k1": K1}))


def test_each_segment_brings_the_keys_of_its_own_records(folder: Path, store: Store, prediction: Make) -> None:
    spool = Spool.open(folder, Terms(personal=personal(), segment_bytes=1200))
    for number in range(6):
        spool.append(prediction(entity="ana", id=str(number), inputs={"income": number}))
    spool.close()
    first, *others = sorted(folder.glob("*.spool"))
    shutil.move(first, first.with_suffix(".lost"))
    ship(store, folder)

    found = incomes(store, {"k1": K1})
    assert others
    assert found
    assert {id_: int(id_) for id_ in found} == found


def test_an_entity_that_the_database_takes_in_another_form_is_erased_by_what_it_was(store: Store, folder: Path, prediction: Make) -> None:
    plain = Personal({"income": "encrypt"}, "person_id", encryption_id="k1", encryption_key=K1)
    journalled(store, folder, prediction(entity="a\0\ud800", id="1", inputs={"income": 100}), by=plain)
    assert {"1": 100} == incomes(store, {"k1": K1})

    done = erase(store, subjects=[(MODEL, plain.subject("a\0\ud800"))])
    assert done is not None
    assert ((1, 1, 0), {"1": Erased}) == (done[2:], incomes(store, {"k1": K1}))
