"""What a source's words mean: files, a table of a database, or a function of the project's own; nothing is read yet."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import unquote, urlsplit

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.secrets import Secrets
from headrace.spec.secret import REFERENCE
from headrace.spec.source import ENGINES

WILD = frozenset("*?[")
"""What makes a path a pattern."""
Engine = Literal["sqlite", "duckdb", "postgresql"]


class Stated(Protocol):
    """A source as a spec or a compiled project states it."""

    @property
    def uri(self) -> str | None:
        """Where they are."""
        ...

    @property
    def table(self) -> str | None:
        """Which of a database."""
        ...

    @property
    def python(self) -> str | None:
        """What gives them."""
        ...


@dataclass(frozen=True, slots=True)
class Files:
    """Files on this machine, in the order of their names; `told` is how messages name each."""

    paths: tuple[Path, ...]
    told: tuple[str, ...]
    keys: tuple[Mapping[str, str | None], ...] = ()
    """What the folders of each say of all its rows (`year=2024`); only where there are several."""

    @property
    def several(self) -> bool:
        """Whether a pattern was written, however many files fit it."""
        return bool(self.keys)


@dataclass(frozen=True, slots=True)
class Remote:
    """What fsspec reaches by a URL."""

    url: str = field(repr=False)
    told: str
    """How messages name it: as the spec does."""

    @property
    def scheme(self) -> str:
        """How it is reached."""
        return self.url.partition("://")[0]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a database; `path` is its file where it is one on this machine."""

    engine: Engine
    url: str = field(repr=False)
    path: Path | None
    table: str
    told: str

    @property
    def parts(self) -> tuple[str | None, str]:
        """The schema, where one is written, and the table's own name."""
        schema, _, name = self.table.rpartition(".")
        return schema or None, name


@dataclass(frozen=True, slots=True)
class Function:
    """A function that gives the rows."""

    python: str


Place = Files | Remote | Table | Function


def place(root: Path, name: str, stated: Stated) -> Place:
    """Where a source's rows are. A reference is followed here, and only it is named from then on.

    HeadraceError `source-not-found` where there is no such file or package, `secret-missing` for a reference that leads nowhere.
    """
    if stated.python is not None:
        return Function(stated.python)
    told = stated.uri or ""
    uri = str(Secrets(root).resolve(told)) if REFERENCE.fullmatch(told) else told
    scheme, separator, rest = uri.partition("://")
    engine = ENGINES.get(scheme.partition("+")[0]) if separator else None
    if engine is not None:
        return _table(root, name, stated, engine, uri, told)
    if stated.table is not None:
        what = f"`{scheme}://` is" if separator else f"{told} is"
        message = f"source/{name}: {what} no database that is read, and `table: {stated.table}` is of one"
        raise _lost(message, "remove `table`, or write `uri: sqlite:///FILE`, `duckdb:///FILE` or `postgresql://HOST/NAME`")
    if not separator:
        return _files(root, name, root / uri, told, hidden=told != uri)
    if scheme == "file":
        from urllib.request import url2pathname  # which brings the standard library's HTTP

        return _files(root, name, root / url2pathname(urlsplit(uri).path), told, hidden=told != uri)
    if scheme == "package":
        return _files(root, name, _packaged(name, told, *rest.partition("/")[::2]), told, hidden=told != uri)
    return Remote(uri, told)


def _table(root: Path, name: str, stated: Stated, engine: Engine, uri: str, told: str) -> Table:  # noqa: PLR0917
    if stated.table is None:
        raise _lost(f"source/{name}: {told} is a database, and no `table` says which rows of it", "write for example `table: orders`")
    if engine == "postgresql":
        return Table(engine, uri, None, stated.table, told)
    inside = unquote(urlsplit(uri).path).removeprefix("/")
    if not inside or inside == ":memory:":
        raise _lost(f"source/{name}: {told} names no file", f"write `{engine}:///FILE`, or `{engine}:////FOLDER/FILE` from the top")
    path = root / inside
    if not path.is_file():
        where = f"looked for at {path}" if told == uri else None
        raise _lost(f"source/{name}: {told} does not exist", where)
    return Table(engine, uri, path, stated.table, told)


def _files(root: Path, name: str, path: Path, told: str, *, hidden: bool) -> Files:
    """A file, or all that fit a pattern, sorted; those that begin with `_` or `.` are marks that other programs leave."""
    if path.is_file():
        return Files((path,), (told,))
    if not WILD & set(str(path)):
        where = None if hidden else f"looked for at {path}" if told != str(path) else f"ls {path.parent}"
        if path.is_dir():
            raise _lost(f"source/{name}: {told} is a folder", "write which of its files, for example `data/*.parquet`")
        raise _lost(f"source/{name}: {told} does not exist", where)
    import glob

    found = sorted(Path(one) for one in glob.glob(str(path), recursive=True))  # noqa: PTH207 - a path may be absolute
    paths = tuple(one for one in found if one.is_file() and not one.name.startswith(("_", ".")))
    if not paths:
        stem = next((one for one in path.parents if not WILD & set(str(one))), root)
        why = None if hidden else f"looked in {stem}" + ("" if stem.is_dir() else ", which is not there")
        raise _lost(f"source/{name}: no file fits {told}", why)
    names = tuple(one.name if hidden or not one.is_relative_to(root) else one.relative_to(root).as_posix() for one in paths)
    return Files(paths, names, tuple(keys(one) for one in paths))


def keys(path: Path) -> dict[str, str | None]:
    """What a file's folders say of its rows, as Hive writes it: `year=2024/month=3`."""
    found = (part.partition("=") for part in path.parts[:-1] if "=" in part)
    return {key: None if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value) for key, _, value in found if key.isidentifier()}


def _packaged(name: str, uri: str, package: str, inside: str) -> Path:
    # A dotted name would make find_spec import its parents.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise _lost(f"source/{name}: there is no installed package `{package}` ({uri})", f"type `pip install {package}`")
    folder = Path(places[0]).resolve()
    path = (folder / inside).resolve()
    if not path.is_relative_to(folder):
        raise HeadraceError(Diagnostic("source-not-found", f"source/{name}: {uri} leads out of the package"), Exit.INVALID)
    return path


def _lost(message: str, help_: str | None) -> HeadraceError:
    return HeadraceError(Diagnostic("source-not-found", message, help=help_))
