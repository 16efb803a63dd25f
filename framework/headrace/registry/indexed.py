"""What versions are found by: a row of plain columns each, and one a metric, param and tag; made of the manifest, in its transaction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.registry.semver import SemVer
from headrace.registry.version import Version, get
from headrace.store.kinds import IndexedKind
from headrace.store.registered import VersionIndex, VersionValue

LONGEST_TAG = 1000
"""Characters of a tag's value, and a quarter of them of its name."""


def index_of(session: Session, model: str, number: int) -> VersionIndex:
    """A version's row. HeadraceError `no-version`."""
    found = session.exec(select(VersionIndex).where(VersionIndex.model == model, VersionIndex.number == number)).first()
    if found is None:
        get(session, model, number)  # says what there is
        raise LookupError(f"model/{model} v{number} has no row in version_index")
    return found


def add(session: Session, version: Version, semver: SemVer | None) -> None:
    """Write down what a version that is being registered is found by."""
    row = VersionIndex(
        model=version.model,
        number=version.number,
        algorithm=version.algorithm,
        run_id=version.run_id,
        created_at=version.created_at,
        semver=None if semver is None else str(semver),
        precedence=None if semver is None else semver.precedence,
    )
    session.add(row)
    session.flush()
    if rows := [{"version_id": row.id, **value} for value in values(version.manifest)]:
        session.connection().execute(insert(VersionValue), rows)


def values(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row a metric and param; one that is no number and no text is there, and no condition holds for it."""
    for kind, part in ((IndexedKind.METRIC, manifest.get("metrics", {})), (IndexedKind.PARAM, manifest.get("params", {}))):
        for name, value in part.items():
            yield _value(kind, str(name), value)


def set_tag(session: Session, *, model: str, number: int, name: str, value: str | None) -> None:
    """Give a version a tag, another value of it, or (None) take it away. HeadraceError: `no-version`, `bad-tag`."""
    found = index_of(session, model, number)
    if not name or len(name) > LONGEST_TAG // 4 or not name.isprintable() or (value is not None and not _storable(value)):
        help_ = f"a name and a value of printable characters, at most {LONGEST_TAG // 4} and {LONGEST_TAG}"
        raise HeadraceError(Diagnostic("bad-tag", f"`{name[:80]}` cannot be a tag with this value", help=help_), Exit.USAGE)
    row = session.get(VersionValue, (found.id, IndexedKind.TAG, name))
    if value is None and row is not None:
        session.delete(row)
    elif value is not None:
        session.merge(VersionValue(**{"version_id": found.id, **_value(IndexedKind.TAG, name, value)}))
    session.flush()


def _value(kind: IndexedKind, name: str, value: object) -> dict[str, Any]:
    told = float(value) if isinstance(value, bool | int | float) and abs(value) < _LARGE else math.nan
    return {"kind": kind, "name": name, "number": told, "text": value if isinstance(value, str) and _storable(value) else None}


_LARGE = 1e308
"""Beyond it a whole number may be none that a column of floats holds; a manifest has no infinity."""


def _storable(text: str) -> bool:
    return len(text) <= LONGEST_TAG and "\0" not in text and text.isprintable()
