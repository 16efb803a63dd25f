"""Which predictions make a window: consecutive answered ones in the journal's order, each request once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, exists, select

from headrace.store.tables import Prediction, Window

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Stretch:
    """The rows of one window, in the journal's order; the lists have n items each."""

    number: int
    seqs: tuple[int, ...]
    entities: tuple[str, ...]
    versions: tuple[int, ...]
    outputs: tuple[float, ...]
    inputs: tuple[dict[str, Any], ...]
    unseen: tuple[bool, ...]
    start: datetime
    end: datetime

    @property
    def main_version(self) -> int:
        """The version that answered most of it; of two that answered equally many, the newer."""
        return max(set(self.versions), key=lambda version: (self.versions.count(version), version))

    def frame(self, columns: list[str]) -> pd.DataFrame:
        """The inputs of these names, shape (n, columns); what a request did not carry is missing."""
        import pandas as pd

        return pd.DataFrame.from_records(list(self.inputs)).reindex(columns=columns)

    def answered_by(self, version: int) -> NDArray[np.float64]:
        """The answers of one version."""
        import numpy as np

        return np.array([output for output, by in zip(self.outputs, self.versions, strict=True) if by == version], dtype=np.float64)


def counted(model: str) -> tuple[ColumnElement[bool], ...]:
    """Conditions on `Prediction`: answered, and not a repetition of a request that was answered before.

    A repetition has the same entity, moment and answer; a client that tries again makes one.
    """
    before = aliased(Prediction)
    repeated = exists().where(
        col(before.model) == model,
        col(before.entity) == col(Prediction.entity),
        col(before.at) == col(Prediction.at),
        col(before.output) == col(Prediction.output),
        col(before.error).is_(None),
        col(before.seq) < col(Prediction.seq),
    )
    return (col(Prediction.model) == model, col(Prediction.error).is_(None), col(Prediction.output).is_not(None), ~repeated)


def new(session: Session, model: str, rows: int) -> Iterator[Stretch]:
    """The windows of so many rows that are full and not closed yet, oldest first."""
    last = session.exec(select(Window).where(Window.model == model).order_by(col(Window.number).desc()).limit(1)).first()
    number, after = (last.number, last.last_seq) if last is not None else (0, 0)
    while (stretch := _read(session, model, number + 1, rows, after)) is not None:
        yield stretch
        number, after = stretch.number, stretch.seqs[-1]


def _read(session: Session, model: str, number: int, rows: int, after: int) -> Stretch | None:
    query = select(Prediction).where(*counted(model), col(Prediction.seq) > after).order_by(col(Prediction.seq)).limit(rows)
    found = list(session.exec(query))
    if len(found) < rows:
        return None
    session.expunge_all()
    return Stretch(
        number=number,
        seqs=tuple(row.seq or 0 for row in found),
        entities=tuple(row.entity for row in found),
        versions=tuple(row.version for row in found),
        outputs=tuple(row.output if row.output is not None else 0.0 for row in found),
        inputs=tuple(row.inputs for row in found),
        unseen=tuple(bool(row.unseen) for row in found),
        start=min(row.at for row in found),
        end=max(row.at for row in found),
    )
