"""The checks of a source, asked: one query counts for all of them, and those that do not hold show some of their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headrace.compiled import CheckConfig, SourceConfig
from headrace.diagnostics import Diagnostic, HeadraceError, Report
from headrace.features.checks import query, schema
from headrace.features.checks.checked import HIDDEN, Checked, tell, verdict
from headrace.features.checks.query import SHOWN, Looked
from headrace.features.checks.spread import spread
from headrace.features.checks.trained import Had, Trained, of_training
from headrace.features.engine import Origins, column_types, engine, engine_errors, relation
from headrace.features.source import read_source

if TYPE_CHECKING:
    import duckdb


def check(origins: Origins, sources: Sequence[str], *, at: datetime, trained: Trained | None = None) -> list[Checked]:
    """The checks of some sources, in their order, at a moment; `trained` is what trainings had, as far as it is known.

    HeadraceError: those of `look`, and `check-failed`, one a check with mode `block` that does not hold.
    """
    found: list[Checked] = []
    for named in dict.fromkeys(sources):
        if named in origins.sources and origins.sources[named].checks:
            found += look(origins, named, at=at, trained=trained)
    report = Report()
    for item in found:
        if not item.passed and item.mode == "block":
            report.add(Diagnostic("check-failed", tell(item), help="mend the rows, or change the check"))
    if not report.ok:
        raise HeadraceError(report)
    return found


def look(origins: Origins, named: str, *, at: datetime, trained: Trained | None = None) -> list[Checked]:
    """What came of each check of one source, whether it holds or not.

    HeadraceError: those of `read_source`, `check-failed` where one cannot be asked, `unknown-source`, `pandera-missing`.
    """
    source = origins.sources[named]
    with engine(origins.root) as con:
        looked = _looked(con, origins, named, at)
        told = [f"{part(item, looked)}" for item in source.checks for part in (query.counted, query.measured)]
        keys = tuple(dict.fromkeys(column for item in source.checks if item.says == "unique" for column in item.columns))
        try:
            ((total, *counts),) = con.execute(f"SELECT {', '.join(['COUNT(*)', *told])} FROM {looked.relation} AS {query.ROWS}").fetchall()
            asked = _Asked(origins, named, con, looked, int(total), keys, (trained or {}).get(named, {}))
            return [asked.checked(item, int(counts[2 * n]), counts[2 * n + 1]) for n, item in enumerate(source.checks)]
        except engine_errors() as error:
            said = str(error).splitlines()[0]
            raise HeadraceError(
                Diagnostic("check-failed", f"source/{named} could not be checked: {said}", help="correct the check")
            ) from error


def _looked(con: duckdb.DuckDBPyConnection, origins: Origins, named: str, at: datetime) -> Looked:
    """The source's columns that its checks read, or all, and those of others that they compare with."""
    source = origins.sources[named]
    read = relation(con, origins, named, sorted(column_types(source)))
    others: dict[str, set[str]] = {}
    for item in source.checks:
        if item.other is not None and item.other_column is not None and not of_training(item):
            others.setdefault(item.other, set()).add(item.other_column)
    if gone := sorted(set(others) - set(origins.sources)):
        raise HeadraceError(Diagnostic("unknown-source", f"there is no source/{gone[0]}", help="type `headrace compile`"))
    relations = {
        other: read if other == named else relation(con, origins, other, sorted(columns)) for other, columns in sorted(others.items())
    }
    moment = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return Looked(read, column_types(source), relations, round(moment.timestamp() * 1_000_000))


class _Asked:
    """One source whose checks were counted, and what shows the rows that break them."""

    def __init__(  # noqa: PLR0917 - what every check is asked with
        self,
        origins: Origins,
        named: str,
        con: duckdb.DuckDBPyConnection,
        looked: Looked,
        total: int,
        keys: Sequence[str],
        had: Mapping[str, Had],
    ) -> None:
        self.origins, self.named, self.con, self.looked, self.total, self.keys = origins, named, con, looked, total, keys
        self.had = had

    @property
    def source(self) -> SourceConfig:
        return self.origins.sources[self.named]

    def checked(self, item: CheckConfig, broken: int, measured: float | None) -> Checked:
        sample: list[dict[str, Any]] = []
        if of_training(item) and item.id not in self.had:
            said = f"no champion of {item.other} was trained with this check: there is nothing to compare with yet"
            return Checked(self.named, item.id, passed=True, mode=item.mode, broken=0, rows=self.total, said=said, unasked=True)
        if item.says == "like":
            measured = spread(self.con, item, self.looked, self.had.get(item.id))
        elif item.says == "pandera":
            broken, sample = self._of_schema(item)
        passed, said = verdict(item, self.total, broken, measured)
        if not passed and (asked := query.shown(item, self.looked, self.keys)) is not None:
            sample = self._sample(asked)
        return Checked(self.named, item.id, passed, item.mode, broken, self.total, said, tuple(sample), measured)

    def _sample(self, asked: str) -> list[dict[str, Any]]:
        result = self.con.execute(asked)
        columns = [str(column[0]) for column in result.description or ()]
        hidden = set(self.source.personal)
        return [
            {column: HIDDEN if column in hidden else str(value) for column, value in zip(columns, row, strict=True)}
            for row in result.fetchall()
        ]

    def _of_schema(self, item: CheckConfig) -> tuple[int, list[dict[str, Any]]]:
        frame = read_source(self.origins.root, self.named, self.source, self.origins.readers)
        said = f"source/{self.named}, check `{item.id}`"
        return schema.broken(self.origins.root, item.text or "", said, frame, hidden=frozenset(self.source.personal), most=SHOWN)
