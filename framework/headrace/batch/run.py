"""A run from its job to its output: chunks that are not done yet, a line a part, and one file that appears when all of them are there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from headrace.batch import folder as place
from headrace.batch import target as targets
from headrace.batch.places import ranked
from headrace.batch.score import PREDICTION, score
from headrace.batch.table import Load, Table, publish
from headrace.batch.target import Target
from headrace.batch.values import Asked, Chunk, Duplicates, Part, Progress, Runner, Scored, Stretch
from headrace.batch.whole import put_together, read
from headrace.diagnostics import Diagnostic, Exit, HeadraceError

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 100_000
"""How many rows are held at a time, where nothing is said."""
MAX_BAD = 0.01
"""The greatest share of bad rows that a run may have, where nothing is said."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a run does, pinned when it begins: the version by its digests, the input by its digest, the moment."""

    run_id: str
    model: str
    version: int
    model_digest: str
    input: str
    """How the input is told."""
    digests: tuple[tuple[str, str], ...]
    """By what was read, its digest: the input first, then the sources of views."""
    stretches: tuple[Stretch, ...]
    key: str
    output: str
    """The target's identity."""
    told: str
    """The target as it was written."""
    as_of: str
    chunk: int
    max_bad: float
    duplicates: Duplicates
    overwrite: bool
    group: str | None = None
    """The column that rows are ranked within; None where nothing is ranked."""
    columns: tuple[tuple[str, str], ...] = ()
    """The columns of a table of answers with what their values are; a file's say it themselves."""

    @property
    def input_digest(self) -> str:
        """The digest of the rows."""
        return self.digests[0][1]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(item.rows for item in self.stretches)

    def to_json(self) -> dict[str, Any]:
        """As the run's folder keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Job:
        """The inverse of `to_json`."""
        found = (Stretch(**{**item, "given": tuple((str(key), said) for key, said in item["given"])}) for item in value["stretches"])
        digests, columns = (tuple((str(name), str(said)) for name, said in value.get(key, ())) for key in ("digests", "columns"))
        return cls(**{**value, "stretches": tuple(found), "digests": digests, "columns": columns})


def chunks(stretches: Sequence[Stretch], rows: int) -> Iterator[Chunk]:
    """All rows once, in their order, so many at a time; no chunk is of two files."""
    number = before = 0
    for stretch in stretches:
        for first in range(0, stretch.rows, rows):
            some = min(rows, stretch.rows - first)
            yield Chunk(number, stretch, first, some, before)
            number, before = number + 1, before + some


def carry_out(job: Job, asked: Asked, runner: Runner, target: Target | Table, told: Callable[[Progress], object]) -> Scored:
    """Score what is not scored yet, and publish; called again after a kill at any point, it ends with the same output.

    HeadraceError: `too-many-bad-rows` (exit 4), `input-changed`, `artifact-altered`, `output-unwritable`, `output-columns`, `worker-died`;
    OSError where the disk is full. What is done stays, but for the first.
    """
    folder, total = Path(asked.folder), job.rows
    parts = place.done(folder)
    resumed = sum(part.rows for part in parts.values())
    _tell(told, parts, total)
    for part in runner(partial(score, asked), (chunk for chunk in chunks(job.stretches, job.chunk) if chunk.number not in parts)):
        place.add(folder, part)
        parts[part.number] = part
        _tell(told, parts, total)
        _refuse_bad(job, target, folder, parts)
    _refuse_bad(job, target, folder, parts)
    done = [parts[number] for number in sorted(parts)]
    if sum(part.good + part.bad + part.duplicates for part in done) != total or (list(parts) and max(parts) + 1 != len(done)):
        raise AssertionError(f"{len(done)} parts of {sum(part.rows for part in done)} rows are not the {total} rows of the input")
    digest = _publish(job, target, folder, done)
    bad, duplicates = sum(part.bad for part in done), sum(part.duplicates for part in done)
    told(Progress(total, total, bad, 100.0))
    return Scored(
        run_id=job.run_id,
        model=job.model,
        version=job.version,
        model_digest=job.model_digest,
        rows=total,
        good=total - bad - duplicates,
        bad=bad,
        duplicates=duplicates,
        input=job.input_digest,
        output=job.told,
        digest=digest,
        bad_rows=target.beside().told if bad or duplicates else None,
        unseen=_unseen(done),
        resumed=resumed,
    )


def _tell(told: Callable[[Progress], object], parts: Mapping[int, Part], total: int) -> None:
    done, bad = sum(part.rows for part in parts.values()), sum(part.bad for part in parts.values())
    # All rows scored is not yet an output: the last hundredth is its publication.
    told(Progress(done, total, bad, min(99.0, 100.0 * done / total)))


def _refuse_bad(job: Job, target: Target | Table, folder: Path, parts: Mapping[int, Part]) -> None:
    """End a run that has more bad rows than it may have, however the rest turns out; they are written where they can be seen."""
    bad = sum(part.bad for part in parts.values())
    if bad <= job.max_bad * job.rows:
        return
    seen = sum(part.rows for part in parts.values())
    where = _bad_rows(job, target, folder, [parts[number] for number in sorted(parts)])
    share = f"{job.max_bad * 100:.4g}%"
    message = f"{job.input}: {bad:,} of the {seen:,} rows looked at are bad, and at most {share} of all {job.rows:,} may be"
    help_ = f"{where} has them with their reasons: mend them, or allow more by `max_bad`"
    raise HeadraceError(Diagnostic("too-many-bad-rows", message, help=help_), Exit.REFUSED)


def _unseen(parts: Sequence[Part]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        for name, count in part.unseen:
            found[name] = found.get(name, 0) + count
    return dict(sorted(found.items()))


# publishing ------------------------------------------------------------------------------------------------------


def _publish(job: Job, target: Target | Table, folder: Path, parts: Sequence[Part]) -> str:
    """The output where it belongs, with the bad rows beside it; its digest. One that stands there already, of this run, stays."""
    match target:
        case Target():
            return _publish_file(job, target, folder, parts)
        case Table():
            _tell_bad(job, target, folder, parts)
            digest = f"sha256:{hashlib.sha256(''.join(part.digest for part in parts).encode()).hexdigest()}"
            rows = _answered(job, folder, parts)
            publish(target, Load(job.run_id, job.key, dict(job.columns), digest, job.overwrite), rows, folder)
            return digest
        case _:
            assert_never(target)


def _publish_file(job: Job, target: Target, folder: Path, parts: Sequence[Part]) -> str:
    note = folder / place.PUBLISHING
    if note.exists():
        expected = str(json.loads(note.read_bytes())["digest"])
        if targets.digest(target) == expected:
            return expected
    refuse_taken(job, target)
    made = targets.workplace(target, job.run_id, folder)
    about = {"model": job.model, "version": str(job.version), "model_digest": job.model_digest}
    digest = put_together(_answered(job, folder, parts), made, target.format, about)
    _tell_bad(job, target, folder, parts)
    place.write_whole(note, json.dumps({"digest": digest}).encode())
    targets.publish(made, target, digest)
    return digest


def _answered(job: Job, folder: Path, parts: Sequence[Part]) -> Iterator[pa.Table]:
    """The rows of the output, a part at a time."""
    files = [(place.part(folder, one.number), one.digest) for one in parts]
    return read(files) if job.group is None else ranked(files, folder, job.group, PREDICTION)


def refuse_taken(job: Job, target: Target) -> None:
    """HeadraceError `output-exists` (exit 4) where something stands that is not to be overwritten."""
    if not job.overwrite and targets.there(target):
        message = f"{target.told} exists already, and this run has not written it"
        raise HeadraceError(
            Diagnostic("output-exists", message, help="write to another place, or say that it may be replaced: `--overwrite`"), Exit.REFUSED
        )


def _tell_bad(job: Job, target: Target | Table, folder: Path, parts: Sequence[Part]) -> None:
    """The rows without an answer beside the output, or nothing there that is of the output which this one takes the place of."""
    if any(part.reasons is not None for part in parts):
        _bad_rows(job, target, folder, parts)
    else:
        targets.remove(target.beside())


def _bad_rows(job: Job, target: Target | Table, folder: Path, parts: Sequence[Part]) -> str:
    """Write the rows without an answer, each with its reason, beside the output, and say where."""
    beside = target.beside()
    made = targets.workplace(beside, job.run_id, folder)
    files = [(place.bad(folder, part.number), part.reasons) for part in parts if part.reasons is not None]
    digest = put_together(read(files), made, beside.format, {})
    targets.publish(made, beside, digest)
    return beside.told
