"""A batch's rows hold what its model is asked, and its output goes somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.project.inputs import inputs
from headrace.project.rules.columns import absent, columns
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Batch, Model, Source
from headrace.spec.batch import PLACEHOLDERS
from headrace.spec.wording import choice, nearest


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All batches."""
    for batch in scope.of(Batch):
        yield from _key(scope, batch)
        yield from _columns(scope, batch)
        yield from _path(scope, batch)


@question
def _key(scope: Scope, batch: Batch) -> Iterator[Diagnostic]:
    source = scope.get(Source, batch.input)
    found = absent(scope, address_of(batch), ("output", "key"), batch.output.key, source) if source is not None else None
    if found is not None:
        yield found


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


@question
def _path(scope: Scope, batch: Batch) -> Iterator[Diagnostic]:
    for word in re.findall(r"\{([^{}]*)\}", batch.output.path):
        if word not in PLACEHOLDERS:
            meant = nearest(word, PLACEHOLDERS)
            yield Diagnostic(
                "unknown-placeholder",
                f"`path` cannot fill in `{{{word}}}`",
                scope.where(address_of(batch), ("output", "path")),
                caret=f"did you mean `{{{meant}}}`?" if meant else None,
                help=f"write {choice(f'`{{{known}}}`' for known in PLACEHOLDERS)}",
            )
