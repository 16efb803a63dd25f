"""A version signed as OpenSSF signs models: what was edited, what is more and what is missing is found, all offline."""

import json
import shutil
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.identity import signing
from headrace.registry import signed


def written(path, key):
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


@pytest.fixture
def key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def version(make):
    return make(data=b"a model")


@pytest.fixture
def body(store, version, key, tmp_path):
    """The signature, as it is kept."""
    signed.sign(store, version, written(tmp_path / "sign.pem", key), actor="test")
    with store.read() as session:
        return registry.provenance.newest(session, version, signed.KIND).body


@pytest.fixture
def folder(store, version, tmp_path):
    with signed._laid_out(store, version) as made:
        shutil.copytree(made, tmp_path / "folder")
    return tmp_path / "folder"


def state(store, version, *signers):
    checks = registry.checked(store, version, signing.trusted(store.root), signers)
    return next((item.state for item in checks if item.id == signed.KIND), None)


@pytest.mark.usefixtures("body")
def test_a_signed_version_is_verified_by_the_public_key_and_by_no_other(store, version, key):
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    assert ["passed", "passed", "failed", "unsigned"] == [
        state(store, version, key.public_key()),
        state(store, version, other, key.public_key()),
        state(store, version, other),
        state(store, version),
    ]


def test_a_version_that_nobody_signed_fails_only_where_a_signer_is_asked_for(store, version, key):
    assert (None, "failed") == (state(store, version), state(store, version, key.public_key()))


def edited(folder):
    (folder / "model").write_bytes(b"a mudel")


def missing(folder):
    (folder / "manifest.json").unlink()


def more(folder):
    (folder / "loader.py").write_text("evil")


def hidden(folder):
    (folder / ".gitattributes").write_text("evil")


def hidden_folder(folder):
    (folder / ".git").mkdir()
    (folder / ".git" / "x").write_text("evil")


def test_the_files_that_were_signed_are_the_files_that_are_there(folder, body, key):
    assert signed.folder_disagrees(folder, body, key.public_key()) is None


@pytest.mark.parametrize("attack", [edited, missing, more, hidden, hidden_folder])
def test_what_was_edited_and_what_is_more_or_missing_is_found(folder, body, key, attack):
    attack(folder)
    assert signed.folder_disagrees(folder, body, key.public_key()) is not None


def test_a_signature_that_leaves_paths_out_is_none(folder, key, tmp_path):
    """What model-signing does unless it is told otherwise: `.git*` is not looked at."""
    from model_signing import signing as theirs

    path = written(tmp_path / "sign.pem", key)
    hidden(folder)
    theirs.Config().use_elliptic_key_signer(private_key=path).sign(folder, tmp_path / "lax.json")
    assert signed.folder_disagrees(folder, (tmp_path / "lax.json").read_text(), key.public_key()) is not None


def test_an_altered_signature_does_not_hold(folder, body, key):
    told = json.loads(body)
    told["dsseEnvelope"]["payload"] = told["dsseEnvelope"]["payload"][:-4] + "AAA="
    for text in (json.dumps(told), "{}", "no json"):
        assert signed.folder_disagrees(folder, text, key.public_key()) is not None


def test_what_was_altered_is_not_signed(store, version, key, tmp_path):
    place = store.blobs.path(version.model_digest)
    place.chmod(0o644)
    place.write_bytes(b"evil")
    with pytest.raises(HeadraceError, match="artifact-altered"):
        signed.sign(store, version, written(tmp_path / "sign.pem", key), actor="test")


def test_a_key_that_is_none_or_that_others_may_read_signs_nothing(store, version, key, tmp_path):
    open_ = written(tmp_path / "open.pem", key)
    open_.chmod(0o644)
    (tmp_path / "text.pem").write_text("no key")
    (tmp_path / "text.pem").chmod(0o600)
    for path in (
        open_,
        tmp_path / "text.pem",
        tmp_path / "none.pem",
        written(tmp_path / "ed.pem", ed25519.Ed25519PrivateKey.generate()),
        written(tmp_path / "k.pem", ec.generate_private_key(ec.SECP256K1())),
    ):
        with pytest.raises(HeadraceError, match="signing-key"):
            signed.sign(store, version, path, actor="test")


def test_without_the_extra_it_is_said(store, version, key, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(HeadraceError, match="signing-missing"):
        signed.sign(store, version, written(tmp_path / "sign.pem", key), actor="test")
