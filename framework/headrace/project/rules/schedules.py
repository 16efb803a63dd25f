"""Every schedule is a cron line that comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of
from headrace.spec import Batch, Model, Report, cron

SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
"""From where a line's ticks are looked at: the beginning of a leap year."""


def check(scope: Scope) -> Iterator[Diagnostic]:
    """Those of retrainings, batches and reports."""
    for model in scope.of(Model):
        for position, trigger in enumerate(model.retraining):
            yield from _line(scope, address_of(model), ("retraining", position, "schedule"), trigger.schedule)
    for batch in scope.of(Batch):
        yield from _line(scope, address_of(batch), ("schedule",), batch.schedule)
    for report in scope.of(Report):
        yield from _line(scope, address_of(report), ("schedule",), report.schedule)


def _line(scope: Scope, address: Address, path: Path, text: str | None) -> Iterator[Diagnostic]:
    if text is None:
        return
    place, mend = scope.where(address, path), 'write for example "0 3 * * 1"'
    try:
        line = cron.parse(text)
    except ValueError as error:
        yield Diagnostic("bad-cron", str(error), place, help=mend)
        return
    if line.next(SOME_DAY) is None:
        yield Diagnostic("bad-cron", f"`{text}` never comes: no month has such a day", place, help=mend)
