"""What a training reads, held still: rows from tables, URLs and functions are read once, and each source has the digest of what it held."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.compiled import ColumnConfig, SourceConfig
from headrace.features.engine import Origins
from headrace.features.source import Files, Table, place, typed

if TYPE_CHECKING:
    import pandas as pd

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Landed:
    """Where rows come from now; `digests` say, by source, what it held: of its files' bytes, or of its rows where it has no files."""

    origins: Origins
    digests: Mapping[str, str]


@contextmanager
def landed(origins: Origins, names: Iterable[str]) -> Iterator[Landed]:
    """Read some sources, and those that their checks compare with, from what they hold at this moment, until the end.

    Files and DuckDB's tables stay where they are. All else is read once, typed, into a file of this call under `.headrace`: what is checked
    is what is trained on, a function is called once, and one digest stands for both. HeadraceError: those of `read_source`.
    """
    wanted = [name for name in dict.fromkeys(names) if name in origins.sources]
    wanted += [other for name in wanted for item in origins.sources[name].checks if (other := item.other) is not None]
    place_ = origins.root / ".headrace"
    place_.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="landed-", dir=place_) as folder:
        sources, digests = dict(origins.sources), dict[str, str]()
        for name in (name for name in dict.fromkeys(wanted) if name in sources):
            at = place(origins.root, name, origins.sources[name])
            if isinstance(at, Files):
                digests[name] = _of_files(at.paths)
            elif isinstance(at, Table) and at.engine == "duckdb" and at.path is not None:
                digests[name] = _of_files([at.path, *at.path.parent.glob(f"{at.path.name}.wal")])
            else:
                path = Path(folder) / f"{name}.parquet"
                digests[name] = _write(path, origins.sources[name], typed(origins.root, name, origins.sources[name], origins.readers, at))
                sources[name] = _there(origins.sources[name], path)
        yield Landed(replace(origins, sources=sources), digests)


def _there(source: SourceConfig, path: Path) -> SourceConfig:
    """The same source, read from the file that its rows were written to, under the project's names."""
    columns = {name: ColumnConfig(from_=name, type=item.type) for name, item in source.columns.items()}
    return source.model_copy(update={"uri": path.as_uri(), "table": None, "python": None, "columns": columns})


def _write(path: Path, source: SourceConfig, parts: Iterable[pd.DataFrame]) -> str:
    """Rows as Parquet, and their digest, which rests on values and their order alone."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "int64": pa.int64(),
        "float": pa.float64(),
        "category": pa.string(),
        "text": pa.string(),
        "timestamp": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([pa.field(name, kinds[item.type]) for name, item in source.columns.items()])
    total = hashlib.sha256("\0".join(f"{name}\0{item.type}" for name, item in source.columns.items()).encode())
    with pq.ParquetWriter(path, schema) as writer:
        for part in parts:
            writer.write_table(pa.Table.from_pandas(part, schema=schema, preserve_index=False))
            for name in source.columns:
                values = part[name] if source.columns[name].type in ("category", "text", "timestamp") else part[name].astype("float64")
                if source.columns[name].type == "int64" and part[name].dtype == "int64":
                    total.update(part[name].to_numpy().tobytes())  # more than float64 holds
                total.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return f"sha256:{total.hexdigest()}"


def _of_files(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        one = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                one.update(piece)
        total.update(f"{path.name}\0{one.hexdigest()}\n".encode())
    return f"sha256:{total.hexdigest()}"
