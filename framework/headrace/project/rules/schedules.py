"""Every schedule is a cron line that comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Batch, Model, Report, cron
from headrace.spec.retraining import Retraining

SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
"""From where a line's ticks are looked at: the beginning of a leap year."""


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Those of retrainings, batches and reports."""
    for model in scope.of(Model):
        yield from _triggers(scope, model)
    for batch in scope.of(Batch):
        yield from _line(scope, address_of(batch), ("schedule",), batch)
    for report in scope.of(Report):
        yield from _line(scope, address_of(report), ("schedule",), report)


@question
def _triggers(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    for position, trigger in enumerate(model.retraining):
        yield from _line(scope, address_of(model), ("retraining", position, "schedule"), trigger)


@question
def _line(scope: Scope, address: Address, path: Path, owner: Batch | Report | Retraining) -> Iterator[Diagnostic]:
    text = owner.schedule
    if text is None:
        return
    place, mend = scope.where(address, path), 'write for example "0 3 * * 1"'
    try:
        line = cron.parse(text)
    except ValueError as error:
        meant = _meant(text)
        fixed = f'"{meant}"' if meant is not None else None
        yield Diagnostic("bad-cron", str(error), place, help=f"write {fixed}" if fixed else mend, replacement=fixed, certain=bool(fixed))
        return
    if not line.comes:
        yield Diagnostic("bad-cron", f"`{text}` never comes: no month has such a day", place, help=mend)


_NAMED = {
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "midnight": "0 0 * * *",
    "weekly": "0 0 * * 0",
    "monthly": "0 0 1 * *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_WITH_SECONDS = 6


def _meant(text: str) -> str | None:
    """A line with the same meaning: for `@daily`, `every monday`, and one that begins with its seconds."""
    words = text.casefold().removeprefix("@").split()
    if len(words) == 1 and words[0] in _NAMED:
        return _NAMED[words[0]]
    if len(words) == 2 and words[0] == "every" and words[1] in _DAYS:  # noqa: PLR2004 - every and a day
        return f"0 0 * * {_DAYS.index(words[1])}"
    rest = " ".join(text.split()[1:])
    try:
        cron.parse(rest)
    except ValueError:
        return None
    return rest if len(words) == _WITH_SECONDS and words[0] == "0" else None
