"""Which versions are meant and in what order: conditions and orders as SQLAlchemy's own expressions, never as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Literal, assert_never

from sqlalchemy import ColumnElement, Select, String, and_, cast, not_, or_, true
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.registry.semver import SemVer
from headrace.spec.expression import Condition, ExpressionError, parse, positive
from headrace.spec.expression.fault import bad_filter, unknown_name
from headrace.spec.expression.tree import And, Compare, Expression, Leaf, Not, Or, Same, Truth
from headrace.store import tables
from headrace.store.kinds import IndexedKind, Stage
from headrace.store.registered import VersionIndex, VersionValue

KINDS = {"metrics": IndexedKind.METRIC, "params": IndexedKind.PARAM, "tags": IndexedKind.TAG}
TEXTS = ("model", "semver", "stage", "alias", "algorithm", "run", "created")
"""What is a text of every version."""
NUMBERS = ("number", "age")
"""What is a number of every version; `age` is how long ago it was registered."""
ORDERED = ("semver", "created")
"""Texts that have an order."""
SORTED = ("model", "number", "semver", "stage", "algorithm", "created")
"""What versions can be sorted by, beside their metrics, params and tags."""
_MIRRORED: dict[str, str] = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_HELP = "such as: metrics.roc_auc > 0.9 and params.depth <= 6 and stage == 'staging' and semver >= '1.2.0'"


@dataclass(frozen=True, slots=True)
class Order:
    """By what versions are sorted; the default is the newest first."""

    name: str = "created"
    direction: Literal["asc", "desc"] = "desc"


def condition(text: str) -> Condition:
    """A filter as it is typed. HeadraceError `bad-filter` where it cannot be read, or names what no version has."""
    try:
        read = parse(text, texts=True, ordered=ORDERED)
    except ExpressionError as error:
        raise bad_filter(text, error.message, error.start, f"write `{error.instead}` there" if error.instead else _HELP) from None
    for leaf in read.leaves():
        _refuse(leaf, text)
    return read


def order(text: str) -> Order:
    """An order as it is typed, such as `metrics.roc_auc desc`. HeadraceError `bad-order`."""
    name, *direction = text.split() or [""]
    if not name or direction not in ([], ["asc"], ["desc"]):
        help_ = "a name, then `asc` or `desc`: metrics.roc_auc desc"
        raise HeadraceError(Diagnostic("bad-order", f"`{text[:200]}` is no order", help=help_), Exit.USAGE)
    head, _, rest = name.partition(".")
    if not (rest and head in KINDS) and name not in SORTED:
        near = get_close_matches(name, SORTED, n=1)
        help_ = f"did you mean `{near[0]}`?" if near else f"metrics.NAME, params.NAME, tags.NAME, {', '.join(SORTED)}"
        raise HeadraceError(Diagnostic("bad-order", f"versions have no `{name[:200]}` to be sorted by", help=help_), Exit.USAGE)
    return Order(name, "desc" if direction == ["desc"] else "asc")


Wide = Callable[[Select[Any]], bool]
"""Whether so many versions are meant by one comparison that they are better asked one by one than gathered."""


def where(read: Condition, now: datetime, wide: Wide) -> ColumnElement[bool]:
    """A condition over `version_index`; what a version does not have makes it unknown, and what is unknown is not found.

    A comparison of a metric, param or tag gathers the versions that are meant by an index of its own, unless these are many.
    """
    return _Conditions(now, wide).where(positive(read.root))


def by(wanted: Order, dialect: str) -> list[ColumnElement[Any]]:
    """The columns to sort by: numbers, then texts, then what is missing; then by model and number, so that no two are equal.

    Those of a metric, param or tag are of `SORTING`, which `sorting` joins.
    """
    found: list[ColumnElement[Any]] = []
    for key in _keys(wanted.name):
        value = _collated(key, dialect)
        if key is not _CREATED:
            found.append(key.is_(None).asc())
        found.append(value.desc() if wanted.direction == "desc" else value.asc())
    tie = (_collated(col(VersionIndex.model), dialect), col(VersionIndex.number))
    return [*found, *(item.desc() if wanted.direction == "desc" else item.asc() for item in tie)]


SORTING = aliased(VersionValue)


def sorting(wanted: Order) -> ColumnElement[bool] | None:
    """How `SORTING` belongs to a version; None where versions are sorted by what is their own."""
    head, _, rest = wanted.name.partition(".")
    if not rest:
        return None
    return and_(col(SORTING.version_id) == VersionIndex.id, col(SORTING.kind) == KINDS[head], col(SORTING.name) == rest)


_CREATED: Any = col(VersionIndex.created_at)


def _keys(name: str) -> list[Any]:
    return [col(SORTING.number), col(SORTING.text)] if "." in name else [_own(name)]


def _collated(value: Any, dialect: str) -> Any:  # noqa: ANN401 - a column
    """Texts by their code points on both databases; PostgreSQL would ask the language of its server."""
    return value.collate("C") if dialect == "postgresql" and isinstance(value.type, String) else value


def _own(name: str) -> Any:  # noqa: ANN401 - a column
    """A column of the version itself."""
    match name:
        case "created":
            return _CREATED
        case "semver":
            return col(VersionIndex.precedence)
        case "stage":
            return cast(col(VersionIndex.stage), String)
        case "run":
            return col(VersionIndex.run_id)
    return getattr(VersionIndex, name)


@dataclass(frozen=True, slots=True)
class _Conditions:
    """What each part of a condition is at this moment."""

    now: datetime
    wide: Wide

    def where(self, node: Expression) -> ColumnElement[bool]:  # noqa: PLR0911 - an arm a node
        match node:
            case And(parts):
                return and_(*(self.where(part) for part in parts))
            case Or(parts):
                return or_(*(self.where(part) for part in parts))
            case Not(Truth(name)):
                return self.truth(name, wanted=False)
            case Not(part):
                return not_(self.where(part))
            case Truth(name):
                return self.truth(name, wanted=True)
            case Same():
                return self.same(node)
            case Compare():
                return self.compare(node)
            case _:
                assert_never(node)

    def compare(self, leaf: Compare) -> ColumnElement[bool]:
        head, _, rest = leaf.name.partition(".")
        if rest:
            return self.within(head, rest, _compared(col(VersionValue.number), leaf.operator, leaf.quantity.value))
        if leaf.name == "age":
            return _compared(_CREATED, _MIRRORED[leaf.operator], _before(self.now, leaf.quantity.value))
        return _compared(col(VersionIndex.number), leaf.operator, leaf.quantity.value)

    def same(self, leaf: Same) -> ColumnElement[bool]:
        head, _, rest = leaf.name.partition(".")
        operator = leaf.order or ("==" if leaf.equal else "!=")
        if rest:
            return self.within(head, rest, _compared(col(VersionValue.text), operator, leaf.text))
        match leaf.name:
            case "alias":
                named = _called(col(tables.Alias.name) == leaf.text)
                return named if leaf.equal else not_(named)
            case "semver":
                return _compared(col(VersionIndex.precedence), operator, SemVer.parse(leaf.text).precedence)
            case "created":
                return _compared(_CREATED, operator, _moment(leaf.text))
            case "stage":
                return _compared(col(VersionIndex.stage), operator, Stage(leaf.text))
        return _compared(_own(leaf.name), operator, leaf.text)

    def truth(self, name: str, *, wanted: bool) -> ColumnElement[bool]:
        """Whether something is there and neither 0 nor an empty text, or (not `wanted`) is there and one of these."""
        head, _, rest = name.partition(".")
        if rest:
            number, text = col(VersionValue.number), col(VersionValue.text)
            return self.within(head, rest, or_(number != 0.0, text != "") if wanted else or_(number == 0.0, text == ""))
        if name == "alias":
            called = _called(true())
            return called if wanted else not_(called)
        told: ColumnElement[bool] = _own(name).is_not(None) if wanted else _own(name).is_(None)
        return told

    def within(self, head: str, name: str, meant: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether a version is among those of which a value of this name is meant."""
        row = VersionValue
        query = select(row.version_id).where(row.kind == KINDS[head], row.name == name, meant)
        if self.wide(query):
            return query.where(row.version_id == VersionIndex.id).correlate(VersionIndex).exists()
        return col(VersionIndex.id).in_(query)


def _called(meant: ColumnElement[bool]) -> ColumnElement[bool]:
    version, alias = aliased(VersionIndex), tables.Alias
    same = (col(version.model) == alias.model) & (col(version.number) == alias.number)
    return col(VersionIndex.id).in_(select(version.id).join(alias, same).where(meant))


def _compared(value: Any, operator: str, bound: object) -> ColumnElement[bool]:  # noqa: ANN401 - a column
    found: ColumnElement[bool] = _OPERATORS[operator](value, bound)
    return found


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {">": gt, ">=": ge, "<": lt, "<=": le, "==": eq, "!=": ne}


def _before(now: datetime, seconds: float) -> datetime:
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC) if seconds > 0 else datetime.max.replace(tzinfo=UTC)


def _moment(text: str) -> datetime:
    """A moment as it is typed, in UTC where it names no zone; ValueError."""
    value = datetime.fromisoformat(text)
    return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).astimezone(UTC)


def _refuse(leaf: Leaf, text: str) -> None:
    """HeadraceError `bad-filter` where a comparison asks for what no version has."""
    if said := unknown_name(leaf.name, "versions", tuple(KINDS), (*TEXTS, *NUMBERS)):
        raise bad_filter(text, said[0], leaf.start, said[1])
    match leaf:
        case Compare(name=name) if name in TEXTS:
            raise bad_filter(text, f"`{name}` is a text", leaf.start, f"compare it with a text in quotes: {_EXAMPLES[name]}")
        case Same(name=name) if name in NUMBERS or name.startswith("metrics."):
            raise bad_filter(text, f"`{name}` is a number", leaf.start, f"compare it with a number: {name} > 1")
        case Same(name="stage", text=said_) if said_ not in list(Stage):
            raise bad_filter(text, f"there is no stage `{said_}`", leaf.start, f"there are: {', '.join(Stage)}")
        case Same(name="semver", text=said_):
            try:
                SemVer.parse(said_)
            except HeadraceError:
                raise bad_filter(text, f"`{said_[:80]}` is no semantic version", leaf.start, _EXAMPLES["semver"]) from None
        case Same(name="created", text=said_):
            try:
                _moment(said_)
            except (ValueError, OverflowError):
                raise bad_filter(text, f"`{said_[:80]}` is no moment", leaf.start, _EXAMPLES["created"]) from None
        case _:
            pass


_EXAMPLES = {
    "model": "model == 'churn'",
    "semver": "semver >= '1.2.0'",
    "stage": "stage == 'production'",
    "alias": "alias == 'champion'",
    "algorithm": "algorithm == 'lightgbm.classifier'",
    "run": "run == '019a…'",
    "created": "created >= '2026-01-01'",
}
