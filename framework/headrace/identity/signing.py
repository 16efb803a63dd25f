"""The project's key: an Ed25519 key in a file of its own (0600), outside of the database, and what signs and verifies by it.

Whoever can write to the database cannot sign: the key is in `.headrace/keys/signing.pem`, made at first use, or where
`$HEADRACE_SIGNING_KEY` says. Ed25519 is RFC 8032; the key's id is the SHA-256 of its public half (SubjectPublicKeyInfo, DER).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.audit.keyfile import Exposed, appear, held
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["VARIABLE", "Signer", "Verifier", "public", "signer", "trusted"]

VARIABLE = "HEADRACE_SIGNING_KEY"
"""The environment variable that names another file than the project's own."""
_PLACE = Path(".headrace") / "keys" / "signing.pem"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key: whether a signature is by it."""

    key: Ed25519PublicKey

    @property
    def keyid(self) -> str:
        """64 hex digits."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return sha256(self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    @property
    def pem(self) -> str:
        """As another machine is given it."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether it signed exactly these bytes."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, which signs."""

    key: Ed25519PrivateKey = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        """Its public half."""
        return Verifier(self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        """64 bytes."""
        return self.key.sign(data)


def signer(root: Path) -> Signer | None:
    """The project's key, made where there is none; None where the project's folder takes no file, so that nothing can be signed.

    HeadraceError `signing-key` (Exit.REFUSED) where the file is no such key, others may read it, or the one that is named is not there.
    """
    path, own = _place(root)
    if own and not path.exists():
        try:
            _make(path)
        except OSError:
            return None
    return _read(path)


def trusted(root: Path) -> Verifier | None:
    """The public half of the project's key; None where there is none, and none is made. HeadraceError as `signer`."""
    path, own = _place(root)
    return None if own and not path.exists() else _read(path).verifier


def public(path: Path) -> Verifier | EllipticCurvePublicKey:
    """A public key from a PEM file, such as `headrace models verify --key` is given: Ed25519, which signs provenance, or EC.

    HeadraceError `signing-key`.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise _fault(f"{path} holds no public key: {type(error).__name__}", "give the PEM file of a public key") from None
    if isinstance(key, EllipticCurvePublicKey):
        return key
    if not isinstance(key, Ed25519PublicKey):
        raise _fault(f"the key in {path} is of another kind than Ed25519 and EC", "give the PEM file of a public key of these kinds")
    return Verifier(key)


def _place(root: Path) -> tuple[Path, bool]:
    """Where the key is, and whether that is the project's own place, in which it may be made."""
    named = os.environ.get(VARIABLE)
    return (root / named, False) if named else (root / _PLACE, True)


def _read(path: Path) -> Signer:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    help_ = f"put it back from its backup, or set {VARIABLE}"
    try:
        key = load_pem_private_key(held(path), password=None)
    except Exposed as error:
        raise _fault(f"{path} can be read by others (mode {error} beyond the owner's)", f"chmod 600 {path}") from None
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _fault(f"the signing key {path} cannot be read: {type(error).__name__}", help_) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _fault(f"the key in {path} is of another kind than Ed25519", help_)
    return Signer(key)


def _make(path: Path) -> None:
    """Make a key; of two processes at once, the one that comes first."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    appear(path, Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _fault(message: str, help_: str) -> HeadraceError:
    return HeadraceError(Diagnostic("signing-key", message, help=help_), Exit.REFUSED)
