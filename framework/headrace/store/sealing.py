"""Checkpoints of a store's audit log: signed by a key, and published to witnesses, which both lie outside the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from headrace.audit.signing import PrivateKey, kept
from headrace.audit.tree import Tree
from headrace.audit.verify import Checkpoint, Findings, PublicKey, Refused, Witnessed, history, named
from headrace.audit.witness import Proof, Witness
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.secrets import Secrets
from headrace.store import trail
from headrace.store.sessions import Sessions

__all__ = ["Recovered", "Seal"]

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

    def recover(self, store: Sessions, actor: str, reason: str) -> Recovered:
        """Say in the log that the store was put back on purpose, and have every witness that saw more take that.

        HeadraceError: `audit-witness` (exit 4) where no witness saw another log, where one is not sound or is of another log, and as
        `publish`; those of `signing`.
        """
        with store.read() as session:
            stands = trail.head(session)
            if stands is None:
                raise _refused("nothing was written yet: there is no log", "put the backup back, then recover")
            key, tree = self.signing(stands.log), trail.tree(session, stands.size)
            seen = {name: _seen(name, witness, key.public, stands.log) for name, witness in self.named().items()}
            ahead = {name: found[-1] for name, found in seen.items() if found and not _begins(tree, found[-1])}
        if not ahead:
            raise _refused("no witness saw another log: there is nothing to recover from", "type `headrace audit verify`")
        before = ";".join(sorted({named(last) for last in ahead.values()}))
        with store.transaction(actor, "recover", "log", reason=reason, before=before):
            pass
        with store.read() as session:
            stands = trail.head(session)
            told = next(
                reversed([row for row in trail.entries(session, trail.Asked(action="recover")) if json.loads(row.body)["before"] == before])
            )
            if stands is None:
                raise AssertionError(told.seq)
            tree, note = trail.tree(session, stands.size), key.sign(str(stands.checkpoint()))
            for name in ahead:
                start = max((one.size for one in seen[name] if _begins(tree, one)), default=0)
                proof = tuple(tree.consistency(start)) if start else ()
                _given_up(self.named()[name], Witnessed(start, proof, note, told.body, tuple(tree.inclusion(told.seq))), key.public)
        self.publish(store)
        return Recovered(told.seq, max(one.size for one in ahead.values()), tuple(ahead))


class Recovered(NamedTuple):
    """The entry that says it, how many entries the log had, and the witnesses that took it."""

    seq: int
    had: int
    witnesses: tuple[str, ...]


def _begins(tree: Tree, checkpoint: Checkpoint) -> bool:
    return checkpoint.size <= tree.size and tree.root(checkpoint.size) == checkpoint.root


def _seen(name: str, witness: Witness, key: PublicKey, log: str) -> list[Checkpoint]:
    """The checkpoints of a witness that hold."""
    findings = Findings()
    try:
        found = history(witness.records(), key, findings, name, log)
    except Refused as error:
        findings.tampered.append(f"{name}: {error}")
    except OSError as error:
        findings.tampered.append(f"{name}: {error.strerror}")
    if findings.tampered:
        raise _refused(findings.tampered[0], "a witness that is not sound itself can vouch for no recovery")
    return found


def _given_up(witness: Witness, record: Witnessed, key: PublicKey) -> None:
    try:
        witness.recover(record, key)
    except Refused as error:
        raise _refused(f"a witness refuses the recovery: {error}", "type `headrace audit verify`") from None
    except OSError as error:
        raise _unwritable(witness, error) from None


def _taken(witness: Witness, note: str, key: PublicKey, proof: Proof) -> bool:
    try:
        return witness.take(note, key, proof)
    except (Refused, ValueError) as error:
        help_ = "type `headrace audit verify`; where the store was put back on purpose, `headrace audit recover --reason WHY`"
        raise _refused(f"a witness refuses the audit log: {error}", help_) from None
    except OSError as error:
        raise _unwritable(witness, error) from None


def _refused(message: str, advice: str) -> HeadraceError:
    return HeadraceError(Diagnostic("audit-witness", message, help=advice), Exit.REFUSED)


def _unwritable(witness: Witness, error: OSError) -> HeadraceError:
    message = f"the witness {witness.path} cannot be written: {error.strerror}"
    return HeadraceError(Diagnostic("audit-witness", message, help="give its folder to this user, or name another witness"))


def _no_key(message: str, advice: str) -> HeadraceError:
    return HeadraceError(Diagnostic("audit-key", message, help=advice), Exit.REFUSED)


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
