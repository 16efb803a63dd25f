"""Checkpoints of a store's audit log: signed by a key, and published to witnesses, which both lie outside the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.audit.signing import PrivateKey, kept
from headrace.audit.verify import Checkpoint, PublicKey, Refused
from headrace.audit.witness import Proof, Witness
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.secrets import Secrets
from headrace.store import trail
from headrace.store.sessions import Sessions

__all__ = ["Seal"]

_FILE = "file:"


@dataclass(frozen=True, slots=True)
class Seal:
    """Where the key and the witnesses of an environment are; relative paths are under the project's folder."""

    root: Path
    environment: str
    key: str | None = None
    """`env:NAME` or `file:PATH`; None is a key under `.headrace/audit`, made when it is first needed."""
    witnesses: Sequence[str] = ()
    """Files, or folders, beside the one under `.headrace/audit`."""

    @property
    def folder(self) -> Path:
        """What is kept on this machine where nothing else is said."""
        return self.root / ".headrace" / "audit" / self.environment

    def named(self) -> dict[str, Witness]:
        """Every witness by what a message may call it."""
        own = Witness(self.folder / "checkpoints")
        return {_shown(own.path, self.root): own} | {path: Witness(self.root / path) for path in self.witnesses}

    def signing(self, log: str) -> PrivateKey:
        """The key, made where it is this machine's own and not there yet. HeadraceError `audit-key`, `secret-missing`."""
        try:
            if self.key is None:
                return kept(self.folder / "key", log)
            if self.key.startswith(_FILE):
                path = self.root / self.key.removeprefix(_FILE)
                if not path.is_file():
                    raise _no_key(f"the signing key {path} is not there", f"put it there, or leave `key` out: one is made in {self.folder}")
                return kept(path, log)
            return PrivateKey.parse(str(Secrets(self.root).resolve(self.key)))
        except Refused as error:
            raise _no_key(str(error), "give the audit log its key back, with mode 600") from None
        except OSError as error:
            raise _no_key(f"the signing key {error.filename}: {error.strerror}", f"give {self.folder} to this user") from None

    def public(self) -> PublicKey | None:
        """What signatures are checked by; None where no key was made yet. Raises as `signing`."""
        if self.key is None and not (self.folder / "key").exists():
            return None
        return self.signing("").public

    def publish(self, store: Sessions) -> tuple[Checkpoint, tuple[str, ...]] | None:
        """Sign the log as it stands and hand it to each witness; the checkpoint, and the witnesses to whom it was news.

        None where nothing was ever written. HeadraceError: `audit-witness` (exit 4 where a witness refuses: the log is behind what it
        saw, or another one; exit 1 where it cannot be reached), and those of `signing`.
        """
        with store.read() as session:
            stands = trail.head(session)
            if stands is None:
                return None
            key, tree = self.signing(stands.log), trail.tree(session, stands.size)
            note, public = key.sign(str(stands.checkpoint())), key.public
            told = [name for name, witness in self.named().items() if _taken(witness, note, public, tree.consistency)]
        return stands.checkpoint(), tuple(told)


def _taken(witness: Witness, note: str, key: PublicKey, proof: Proof) -> bool:
    try:
        return witness.take(note, key, proof)
    except (Refused, ValueError) as error:
        help_ = f"type `headrace audit verify`; where the store was put back on purpose, keep {witness.path} under another name"
        raise HeadraceError(Diagnostic("audit-witness", f"a witness refuses the audit log: {error}", help=help_), Exit.REFUSED) from None
    except OSError as error:
        message = f"the witness {witness.path} cannot be written: {error.strerror}"
        raise HeadraceError(Diagnostic("audit-witness", message, help="give its folder to this user, or name another witness")) from None


def _no_key(message: str, advice: str) -> HeadraceError:
    return HeadraceError(Diagnostic("audit-key", message, help=advice), Exit.REFUSED)


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
