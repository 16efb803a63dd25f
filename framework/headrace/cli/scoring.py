"""`headrace predict --input … --output …`: every row of a file, a table or a source, scored once into a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from headrace.cli.place import load_project, model_of, open_workspace
from headrace.cli.view import ended, progress, show
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report

if TYPE_CHECKING:
    from headrace.batch import Progress
    from headrace.project.inputs import ModelInput
    from headrace.spec.features import Features
    from headrace.steps.batch.carry import Order
    from headrace.steps.batch.input import Input
    from headrace.steps.batch.rows import Asks, Column
    from headrace.steps.workspace import Workspace

SOURCE = "source/"
IN_MEMORY = "memory://"
"""What fsspec keeps in the process that writes it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asked for."""

    input: str
    output: str
    output_table: str | None
    table: str | None
    key: str | None
    which: str
    chunk: int
    workers: int
    max_bad: float
    duplicates: Literal["refuse", "first"]
    resume: bool
    overwrite: bool


@dataclass(frozen=True, slots=True)
class _Stated:
    """Rows that no source declares."""

    uri: str | None
    table: str | None
    python: str | None = None


def score(root: Path, model: str | None, wanted: Wanted, *, as_json: bool) -> None:
    """Score, show how far it is on stderr, and print what came of it."""
    from headrace.batch.table import output
    from headrace.steps.batch.carry import scored

    root = root.resolve()
    project = load_project(root, to_run=True)
    with open_workspace(root) as w:
        name = model_of(w.config, model)
        (spec,) = [one for one in project.models if one.name == name]
        output(root, wanted.output, wanted.output_table)  # a place that nothing writes to is told before anything is read
        if wanted.output.startswith(IN_MEMORY):
            message = f"{wanted.output} is in the memory of this command, and the answers would end with it"
            help_ = "write to a file, such as `--output scores.parquet`"
            raise HeadraceError(Diagnostic("unknown-format", message, help=help_), Exit.INVALID)
        order = _order(w, name, spec.features, project.inputs(spec), wanted)
        try:
            done = scored(w, order, _telling(as_json=as_json))
        except HeadraceError as error:
            raise HeadraceError(Report([_as_option(fault) for fault in error.report], error.report.texts), error.code) from error
    show(asdict(done), _text, as_json=as_json)


def _as_option(fault: Diagnostic) -> Diagnostic:
    """What a spec would have as `duplicates` is an option here."""
    return fault if fault.help is None else replace(fault, help=fault.help.replace("`duplicates: first`", "`--duplicates first`"))


def _telling(*, as_json: bool) -> Any:  # noqa: ANN401 - takes a Progress
    last = -1

    def tell(now: Progress) -> None:
        nonlocal last
        if int(now.percent) <= last:
            return
        last = int(now.percent)
        if as_json:
            click.echo(json.dumps({"progress": asdict(now)}), err=True)
            return
        say = ended if now.percent >= 100 else progress  # noqa: PLR2004 - all of it
        say(f"{last} %: {now.done:,} of {now.total:,} rows" + (f", {now.bad:,} bad" if now.bad else ""))

    return tell


def _text(told: Mapping[str, Any]) -> str:
    lines = [f"{told['good']:,} of {told['rows']:,} rows scored by model/{told['model']} version {told['version']}: {told['output']}"]
    if told["resumed"]:
        lines.append(f"{told['resumed']:,} of them before it was taken up again.")
    if told["bad"]:
        lines.append(f"{told['bad']:,} bad rows, with their reasons: {told['bad_rows']}")
    if told["duplicates"]:
        lines.append(f"{told['duplicates']:,} rows dropped, since a row before each has its key: {told['bad_rows']}")
    lines += [f"`{name}`: {count:,} rows hold what training never saw" for name, count in told["unseen"].items()]
    return "\n".join([*lines, f"run {told['run_id']}"])


def _order(w: Workspace, model: str, features: Features, inputs: Sequence[ModelInput], wanted: Wanted) -> Order:
    from headrace import registry
    from headrace.steps.batch.carry import Order

    with w.store.read() as session:
        version = registry.find(session, model, wanted.which)
    kinds = {str(item["name"]): str(item["type"]) for item in version.manifest.get("signature", ())}
    if wanted.input.startswith(SOURCE):
        read, key, asks, whom, group = _of_source(w, features, inputs, kinds, wanted)
    else:
        read, key, asks, whom, group = _of_file(w, features, inputs, kinds, wanted)
    return Order(
        model=model,
        input=read,
        key=key,
        inputs=asks,
        output=str(Path(wanted.output).absolute()) if wanted.output_table is None and "://" not in wanted.output else wanted.output,
        table=wanted.output_table,
        entity=whom,
        group=group,
        which=wanted.which,
        chunk=wanted.chunk,
        max_bad=wanted.max_bad,
        duplicates=wanted.duplicates,
        overwrite=wanted.overwrite,
        unfinished="resume" if wanted.resume else "discard" if wanted.overwrite else "refuse",
        workers=wanted.workers,
    )


_Read = tuple["Input", "Column", "dict[str, Asks]", "Column | None", "Column | None"]


def _of_source(w: Workspace, features: Features, inputs: Sequence[ModelInput], kinds: Mapping[str, str], wanted: Wanted) -> _Read:
    """A declared source: the columns are of the types that it declares."""
    from headrace.steps.batch import column
    from headrace.steps.batch.input import Input
    from headrace.steps.batch.rows import Asks

    name = wanted.input.removeprefix(SOURCE)
    source = w.config.sources.get(name)
    if source is None:
        there = ", ".join(sorted(w.config.sources)) or "none"
        raise HeadraceError(Diagnostic("unknown-source", f"there is no source/{name}", help=f"there are: {there}"), Exit.INVALID)
    known = {item.name: item for item in inputs}
    asks: dict[str, Asks] = {}
    for word in kinds:
        item = known.get(word)
        inside = item.column if item is not None else word
        if inside is not None and inside in source.columns:
            asks[word] = Asks(word, column(source, inside))
        elif item is not None and item.column is None:
            asks[word] = Asks(word, None, item.view)
    entity, within = features.entity, features.group
    chosen = wanted.key or entity
    if chosen not in source.columns:
        raise _no_key(chosen, f"source/{name}", sorted(source.columns))
    whom = column(source, entity) if entity in source.columns else None
    group = column(source, within) if within in source.columns else None
    key = column(source, chosen)
    read = Input(source, name, wanted.input, _columns(key, asks, whom, group), frozenset(source.personal))
    return read, key, asks, whom, group


def _of_file(w: Workspace, features: Features, inputs: Sequence[ModelInput], kinds: Mapping[str, str], wanted: Wanted) -> _Read:
    """A file, a URL or a table that nobody declares: its columns are called as the model's inputs are, and so typed."""
    from headrace.steps.batch.input import Input, names_of
    from headrace.steps.batch.rows import Asks, Column

    uri = wanted.input if "://" in wanted.input else str(Path(wanted.input).absolute())
    stated = _Stated(uri, wanted.table)
    there = names_of(w.root, Input(stated, Path(wanted.input).name, wanted.input, ()), w.plugins.readers)
    types = {"number": "float", "category": "category", "text": "text"}
    views = {item.name: item.view for item in inputs if item.column is None}
    asks = {
        word: Asks(word, None, views[word]) if word in views and word not in there else Asks(word, Column(word, word, types[kind]))
        for word, kind in kinds.items()
    }
    entity, within = features.entity, features.group
    chosen = wanted.key or entity
    if chosen not in there:
        raise _no_key(chosen, wanted.input, sorted(there))
    key = Column(chosen, chosen, there[chosen])
    whom = Column(entity, entity, there[entity]) if entity in there else None
    group = Column(within, within, there[within]) if within in there else None
    return Input(stated, Path(wanted.input).name, wanted.input, _columns(key, asks, whom, group)), key, asks, whom, group


def _columns(key: Column, asks: Mapping[str, Asks], whom: Column | None, group: Column | None) -> tuple[tuple[str, str], ...]:
    computed = any(item.view is not None for item in asks.values())
    own = [item.column for item in asks.values() if item.column is not None]
    others = [column for column in (whom if computed else None, group) if column is not None]
    return tuple({column.name: column.inside for column in (key, *own, *others)}.items())


def _no_key(key: str, told: str, there: Sequence[str]) -> HeadraceError:
    return HeadraceError(
        Diagnostic(
            "missing-column", f"{told} has no column `{key}` that says which row it is", help=f"name one by `--key`: {', '.join(there)}"
        ),
        Exit.USAGE,
    )
