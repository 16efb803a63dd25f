"""Which runs are meant and in what order: conditions and orders as SQLAlchemy's own expressions, never as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Literal, assert_never

from sqlalchemy import ColumnElement, String, and_, cast, func, not_, or_
from sqlmodel import select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.spec.expression import Condition, ExpressionError, parse
from headrace.spec.expression.fault import bad_filter, unknown_name
from headrace.spec.expression.tree import And, Compare, Expression, Not, Or, Same, Truth
from headrace.store.kinds import TrackedKind, TrackedStatus
from headrace.store.tracked import Tracked, TrackedMetric, TrackedValue

KINDS = {"params": TrackedKind.PARAM, "tags": TrackedKind.TAG, "digests": TrackedKind.DIGEST}
TEXTS = ("id", "experiment", "name", "model", "flow", "parent", "status", "actor")
"""What is a text of every run."""
NUMBERS = ("version", "seconds", "age")
"""What is a number of every run: the version that it registered, how long it took, how long ago it began."""
MOMENTS = ("started", "ended")
_MIRRORED: dict[str, str] = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_HELP = "such as: metrics.roc_auc > 0.9 and params.learning_rate <= 0.1 and status == 'finished'"


@dataclass(frozen=True, slots=True)
class Order:
    """By what runs are sorted; the default is the newest first."""

    name: str = "started"
    direction: Literal["asc", "desc"] = "desc"


def condition(text: str) -> Condition:
    """A filter as it is typed. HeadraceError `bad-filter` where it cannot be read, or names what no run has."""
    try:
        read = parse(text, texts=True)
    except ExpressionError as error:
        raise bad_filter(text, error.message, error.start, f"write `{error.instead}` there" if error.instead else _HELP) from None
    for leaf in read.leaves():
        if unknown := unknown_name(leaf.name, "runs", ("metrics", *KINDS), (*TEXTS, *NUMBERS)):
            raise bad_filter(text, unknown[0], leaf.start, unknown[1])
        match leaf:
            case Compare(name=name) if name in TEXTS:
                raise bad_filter(text, f"`{name}` is a text", leaf.start, f"compare it with a text in quotes: {name} == 'churn'")
            case Same(name=name) if name in NUMBERS or name.startswith("metrics."):
                raise bad_filter(text, f"`{name}` is a number", leaf.start, f"compare it with a number: {name} > 1")
            case Same(name="status", text=said) if said not in list(TrackedStatus):
                raise bad_filter(text, f"no run has the status `{said}`", leaf.start, f"there are: {', '.join(TrackedStatus)}")
            case _:
                pass
    return read


def order(text: str) -> Order:
    """An order as it is typed, such as `metrics.roc_auc desc`. HeadraceError `bad-order`."""
    name, *direction = text.split() or [""]
    if not name or direction not in ([], ["asc"], ["desc"]):
        raise HeadraceError(
            Diagnostic("bad-order", f"`{text[:200]}` is no order", help="a name, then `asc` or `desc`: metrics.roc_auc desc"), Exit.USAGE
        )
    head, _, rest = name.partition(".")
    if not (rest and head in ("metrics", *KINDS)) and name not in (*TEXTS, "version", "seconds", *MOMENTS):
        near = get_close_matches(name, [*TEXTS, "version", "seconds", *MOMENTS], n=1)
        help_ = f"did you mean `{near[0]}`?" if near else "metrics.NAME, params.NAME, tags.NAME, started, ended, seconds, status …"
        raise HeadraceError(Diagnostic("bad-order", f"runs have no `{name[:200]}` to be sorted by", help=help_), Exit.USAGE)
    return Order(name, "desc" if direction == ["desc"] else "asc")


def where(read: Condition, now: datetime) -> ColumnElement[bool]:
    """A condition over `tracked`; what a run does not have makes it unknown, and what is unknown is not found."""
    return _where(read.root, now)


def by(wanted: Order, dialect: str) -> list[ColumnElement[Any]]:
    """The columns to sort by: numbers, then texts, then what is NaN or missing; then by start and by id, so that no two are equal."""
    found: list[ColumnElement[Any]] = []
    for key in _keys(wanted.name):
        value = _collated(key, dialect)
        found += [key.is_(None).asc(), value.desc() if wanted.direction == "desc" else value.asc()]
    return [*found, _own("started_at").asc(), _collated(_own("id"), dialect).asc()]


def _keys(name: str) -> list[ColumnElement[Any]]:
    head, _, rest = name.partition(".")
    if head == "metrics":
        return [_metric(rest)]
    if head in KINDS:
        return [_value(head, rest, "number"), _value(head, rest, "text")]
    if name in MOMENTS:
        return [_own("started_at") if name == "started" else _own("ended_at")]
    return [_text(name)] if name in TEXTS else [_own(name)]


def _collated(value: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Texts by their code points on both databases; PostgreSQL would ask the language of its server."""
    return value.collate("C") if dialect == "postgresql" and isinstance(value.type, String) else value


def _where(node: Expression, now: datetime) -> ColumnElement[bool]:  # noqa: PLR0911 - an arm a node
    match node:
        case Compare(name="age", operator=operator, quantity=quantity):
            return _compared(_own("started_at"), _MIRRORED[operator], _before(now, quantity.value))
        case Compare(name, operator, quantity):
            return _compared(_number(name), operator, quantity.value)
        case Same(name, text, equal):
            said = _text(name)
            return said == text if equal else said != text
        case Truth(name):
            return _truth(name)
        case Not(part):
            return not_(_where(part, now))
        case And(parts):
            return and_(*(_where(part, now) for part in parts))
        case Or(parts):
            return or_(*(_where(part, now) for part in parts))
        case _:
            assert_never(node)


def _compared(value: ColumnElement[Any], operator: str, bound: object) -> ColumnElement[bool]:
    match operator:
        case ">":
            return value > bound
        case ">=":
            return value >= bound
        case "<":
            return value < bound
        case "<=":
            return value <= bound
        case "==":
            return value == bound
        case _:
            return value != bound


def _before(now: datetime, seconds: float) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if seconds > 0 else datetime.max.replace(tzinfo=UTC)


def _truth(name: str) -> ColumnElement[bool]:
    head, _, rest = name.partition(".")
    if head in KINDS:
        return func.coalesce(_value(head, rest, "number") != 0.0, _value(head, rest, "text") != "")  # type: ignore[no-any-return, unused-ignore]
    return _text(name) != "" if name in TEXTS else _number(name) != 0.0


def _number(name: str) -> ColumnElement[Any]:
    head, _, rest = name.partition(".")
    if head == "metrics":
        return _metric(rest)
    return _value(head, rest, "number") if head in KINDS else _own(name)


def _text(name: str) -> ColumnElement[Any]:
    head, _, rest = name.partition(".")
    if head in KINDS:
        return _value(head, rest, "text")
    return cast(_own("status"), String) if name == "status" else _own(name)


def _own(name: str) -> ColumnElement[Any]:
    """A column of the run itself."""
    column: ColumnElement[Any] = getattr(Tracked, name)
    return column


def _metric(name: str) -> ColumnElement[Any]:
    query = select(TrackedMetric.value).where(TrackedMetric.run_id == Tracked.id, TrackedMetric.name == name)
    return query.correlate(Tracked).scalar_subquery()


def _value(head: str, name: str, column: Literal["number", "text"]) -> ColumnElement[Any]:
    query = select(getattr(TrackedValue, column)).where(
        TrackedValue.run_id == Tracked.id, TrackedValue.kind == KINDS[head], TrackedValue.name == name
    )
    return query.correlate(Tracked).scalar_subquery()
