"""A backtest's sources hold what its model is asked, and its incidents and expectations make sense."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.project.inputs import inputs
from headrace.project.rules.columns import absent, columns
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Backtest, Model, Source


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All backtests."""
    for backtest in scope.of(Backtest):
        yield from _rows(scope, backtest)
        yield from _labels(scope, backtest)
        yield from _spread(scope, backtest)
        yield from _disturbed(scope, backtest)
        yield from _times(scope, backtest)
        yield from _incidents(scope, backtest)
        yield from _expected(scope, backtest)
        yield from _measured(scope, backtest)


@question
def _labels(scope: Scope, backtest: Backtest) -> Iterator[Diagnostic]:
    model, labels = scope.get(Model, backtest.model), scope.get(Source, backtest.replay.labels)
    if model is not None and labels is not None:
        wanted = _own(scope, model, model.features.entity, model.features.target.column)
        yield from _absent(scope, backtest, ("replay", "labels"), wanted, labels)


@question
def _spread(scope: Scope, backtest: Backtest) -> Iterator[Diagnostic]:
    rows = scope.get(Source, backtest.replay.source)
    if rows is not None:
        found = absent(scope, address_of(backtest), ("replay", "spread"), backtest.replay.spread, rows)
        if found is not None:
            yield found


@question
def _disturbed(scope: Scope, backtest: Backtest) -> Iterator[Diagnostic]:
    rows = scope.get(Source, backtest.replay.source)
    for position, item in enumerate(backtest.disturb):
        for index, column in enumerate(item.columns if rows is not None else ()):
            found = absent(scope, address_of(backtest), ("disturb", position, "columns", index), column, rows) if rows is not None else None
            if found is not None:
                yield found


@question
def _absent(scope: Scope, backtest: Backtest, path: Path, names: tuple[str, ...], source: Source) -> Iterator[Diagnostic]:
    for name in dict.fromkeys(names):
        found = absent(scope, address_of(backtest), path, name, source)
        if found is not None:
            help_ = f"add `{name}` to the columns of {address_of(source)}"
            message = f"{found.message}, which {backtest.model} needs"
            yield Diagnostic("unknown-column", message, found.span, help=help_)


def _own(scope: Scope, model: Model, *names: str) -> tuple[str, ...]:
    """Those columns that the model's own rows have; what is missing there was said there."""
    rows = scope.get(Source, model.features.rows)
    return tuple(name for name in names if rows is None or name in columns(rows))


@question
def _rows(scope: Scope, backtest: Backtest) -> Iterator[Diagnostic]:
    model, rows = scope.get(Model, backtest.model), scope.get(Source, backtest.replay.source)
    if model is None or rows is None:
        return
    wanted = (
        *_own(scope, model, model.features.entity),
        *(item.column for item in inputs(scope, model) if item.type is not None and item.column is not None),
    )
    yield from _absent(scope, backtest, ("replay", "source"), wanted, rows)


@question
def _times(scope: Scope, backtest: Backtest) -> Iterator[Diagnostic]:
    here, replay = address_of(backtest), backtest.replay
    if replay.from_ >= replay.to:
        message = f"the replay ends on {replay.to}, which is not after its first day {replay.from_}"
        yield Diagnostic("empty-range", message, scope.where(here, ("replay", "to")), help="write a later day")


@question
def _incidents(scope: Scope, backtest: Backtest) -> Iterator[Diagnostic]:
    here, replay = address_of(backtest), backtest.replay
    for position, item in enumerate(backtest.disturb):
        path: Path = ("disturb", position)
        if item.to is not None and item.from_ >= item.to:
            message = f"incident `{item.id}` ends on {item.to}, which is not after its first day {item.from_}"
            yield Diagnostic("empty-range", message, scope.where(here, (*path, "to")), help="write a later day")
        elif item.from_ >= replay.to or (item.to is not None and item.to <= replay.from_):
            message = f"incident `{item.id}` lies outside of the replay, {replay.from_} to {replay.to}"
            yield Diagnostic("empty-range", message, scope.where(here, (*path, "from")), help="write a day of the replay")


@question
def _expected(scope: Scope, backtest: Backtest) -> Iterator[Diagnostic]:
    here, expect = address_of(backtest), backtest.expect
    if expect is None:
        return
    for word, bounds in (("retrainings", expect.retrainings), ("promotions", expect.promotions)):
        if bounds is not None and bounds[0] > bounds[1]:
            message = f"`{word}` is empty: {bounds[0]} is more than {bounds[1]}"
            yield Diagnostic(
                "empty-range", message, scope.where(here, ("expect", word)), help=f"write `{word}: [{bounds[1]}, {bounds[0]}]`"
            )


@question
def _measured(scope: Scope, backtest: Backtest) -> Iterator[Diagnostic]:
    here, expect, model = address_of(backtest), backtest.expect, scope.get(Model, backtest.model)
    if expect is None or expect.champion_min is None or model is None:
        return
    if model.monitoring is None or model.monitoring.performance is None:
        message = f"`champion_min` needs a performance, and {backtest.model} measures none"
        place = scope.where(here, ("expect", "champion_min"), key=True)
        yield Diagnostic("unmeasured-expectation", message, place, help="write `performance: {metric: roc_auc}` in its `monitoring`")
