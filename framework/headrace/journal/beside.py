"""Where a spool's records go beside the database; the server leaves it in the spool's folder, where every shipper finds it."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from headrace.journal.records import PredictionFields, moment, told

_FILE = ".beside.json"


@dataclass(frozen=True, slots=True)
class Beside:
    """A folder or URL for Parquet files, and the share of predictions that are logged, to a file or to standard output."""

    parquet: str | None = None
    share: float = 0.0
    log: str | None = None

    def sample(self, rows: Sequence[PredictionFields]) -> None:
        """Log the share of the predictions that their ids choose: the same ones, whoever asks. Raises OSError."""
        chosen = [row for row in rows if zlib.crc32(row.id.encode()) < self.share * 2**32]
        if not chosen:
            return
        lines = b"".join(orjson.dumps(_line(row), option=orjson.OPT_APPEND_NEWLINE) for row in chosen)
        if self.log is None:
            sys.stdout.buffer.write(lines)
            sys.stdout.buffer.flush()
            return
        Path(self.log).parent.mkdir(parents=True, exist_ok=True)
        with Path(self.log).open("ab") as file:
            file.write(lines)


def save(folder: Path, beside: Beside) -> None:
    """Leave it in a spool's folder, which is made. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{_FILE}.{os.getpid()}"  # several servers may begin at once
    draft.write_bytes(orjson.dumps(asdict(beside)))
    draft.replace(folder / _FILE)


def load(folder: Path) -> Beside:
    """What was left there; nothing goes anywhere else, where nothing was."""
    try:
        return Beside(**orjson.loads((folder / _FILE).read_bytes()))
    except FileNotFoundError:
        return Beside()


def _line(row: PredictionFields) -> dict[str, object]:
    return {"event": "prediction", **told(row), "recorded_at": moment(row.recorded_at), "at": moment(row.at)}
