"""Every source says in one way where its rows are, and its functions stand; read from their text, nothing is imported."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path as FilePath

from headrace.address import Path
from headrace.diagnostics import Diagnostic, Span
from headrace.diagnostics.secret import masked
from headrace.hooks.contracts import Takes
from headrace.hooks.reference import Definition, UnknownReferenceError, find, mismatch
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Source
from headrace.spec.secret import REFERENCE
from headrace.spec.source import ENGINES


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All sources."""
    for source in scope.of(Source):
        yield from _origin(scope, source)
        yield from _table(scope, source)
        yield from _function(scope, source)
        yield from _schemas(scope, source)


@question
def _origin(scope: Scope, source: Source) -> Iterator[Diagnostic]:
    if source.uri is not None and source.python is not None:
        here = address_of(source)
        message = f"{here} has `uri` and `python`: the rows of a source come from one of them"
        yield Diagnostic("source-origin", message, scope.where(here, ("python",), key=True), help="make two sources of it")


_UNREAD = frozenset(
    {
        "mysql",
        "mariadb",
        "mssql",
        "oracle",
        "snowflake",
        "bigquery",
        "redshift",
        "trino",
        "clickhouse",
        "databricks",
        "mongodb",
        "kafka",
        "jdbc",
    }
)
"""What holds rows, and is not read by an address."""


@question
def _table(scope: Scope, source: Source) -> Iterator[Diagnostic]:
    """A table is of a database, and a database is read by a table; what stands behind a reference is known when it is read."""
    here, uri = address_of(source), source.uri
    if uri is None or REFERENCE.fullmatch(uri) or "${" in uri:
        if source.table is not None and source.python is not None and uri is None:
            message = f"`table` of {here} is of a database, and its rows come from `python`"
            yield Diagnostic("source-origin", message, scope.where(here, ("table",), key=True), help="remove `table`")
        return
    scheme, separator, _ = uri.partition("://")
    if separator and scheme.partition("+")[0] in _UNREAD:
        message = f"rows are not read from `{scheme[:20]}://`"
        help_ = "save the rows as Parquet, or write a function that gives them, such as `python: mycompany.data:orders`"
        yield Diagnostic("unsupported-source", message, scope.where(here, ("uri",)), help=help_)
        return
    database = bool(separator) and scheme.partition("+")[0] in ENGINES
    if database and source.table is None:
        message = f"{here} does not say which table of the database its rows are"
        yield Diagnostic("source-origin", message, scope.where(here, ("uri",)), help="write for example `table: orders`")
    elif not database and source.table is not None:
        message = f"`table` of {here} is of a database, and `{masked(uri)}` is none that is read"
        mend = "remove `table`, or write `uri: sqlite:///FILE`, `duckdb:///FILE` or `postgresql://HOST/NAME`"
        yield Diagnostic("source-origin", message, scope.where(here, ("table",), key=True), help=mend)


@question
def _function(scope: Scope, source: Source) -> Iterator[Diagnostic]:
    if source.python is None:
        return
    place = scope.where(address_of(source), ("python",))
    found = yield from _found(scope, f"{address_of(source)}", source.python, place)
    why = mismatch(found, Takes(0)) if found is not None else None
    if why is not None:
        message = f"{address_of(source)}: `{source.python}` cannot be called without anything: {why}"
        help_ = f"write `def {source.python.rpartition(':')[2]}():`"
        yield Diagnostic("wrong-signature", message, place, help=help_)


@question
def _schemas(scope: Scope, source: Source) -> Iterator[Diagnostic]:
    for position, item in enumerate(source.checks):
        path: Path = ("checks", position, "pandera")
        if item.pandera is not None:
            yield from _found(scope, f"check `{item.id}`", item.pandera, scope.where(address_of(source), path))


def _found(scope: Scope, what: str, python: str, place: Span) -> Generator[Diagnostic, None, Definition | None]:
    """Where a function, or a schema, is defined; the fault that it is nowhere."""
    root = scope.root.resolve() if scope.root is not None else FilePath()
    found: Definition | None = None
    try:
        found = find(python, (root,))
    except UnknownReferenceError as error:
        told = str(error).replace(f"{root}/", "")
        help_ = "write `module:function`; modules are looked for in the project's folder, then among what is installed"
        yield Diagnostic("unknown-function", f"{what}: {told}", place, help=help_)
    return found
