"""A format that may run code is let in by name alone, says so everywhere, and is opened only where it is signed where it came from."""

import base64
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from both import on_both
from headrace import registry
from headrace.diagnostics import Exit, HeadraceError
from headrace.hooks import Algorithm, Plugins


class Mean:
    """Answers what it was pickled with."""

    def __init__(self, value):
        self.value = value

    def predict(self, matrix):
        return np.full(len(matrix), self.value)


OPENED = []


def load_pickle(data, *, signature):
    OPENED.append(data)
    return pickle.loads(data)  # noqa: S301 - what this is about


def load_whole(data, *, signature, algorithms):
    return algorithms.load("own", data, signature=signature)


MODEL = pickle.dumps(Mean(0.25))
NAMED = f"{__name__}:load_pickle"


@pytest.fixture
def plugins():
    OPENED.clear()
    own = Algorithm("own", "binary", "", "", "", NAMED, "pickle")
    whole = Algorithm("whole", "binary", "", "", "", f"{__name__}:load_whole", "whole", components="x")
    return Plugins({"own": own, "whole": whole}, {}, {}, {}, {}, unsafe=frozenset({"pickle"}))


@pytest.fixture
def let_in(store, manifest):
    """Register a pickle."""

    def register(*, unsafe=frozenset({"pickle"}), data=MODEL, algorithm="own", form="pickle"):
        return registry.register(
            store, actor="test", model="churn", run_id="r", manifest=manifest, model_bytes=data, algorithm=algorithm, format=form,
            at=store.clock.now(), unsafe=unsafe,
        )  # fmt: skip

    return register


def refused(call):
    with pytest.raises(HeadraceError, match="unsafe-format") as error:
        call()
    assert (Exit.REFUSED, []) == (error.value.code, OPENED)
    return str(error.value)


@pytest.mark.parametrize("unsafe", [(), ("joblib",)])
def test_without_its_name_nothing_is_registered(store, let_in, unsafe):
    refused(lambda: let_in(unsafe=unsafe))
    with store.read() as session:
        assert [] == registry.versions(session, "churn")


@on_both
def test_what_is_let_in_is_opened_and_says_so_everywhere(store, let_in, plugins):
    version = let_in()
    assert 0.25 == registry.load(store, plugins, version).predictor.value
    with store.read() as session:
        card = registry.card_of(session, "churn", 1).card
        (body,) = session.connection().execute(text("SELECT body FROM attestation")).scalars()
        reasons = session.connection().execute(text("SELECT body FROM audit_entry WHERE action = 'register'")).scalars().all()
    assert "pickle" == version.manifest["unsafe_format"]
    assert "pickle (may run code when it is read: let in by unsafe_formats)" == card.security.format
    assert b'"unsafe_format":"pickle"' in _payload(body)
    assert b"`pickle` may run code when it is read: let in by unsafe_formats" in bytes(reasons[0])


def _payload(body):
    return base64.b64decode(json.loads(body)["payload"])


def test_where_its_name_was_taken_away_it_is_opened_no_more(store, let_in, plugins):
    version = let_in()
    assert "is a pickle" in refused(lambda: registry.load(store, replace(plugins, unsafe=frozenset()), version))


def test_what_was_registered_as_another_format_is_not_opened_as_this_one(store, make, plugins, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("headrace.registry.registration._refuse_code", lambda *_: None)
        version = make(data=MODEL)
    assert "nobody signed where it came from" in refused(lambda: registry.load(store, plugins, version))


@on_both
@pytest.mark.parametrize("attack", ["DELETE FROM attestation", "UPDATE attestation SET body = '{}'"])
def test_without_its_statement_it_is_not_opened(store, let_in, plugins, attack):
    version = let_in()
    with store.transaction("eve", "attack", "attestation") as session:
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'attestation'"
            for name in connection.exec_driver_sql(query).scalars().all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("ALTER TABLE attestation DISABLE TRIGGER ALL")
        connection.exec_driver_sql(attack)
    assert "nobody signed where it came from" in refused(lambda: registry.load(store, plugins, version))


def test_one_that_another_key_signed_is_not_opened(store, let_in, plugins, tmp_path):
    version = let_in()
    (tmp_path / ".headrace" / "keys" / "signing.pem").unlink()
    assert "nobody signed where it came from" in refused(lambda: registry.load(store, plugins, version))


def test_one_whose_bytes_were_altered_is_not_opened(store, let_in, plugins):
    version = let_in()
    place = store.blobs.path(version.model_digest)
    place.chmod(0o644)
    place.write_bytes(pickle.dumps(Mean(0.75)))
    with pytest.raises(HeadraceError, match="artifact-altered"):
        registry.load(store, plugins, version)
    assert [] == OPENED


def test_a_project_that_cannot_sign_lets_none_in(store, let_in, tmp_path):
    (tmp_path / ".headrace").write_text("no folder")
    assert "nothing can sign where it came from" in refused(let_in)


def test_a_part_or_a_baseline_of_such_a_format_is_not_opened(store, make, let_in, plugins):
    version = let_in()
    signature = registry.load(store, plugins, version).signature
    OPENED.clear()
    part = {"algorithm": "own", "digest": version.model_digest, "signature": signature, "what": "the baseline"}
    refused(lambda: registry.load_part(store, plugins, **part))
    whole = let_in(algorithm="whole", form="whole", unsafe=frozenset({"whole"}))
    refused(lambda: registry.load(store, replace(plugins, unsafe=frozenset({"whole", "pickle"})), whole))


def test_a_version_of_a_safe_format_says_nothing_of_it(store, make):
    version = make(data=b"0.25")
    with store.read() as session:
        assert ("x", False) == (registry.card_of(session, "churn", 1).card.security.format, "unsafe_format" in version.manifest)
