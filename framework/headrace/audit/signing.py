"""The key that signs checkpoints: a file of its owner's alone, or a text that is given, as C2SP and Go write it."""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

from headrace.audit.keyfile import Exposed, appear, held
from headrace.audit.verify import HASH, PublicKey, Refused, decoded

__all__ = ["PrivateKey", "kept"]

_HEAD = "PRIVATE+KEY+"
_ED25519 = 1


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """An Ed25519 key with its name."""

    name: str
    seed: bytes = field(repr=False)

    @classmethod
    def made(cls, name: str) -> PrivateKey:
        """A new one."""
        return cls(name, os.urandom(HASH))

    @classmethod
    def parse(cls, text: str) -> PrivateKey:
        """From its text. Refused where it is none; what it says shows nothing of the text."""
        name, _, rest = text.strip().removeprefix(_HEAD).partition("+")
        hash_, _, key = rest.partition("+")
        if not text.strip().startswith(_HEAD) or not name or any(letter.isspace() for letter in name):
            raise Refused(f"it is no signing key: one begins with `{_HEAD}`")
        made = decoded(key, "the signing key", 1 + HASH)
        found = cls(name, made[1:])
        if made[0] != _ED25519 or found.public.id.hex() != hash_:
            raise Refused("the signing key is of another kind, or was altered")
        return found

    @property
    def public(self) -> PublicKey:
        """The key that others check by."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return PublicKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def text(self) -> str:
        """What `parse` reads; a secret."""
        return f"{_HEAD}{self.name}+{self.public.id.hex()}+{b64encode(bytes([_ED25519]) + self.seed).decode()}"

    def sign(self, text: str) -> str:
        """The text as a signed note; it ends with a line's end."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        signature = self.public.id + Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return f"{text}\n\N{EM DASH} {self.name} {b64encode(signature).decode()}\n"


def kept(path: Path, name: str) -> PrivateKey:
    """The key of a file, which is made with that name where there is none; the public one stands beside it, as `.pub`.

    Of several processes that make it at once, one does, and all get that. Refused where others may read the file. OSError.
    """
    if not path.exists():
        appear(path, f"{PrivateKey.made(name).text()}\n".encode())
    try:
        key = PrivateKey.parse(held(path).decode(errors="replace"))
    except Exposed:
        raise Refused(f"others than its owner may read the signing key: chmod 600 {path}") from None
    public = path.with_name(f"{path.name}.pub")
    if not public.exists():
        appear(public, f"{key.public}\n".encode(), 0o644)
    return key
