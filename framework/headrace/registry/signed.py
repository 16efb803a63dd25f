"""A version signed as OpenSSF signs models (model-signing): a bundle over the model's file and its manifest, by an EC key, offline.

https://github.com/sigstore/model-transparency. It needs the extra `signing`. Beside the provenance, which every version carries, this is
a signature by whoever is asked for it, such as a reviewer with a key of their own.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import rfc8785

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.registry import provenance
from headrace.registry.version import Version
from headrace.store import Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

__all__ = ["KIND", "disagrees", "keyid", "sign"]

KIND = "signature"
_CURVES = {"secp256r1", "secp384r1", "secp521r1"}
MEDIA = "application/vnd.dev.sigstore.bundle.v0.3+json"


def sign(store: Store, version: Version, key: Path, *, actor: str) -> str:
    """Sign a version, and keep the signature with it; the id of the key. Writes the event version.attested.

    `key` is a PEM file with an EC private key (P-256, P-384, P-521). HeadraceError: `signing-missing` without the extra, `signing-key`,
    and `artifact-altered` or `artifact-missing` where the version is not what was registered: that is not signed.
    """
    signing, _, hashing = _library()
    public = _private(key)
    with _laid_out(store, version) as folder, TemporaryDirectory(prefix="headrace-signature-") as beside:
        bundle = Path(beside) / "signature.json"
        signing.Config().use_elliptic_key_signer(private_key=key).set_hashing_config(_all(hashing)).sign(folder, bundle)
        body = bundle.read_text(encoding="utf-8")
    if (why := _held(body, public, store, version)) is not None:
        raise HeadraceError(Diagnostic("not-verified", f"{version} was signed, and the signature does not hold: {why}"), Exit.FAILED)
    with store.transaction(actor, "sign", str(version)) as session:
        provenance.keep(session, version, kind=KIND, media_type=MEDIA, key=keyid(public), body=body, actor=actor, at=store.clock.now())
    return keyid(public)


def disagrees(store: Store, version: Version, body: str, public: EllipticCurvePublicKey) -> str | None:
    """Why a signature is not this version's by this key; None where it is. HeadraceError `signing-missing`."""
    _library()
    return _held(body, public, store, version)


def keyid(public: EllipticCurvePublicKey) -> str:
    """64 hex digits: the SHA-256 of the key's SubjectPublicKeyInfo."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _held(body: str, public: EllipticCurvePublicKey, store: Store, version: Version) -> str | None:
    try:
        with _laid_out(store, version) as folder:
            return folder_disagrees(folder, body, public)
    except HeadraceError as error:
        return "; ".join(fault.message for fault in error.report)


def folder_disagrees(folder: Path, body: str, public: EllipticCurvePublicKey) -> str | None:
    """Why a bundle is not over exactly these files by this key: one that was edited, one more, one that is missing; None where it is."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    _, verifying, hashing = _library()
    with TemporaryDirectory(prefix="headrace-signature-") as beside:
        bundle, key = Path(beside) / "signature.json", Path(beside) / "key.pub"
        bundle.write_text(body, encoding="utf-8")
        key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        try:
            verifying.Config().use_elliptic_key_verifier(public_key=key).set_hashing_config(_all(hashing)).verify(folder, bundle)
        except Exception as error:  # noqa: BLE001 - the library raises whatever its parsers do: none of it is a good signature
            return str(error).partition("\n")[0] or type(error).__name__
    # A signature may name paths that were left out of it, and by default leaves out `.git*`: what it covers is counted here as well.
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    signed = _covered(body)
    return None if signed == there else f"it covers {', '.join(sorted(signed)) or 'nothing'}, and there are {', '.join(sorted(there))}"


def _covered(body: str) -> set[str]:
    told = json.loads(base64.b64decode(json.loads(body)["dsseEnvelope"]["payload"]))
    return {item["name"] for item in told["predicate"]["resources"]}


@contextmanager
def _laid_out(store: Store, version: Version) -> Iterator[Path]:
    """The files of a version in a folder of our own, each of the bytes that were verified."""
    with TemporaryDirectory(prefix="headrace-version-") as folder:
        (Path(folder) / "model").write_bytes(store.blobs.get(version.model_digest))
        (Path(folder) / "manifest.json").write_bytes(rfc8785.dumps(version.manifest))
        yield Path(folder)


def _all(hashing: Any) -> Any:  # noqa: ANN401 - the library's
    """Every file counts, also those that the library leaves out unless it is told otherwise."""
    return hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)


def _private(path: Path) -> EllipticCurvePublicKey:
    """The public half of the key that will sign, which others may not read."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    help_ = "openssl ecparam -name prime256v1 -genkey -noout -out sign.pem && chmod 600 sign.pem"
    try:
        with path.open("rb") as file:
            if (mode := os.fstat(file.fileno()).st_mode & 0o077) != 0:
                raise HeadraceError(
                    Diagnostic(
                        "signing-key", f"{path} can be read by others (mode {mode:03o} beyond the owner's)", help=f"chmod 600 {path}"
                    ),
                    Exit.REFUSED,
                )
            key = load_pem_private_key(file.read(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        message = f"the signing key {path} cannot be read: {type(error).__name__}"
        raise HeadraceError(Diagnostic("signing-key", message, help=help_), Exit.REFUSED) from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in _CURVES:
        message = f"the key in {path} is no EC key of the curves P-256, P-384 and P-521"
        raise HeadraceError(Diagnostic("signing-key", message, help=help_), Exit.REFUSED)
    return key.public_key()


def _library() -> tuple[Any, Any, Any]:
    try:
        from model_signing import hashing, signing, verifying
    except ImportError as error:
        message = f"what signs models is not installed: {error.name or error}"
        raise HeadraceError(Diagnostic("signing-missing", message, help="pip install 'headrace[signing]'")) from None
    return signing, verifying, hashing
