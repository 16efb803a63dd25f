"""A batch's rows hold what its model is asked, and its output goes somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.inputs import inputs
from headrace.project.rules.columns import absent, columns
from headrace.project.rules.schedules import SOME_DAY
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Batch, Model, Source, cron
from headrace.spec.batch import ENDINGS, PLACEHOLDERS, taken
from headrace.spec.secret import REFERENCE
from headrace.spec.source import ENGINES
from headrace.spec.wording import choice, nearest


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All batches."""
    for batch in scope.of(Batch):
        yield from _key(scope, batch)
        yield from _columns(scope, batch)
        yield from _path(scope, batch)
        yield from _repeated(scope, batch)
    yield from _shared(scope)
    yield from _flows(scope)


@question
def _key(scope: Scope, batch: Batch) -> Iterator[Diagnostic]:
    source = scope.get(Source, batch.input)
    found = absent(scope, address_of(batch), ("output", "key"), batch.output.key, source) if source is not None else None
    if found is not None:
        yield found
    model = scope.get(Model, batch.model)
    group = model.features.group if model is not None and source is not None and model.features.group in columns(source) else None
    help_ = "read the column under another name, by `from` of its source"
    if taken(batch.output.key, ranked=group is not None):
        message = f"no key can be called `{batch.output.key}`: a column of the answers has that name"
        yield Diagnostic("reserved-name", message, scope.where(address_of(batch), ("output", "key")), help=help_)
    if group is not None and taken(group, ranked=True):
        message = f"no group can be called `{group}`: a column of the answers has that name"
        yield Diagnostic("reserved-name", message, scope.where(address_of(batch), ("model",)), help=help_)


@question
def _columns(scope: Scope, batch: Batch) -> Iterator[Diagnostic]:
    here, source, model = address_of(batch), scope.get(Source, batch.input), scope.get(Model, batch.model)
    if source is None:
        return
    path: Path = ("input",)
    for item in inputs(scope, model) if model is not None else ():
        if item.column is not None and item.type is not None and item.column not in columns(source):
            message = f"{batch.input} has no column `{item.column}`, which {batch.model} needs"
            yield Diagnostic(
                "unknown-column", message, scope.where(here, path), help=f"add `{item.column}` to the columns of {batch.input}"
            )
    if model is not None and any(item.column is None for item in inputs(scope, model)) and model.features.entity not in columns(source):
        entity = model.features.entity
        message = f"{batch.input} has no column `{entity}`, whom {batch.model} is asked about"
        yield Diagnostic("unknown-column", message, scope.where(here, path), help=f"add `{entity}` to the columns of {batch.input}")


@question
def _path(scope: Scope, batch: Batch) -> Iterator[Diagnostic]:
    place, path = scope.where(address_of(batch), ("output", "path")), batch.output.path
    database = batch.output.table is not None
    if database and not REFERENCE.fullmatch(path) and path.partition("://")[0].partition("+")[0] not in ENGINES:
        message = f"`path: {path}` is no database, and `table: {batch.output.table}` is of one"
        help_ = "write `path: sqlite:///FILE`, `duckdb:///FILE` or `postgresql://HOST/NAME`, or remove `table`"
        yield Diagnostic("unknown-format", message, place, help=help_)
    elif not database and (REFERENCE.fullmatch(path) or path.partition("://")[0].partition("+")[0] in ENGINES):
        message = f"`path: {path}` is a database, and no `table` says where in it"
        yield Diagnostic("unknown-format", message, place, help="write for example `table: scores` in `output`")
    elif not database and not path.lower().endswith(ENDINGS):
        message = f"`path: {path}` names no format in which answers are written"
        yield Diagnostic("unknown-format", message, place, help=f"end it with {choice(f'`{ending}`' for ending in ENDINGS)}")
    elif not database and path.startswith("memory://"):
        message = f"`path: {path}` is in the memory of the run, and the answers would end with it"
        yield Diagnostic("unknown-format", message, place, help="write to a file, such as `path: scores.parquet`")
    source = scope.get(Source, batch.input)
    if source is not None and (source.uri, source.table) == (path, batch.output.table):
        message = f"`path: {path}` is what {batch.input} reads: the answers would take the place of the questions"
        yield Diagnostic("output-is-input", message, place, help="write to another place")
    for word in _unknown(path):
        meant = nearest(word, PLACEHOLDERS)
        yield Diagnostic(
            "unknown-placeholder",
            f"`path` cannot fill in `{{{word}}}`",
            place,
            caret=f"did you mean `{{{meant}}}`?" if meant else None,
            help=f"write {choice(f'`{{{known}}}`' for known in PLACEHOLDERS)}",
        )


def _unknown(path: str) -> list[str]:
    """The placeholders of a path that nothing fills in."""
    return [word for word in re.findall(r"\{([^{}]*)\}", path) if word not in PLACEHOLDERS]


@question
def _repeated(scope: Scope, batch: Batch) -> Iterator[Diagnostic]:
    """A schedule under which a second run would write where the first one has written."""
    if (
        batch.schedule is None
        or batch.output.overwrite
        or batch.output.table is not None
        or "{run}" in batch.output.path
        or _unknown(batch.output.path)
    ):
        return
    daily = "{date}" in batch.output.path
    if daily and not _twice_a_day(batch.schedule):
        return
    often = "runs of one day would" if daily else "every run would"
    place = scope.where(address_of(batch), ("output", "path"))
    message = f"`path: {batch.output.path}` is one file, and by `schedule: {batch.schedule}` {often} write it"
    help_ = "write `overwrite: true` in `output`, or put `{run}` into the path" + ("" if daily else ", or `{date}`")
    yield Diagnostic("repeated-output", message, place, help=help_)


def _twice_a_day(line: str) -> bool:
    """Whether a cron line comes twice on the first day on which it comes; a line that is none is told elsewhere."""
    try:
        ticks = cron.parse(line)
    except ValueError:
        return False
    first = ticks.next(SOME_DAY - timedelta(minutes=1))
    second = ticks.next(first) if first is not None else None
    return first is not None and second is not None and first.date() == second.date()


@question
def _shared(scope: Scope) -> Iterator[Diagnostic]:
    """Two batches that would write one file."""
    seen: dict[tuple[str, str | None], Batch] = {}
    for batch in scope.of(Batch):
        first = seen.setdefault((batch.output.path, batch.output.table), batch)
        if first is not batch and "{run}" not in batch.output.path:
            place, other = (scope.where(address_of(one), ("output", "path")) for one in (batch, first))
            message = f"{address_of(first)} and {address_of(batch)} both write {batch.output.table or batch.output.path}"
            yield Diagnostic("shared-output", message, place, help="give each a path of its own", related=(other,))


@question
def _flows(scope: Scope) -> Iterator[Diagnostic]:
    """What would be one function of a model's flows."""
    seen: dict[tuple[str, str], Batch] = {}
    for batch in scope.of(Batch):
        name = batch.name.replace("-", "_")
        first = seen.setdefault((batch.model, name), batch)
        if first is not batch:
            place, other = (scope.where(address_of(one), ("name",)) for one in (batch, first))
            message = f"{address_of(first)} and {address_of(batch)} would both be the flow `batch_{name}` of {batch.model}"
            yield Diagnostic("module-collision", message, place, help="rename one of them", related=(other,))
        model = scope.get(Model, batch.model)
        for position, step in enumerate(model.steps if model is not None else ()):
            if step.id.replace("-", "_") in (f"batch_{name}", f"score_{name}"):
                place = scope.where(address_of(batch), ("name",))
                other = scope.where(Address.parse(batch.model), ("steps", position, "id"))
                message = f"{address_of(batch)} and the step `{step.id}` of {batch.model} would be one function"
                yield Diagnostic("reserved-name", message, place, help="rename one of them", related=(other,))
