"""The journal as a server keeps it: what it tells of itself, what it does where it cannot write, and that no personal value leaves."""

import json
import logging
import os
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving_project import ROW, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace.cli import main
from headrace.compiled import ServingConfig, read
from headrace.diagnostics import HeadraceError
from headrace.journal import present, ship, subjects
from headrace.journal.personal import decrypt
from headrace.serving.journalled import open_spool
from headrace.serving.workspace import open_workspace
from headrace.store.now import wall
from headrace.store.tables import Outcome, Prediction

Serve = Callable[[Project], TestClient]
KEY = bytes(range(7, 39))  # tests are named by it
PERSONAL = {
    "personal": {"person_id": "hash", "sex": "encrypt", "education": "hash"},
    "hash_key": "env:JOURNAL_HASH_KEY",
    "encryption_keys": [["k1", "file:keys/one"]],
}


def started(root: Path, serve: Serve, *, flaky: bool = False, **journal: Any) -> tuple[Project, TestClient]:
    made = make_project(root, {"journal": journal})
    made.alias("champion", made.register_flaky(0.5, fail=1) if flaky else made.register())
    return made, serve(made)


def metric(client: TestClient, name: str) -> float:
    return float(next(line for line in client.get("/metrics").text.splitlines() if line.startswith(f"{name}{{")).rpartition(" ")[2])


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_HASH_KEY", "a key that nobody else has")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "one").write_text(b64encode(KEY).decode())


def test_metadata_and_metrics_tell_of_the_journal(tmp_path: Path, serve: Serve) -> None:
    made, client = started(tmp_path, serve)
    client.post("/predict", json=ROW)
    told = client.get("/metadata").json()["journal"]
    with present(made.spool):
        alive = metric(client, "headrace_journal_shipper_alive")
    lag, held = metric(client, "headrace_journal_lag_seconds"), metric(client, "headrace_journal_bytes")
    ship(made.store, made.spool)

    assert ("process", "refuse", 4 * 1024**3, 0, 0, False) == tuple(
        told[name] for name in ("durability", "full", "limit_bytes", "dropped", "refused", "shipper")
    )
    assert (1.0, True, True, 0.0) == (alive, lag > 0, held > 0, metric(client, "headrace_journal_lag_seconds"))


@pytest.mark.parametrize("written", [True, False])
def test_a_journal_lags_only_for_what_was_written_since_the_store_was_asked(tmp_path: Path, serve: Serve, written: bool) -> None:  # noqa: FBT001
    made, client = started(tmp_path, serve)
    client.post("/predict", json=ROW)
    ship(made.store, made.spool)
    told = client.app.state.server._journal  # type: ignore[attr-defined]
    told.look()
    assert (0.0, True) == (told.lag, told._spool.held > 0)
    (segment,) = made.spool.glob("*.spool")
    asked = wall() - timedelta(seconds=170)
    told._looked = asked  # since when the store has been away
    os.utime(segment, (asked.timestamp() + (60 if written else -60),) * 2)
    assert (170 if written else 0) == pytest.approx(told.lag, abs=20)


def test_a_full_journal_refuses_and_says_so(tmp_path: Path, serve: Serve) -> None:
    made, client = started(tmp_path, serve, bytes=1500)
    told = [client.post("/predict", json=ROW) for _ in range(20)]
    refused = [one for one in told if one.status_code == 503]
    ready = client.get("/health/ready").status_code
    ship(made.store, made.spool)

    with made.store.read() as session:
        kept = set(session.exec(select(Prediction.id)))
    assert {one.json()["id"] for one in told if one.status_code == 200} == kept
    assert {"urn:headrace:journal-unwritable"} == {one.json()["type"] for one in refused}
    assert len(refused) == metric(client, "headrace_journal_refused_total")
    assert (200, 503) == (client.post("/predict", json=ROW).status_code, ready)


def test_a_full_journal_that_drops_goes_on_answering_and_counts(tmp_path: Path, serve: Serve) -> None:
    made, client = started(tmp_path, serve, bytes=1500, full="drop")
    told = [client.post("/predict", json=ROW) for _ in range(20)]
    outcome = client.post("/outcomes", json={"outcomes": [{"person_id": 7, "employed": 1}] * 8})
    ready, metadata = client.get("/health/ready").status_code, client.get("/metadata").json()["journal"]
    ship(made.store, made.spool)

    with made.store.read() as session:
        kept = list(session.exec(select(Prediction.id)))
    assert ({200}, 20, 503, 200) == ({one.status_code for one in told}, len(kept) + metadata["dropped"], outcome.status_code, ready)
    assert (True, metadata["dropped"]) == (0 < metadata["dropped"] < 20, metric(client, "headrace_journal_dropped_total"))


def test_a_strict_journal_is_on_the_disk_before_the_answer(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    _, client = started(tmp_path, serve, durability="strict")
    sync, synced = os.fdatasync, []
    monkeypatch.setattr(os, "fdatasync", lambda file: synced.append(file) or sync(file))
    counts = []
    for _ in range(3):
        assert 200 == client.post("/predict", json=ROW).status_code
        counts.append(len(synced))

    assert [1, 2, 3] == counts


@pytest.mark.usefixtures("keys")
def test_no_personal_value_leaves(
    tmp_path: Path, serve: Serve, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A handler that an earlier test left behind prints its own trace, and with it this test's lines.
    monkeypatch.setattr(logging, "raiseExceptions", False)
    caplog.set_level(logging.DEBUG)
    made, client = started(tmp_path, serve, **PERSONAL)
    row = {**ROW, "person_id": "canary-of-a-person", "sex": "canary-of-a-sex", "education": "canary-of-an-education"}
    answered = client.post("/predict", json=row)
    batch = client.post("/predict/batch", json={"rows": [row, row]})
    outcomes = client.post("/outcomes", json={"outcomes": [{"person_id": "canary-of-a-person", "employed": 1}]})
    wrong = client.post("/predict", json={**row, "age": "canary-of-an-age"})
    told = [client.get("/metrics").text, client.get("/metadata").text, answered.text, batch.text, outcomes.text, wrong.text]
    segments = [path.read_bytes().decode("latin-1") for path in made.spool.glob("*.spool")]
    ship(made.store, made.spool)

    database = "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / ".headrace").glob("state.db*"))
    with made.store.read() as session:
        asked = session.exec(select(Prediction).where(Prediction.id == answered.json()["id"])).one()
        known = session.exec(select(Outcome)).one()
        opened = decrypt(subjects.Opening(session, {"k1": KEY}), asked.id, "sex", asked.inputs["sex"])
    assert (200, 200, 202, 422) == (answered.status_code, batch.status_code, outcomes.status_code, wrong.status_code)
    assert [] == [text for text in (*told, *segments, database, caplog.text, *capfd.readouterr()) if "canary" in text]
    assert (known.entity, "canary-of-a-sex") == (asked.entity, opened)


def told(capsys: pytest.CaptureFixture[str], root: Path, *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["journal", "employment", "--root", str(root), *arguments])
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


@pytest.mark.usefixtures("keys")
def test_the_journal_is_shown_as_it_is_written_and_opened_by_its_keys_alone(
    tmp_path: Path, serve: Serve, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, client = started(tmp_path, serve, **PERSONAL)
    empty = told(capsys, tmp_path)
    client.post("/predict", json=ROW)
    ship(made.store, made.spool)
    (shown,) = json.loads(told(capsys, tmp_path, "--json")[1])["predictions"]
    (opened,) = json.loads(told(capsys, tmp_path, "--json", "--decrypt")[1])["predictions"]
    (tmp_path / "keys" / "one").write_text(b64encode(os.urandom(32)).decode())
    wrong = told(capsys, tmp_path, "--decrypt")

    assert (0, "nothing that model/employment answered is in the store yet\n", "") == empty
    assert ({"aes-256-gcm"}, "2", shown["entity"]) == (set(shown["inputs"]["sex"]), opened["inputs"]["sex"], opened["entity"])
    assert (3, True) == (wrong[0], "error[personal-key]" in wrong[2])


@pytest.mark.usefixtures("keys")
def test_a_model_that_raises_says_no_personal_value(tmp_path: Path, serve: Serve) -> None:
    made, client = started(tmp_path, serve, flaky=True, **PERSONAL)
    refused = client.post("/predict", json=ROW)
    ship(made.store, made.spool)

    with made.store.read() as session:
        errors = list(session.exec(select(Prediction.error)))
    assert (503, ["RuntimeError: (its text may hold personal values)"]) == (refused.status_code, errors)


def opened(root: Path, **journal: Any) -> None:
    made = make_project(root, {"journal": journal})
    made.store.close()
    config = read(ServingConfig, made.config)
    with open_workspace(made.config.parent / "headrace.json", config) as workspace:
        open_spool(config, workspace).close()


@pytest.mark.parametrize(
    ("variable", "one", "fault"),
    [
        (None, b64encode(KEY).decode(), "secret-missing"),
        ("short", b64encode(KEY).decode(), "personal-key"),
        ("a key that nobody else has", "no key at all", "personal-key"),
        ("a key that nobody else has", None, "secret-missing"),
    ],
)
def test_a_server_without_its_keys_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None, one: str | None, fault: str
) -> None:
    if variable is not None:
        monkeypatch.setenv("JOURNAL_HASH_KEY", variable)
    (tmp_path / "keys").mkdir()
    if one is not None:
        (tmp_path / "keys" / "one").write_text(one)
    with pytest.raises(HeadraceError) as error:
        opened(tmp_path, **PERSONAL)

    assert [fault] == [found.id for found in error.value.report.errors]
    assert "no key at all" not in str(error.value)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".headrace").mkdir()
    (tmp_path / ".headrace" / "spool").write_text("a file, where a folder should be")
    with pytest.raises(HeadraceError, match="cannot be kept in"):
        opened(tmp_path)


def test_a_config_from_before_there_was_a_journal_section_means_the_defaults(tmp_path: Path) -> None:
    made = make_project(tmp_path)
    made.store.close()

    assert "journal" not in json.loads(made.config.read_text())
    assert ("process", "refuse", {}) == (
        (journal := read(ServingConfig, made.config).journal).durability,
        journal.full,
        journal.personal,
    )
