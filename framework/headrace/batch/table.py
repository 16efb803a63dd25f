"""Answers in a table of a database: all rows of a batch at once by one transaction, which also says that it was done, or none."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote, urlsplit

from headrace.batch import target as files
from headrace.batch.database import STAGED, Database, Engine, opened, quoted
from headrace.batch.target import Target
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.diagnostics.secret import concealed
from headrace.secrets import Secrets
from headrace.spec.secret import REFERENCE
from headrace.spec.source import ENGINES

if TYPE_CHECKING:
    import pyarrow as pa

BAD = Path(".headrace") / "bad"
"""Where the rows without an answer are written, under the project's folder: a table has no place beside it."""
BOOK = "headrace_batches"
"""The table that says, in the same schema, which runs have written what: a run that finds itself there does not write again."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of answers; rows of other batches may stand in it as well."""

    told: str
    """As messages name the database: without its password."""
    engine: Engine
    url: str = field(repr=False)
    path: Path | None
    """Its file, where it is one of this machine."""
    table: str
    root: Path

    @property
    def identity(self) -> str:
        """The same for two ways of writing one place."""
        return f"{self.path or self.told}#{self.table}"

    @property
    def shown(self) -> str:
        """As a run tells where its answers are."""
        return f"{self.told}#{self.table}"

    @property
    def parts(self) -> tuple[str | None, str]:
        """The schema, where one is written, and the table's own name."""
        schema, _, name = self.table.rpartition(".")
        return schema or None, name

    def beside(self) -> Target:
        """Where the rows without an answer go: a file of the project."""
        name = f"{re.sub(r'[^A-Za-z0-9_.-]', '_', self.table)}-{hashlib.sha256(self.identity.encode()).hexdigest()[:8]}.csv"
        return files.parse(self.root, str(BAD / name))


def output(root: Path, text: str, table: str | None) -> Target | Table:
    """The file, or the table, that is meant; a reference is followed here, and only it is named from then on.

    HeadraceError `unknown-format` where it is neither, `reserved-name` for a table of our own, `secret-missing` for a reference that leads
    nowhere.
    """
    uri = str(Secrets(root).resolve(text)) if REFERENCE.fullmatch(text) else text
    scheme, separator, _ = uri.partition("://")
    engine = ENGINES.get(scheme.partition("+")[0]) if separator else None
    if engine is None and table is None:
        return files.parse(root, uri)
    if engine is None or table is None:
        told = text if text != uri or engine is None else _without_password(uri)
        message = f"{told} is a database, and no table of it is named" if table is None else f"{told} is no database, and a table is named"
        naming = "write `--output-table NAME`, or `table: NAME` in `output`"
        leaving = "leave out the table, or write `sqlite:///FILE`, `duckdb:///FILE` or `postgresql://HOST/NAME`"
        raise HeadraceError(Diagnostic("unknown-format", message, help=naming if table is None else leaving), Exit.INVALID)
    if table.rpartition(".")[2].casefold() in {STAGED, BOOK}:
        message = f"`{table}` is a name of Headrace's own: how batches write is kept there"
        raise HeadraceError(Diagnostic("reserved-name", message, help="name another table"), Exit.INVALID)
    told = _without_password(uri) if text == uri else text
    if engine == "postgresql":
        return Table(told, engine, uri, None, table, root)
    inside = unquote(urlsplit(uri).path).removeprefix("/")
    if not inside or inside == ":memory:":
        message = f"{told} names no file"
        help_ = f"write `{engine}:///FILE`, or `{engine}:////FOLDER/FILE` from the top"
        raise HeadraceError(Diagnostic("unknown-format", message, help=help_), Exit.INVALID)
    return Table(told, engine, uri, (root / inside).resolve(), table, root)


def _without_password(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":•••@", 1)).geturl()


@dataclass(frozen=True, slots=True)
class Load:
    """What a run writes: under which key, which columns (as `score.columns` has them), the digest of all of it."""

    run: str
    key: str
    columns: Mapping[str, str]
    digest: str
    overwrite: bool
    """Whether the rows that stand there go, all of them; otherwise those with a key of the batch."""


def refuse_other(target: Table, load: Load, folder: Path) -> None:
    """Write nothing, in the way that `publish` will write, before anything is scored: what would fail then fails now.

    HeadraceError `output-columns` where a table with other columns has the name, `output-unwritable`.
    """
    with _writing(target, folder, load.columns) as db:
        db.begin_writing()
        _merge(db, target, load)
        _book(db, target)
        db.ask("ROLLBACK")


def publish(target: Table, load: Load, tables: Iterable[pa.Table], folder: Path) -> None:
    """Let rows take the place of those with their keys, or of all rows, unless this run has done so already.

    Readers see the rows of before until one COMMIT, and then all of these; a kill at any point leaves one or the other.
    HeadraceError: as `refuse_other`, and what reading the tables raises.
    """
    with _writing(target, folder, load.columns) as db:
        rows = 0
        book = quoted(target.parts[0], BOOK)
        if db.columns(target.parts[0], BOOK)[0] is not None and db.ask(f"SELECT 1 FROM {book} WHERE run = {_text(load.run)}"):
            return
        for one in tables:
            db.load(one.select(list(load.columns)))
            rows += len(one)
        db.begin_writing()
        _merge(db, target, load)
        _book(db, target)
        db.ask(f"INSERT INTO {book} VALUES ({_text(load.run)}, {_text(target.table)}, {rows}, {_text(load.digest)})")
        db.ask("COMMIT")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def _writing(target: Table, folder: Path, columns: Mapping[str, str]) -> Iterator[Database]:
    """A connection with a place where rows wait; whatever its driver raises is told without a password."""
    errors: tuple[type[Exception], ...] = (OSError,)
    try:
        with ExitStack() as stack:
            try:
                db = stack.enter_context(opened(target.engine, str(target.path or target.url), folder))
            except ModuleNotFoundError as error:
                message = f"the driver `{error.name}` of PostgreSQL is not installed"
                raise HeadraceError(Diagnostic("output-unwritable", message, help="type `pip install 'psycopg[binary]'`")) from None
            errors = (*errors, *db.errors)
            _refuse_names(db, target, columns)
            db.begin_loading()
            made = ", ".join(f"{quoted(name)} {db.words[kind][0]}" for name, kind in columns.items())
            db.ask(f"CREATE TEMP TABLE {STAGED} ({made})")
            yield db
    except HeadraceError:
        raise
    except Exception as error:
        if not isinstance(error, errors) and not _of_driver(error):
            raise
        raise _unwritable(target, error) from None


def _of_driver(error: Exception) -> bool:
    """Whether it is what a driver raises where there is no connection yet."""
    return type(error).__module__.partition(".")[0] in {"sqlite3", "duckdb", "_duckdb", "psycopg"}


def _merge(db: Database, target: Table, load: Load) -> None:
    """The rows that wait into the table, which is made where there is none."""
    schema, name = target.parts
    columns, key = load.columns, quoted(load.key)
    whole, names = quoted(schema, name), ", ".join(quoted(one) for one in columns)
    if db.columns(schema, name)[0] is None:
        made = ", ".join(f"{quoted(one)} {db.words[kind][0]}{' PRIMARY KEY' * (one == load.key)}" for one, kind in columns.items())
        db.ask(f"CREATE TABLE {whole} ({made})")
    else:
        _refuse(db, target, columns)  # nobody takes or changes a table that is locked
        db.alone(whole)
        _refuse(db, target, columns)
        by_key = "" if load.overwrite else f" WHERE {key} IN (SELECT {key} FROM {db.staged})"
        db.ask(f"DELETE FROM {whole}{by_key}")
    db.ask(f"INSERT INTO {whole} ({names}) SELECT {names} FROM {db.staged}")


def _book(db: Database, target: Table) -> None:
    words = db.words
    text, whole = words["text"][0], words["int64"][0]
    columns = f"run {text} PRIMARY KEY, wrote {text}, answers {whole}, digest {text}"
    db.ask(f"CREATE TABLE IF NOT EXISTS {quoted(target.parts[0], BOOK)} ({columns})")


# what is wrong ---------------------------------------------------------------------------------------------------


def _refuse(db: Database, target: Table, columns: Mapping[str, str]) -> None:
    """HeadraceError `output-columns` (exit 4) where what stands there does not hold such rows, and them alone."""
    kind, there = db.columns(*target.parts)
    if kind != "table":
        raise _other(target, f"it is a {kind}")
    lacking, more = [name for name in columns if name not in there], [name for name in there if name not in columns]
    said = [f"it has no column `{name}`" for name in lacking] + [f"it has a column `{name}`, which no answer fills" for name in more]
    for name, wanted in columns.items():
        if name in there and there[name] not in db.words[wanted]:
            said.append(f"its column `{name}` is {there[name]}, and {db.words[wanted][0]} is needed")
    if said:
        raise _other(target, "; ".join(said))


def _refuse_names(db: Database, target: Table, columns: Mapping[str, str]) -> None:
    """HeadraceError `output-columns` for columns that the database could not tell apart, or would cut."""
    for name in columns:
        if db.longest is not None and len(name.encode()) > db.longest:
            raise _other(target, f"a column there has a name of {db.longest} bytes at most, and `{name}` is longer")
    seen: Sequence[str] = [name if db.apart else name.casefold() for name in columns]
    twice = [name for name, said in zip(columns, seen, strict=True) if seen.count(said) > 1]
    if twice:
        raise _other(target, f"`{'` and `'.join(twice)}` would be one column there")


def _other(target: Table, why: str) -> HeadraceError:
    message = f"`{target.table}` of {target.told} cannot hold the answers: {why}"
    return HeadraceError(Diagnostic("output-columns", message, help="name another table, which is made where there is none"), Exit.REFUSED)


def _unwritable(target: Table, error: Exception) -> HeadraceError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[0] if lines else type(error).__name__
    password = urlsplit(target.url).password
    forms = {password, quote_plus(password), quote(password, safe=""), unquote(password)} if password else set()
    said = concealed(said, (forms | {target.url}) - {""} if target.path is None else forms)
    message = f"`{target.table}` of {target.told} cannot be written: {said}"
    help_ = "see that it can be reached and written; what is done is kept, and goes on with `--resume`"
    return HeadraceError(Diagnostic("output-unwritable", message, help=help_))
