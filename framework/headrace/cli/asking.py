"""How a command asks a model's server: with the key that the shell holds, and over TLS by the very certificate that the spec names."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

VARIABLE = "HEADRACE_API_KEY"
"""Holds the key, or token, that commands send."""


def credential() -> dict[str, str]:
    """The header that says who asks; none where the shell holds no key."""
    key = os.environ.get(VARIABLE, "").strip()
    return {"Authorization": f"Bearer {key}"} if key else {}


def trust(root: Path, model: str) -> ssl.SSLContext | None:
    """What proves that a server on this machine is the model's: its own certificate, whatever name stands in it; None without TLS.

    HeadraceError `certificate-unreadable`.
    """
    from headrace.cli.place import serving_of
    from headrace.diagnostics import Diagnostic, Exit, HeadraceError

    tls = serving_of(root, model).access.tls
    if tls is None:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        made.load_verify_locations(root / tls.certificate.removeprefix("file:"))
    except OSError as error:
        message = f"{tls.certificate} cannot be read: {error.strerror or error}"
        raise HeadraceError(Diagnostic("certificate-unreadable", message, help="it must be a certificate in PEM"), Exit.FAILED) from None
    return made
