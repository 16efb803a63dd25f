"""Which requests make a window: so many that follow one another in the journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from headrace.journal import reader
from headrace.store.tables import Window

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Stretch:
    """The rows of one window, in the journal's order; the lists have n items each."""

    number: int
    seqs: tuple[int, ...]
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
        """The inputs of these names, shape (n, columns), as they were journalled; what a request did not carry is missing."""
        import pandas as pd

        return pd.DataFrame.from_records(list(self.inputs)).reindex(columns=columns)

    def answered_by(self, version: int) -> NDArray[np.float64]:
        """The answers of one version."""
        import numpy as np

        return np.array([output for output, by in zip(self.outputs, self.versions, strict=True) if by == version], dtype=np.float64)


def new(session: Session, model: str, rows: int) -> Iterator[Stretch]:
    """The windows of so many rows that are full and not closed yet, oldest first."""
    last = session.exec(select(Window).where(Window.model == model).order_by(col(Window.number).desc()).limit(1)).first()
    number, after = (last.number, last.last_seq) if last is not None else (0, 0)
    while len(found := reader.requests(session, model, after, rows)) == rows:
        stretch = _stretch(number + 1, found)
        yield stretch
        number, after = stretch.number, stretch.seqs[-1]


def _stretch(number: int, found: pd.DataFrame) -> Stretch:
    return Stretch(
        number=number,
        seqs=tuple(found["seq"].tolist()),
        versions=tuple(found["version"].tolist()),
        outputs=tuple(found["output"].tolist()),
        inputs=tuple(found["inputs"].tolist()),
        unseen=tuple(bool(names) for names in found["unseen"]),
        start=found["at"].min().to_pydatetime(),
        end=found["at"].max().to_pydatetime(),
    )
