"""The project's key: made once, for its owner's eyes alone, and used for what DSSE signs."""

import json
import multiprocessing
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa as rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from headrace.diagnostics import Exit, HeadraceError
from headrace.identity import envelope, signing

PLACE = Path(".headrace/keys/signing.pem")
KIND = "application/vnd.in-toto+json"


@pytest.fixture
def key(tmp_path):
    return signing.signer(tmp_path)


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path, key):
    again = signing.signer(tmp_path)
    assert (key.verifier.keyid, 0o600, 0o700) == (
        again.verifier.keyid,
        stat.S_IMODE((tmp_path / PLACE).stat().st_mode),
        stat.S_IMODE((tmp_path / PLACE.parent).stat().st_mode),
    )
    assert ["signing.pem"] == [path.name for path in (tmp_path / PLACE.parent).iterdir()]


def test_nothing_is_made_where_a_key_is_only_asked_for(tmp_path):
    assert signing.trusted(tmp_path) is None
    assert [] == list(tmp_path.iterdir())


def made(root, barrier, found):
    barrier.wait()
    found.put(signing.signer(root).verifier.keyid)


def test_four_processes_at_once_have_one_key(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, found = context.Barrier(4), context.Queue()
    workers = [context.Process(target=made, args=(tmp_path, barrier, found)) for _ in range(4)]
    for worker in workers:
        worker.start()
    ids = {found.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert {signing.trusted(tmp_path).keyid} == ids


@pytest.mark.usefixtures("key")
def test_a_key_that_others_may_read_signs_nothing(tmp_path):
    (tmp_path / PLACE).chmod(0o640)
    with pytest.raises(HeadraceError, match=r"signing-key.*mode 040 beyond") as raised:
        signing.signer(tmp_path)
    assert Exit.REFUSED is raised.value.code


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("text", [b"", b"no key"])
def test_a_file_that_is_no_key_is_said(tmp_path, text):
    (tmp_path / PLACE).write_bytes(text)
    with pytest.raises(HeadraceError, match="signing-key"):
        signing.signer(tmp_path)


@pytest.mark.usefixtures("key")
def test_a_key_of_another_kind_is_said(tmp_path):
    other = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / PLACE).write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "other.pub").write_bytes(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(HeadraceError, match="of another kind than Ed25519"):
        signing.signer(tmp_path)
    assert other.public_key().public_numbers() == signing.public(tmp_path / "other.pub").public_numbers()
    rsa = rsa_key.generate_private_key(65537, 2048).public_key()
    (tmp_path / "other.pub").write_bytes(rsa.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(HeadraceError, match="of another kind than Ed25519 and EC"):
        signing.public(tmp_path / "other.pub")


def test_the_file_that_the_environment_names_is_used_and_never_made(tmp_path, monkeypatch):
    shared = signing.signer(tmp_path / "elsewhere").verifier.keyid
    monkeypatch.setenv(signing.VARIABLE, str(tmp_path / "elsewhere" / PLACE))
    assert shared == signing.signer(tmp_path / "here").verifier.keyid
    monkeypatch.setenv(signing.VARIABLE, str(tmp_path / "none.pem"))
    with pytest.raises(HeadraceError, match="signing-key"):
        signing.signer(tmp_path / "here")
    assert not (tmp_path / "none.pem").exists()


def test_where_no_file_can_be_made_there_is_no_key(tmp_path):
    (tmp_path / ".headrace").write_text("a file, where a folder should be")
    assert signing.signer(tmp_path) is None


def test_a_public_key_goes_through_its_file(tmp_path, key):
    (tmp_path / "signing.pub").write_text(key.verifier.pem)
    assert key.verifier.keyid == signing.public(tmp_path / "signing.pub").keyid
    with pytest.raises(HeadraceError, match="signing-key"):
        signing.public(tmp_path / "none")


def test_what_is_signed_is_what_the_protocol_says():
    """The example of DSSE's protocol.md, v1.0.2 (secure-systems-lab/dsse, Apache-2.0)."""
    assert b"DSSEv1 29 http://example.com/HelloWorld 11 hello world" == envelope.encoded("http://example.com/HelloWorld", b"hello world")


def test_a_sealed_payload_is_opened_by_its_key(key):
    assert b"told" == envelope.opened(json.dumps(envelope.sealed(KIND, b"told", key)), KIND, key.verifier)


@pytest.mark.parametrize(
    ("part", "value", "says"),
    [
        ("payload", "b3RoZXI=", "its signature is not of these bytes"),
        ("payloadType", "text/plain", "its payload is of the type `text/plain`"),
        ("payload", "b3Ro ZXI=", "it is no DSSE envelope"),
        ("signatures", [], "it is signed by another key: "),
        ("signatures", "x", "it is no DSSE envelope"),
    ],
)
def test_an_altered_envelope_is_not_opened(key, part, value, says):
    sealed = envelope.sealed(KIND, b"told", key) | {part: value}
    with pytest.raises(ValueError, match=says):
        envelope.opened(json.dumps(sealed), KIND, key.verifier)


def test_another_keys_envelope_is_not_opened(tmp_path, key):
    other = signing.signer(tmp_path / "other")
    with pytest.raises(ValueError, match=f"it is signed by another key: {other.verifier.keyid[:12]}"):
        envelope.opened(json.dumps(envelope.sealed(KIND, b"told", other)), KIND, key.verifier)
