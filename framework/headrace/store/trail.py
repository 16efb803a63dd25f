"""Reading the audit log: its entries, proofs from its tree, bundles for others, and whether it is still what it was."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, func, select

from headrace.audit.entry import split
from headrace.audit.tree import Tree
from headrace.audit.verify import HEIGHT, Checkpoint, Findings, PublicKey, Walk, Witnessed, history, leaf_hash
from headrace.store import ledger
from headrace.store.audited import AuditCount, AuditHead, AuditNode
from headrace.store.tables import Audit

__all__ = ["Asked", "Head", "bundle", "counts", "entries", "head", "judge", "tree"]

_TILE = 1 << HEIGHT
_AT_ONCE = 1000


class Head(NamedTuple):
    """How far a log has come."""

    log: str
    size: int
    root: bytes

    def checkpoint(self) -> Checkpoint:
        """As it is signed."""
        return Checkpoint(self.log, self.size, self.root)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries are meant: all that every filter which is given holds for. `subject` ending in `/` is all of that kind."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Wall time; `until` is not included. What decides an entry's place is its number, not its time."""
    seq: int | None = None

    @property
    def everything(self) -> bool:
        """Whether no filter is given."""
        return self == Asked()


def head(session: Session) -> Head | None:
    """The log as it stands; None where nothing was ever written. HeadraceError `store-altered`."""
    row = session.get(AuditHead, 1)
    return None if row is None else Head(row.log, row.size, ledger.edge(row.size, row.edge).root())


def tree(session: Session, size: int) -> Tree:
    """The tree over the first `size` entries, to prove by."""

    def tiles(level: int, number: int) -> Sequence[bytes]:
        first, after = number * _TILE, (number + 1) * _TILE
        if level == 0:
            leaves = select(Audit.leaf).where(col(Audit.seq) >= first, col(Audit.seq) < min(after, size)).order_by(col(Audit.seq))
            return list(session.exec(leaves))
        nodes = select(AuditNode.hash).where(col(AuditNode.level) == level, col(AuditNode.index) >= first, col(AuditNode.index) < after)
        return list(session.exec(nodes.order_by(col(AuditNode.index))))

    return Tree(size, tiles)


def entries(session: Session, asked: Asked, *, below: int | None = None, newest: int | None = None) -> Iterator[Audit]:
    """The entries that are asked for, oldest first; of those before number `below`, and of them the `newest` alone, where that is given."""
    query = select(Audit)
    for column, value in ((Audit.actor, asked.actor), (Audit.action, asked.action)):
        query = query if value is None else query.where(column == value)
    if asked.subject is not None:
        whole = not asked.subject.endswith("/")
        query = query.where(Audit.subject == asked.subject if whole else col(Audit.subject).startswith(asked.subject, autoescape=True))
    query = query if asked.since is None else query.where(col(Audit.recorded_at) >= asked.since)
    query = query if asked.until is None else query.where(col(Audit.recorded_at) < asked.until)
    query = query if asked.seq is None else query.where(Audit.seq == asked.seq)
    query = query if below is None else query.where(col(Audit.seq) < below)
    if newest is not None:
        yield from reversed(list(session.exec(query.order_by(col(Audit.seq).desc()).limit(newest))))
        return
    for row in session.exec(query.order_by(col(Audit.seq)).execution_options(yield_per=_AT_ONCE)):
        session.expunge(row)
        yield row


def counts(session: Session, asked: Asked, newest: int) -> list[AuditCount]:
    """What was counted only, by the hour, oldest first: of what is asked for, the newest so many."""
    query = select(AuditCount)
    for column, value in ((AuditCount.actor, asked.actor), (AuditCount.action, asked.action), (AuditCount.subject, asked.subject)):
        query = query if value is None else query.where(column == value)
    query = query if asked.since is None else query.where(col(AuditCount.recorded_at) >= asked.since)
    query = query if asked.until is None else query.where(col(AuditCount.hour) < asked.until)
    return list(reversed(list(session.exec(query.order_by(col(AuditCount.hour).desc(), col(AuditCount.action)).limit(newest)))))


def bundle(session: Session, asked: Asked, key: PublicKey, records: Sequence[Witnessed], size: int) -> Iterator[str]:
    """The lines of a bundle: what checks it without this store, then each entry below `size`, the last checkpoint's.

    All entries make the tree again; where only some are asked for, each has its proof.
    """
    log = session.get_one(AuditHead, 1).log
    opening = {"headrace_audit_bundle": 1, "log": log, "key": str(key), "size": size, "whole": asked.everything}
    yield _line({**opening, "checkpoints": "".join(str(record) for record in records)})
    proofs = tree(session, size)
    for row in entries(session, asked, below=size):
        line: dict[str, Any] = {"entry": row.body.decode()}
        if not asked.everything:
            line |= {"seq": row.seq, "proof": [b64encode(step).decode() for step in proofs.inclusion(row.seq, size)]}
        yield _line(line)


def _line(told: Mapping[str, Any]) -> str:
    return f"{json.dumps(told, ensure_ascii=False, separators=(',', ':'))}\n"


def judge(session: Session, key: PublicKey | None, witnesses: Mapping[str, Sequence[Witnessed]], findings: Findings) -> dict[str, Any]:
    """Whether every entry, the tree, its head and every checkpoint of the witnesses say the same; what was looked at.

    What the witnesses took must have been read before the session's first look at the store, or it may be ahead of that.
    """
    stands = session.get(AuditHead, 1)
    if stands is None:
        given = [whose for whose, records in witnesses.items() if records]
        if given or session.exec(select(func.count()).select_from(Audit)).one():
            findings.tampered.append(f"the log's head was taken away{f', and {given[0]} has a checkpoint' if given else ''}")
        else:
            findings.missing.append("nothing was written yet: there is no log")
        return {"log": None, "size": 0, "root": None, "checkpoints": 0, "covered": 0}
    known: list[tuple[Checkpoint, str]] = []
    if key is None:
        findings.missing.append("there is no key to check signatures by")
    else:
        for whose, records in witnesses.items():
            if not records:
                findings.missing.append(f"{whose} has no checkpoint: nothing outside the database says what the log was")
            known += [(one, whose) for one in history(records, key, findings, whose, stands.log)]
    known = [(one, whose) for one, whose in known if (one.size, one.root) not in findings.given_up]
    walk = Walk(stands.log, known, findings)
    for row in entries(session, Asked()):
        if row.seq != walk.edge.size:
            findings.tampered.append(f"entry {walk.edge.size} is not there")
            break
        _hold(row, walk.step(row.body), findings)
    else:
        walk.end()
        _ends(session, stands, walk, findings)
    covered = max((one.size for one, _ in known), default=0)
    return {
        "log": stands.log,
        "size": walk.edge.size,
        "root": b64encode(walk.edge.root()).decode(),
        "checkpoints": len(known),
        "covered": min(covered, walk.edge.size),
    }


def _hold(row: Audit, told: Mapping[str, Any] | None, findings: Findings) -> None:
    """Hold the columns of an entry, which queries read, against its bytes."""
    if row.leaf != leaf_hash(row.body):
        findings.tampered.append(f"the bytes of entry {row.seq} are not those that the tree was made of")
    elif told is not None:
        kind, name = split(row.subject)
        at = (row.at.isoformat(timespec="microseconds"), row.recorded_at.isoformat(timespec="microseconds"))
        said = (told.get("actor"), told.get("action"), told.get("subject"), told.get("at"), told.get("recorded_at"))
        if said != (row.actor, row.action, {"kind": kind, "id": name}, *(moment.replace("+00:00", "Z") for moment in at)):
            findings.tampered.append(f"the columns of entry {row.seq} do not say what its bytes say")


def _ends(session: Session, stands: AuditHead, walk: Walk, findings: Findings) -> None:
    """Hold what stands above the entries against them: the head, the tiles, and the rows from before the log."""
    if (stands.size, stands.edge) != (walk.edge.size, b"".join(walk.edge.hashes)):
        findings.tampered.append(f"the log's head says {stands.size} entries of another tree, and there are {walk.edge.size}")
    if {(row.level, row.index): row.hash for row in session.exec(select(AuditNode))} != walk.nodes:
        findings.tampered.append("the tree's tiles are not those of the entries")
    number, found = ledger.earlier(session.connection())
    first = session.get(Audit, 0)
    said = json.loads(first.body) if first is not None and first.actor == ledger.BEFORE and first.action == "import" else {}
    if (found if number else None) != said.get("after"):
        findings.tampered.append("the rows from before there was a log are not those that its first entry tells of")
