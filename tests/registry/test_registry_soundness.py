"""A version carries a signed statement of where it came from, and is held against it."""

import base64
import json
import pickle
import shutil

import pytest
from sqlalchemy.exc import DatabaseError
from sqlmodel import select

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.identity import signing
from headrace.store import attested, digest, events, tables
from headrace.transforms import Packed, pack
from headrace.transforms.calibration import Calibration


@pytest.fixture
def parts(store):
    """Blobs that a manifest names."""
    return {part: store.blobs.put(part.encode()) for part in ("data", "spec", "code", "environment")}


@pytest.fixture
def version(make, parts):
    return make(run_id="r9", digests=parts, sources={"census": digest(b"rows")}, reference=parts["data"])


@pytest.fixture
def states(store):
    def of(version, key=None):
        return {item.id: item.state for item in registry.checked(store, version, key or signing.trusted(store.root))}

    return of


GOOD = dict.fromkeys(("manifest", "model", "data", "code", "environment", "reference", "provenance"), "passed")


def again(store, version):
    with store.read() as session:
        return registry.get(session, version.model, version.number)


def said(store, *statements):
    with store.transaction("test", "attack", "model/churn") as session:
        for words in statements:
            session.connection().exec_driver_sql(words)


def altered(store, version, **columns):
    """As somebody does who can write to the database."""
    with store.transaction("test", "attack", "model/churn") as session:
        row = session.exec(select(tables.ModelVersion).where(tables.ModelVersion.number == version.number)).one()
        for name, value in columns.items():
            setattr(row, name, value)
        session.add(row)
    return again(store, version)


def test_a_version_is_what_was_registered(store, version, states):
    assert GOOD == states(again(store, version))


def test_the_statement_names_the_model_its_materials_and_its_run(store, version):
    told = json.loads(base64.b64decode(json.loads(registry.statement_of(store, version))["payload"]))
    built = told["predicate"]["buildDefinition"]
    assert ("https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1", "r9") == (
        told["_type"],
        told["predicateType"],
        told["predicate"]["runDetails"]["metadata"]["invocationId"],
    )
    assert [
        {"name": "model/churn@1", "digest": {"sha256": version.model_digest[7:]}},
        {"name": "model/churn@1/manifest", "digest": {"sha256": version.manifest_digest[7:]}},
    ] == told["subject"]
    assert ["data", "spec", "code", "environment", "source/census"] == [item["name"] for item in built["resolvedDependencies"]]
    assert {digest(b"rows")[7:]} == {item["digest"]["sha256"] for item in built["resolvedDependencies"] if item["name"] == "source/census"}


def test_being_signed_is_an_event_of_the_registration(store, version):
    with store.read() as session:
        told = [event for event in events.log(session, "churn") if event.kind != "card.written"]
        row = session.exec(select(attested.Attestation)).one()
    assert ["candidate.registered", "version.attested"] == [event.kind for event in told]
    assert {"number": 1, "kind": "provenance", "key": signing.trusted(store.root).keyid, "digest": row.digest} == told[1].payload


def test_a_registration_that_fails_leaves_no_statement(store, make, monkeypatch):
    monkeypatch.setattr("headrace.registry.provenance.events.append", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make()
    with store.read() as session:
        assert ([], []) == (registry.versions(session, "churn"), list(session.exec(select(attested.Attestation))))


def test_statements_are_only_ever_added(store, version):
    for words in ("UPDATE attestation SET body = ''", "DELETE FROM attestation"):
        with pytest.raises((DatabaseError, HeadraceError), match="only ever added"):
            said(store, words)


def test_a_manifest_that_was_rewritten_with_its_digest_is_found_by_the_signature(store, version, states):
    other = version.manifest | {"metrics": {"roc_auc": 0.99}}
    found = altered(store, version, manifest=other, manifest_digest=registry.version.digest_of(other))
    assert GOOD | {"provenance": "failed"} == states(found)


def test_a_model_that_was_swapped_with_its_digests_is_found_by_the_signature(store, version, states):
    name = store.blobs.put(b"evil")
    other = version.manifest | {"digests": {**version.manifest["digests"], "model": name}}
    found = altered(store, version, manifest=other, model_digest=name, manifest_digest=registry.version.digest_of(other))
    assert GOOD | {"provenance": "failed"} == states(found)


@pytest.mark.parametrize("columns", [{"run_id": "another"}, {"algorithm": "another"}])
def test_a_run_or_an_algorithm_that_was_rewritten_is_found(store, version, states, columns):
    assert "failed" in states(altered(store, version, **columns)).values()


def test_blobs_that_are_gone_or_altered_are_named(store, version, states, parts):
    store.blobs.path(parts["code"]).unlink()
    place = store.blobs.path(version.model_digest)
    place.chmod(0o644)
    place.write_bytes(b"evil")
    assert GOOD | {"code": "failed", "model": "failed"} == states(version)


def test_another_key_is_not_trusted(store, version, states, tmp_path):
    assert GOOD | {"provenance": "failed"} == states(version, signing.signer(tmp_path / "other").verifier)


def test_without_a_key_a_signed_version_is_not_verified_and_none_is_made(store, version, states, tmp_path):
    shutil.rmtree(tmp_path / ".headrace" / "keys")
    assert GOOD | {"provenance": "failed"} == states(version)
    assert not (tmp_path / ".headrace" / "keys").exists()


def unguarded(store, words):
    """As somebody does who owns the database."""
    said(store, "DROP TRIGGER attestation_no_delete", "DROP TRIGGER attestation_no_update", words)


def test_a_statement_that_was_taken_away_is_missed(store, version, states):
    unguarded(store, "DELETE FROM attestation")
    assert GOOD | {"provenance": "failed"} == states(version)


def test_a_statement_that_was_rewritten_is_found(store, version, states):
    unguarded(store, "UPDATE attestation SET body = '{}'")
    assert GOOD | {"provenance": "failed"} == states(version)


def test_a_statement_of_another_version_does_not_pass_for_this_ones(store, version, make, states, parts):
    make(run_id="r10", digests=parts)
    unguarded(store, "UPDATE attestation SET number = 3 - number")
    assert GOOD | {"provenance": "failed"} == states(version)


def test_a_project_that_cannot_sign_registers_all_the_same(store, make, parts, states, tmp_path):
    (tmp_path / ".headrace").write_text("no folder")
    version = make(digests=parts)
    (tmp_path / ".headrace").unlink()
    assert "unsigned" == states(version)["provenance"]


def test_a_model_that_runs_code_is_not_registered(make):
    calibrated = pack(Packed(pickle.dumps([1]), calibration=Calibration("sigmoid", (1.0, 0.0))))
    for data in (pickle.dumps([1]), calibrated):
        with pytest.raises(HeadraceError, match="unsafe-format"):
            make(data=data)
