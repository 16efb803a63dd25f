"""From a tracking server to here: each run and version whole or not at all, and nothing that is here is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from headrace import registry
from headrace.diagnostics import Exit, HeadraceError
from headrace.hooks import AliasRecord, Known, RunRecord, Sent, Skipped, Tracker, VersionRecord, resolve
from headrace.mirroring.asked import asked
from headrace.mirroring.kept import keep_run, keep_version
from headrace.store import Store, lock, tables
from headrace.store.kinds import TrackedStatus
from headrace.store.tracked import Tracked


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of a pull: what is new here, how many were here already, and what was passed over."""

    taken: tuple[Sent, ...]
    unchanged: int
    skipped: tuple[Skipped, ...]


def pull(
    store: Store, tracker: Tracker, params: Mapping[str, Any], actor: str, tell: Callable[[int], None], *, aliases: bool = False
) -> Pulled:
    """Take every run that has ended, every version, and, with `aliases`, where each alias stands; `tell(done)` after each.

    Without `aliases`, one that is not here yet is taken, and one that stands elsewhere here stays: it decides who answers.
    HeadraceError: `mirror-failed`, `artifact-altered` where bytes are not those of their digest, `version-conflict` where a version here is
    another, `locked`, those of `asked`.
    """
    ready = asked(tracker, params, store.root)
    done: list[Sent | Skipped] = []
    with lock.hold(store, "mirror", actor) as held, ready.faults():
        for item in resolve(tracker.pull)(ready.params, known=_known(store)):
            held.check()
            done += _take(store, item, actor, tracker.name, move=aliases)
            tell(len(done))
    sent = [item for item in done if isinstance(item, Sent)]
    taken = tuple(item for item in sent if item.outcome != "unchanged")
    return Pulled(taken, len(sent) - len(taken), tuple(item for item in done if isinstance(item, Skipped)))


def _known(store: Store) -> Known:
    with store.read() as session:
        ended = session.exec(select(Tracked.id).where(col(Tracked.status) != TrackedStatus.RUNNING)).all()
        rows = session.exec(select(tables.ModelVersion.model, tables.ModelVersion.number, tables.ModelVersion.manifest_digest)).all()
    return Known(frozenset(ended), {(model, number): digest for model, number, digest in rows})


def _take(store: Store, item: object, actor: str, tracker: str, *, move: bool) -> list[Sent | Skipped]:
    match item:
        case Skipped():
            return [item]
        case RunRecord():
            return [_run(store, item, actor)]
        case VersionRecord():
            return [keep_version(store, item, actor)]
        case AliasRecord():
            return _aliases(store, item, actor, f"pulled from {tracker}", move=move)
        case _:
            raise TypeError(f"`pull` gave {type(item).__name__}, and no record")


def _run(store: Store, run: RunRecord, actor: str) -> Sent | Skipped:
    try:
        return keep_run(store, run, actor)
    except HeadraceError as error:
        # A name or a value that no store of ours takes is this run's fault alone.
        if [fault.id for fault in error.report] in (["bad-record"], ["unsafe-name"]):
            return Skipped(f"run {run.id}", str(error))
        raise


def _aliases(store: Store, record: AliasRecord, actor: str, reason: str, *, move: bool) -> list[Sent | Skipped]:
    found: list[Sent | Skipped] = []
    with store.transaction(actor, "pull", f"model/{record.model}") as session:
        here = registry.aliases(session, record.model)
        for name, number in sorted(record.aliases.items()):
            what = f"model/{record.model}@{name}"
            if here.get(name) == number:
                found.append(Sent(what, "unchanged"))
            elif name in here and not move:
                found.append(Skipped(what, f"it stands for v{here[name]} here and for v{number} there: `--aliases` moves it"))
            else:
                try:
                    registry.move(session, model=record.model, alias=name, number=number, at=store.clock.now(), reason=reason)
                except HeadraceError as error:
                    if error.code not in (Exit.USAGE, Exit.FAILED):
                        raise
                    found.append(Skipped(what, str(error)))
                else:
                    found.append(Sent(what, "updated" if name in here else "created"))
    return found
