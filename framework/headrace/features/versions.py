"""Feature views over time: which definitions were applied, and values as they were kept under one, to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace.compiled import SourceConfig, ViewConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.digest import digest
from headrace.features.engine import Origins
from headrace.features.joined import joined
from headrace.features.source import read_source

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlmodel import Session

    from headrace.store import Store
    from headrace.store.featured import FeatureVersion


@dataclass(frozen=True, slots=True)
class Version:
    """One definition of a view; `number` counts from 1, and an old definition that is applied again is a new number."""

    id: str
    view: str
    number: int
    digest: str
    definition: Mapping[str, Any]
    description: str
    actor: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.view}@{self.number}"

    @property
    def config(self) -> ViewConfig:
        """The view as it was computed."""
        return ViewConfig.model_validate(self.definition["view"])

    @property
    def source(self) -> SourceConfig:
        """The source as it was read."""
        return SourceConfig.model_validate({**self.definition["source"], "checks": (), "fresh_within_seconds": None})


@dataclass(frozen=True, slots=True)
class Kept:
    """Values that were kept under a version: a blob of Parquet, `number` counting from 1 in each version."""

    id: str
    number: int
    digest: str
    rows: int
    told: Mapping[str, Any]
    actor: str
    at: datetime


def named(told: Mapping[str, Any]) -> str:
    """The digest of a definition; what is not given is no part of it, so that a word that a later release adds changes no old one."""
    import rfc8785

    return digest(rfc8785.dumps(_given(told)))


def _given(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        return {word: _given(item) for word, item in value.items() if item not in (None, [], {}, ())}
    return [_given(item) for item in value] if isinstance(value, list | tuple) else value


def note(session: Session, view: str, told: Mapping[str, Any], *, description: str, actor: str, at: datetime) -> Version:
    """The newest version where it is of this definition, or one more, in the caller's transaction."""
    from headrace.store.featured import FeatureVersion

    name = named(told)
    newest = _newest(session, view)
    if newest is not None and newest.digest == name:
        return _version(newest)
    number = 1 if newest is None else newest.number + 1
    row = FeatureVersion(view=view, number=number, digest=name, definition=dict(told), description=description, actor=actor, at=at)
    session.add(row)
    session.flush()
    return _version(row)


def history(session: Session, view: str) -> list[Version]:
    """All versions of a view, oldest first."""
    from sqlmodel import col, select

    from headrace.store.featured import FeatureVersion

    rows = session.exec(select(FeatureVersion).where(FeatureVersion.view == view).order_by(col(FeatureVersion.number)))
    return [_version(row) for row in rows]


def version(session: Session, view: str, number: int | None = None) -> Version:
    """One version, the newest where none is named; HeadraceError `unknown-view-version`."""
    from sqlmodel import select

    from headrace.store.featured import FeatureVersion

    if number is None:
        row = _newest(session, view)
    else:
        row = session.exec(select(FeatureVersion).where(FeatureVersion.view == view, FeatureVersion.number == number)).first()
    if row is None:
        raise HeadraceError(_no_version(session, view, number), Exit.FAILED)
    return _version(row)


def _no_version(session: Session, view: str, number: int | None) -> Diagnostic:
    from sqlmodel import col, select

    from headrace.store.featured import FeatureVersion

    numbers = [item.number for item in history(session, view)]
    if numbers:
        there = f"there are {view}@{numbers[0]} to {view}@{numbers[-1]}"
        return Diagnostic("unknown-view-version", f"feature_view/{view} has no version {number}", help=there)
    others = session.exec(select(FeatureVersion.view).distinct().order_by(col(FeatureVersion.view))).all()
    known = f"; recorded are those of {', '.join(others)}" if others else ""
    return Diagnostic(
        "unknown-view-version",
        f"feature_view/{view} has no version {number}" if number else f"no version of feature_view/{view} was ever applied here",
        help=f"`headrace apply` records one of each view that the specs declare{known}",
    )


def applied(session: Session, address: str) -> Mapping[str, Any]:
    """A document as it was applied last, as JSON; nothing where it was not."""
    from sqlmodel import select

    from headrace.store.tables import Resource

    row = session.exec(select(Resource).where(Resource.address == address)).first()
    return row.applied.get("written", row.spec) if row is not None else {}


def keep(store: Store, of: Version, values: pa.Table, told: Mapping[str, Any], *, actor: str) -> Kept:
    """Keep values under a version, as Parquet: every value comes back as it is, types, zones and the order of rows and columns included."""
    import io

    import pyarrow.parquet as pq
    from sqlmodel import func, select

    from headrace.store.featured import FeatureValues

    out = io.BytesIO()
    pq.write_table(values, out, compression="zstd", version="2.6", store_schema=True)
    kept = store.blobs.put(out.getvalue())
    with store.transaction(actor, "keep features", str(of)) as session:
        last = session.exec(select(func.max(FeatureValues.number)).where(FeatureValues.version_id == of.id)).one() or 0
        row = FeatureValues(
            version_id=of.id, number=last + 1, digest=kept, rows=values.num_rows, told=dict(told), actor=actor, at=store.clock.now()
        )
        session.add(row)
        session.flush()
        return Kept(row.id, row.number, row.digest, row.rows, row.told, row.actor, row.at)


def kept(session: Session, of: Version) -> list[Kept]:
    """All that was kept under a version, oldest first."""
    from sqlmodel import col, select

    from headrace.store.featured import FeatureValues

    rows = session.exec(select(FeatureValues).where(FeatureValues.version_id == of.id).order_by(col(FeatureValues.number)))
    return [Kept(row.id, row.number, row.digest, row.rows, row.told, row.actor, row.at) for row in rows]


def values(store: Store, found: Kept) -> pa.Table:
    """What was kept; HeadraceError `artifact-altered` and `artifact-missing` of the blob."""
    import io

    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(store.blobs.get(found.digest)))


def computed(origins: Origins, of: Version, source: str, *, entity: str | None = None, time: str | None = None) -> pa.Table:
    """The features of a version by its own definition, one row a row of a source, as of that row's moment.

    Columns: the source's `entity` and `time` (the view's own names where they are not given), then the features. Rows without one of the
    two are left out. HeadraceError: `unknown-source`, `missing-column`, those of `read_source` and `joined`.
    """
    import pyarrow as pa

    if source not in origins.sources:
        there = f"there are: {', '.join(sorted(origins.sources))}"
        raise HeadraceError(Diagnostic("unknown-source", f"there is no source/{source}", help=there), Exit.INVALID)
    view, then = of.config, of.source
    now = origins.sources.get(view.source)
    # What no message may show is asked of today: of a source that is gone, everything.
    then = then.model_copy(update={"personal": tuple(then.columns) if now is None else now.personal})
    read = read_source(origins.root, source, origins.sources[source], origins.readers)
    columns = [entity or view.entity, time or view.time]
    if lacking := [column for column in columns if column not in read.columns]:
        help_ = f"it has: {', '.join(map(str, read.columns))}"
        raise HeadraceError(Diagnostic("missing-column", f"source/{source} has no column `{lacking[0]}`", help=help_), Exit.INVALID)
    spine = read[columns].dropna()
    asked = spine.assign(**{columns[0]: spine[columns[0]].astype(str)})
    origins = replace(origins, sources={**origins.sources, view.source: then})
    found = joined(origins, {of.view: view}, wanted={of.view: list(view.features)}, spine=asked)
    return pa.Table.from_pandas(spine.join(found).reset_index(drop=True), preserve_index=False).replace_schema_metadata(None)


def _newest(session: Session, view: str) -> FeatureVersion | None:
    from sqlmodel import col, select

    from headrace.store.featured import FeatureVersion

    return session.exec(select(FeatureVersion).where(FeatureVersion.view == view).order_by(col(FeatureVersion.number).desc())).first()


def _version(row: FeatureVersion) -> Version:
    return Version(row.id, row.view, row.number, row.digest, row.definition, row.description, row.actor, row.at)
