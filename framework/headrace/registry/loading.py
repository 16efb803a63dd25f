"""How a version becomes a model that answers; nothing is loaded that is not, byte for byte, what was registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.hooks import Answers, Plugins, Predictor, Signature
from headrace.registry.evidence import signature_valid
from headrace.registry.version import UNSAFE, Version, digest_of
from headrace.store import Store
from headrace.transforms import read


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version, and the model that it is: encode rows by `signature`, then ask `predictor`."""

    version: Version
    predictor: Predictor
    signature: Signature

    @property
    def answers(self) -> Answers:
        """What it answers."""
        return Answers.of(self.version.manifest)


def load(store: Store, plugins: Plugins, version: Version) -> Loaded:
    """Read a version's model, after verifying its manifest and its bytes.

    HeadraceError: `artifact-altered` where either is not what was registered, `unknown-algorithm` where no plugin can read it,
    `model-unreadable` where its reader fails, `unsafe-format` where reading it may run code. One whose format the environment lets in is
    read where it was registered so, and its statement of where it came from is signed by the project's key.
    """
    manifest: Mapping[str, Any] = version.manifest
    if digest_of(version.manifest) != version.manifest_digest or manifest["digests"]["model"] != version.model_digest:
        raise HeadraceError(
            Diagnostic("artifact-altered", f"the manifest of {version} is not the one that was registered: it is not loaded"),
            Exit.REFUSED,
        )
    signature = Signature.from_json(manifest.get("signature", ()))
    known = plugins.algorithms.get(version.algorithm)
    if known is not None and known.format in plugins.unsafe:
        _refuse_unsigned(store, version, known.format)
    else:
        plugins = replace(plugins, unsafe=frozenset())
    predictor = _read(store, plugins, version.algorithm, version.model_digest, signature, str(version))
    return Loaded(version, predictor, signature)


def load_part(store: Store, plugins: Plugins, *, algorithm: str, digest: str, signature: Signature, what: str) -> Predictor:
    """Read one model by its digest, such as a version's baseline; errors as `load`. One that may run code is not read in any case."""
    return _read(store, replace(plugins, unsafe=frozenset()), algorithm, digest, signature, what)


def _refuse_unsigned(store: Store, version: Version, format_: str) -> None:
    """HeadraceError `unsafe-format` unless a version was let in by this format, and says where it came from by the project's own key."""
    with store.read() as session:
        vouched = version.manifest.get(UNSAFE) == format_ and signature_valid(session, version) is True
    if not vouched:
        message = f"{version} is of the format `{format_}`, which may run code, and nobody signed where it came from: it is not opened"
        help_ = "train it here, where it is signed, or put its statement and `.headrace/keys/signing.pem` back"
        raise HeadraceError(Diagnostic("unsafe-format", message, help=help_), Exit.REFUSED)


def _read(  # noqa: PLR0917 - what a model is read by
    store: Store, plugins: Plugins, algorithm: str, digest: str, signature: Signature, what: str
) -> Predictor:
    known = plugins.algorithms.get(algorithm)
    if known is None:
        raise HeadraceError(
            Diagnostic(
                "unknown-algorithm",
                f"{what} was made by `{algorithm}`, which no plugin offers here",
                help=f"install its plugin; there are: {', '.join(sorted(plugins.algorithms)) or 'none'}",
            )
        )
    data = store.blobs.get(digest)
    try:
        return read(plugins, known, data, signature=signature)
    except HeadraceError:
        raise
    except Exception as error:  # a plugin may raise anything
        raise HeadraceError(Diagnostic("model-unreadable", f"{what} cannot be read: {type(error).__name__}: {error}")) from error
