"""What a server proves itself with: a certificate and its key, taken up anew when their files change."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from pathlib import Path

from headrace.compiled import TlsConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

LOG = logging.getLogger("headrace.serving")

LOOK = 1.0
"""Seconds between two looks at the files."""


def context(config: TlsConfig, root: Path) -> ssl.SSLContext:
    """TLS 1.2 and later with the certificate; HeadraceError `certificate-unreadable`."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate, key = _paths(config, root)
    try:
        made.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        named = f"{config.certificate} with {config.key}"
        help_ = "both must be PEM, the key without a password and the certificate's own"
        raise HeadraceError(Diagnostic("certificate-unreadable", f"{named} cannot be read: {why}", help=help_), Exit.FAILED) from None
    return made


def kept(config: TlsConfig, root: Path) -> ssl.SSLContext:
    """The same, and a thread that takes up what is renewed for as long as the process lives."""
    made = context(config, root)
    Renewal(config, root, made).start()
    return made


class Renewal(threading.Thread):
    """Looks whether the files changed; connections that begin after that are given the new certificate."""

    def __init__(self, config: TlsConfig, root: Path, live: ssl.SSLContext) -> None:
        super().__init__(name="tls", daemon=True)
        self._config = config
        self._root = root
        self._live = live
        self._seen = self._stamp()

    def run(self) -> None:
        """Look, wait, look again."""
        while True:
            time.sleep(LOOK)
            self.look()

    def look(self) -> bool:
        """Take up what changed; whether something was. Files that do not fit one another, as while they are written, change nothing."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        try:
            context(self._config, self._root)  # tried apart: a live one would be left with the certificate of another key
            certificate, key = _paths(self._config, self._root)
            self._live.load_cert_chain(certificate, key, password=_no_password)
        except (HeadraceError, OSError, ValueError) as error:
            LOG.warning("the certificate changed and cannot be taken up, the one before goes on: %s", error)
            return False
        LOG.info("the certificate %s was renewed", self._config.certificate)
        return True

    def _stamp(self) -> tuple[tuple[int, int, int], ...]:
        return tuple(_stamp(path) for path in _paths(self._config, self._root))


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)


def _paths(config: TlsConfig, root: Path) -> tuple[Path, Path]:
    return root / config.certificate.removeprefix("file:"), root / config.key.removeprefix("file:")


def _no_password() -> str:
    """Without this a key with a password would ask for it on the terminal."""
    return ""
