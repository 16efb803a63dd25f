"""What a gate compares by, and in which parts, fits its metric; and whoever waives one may, and until a day that has not passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from headrace.diagnostics import Diagnostic, Severity
from headrace.hooks import Metric
from headrace.project.inputs import inputs, known
from headrace.project.rules.features import unknown_feature
from headrace.project.rules.gates import parting
from headrace.project.rules.views import part
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.expression import Compare, ExpressionError, Truth, mend, parse
from headrace.spec.gates import Gate, Slice

SOON = timedelta(days=14)
"""How long before its end a waiver is told of."""
_OF_TEST = {"mcnemar": "accuracy", "delong": "roc_auc"}


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All gates of all models."""
    for model in scope.of(Model):
        for position, gate in enumerate(model.gates):
            yield from _waiver(scope, model, position, gate)
            if getattr(gate, "gate", None) is None:
                yield from _of_metric(scope, model, position, gate)


@question
def _of_metric(scope: Scope, model: Model, position: int, gate: Gate) -> Iterator[Diagnostic]:
    named = getattr(gate, "metric", None)
    metric = scope.plugins.metrics.get(named) if scope.plugins is not None and named is not None else None
    yield from _test(scope, model, position, gate)
    yield from _both(scope, model, position, gate)
    for at, item in enumerate(gate.slices):
        yield from _slice(scope, model, (position, at), item)
    if metric is not None and gate.slices:
        yield from _sliced(scope, model, position, metric)


@question
def _test(scope: Scope, model: Model, position: int, gate: Gate) -> Iterator[Diagnostic]:
    wanted = _OF_TEST.get(gate.test)
    if gate.versus is None or wanted is None or (gate.metric == wanted and gate.each is None):
        return
    message = f"`test: {gate.test}` compares `{wanted}`, and gate `{gate.id}` {'each class' if gate.each else f'`{gate.metric}`'}"
    place = scope.where(address_of(model), ("gates", position, "test"))
    yield Diagnostic("gate-test", message, place, help="write `test: bootstrap`, which compares any metric")


@question
def _both(scope: Scope, model: Model, position: int, gate: Gate) -> Iterator[Diagnostic]:
    if gate.better_by_at_least is not None and gate.worse_by_at_most:
        message = f"gate `{gate.id}` wants a candidate that is better, and allows one that is worse"
        place = scope.where(address_of(model), ("gates", position, "worse_by_at_most"), key=True)
        yield Diagnostic("gate-bounds", message, place, help="remove `worse_by_at_most`, or `better_by_at_least`")


@question
def _sliced(scope: Scope, model: Model, position: int, metric: Metric) -> Iterator[Diagnostic]:
    if metric.needs in {"latency", "ranking"}:
        message = f"`{metric.name}` has no value for a slice of the rows"
        place = scope.where(address_of(model), ("gates", position, "slices"), key=True)
        yield Diagnostic("gate-slices", message, place, help="remove `slices`")


@question
def _slice(scope: Scope, model: Model, at: tuple[int, int], item: Slice) -> Iterator[Diagnostic]:
    here, path = address_of(model), ("gates", at[0], "slices", at[1])
    given = [word for word in ("by", "where") if getattr(item, word) is not None]
    if len(given) != 1:
        told = "has `by` and `where`: they are two" if given else "has neither `by` nor `where`"
        place = scope.where(here, (*path, "where") if given else path, key=bool(given))
        yield Diagnostic("gate-slices", f"a slice {told}", place, help="write for example `by: region`, or `where: age >= 65`")
        return
    if item.by is not None:
        yield from parting(scope, model, (*path, "by"), item.by)
    else:
        yield from _where(scope, model, at, item)


@question
def _where(scope: Scope, model: Model, at: tuple[int, int], item: Slice) -> Iterator[Diagnostic]:
    here, path, text = address_of(model), ("gates", at[0], "slices", at[1], "where"), item.where or ""
    try:
        parsed = parse(text, texts=True)
    except ExpressionError as error:
        written = mend(error, text, texts=True)
        help_ = f"write `{written}`" if written else "write for example `age >= 65`"
        yield Diagnostic("bad-condition", error.message, part(scope, here, path, error.start, error.end), help=help_)
        return
    if not known(scope, model):
        return
    there = {one.name: one.type for one in inputs(scope, model)}
    for leaf in parsed.leaves():
        place = part(scope, here, path, leaf.start, leaf.start + len(leaf.name))
        if leaf.name not in there:
            yield unknown_feature(scope, here, path, leaf.name, list(there))
        elif isinstance(leaf, Truth):
            yield Diagnostic("bad-condition", f"`{leaf.name}` is a value: compare it", place, help=f"write for example `{leaf.name} > 0`")
        elif there[leaf.name] == "number" and not isinstance(leaf, Compare):
            message = f"`{leaf.name}` is a number, and is compared with a text in quotes"
            yield Diagnostic("wrong-column-type", message, place, help=f"write for example `{leaf.name} > 0`")


@question
def _waiver(scope: Scope, model: Model, position: int, gate: Gate) -> Iterator[Diagnostic]:
    if gate.waive is None:
        return
    here, path, waiver = address_of(model), ("gates", position, "waive"), gate.waive
    risk = getattr(getattr(model, "governance", None), "risk", None)
    if risk == "high" and waiver.by.casefold() == model.owner.casefold():
        message = f"`{waiver.by}` answers for {here}, whose risk is high, and cannot waive its gate `{gate.id}`"
        yield Diagnostic("waived-by-owner", message, scope.where(here, (*path, "by")), help="name somebody else who answers for it")
    left = date.fromisoformat(waiver.until) - _today()
    if left < timedelta(0):
        message = f"the waiver of gate `{gate.id}` ended on {waiver.until}: the gate blocks again"
        place = scope.where(here, (*path, "until"))
        yield Diagnostic("waiver-ends", message, place, help="remove `waive`", severity=Severity.WARNING)
    elif left <= SOON:
        days = "today" if not left.days else f"in {left.days} day{'s' * (left.days > 1)}"
        message = f"the waiver of gate `{gate.id}` by {waiver.by} ends {days}: then the gate blocks again"
        yield Diagnostic(
            "waiver-ends",
            message,
            scope.where(here, (*path, "until")),
            help="mend what the gate finds, or have it waived anew",
            severity=Severity.WARNING,
        )


def _today() -> date:
    """By the wall: what is judged here are files, and these know no driven clock."""
    return datetime.now(UTC).date()
