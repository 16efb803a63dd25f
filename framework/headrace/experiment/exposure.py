"""Who saw which arm first: exposures, from the journal, each prediction looked at once.

A unit holds the arm of the first epoch in which it was seen, in whatever order the journal came; a flood of requests from one unit is one
unit. What a shadow answered, and those who take no part, are no exposures.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlmodel import Session

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.store.experimental import Experiment
from headrace.store.measured import Exposure, ExposureCursor
from headrace.store.tables import Row

if TYPE_CHECKING:
    from headrace.experiment.declared import Declared

PREDICTION = Row.metadata.tables["prediction"]
EXPOSURE = Row.metadata.tables["exposure"]
_NAMES = ("experiment", "unit", "model", "arm", "epoch", "seq", "first_at", "switched")
_VEILED = ('{"aes-256-gcm"%', '{"dropped"%')


def expose(session: Session, row: Experiment, declared: Declared) -> int:
    """Bring an experiment's exposures up to the journal, within a transaction; how many predictions were looked at.

    HeadraceError `unit-unreadable` where the journal has the unit encrypted or dropped, so that no two requests are known to be of one.
    """
    cursor = session.get(ExposureCursor, row.id) or ExposureCursor(experiment=row.id, seq=0)
    p = PREDICTION.c
    last = session.connection().execute(select(func.max(p.seq)).where(p.model == row.model)).scalar() or 0
    if last <= cursor.seq:
        return 0
    dealt = _dealt(row, declared, cursor.seq, last)
    _refuse_veiled(session, dealt, declared)
    insert: Any = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}").insert
    statement = insert(Exposure).from_select(_NAMES, _first(row, dealt))
    new, now = statement.excluded, EXPOSURE.c
    sooner = or_(new.epoch < now.epoch, and_(new.epoch == now.epoch, new.first_at < now.first_at))
    changed = {name: case((sooner, new[name]), else_=now[name]) for name in ("arm", "epoch", "seq", "first_at")}
    switched = or_(now.switched, new.switched, and_(new.epoch != now.epoch, new.arm != now.arm))
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=["experiment", "unit"], set_={**changed, "switched": switched})
    )
    looked, cursor.seq = last - cursor.seq, last
    session.add(cursor)
    session.flush()
    return int(looked)


def unit_of(declared: Declared) -> ColumnElement[Any]:
    """Whom a prediction was dealt to, as text: the input that is the unit, and the entity where it is none, as serving deals."""
    return func.coalesce(PREDICTION.c.inputs[declared.unit].as_string(), PREDICTION.c.entity)


def of_experiment(row: Experiment, declared: Declared) -> ColumnElement[bool]:
    """Whether a prediction belongs to the experiment."""
    p = PREDICTION.c
    ended = p.epoch <= row.last_epoch if row.last_epoch is not None else p.epoch >= row.first_epoch
    return and_(p.model == row.model, p.epoch >= row.first_epoch, ended, p.arm.in_(sorted(declared.arms)))


def _dealt(row: Experiment, declared: Declared, after: int, upto: int) -> Any:  # noqa: ANN401 - a subquery
    """The first prediction of each unit in each epoch: where a champion stepped in, its answer is the second."""
    p = PREDICTION.c
    unit = unit_of(declared)
    place = func.row_number().over(partition_by=(unit, p.epoch), order_by=(p.at, p.seq))
    some = and_(of_experiment(row, declared), p.seq > after, p.seq <= upto)
    ranked = select(unit.label("unit"), p.arm, p.epoch, p.seq, p.at, place.label("place")).where(some).subquery()
    c = ranked.c
    return select(c.unit, c.arm, c.epoch, c.seq, c.at).where(c.place == 1).subquery()


def _first(row: Experiment, dealt: Any) -> Select[Any]:  # noqa: ANN401 - a subquery
    c = dealt.c
    place = func.row_number().over(partition_by=c.unit, order_by=(c.epoch, c.at, c.seq)).label("place")
    switched = (func.min(c.arm).over(partition_by=c.unit) != func.max(c.arm).over(partition_by=c.unit)).label("switched")
    ranked = select(c.unit, c.arm, c.epoch, c.seq, c.at, place, switched).subquery()
    r = ranked.c
    who = select(literal(row.id).label("experiment"), r.unit, literal(row.model).label("model"))
    return who.add_columns(r.arm, r.epoch, r.seq, r.at, r.switched).where(r.place == 1)


def _refuse_veiled(session: Session, dealt: Any, declared: Declared) -> None:  # noqa: ANN401 - a subquery
    veiled = select(func.count()).select_from(dealt).where(or_(*(dealt.c.unit.like(told) for told in _VEILED)))
    if session.connection().execute(veiled).scalar():
        raise HeadraceError(
            Diagnostic(
                "unit-unreadable",
                f"the journal has `{declared.unit}`, by which the experiment deals, encrypted or dropped",
                help=f"write `hash` for `{declared.unit}` in `serving.journal.personal`, which keeps equal values equal",
            ),
            Exit.FAILED,
        )
