"""Which requests make a window: so many that follow one another in the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from headrace.hooks.answers import Answers, label
from headrace.journal import reader
from headrace.journal.personal import veiled
from headrace.store.tables import Window

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Stretch:
    """The rows of one window, in the journal's order; the lists have n items each. `outputs` are numbers, or the classes that were said."""

    number: int
    seqs: tuple[int, ...]
    versions: tuple[int, ...]
    outputs: tuple[float | str, ...]
    inputs: tuple[dict[str, Any], ...]
    unseen: tuple[bool, ...]
    start: datetime
    end: datetime

    @property
    def main_version(self) -> int:
        """The version that answered most of it; of two that answered equally many, the newer."""
        return max(set(self.versions), key=lambda version: (self.versions.count(version), version))

    def frame(self, columns: list[str]) -> pd.DataFrame:
        """The inputs of these names, shape (n, columns), as they were journalled; what was not sent or not written is missing."""
        import pandas as pd

        rows = [{name: None if type(value) is dict and veiled(value) else value for name, value in row.items()} for row in self.inputs]
        return pd.DataFrame.from_records(rows).reindex(columns=columns)

    def answered_by(self, version: int) -> NDArray[Any]:
        """The answers of one version: float64, or labels."""
        import numpy as np

        answers = [output for output, by in zip(self.outputs, self.versions, strict=True) if by == version]
        return np.array(answers, dtype=object if answers and isinstance(answers[0], str) else np.float64)


def new(session: Session, model: str, rows: int, of: Mapping[int, Answers]) -> Iterator[Stretch]:
    """The windows of so many rows that are full and not closed yet, oldest first; `of` says what each version answers."""
    last = session.exec(select(Window).where(Window.model == model).order_by(col(Window.number).desc()).limit(1)).first()
    number, after = (last.number, last.last_seq) if last is not None else (0, 0)
    while len(found := reader.requests(session, model, after, rows)) == rows:
        stretch = _stretch(number + 1, found, of)
        yield stretch
        number, after = stretch.number, stretch.seqs[-1]


def _stretch(number: int, found: pd.DataFrame, of: Mapping[int, Answers]) -> Stretch:
    classes = {version for version, answers in of.items() if answers.task == "multiclass"}
    told = zip(found["version"], found["output"], found["answer"], strict=True)
    return Stretch(
        number=number,
        seqs=tuple(found["seq"].tolist()),
        versions=tuple(found["version"].tolist()),
        outputs=tuple(label(answer) if version in classes and answer else float(output) for version, output, answer in told),
        inputs=tuple(found["inputs"].tolist()),
        unseen=tuple(bool(names) for names in found["unseen"]),
        start=found["at"].min().to_pydatetime(),
        end=found["at"].max().to_pydatetime(),
    )
