"""Names for versions (champion, candidate, previous, and any of the user's), how they move, and the stages that follow from them."""

from __future__ import annotations

import re
from datetime import datetime

from sqlmodel import Session, select

from headrace.address import NAME
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.registry import stage
from headrace.registry.conflict import ANY, Any_, refuse_other
from headrace.registry.promotion import Check, Promotion, Way
from headrace.registry.use import RUNNING
from headrace.registry.version import get, refuse_withdrawn
from headrace.store import events, tables
from headrace.store.kinds import Stage

CHAMPION = "champion"
"""The version that answers: the one in production."""
CANDIDATE = "candidate"
"""The version that passed its gates and waits for, or is in, its rollout: it is in staging."""
PREVIOUS = "previous"
"""The version that a rollback puts back."""
KEPT = frozenset({CHAMPION, CANDIDATE, PREVIOUS})
"""The aliases that gates and rollouts move."""


def aliases(session: Session, model: str) -> dict[str, int]:
    """Every alias of a model with the number it stands for, by name."""
    rows = session.exec(select(tables.Alias).where(tables.Alias.model == model))
    return dict(sorted((row.name, row.number) for row in rows))


def move(
    session: Session,
    *,
    model: str,
    alias: str,
    number: int | None,
    at: datetime,
    reason: str,
    expected: int | Any_ | None = ANY,
    check: Check | None = None,
) -> None:
    """Let an alias stand for another version, or (None) for none; nothing happens where it does already.

    Writes the event alias.moved, and stage.moved for each version whose stage follows. `check` is asked where the alias is `champion`, as
    by `promote`. HeadraceError: `no-version` where the version does not exist, `version-withdrawn`, `reserved-alias` for a name that could
    be taken for a number or a stage, `registry-conflict` where it does not stand for what is `expected`, `illegal-stage` where the version
    was retired or archived.
    """
    _refuse_reserved(alias)
    refuse_other(f"`{alias}` of model/{model}", expected, aliases(session, model).get(alias))
    if alias == CHAMPION and number is not None:
        _crown(session, Promotion(model, number, aliases(session, model).get(CHAMPION), Way.MOVED, at, reason), check)
    elif _point(session, model, alias, number, at, reason) and alias == CHAMPION:
        _settle(session, model, at, reason)


def promote(
    session: Session, *, model: str, number: int, at: datetime, reason: str, expected: int | Any_ | None = ANY, check: Check | None = None
) -> None:
    """Make a version the champion, the champion so far the previous one; a candidate alias of this version is dropped.

    A version that is the champion already stays it, and `previous` stays as well: twice is once. `expected` is the champion that the
    caller believes in: of two who promote at once, the second is refused. `check` may refuse by raising; nothing is changed then.
    HeadraceError as `move`.
    """
    held = aliases(session, model)
    champion = held.get(CHAMPION)
    refuse_other(f"the champion of model/{model}", expected, champion)
    _crown(session, Promotion(model, number, champion, Way.PROMOTED, at, reason), check)
    if champion not in {None, number}:
        _point(session, model, PREVIOUS, champion, at, reason)
    if held.get(CANDIDATE) == number:
        _point(session, model, CANDIDATE, None, at, reason)


def rollback(
    session: Session, model: str, at: datetime, reason: str, *, expected: int | Any_ | None = ANY, check: Check | None = None
) -> None:
    """Make the previous version the champion again, and forget `previous`: what was rolled back is rejected, and nothing to go back to.

    HeadraceError `no-previous` (exit 4) where there is none; others as `promote`.
    """
    held = aliases(session, model)
    refuse_other(f"the champion of model/{model}", expected, held.get(CHAMPION))
    if PREVIOUS not in held:
        raise HeadraceError(
            Diagnostic(
                "no-previous", f"model/{model} has no previous version to go back to", help=f"`headrace models {model}` lists what there is"
            ),
            Exit.REFUSED,
        )
    _crown(session, Promotion(model, held[PREVIOUS], held.get(CHAMPION), Way.ROLLED_BACK, at, reason), check)
    _point(session, model, PREVIOUS, None, at, reason)


def reject(session: Session, *, model: str, number: int, at: datetime, reason: str) -> None:
    """Say that gates or a rollout decided against a version: its stage, unless it is in production, or came to an end already."""
    if stage.stage_of(session, model, number) in _UNDECIDED:
        stage.reach(session, model, number, Stage.REJECTED, at, reason)


_UNDECIDED = frozenset({Stage.DRAFT, Stage.REGISTERED, Stage.VALIDATED, Stage.STAGING})


def _crown(session: Session, wanted: Promotion, check: Check | None) -> None:
    """The one way to production: every promotion, rollback and move of `champion` comes here, is checked, and sets the stages."""
    get(session, wanted.model, wanted.number)
    if wanted.was == wanted.number:
        return
    refuse_withdrawn(session, wanted.model, wanted.number)
    if check is not None:
        check(session, wanted)
    if wanted.was is not None:
        leaving = Stage.REJECTED if wanted.way is Way.ROLLED_BACK else Stage.DEPRECATED
        stage.reach(session, wanted.model, wanted.was, leaving, wanted.at, wanted.reason)
    stage.reach(session, wanted.model, wanted.number, Stage.PRODUCTION, wanted.at, wanted.reason)
    _point(session, wanted.model, CHAMPION, wanted.number, wanted.at, wanted.reason)


def _point(  # noqa: PLR0917 - what a move is
    session: Session, model: str, alias: str, number: int | None, at: datetime, reason: str
) -> bool:
    """Let an alias stand for a version, with its event; whether it stood elsewhere."""
    row = session.get(tables.Alias, (model, alias))
    before = None if row is None else row.number
    if before == number:
        return False
    if number is None:
        session.delete(row)
    else:
        get(session, model, number)
        refuse_withdrawn(session, model, number)
        session.merge(tables.Alias(model=model, name=alias, number=number))
    session.flush()
    payload = {"alias": alias, "from": before, "to": number, "reason": reason}
    events.append(session, model=model, kind=events.EventKind.ALIAS_MOVED, payload=payload, at=at)
    if alias == CANDIDATE:
        _stage(session, model, before, number, at, reason)
    return True


def _stage(  # noqa: PLR0917 - what a move is
    session: Session, model: str, before: int | None, number: int | None, at: datetime, reason: str
) -> None:
    """Who is the candidate is in staging; who is it no more was decided against, or gave way to a newer one that waits in its place."""
    if number is not None and stage.stage_of(session, model, number) is not Stage.PRODUCTION:
        stage.reach(session, model, number, Stage.STAGING, at, reason)
    if before is None or stage.stage_of(session, model, before) is not Stage.STAGING:
        return
    if number is None:
        stage.reach(session, model, before, Stage.REJECTED, at, reason)
    elif not _on_trial(session, model, before):
        stage.reach(session, model, before, Stage.VALIDATED, at, f"v{number} waits in its place")


def _settle(session: Session, model: str, at: datetime, reason: str) -> None:
    """Without a champion nothing is in production."""
    for row in stage.standing_in(session, model, Stage.PRODUCTION):
        stage.move(session, row, Stage.DEPRECATED, at, reason)


def _on_trial(session: Session, model: str, number: int) -> bool:
    """Whether a rollout of this version runs: it goes on when a newer candidate comes."""
    query = select(tables.Rollout).where(tables.Rollout.model == model, tables.Rollout.candidate == number)
    return any(row.state in RUNNING for row in session.exec(query))


def _refuse_reserved(alias: str) -> None:
    if not NAME.fullmatch(alias) or alias == "latest" or alias in list(Stage) or re.fullmatch(r"v\d+", alias):
        help_ = "lower-case letters and digits; not `latest`, not `v1`, and no stage"
        raise HeadraceError(Diagnostic("reserved-alias", f"`{alias}` cannot be an alias", help=help_), Exit.USAGE)
