"""Certificates: real ones, spoken to over real connections, and renewed while the server runs."""

import asyncio
import datetime as dt
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headrace.compiled import TlsConfig
from headrace.diagnostics import HeadraceError
from headrace.serving import tls

CONFIG = TlsConfig(certificate="file:tls/server.crt", key="file:tls/server.key")


def certify(root: Path, name: str, *, password: bytes | None = None, only: str | None = None) -> None:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    hidden = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    folder = root / "tls"
    folder.mkdir(exist_ok=True)
    written = {
        "crt": made.public_bytes(serialization.Encoding.PEM),
        "key": key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden),
    }
    for ending, data in written.items():
        if only in (None, ending):
            (folder / f"server.{ending}").write_bytes(data)


@contextmanager
def listening(context: ssl.SSLContext) -> Iterator[int]:
    """A server that shakes hands, on loopback; its port."""
    loop = asyncio.new_event_loop()

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(greet, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def shown(port: int, most: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> str:
    """The name in the certificate that a client is shown."""
    import socket

    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.maximum_version = most
    with socket.create_connection(("127.0.0.1", port)) as plain, client.wrap_socket(plain) as wrapped:
        found = x509.load_der_x509_certificate(wrapped.getpeercert(binary_form=True) or b"")
    return str(found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_a_renewed_certificate_is_shown_to_the_next_client(tmp_path: Path) -> None:
    certify(tmp_path, "first")
    live = tls.context(CONFIG, tmp_path)
    renewal = tls.Renewal(CONFIG, tmp_path, live)
    with listening(live) as port:
        before, unchanged = shown(port), renewal.look()
        certify(tmp_path, "second")
        taken = renewal.look()
        assert ("first", False, True, "second") == (before, unchanged, taken, shown(port))


def test_while_only_one_of_two_files_is_renewed_the_pair_before_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certify(tmp_path, "first")
    live = tls.context(CONFIG, tmp_path)
    renewal = tls.Renewal(CONFIG, tmp_path, live)
    with listening(live) as port:
        certify(tmp_path, "second", only="crt")
        half, between = renewal.look(), shown(port)
        (tmp_path / "tls" / "server.key").unlink()
        none, still = renewal.look(), shown(port)
        certify(tmp_path, "third")
        assert (False, "first", False, "first", True) == (half, between, none, still, renewal.look())
        assert "third" == shown(port)
    assert "the one before goes on" in caplog.text


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_what_is_older_than_tls_1_2_is_refused(tmp_path: Path) -> None:
    certify(tmp_path, "first")
    with listening(tls.context(CONFIG, tmp_path)) as port:
        assert "first" == shown(port, ssl.TLSVersion.TLSv1_2)
        with pytest.raises(ssl.SSLError):
            shown(port, ssl.TLSVersion.TLSv1_1)


@pytest.mark.parametrize("how", ["missing", "no PEM", "another key", "a password"])
def test_a_certificate_that_cannot_be_read_is_told_by_its_name(tmp_path: Path, how: str) -> None:
    if how != "missing":
        certify(tmp_path, "first", password=b"secret" if how == "a password" else None)
    if how == "no PEM":
        (tmp_path / "tls" / "server.crt").write_text("nothing")
    if how == "another key":
        certify(tmp_path, "second", only="key")
    with pytest.raises(HeadraceError, match=r"certificate-unreadable.*file:tls/server\.crt with file:tls/server\.key"):
        tls.context(CONFIG, tmp_path)
