"""How a source is found and read: the declared columns alone, each of its declared type, or an error that says what is wrong."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from headrace.compiled import SourceConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report
from headrace.features.arrival import arrivals
from headrace.features.column import as_type
from headrace.hooks import Reader, load_plugins, resolve
from headrace.hooks.limit import within
from headrace.notify.secrets import Secrets
from headrace.spec.secret import REFERENCE

if TYPE_CHECKING:
    import pandas as pd


def read_source(root: Path, name: str, source: SourceConfig, readers: Mapping[str, Reader] | None = None) -> pd.DataFrame:
    """All rows of a source, in the order of its file, under the project's column names.

    int64 columns are int64 (float64 with NaN where values are missing), floats float64, categories text with None, timestamps UTC; an
    `arrival` adds its time column. `readers` are those of the project's plugins, which are looked for where none are given.

    HeadraceError, with every fault of the source at once: `source-not-found`, `unknown-format`, `source-unreadable`, `missing-column`,
    `changed-type`, `empty-source`, `all-missing`, `bad-year`.
    """
    if readers is None:
        readers = load_plugins(root, Report()).readers
    path = locate(root, name, source.uri)
    reader = _reader(name, path, readers)
    columns = {column: item.from_ for column, item in source.columns.items()}
    frame = _read(name, path, reader, columns)
    report = Report()
    typed: dict[str, Any] = {}
    for column, item in source.columns.items():
        said = f"source/{name}: column `{columns[column]}`"
        typed[column] = as_type(frame[columns[column]], item.type, said, report)
    _raise(report)
    import pandas as pd

    whole = pd.DataFrame(typed)
    if (arrival := source.arrival) is not None:
        whole[arrival.time] = arrivals(whole, spread=arrival.spread, order=arrival.order, seed=arrival.seed)
    return whole


def locate(root: Path, name: str, uri: str) -> Path:
    """The local file of a URI: a path from the project's folder, `file://`, or `package://PACKAGE/PATH`, whose package is not imported.

    A reference is followed here, and only it is named. HeadraceError `source-not-found`, or `secret-missing` for a reference.
    """
    said = uri
    if REFERENCE.fullmatch(uri):
        uri = str(Secrets(root).resolve(uri))
    scheme, separator, rest = uri.partition("://")
    if not separator:
        path = root / uri
    elif scheme == "file":
        path = Path(url2pathname(urlsplit(uri).path))
    elif scheme == "package":
        path = _packaged(name, said, *rest.partition("/")[::2])
    else:
        raise HeadraceError(
            Diagnostic(
                "source-not-found", f"source/{name}: `{scheme}://` is not read", help="write a path, `file://…` or `package://PACKAGE/PATH`"
            ),
            Exit.INVALID,
        )
    if not path.is_file():
        where = f"looked for at {path}" if said == uri else None
        raise HeadraceError(Diagnostic("source-not-found", f"source/{name}: {said} does not exist", help=where))
    return path


def names(root: Path, name: str, uri: str, readers: Mapping[str, Reader]) -> list[str] | None:
    """The columns that a source's file has, by its header; None where its reader does not tell.

    HeadraceError `source-not-found`, `unknown-format`, `source-unreadable`.
    """
    path = locate(root, name, uri)
    reader = _reader(name, path, readers)
    if reader.names is None:
        return None
    try:
        return list(within(reader.seconds, resolve(reader.names), path))
    except Exception as error:  # a file may be broken in any way
        raise _unreadable(name, reader, error) from error


def lacking(name: str, column: str, inside: str, held: Sequence[str]) -> Diagnostic:
    """A declared column that the file has not: which one may have been meant."""
    near = get_close_matches(inside, held, n=1)
    return Diagnostic(
        "missing-column",
        f"source/{name} has no column `{inside}`" + (f" (`{column}`)" if column != inside else ""),
        help=f"did you mean `{near[0]}`?" if near else f"it has: {', '.join(held)}" if held else None,
    )


def _unreadable(name: str, reader: Reader, error: Exception) -> HeadraceError:
    return HeadraceError(Diagnostic("source-unreadable", f"source/{name} cannot be read as {reader.name}: {type(error).__name__}: {error}"))


def _packaged(name: str, uri: str, package: str, inside: str) -> Path:
    # A dotted name would make find_spec import its parents.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise HeadraceError(
            Diagnostic(
                "source-not-found",
                f"source/{name}: there is no installed package `{package}` ({uri})",
                help=f"type `pip install {package}`",
            )
        )
    folder = Path(places[0]).resolve()
    path = (folder / inside).resolve()
    if not path.is_relative_to(folder):
        raise HeadraceError(Diagnostic("source-not-found", f"source/{name}: {uri} leads out of the package"), Exit.INVALID)
    return path


def _reader(name: str, path: Path, readers: Mapping[str, Reader]) -> Reader:
    for reader in readers.values():
        if path.suffix.lower() in reader.suffixes:
            return reader
    known = ", ".join(sorted(suffix for reader in readers.values() for suffix in reader.suffixes))
    raise HeadraceError(
        Diagnostic("unknown-format", f"source/{name}: no reader knows `{path.suffix or path.name}`", help=f"known are: {known or 'none'}"),
        Exit.INVALID,
    )


def _read(name: str, path: Path, reader: Reader, columns: Mapping[str, str]) -> pd.DataFrame:
    """The declared columns as the reader gives them; all must be there, and some rows."""
    try:
        frame: pd.DataFrame = within(reader.seconds, resolve(reader.read), path, list(dict.fromkeys(columns.values())))
        lacks = {column: inside for column, inside in columns.items() if inside not in frame.columns}
        held: list[str] = within(reader.seconds, resolve(reader.names), path) if lacks and reader.names else []
    except Exception as error:  # a file may be broken in any way
        raise _unreadable(name, reader, error) from error
    report = Report()
    for column, inside in lacks.items():
        report.add(lacking(name, column, inside, held))
    if not lacks and not len(frame):
        report.add(Diagnostic("empty-source", f"source/{name} has no rows"))
    _raise(report)
    return frame


def _raise(report: Report) -> None:
    if not report.ok:
        raise HeadraceError(report)
