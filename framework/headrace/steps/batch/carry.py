"""A batch from what it was asked for to its output and its place in the book of runs: begun, or taken up where it was killed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, assert_never

from headrace import features, registry, tracking
from headrace.batch import Asked, Processes, Progress, Runner, Scored, Stretch, here
from headrace.batch import folder as kept
from headrace.batch.cursor import Cursor, refuse_changed
from headrace.batch.keys import judge
from headrace.batch.run import CHUNK, MAX_BAD, Job, carry_out, chunks, refuse_taken
from headrace.batch.score import columns as answered
from headrace.batch.score import forget_opened
from headrace.batch.table import Load, Table, output, refuse_other
from headrace.batch.target import Target
from headrace.batch.values import Duplicates
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features import Origins
from headrace.hooks import Answers
from headrace.registry import Version
from headrace.spec.batch import taken
from headrace.steps import run
from headrace.steps.batch.input import Input, digest_now, hold
from headrace.steps.batch.rows import Asks, Column, VersionOpening, keys_of
from headrace.steps.batch.shared import Shared
from headrace.steps.workspace import Workspace
from headrace.store import lock, tables
from headrace.store.kinds import RunStatus

if TYPE_CHECKING:
    from headrace.steps.dask_runner import Cluster

Unfinished = Literal["refuse", "resume", "settle", "discard"]
"""What becomes of a run for the same output that was killed: told, gone on with (or an error), gone on with if it still fits, forgotten."""


@dataclass(frozen=True)
class Order:
    """What is to be scored, by what, and where the answers go."""

    model: str
    input: Input
    key: Column
    inputs: Mapping[str, Asks]
    """What the project knows of inputs, by name: the version says which of them it asks."""
    output: str
    """A file, or a database where a `table` is named."""
    entity: Column | None = None
    group: Column | None = None
    """What a ranking orders rows within; where it is None, the output has scores and no places."""
    table: str | None = None
    flow: str = "batch"
    which: str = registry.CHAMPION
    cause: str | None = None
    chunk: int = CHUNK
    max_bad: float = MAX_BAD
    duplicates: Duplicates = "refuse"
    overwrite: bool = False
    unfinished: Unfinished = "refuse"
    workers: int = 1
    runner: Cluster | None = None
    """Whose workers score; without one, processes of this machine."""


def scored(w: Workspace, order: Order, told: Callable[[Progress], object]) -> Scored:
    """Score every row once. A run of its own, or the one that was killed.

    HeadraceError: `locked` (exit 5), `batch-unfinished`, `output-exists`, `output-is-input` (exit 4), `input-changed`, and those of
    `hold`, `judge` and `carry_out`.
    """
    for column in (order.key, *([order.group] if order.group is not None else [])):
        if taken(column.name, ranked=order.group is not None):
            message = f"no key and no group can be called `{column.name}`: a column of the answers has that name"
            help_ = "read the column under another name, by `from` of its source"
            raise HeadraceError(Diagnostic("reserved-name", message, help=help_), Exit.INVALID)
    moment = w.store.clock.now()
    # With `{run}` and `{version}` as they stand: runs of one batch on one day are of one output.
    identity = output(w.root, _filled(order.output, moment, None, None), order.table).identity
    with lock.hold(w.store, f"batch {identity}", w.actor) as held:

        def tell(progress: Progress) -> None:
            held.check()
            told(progress)

        before = _before(w, order, identity, moment)
        run_id = before.run_id if before is not None else None
        cause = order.cause if run_id is None else None
        with run.running(w, model=order.model, flow=order.flow, cause=cause, run_id=run_id, last=True) as step:
            done = _run(_Work(w, order, step, moment, identity), before, tell)
        kept.forget(w.root / kept.KEPT / step.id)
        return done


@dataclass(frozen=True, slots=True)
class _Work:
    """A run that goes on: for whom, since when, and to which output."""

    w: Workspace
    order: Order
    step: run.Running
    moment: datetime
    identity: str

    @property
    def folder(self) -> Path:
        """Where it keeps what is done."""
        return self.w.root / kept.KEPT / self.step.id


def _run(work: _Work, before: Job | None, told: Callable[[Progress], object]) -> Scored:
    w, order, began = work.w, work.order, perf_counter()
    with ExitStack() as stack:
        version = _version(w, order, before)
        asked = _asked(version, order)
        views, sources = _landed(w, stack, asked)
        group = order.group if Answers.of(version.manifest).task == "ranking" else None
        if before is None:
            job = _begin(work, version, views, group)
        else:
            _refuse_other_input(w, order, before, views)
            if before.group != (group.name if group is not None else None):
                raise refuse_changed(f"what {before.input} is ranked within")
            job = replace(before, max_bad=order.max_bad, overwrite=before.overwrite or order.overwrite)
        opening = VersionOpening(
            workspace=str(w.path),
            model=order.model,
            number=version.number,
            model_digest=version.model_digest,
            key=order.key,
            inputs=asked,
            entity=order.entity if any(item.view is not None for item in asked) else None,
            moment=datetime.fromisoformat(job.as_of),
            sources=sources,
            group=group,
        )
        stack.callback(forget_opened)
        asking = Asked(str(work.folder), order.key.name, opening, job.group)
        target = output(w.root, _filled(order.output, datetime.fromisoformat(job.as_of), job.run_id, job.version), order.table)
        done = carry_out(job, asking, _runner(work, stack), target, told)
    _record(w, job, done, work.step, perf_counter() - began)
    return done


def _runner(work: _Work, stack: ExitStack) -> Runner:
    """Who scores; workers of a cluster are let go when the stack is."""
    order = work.order
    if order.runner is not None:
        return Shared(stack.enter_context(order.runner), order.workers, work.folder)
    return Processes(order.workers) if order.workers > 1 else here


def _version(w: Workspace, order: Order, before: Job | None) -> Version:
    """The version that answers: of a run that is taken up, the one that it began with."""
    with w.store.read() as session:
        if before is None:
            return registry.find(session, order.model, order.which)
        version = registry.get(session, order.model, before.version)
    if version.model_digest != before.model_digest:
        raise HeadraceError(Diagnostic("artifact-altered", f"{version} is not the one that the run began with"), Exit.REFUSED)
    return version


def _asked(version: Version, order: Order) -> tuple[Asks, ...]:
    """What the version asks of a row; HeadraceError `missing-column` where the project no longer knows an input."""
    names = [str(item["name"]) for item in version.manifest.get("signature", ())]
    lacking = [name for name in names if name not in order.inputs]
    if lacking:
        message = f"{version} asks for `{'`, `'.join(lacking)}`, and {order.input.told} has no such column that is known"
        raise HeadraceError(Diagnostic("missing-column", message, help="give the rows these columns, or score by another version"))
    found = tuple(order.inputs[name] for name in names)
    if any(item.view is not None for item in found) and order.entity is None:
        views = ", ".join(sorted({item.view for item in found if item.view is not None}))
        message = f"{version} asks for what {views} computes, and {order.input.told} does not say whom a row is about"
        raise HeadraceError(Diagnostic("missing-column", message, help="give the rows the entity's column"))
    return found


def _landed(w: Workspace, stack: ExitStack, asked: tuple[Asks, ...]) -> tuple[dict[str, str], str]:
    """The digests of the sources that views read, which stand still until the run is over, and where they stand, as JSON."""
    views = sorted({item.view for item in asked if item.view is not None} & set(w.config.views))
    names = list(dict.fromkeys(w.config.views[view].source for view in views))
    if not names:
        return {}, "{}"
    held = stack.enter_context(features.landed(Origins(w.root, w.config.sources, w.plugins.readers), names))
    return dict(held.digests), json.dumps({name: held.origins.sources[name].to_json() for name in names}, sort_keys=True)


def _begin(work: _Work, version: Version, views: Mapping[str, str], group: Column | None) -> Job:
    """Pin all that a new run rests on, and ask whether its keys are keys; nothing of it is scored yet."""
    w, order, folder, run_id = work.w, work.order, work.folder, work.step.id
    told = _filled(order.output, work.moment, run_id, version.number)
    target = output(w.root, told, order.table)
    columns = answered((order.key.name, order.key.kind), (group.name, group.kind) if group else None, Answers.of(version.manifest))
    kept.write_job(folder, {"run_id": run_id, "output": work.identity, "begun": False})
    job = Job(
        run_id=run_id,
        model=order.model,
        version=version.number,
        model_digest=version.model_digest,
        input=order.input.told,
        digests=(),
        stretches=(),
        key=order.key.name,
        output=work.identity,
        told=told if isinstance(target, Target) else target.shown,
        as_of=work.moment.isoformat(),
        chunk=order.chunk,
        max_bad=order.max_bad,
        duplicates=order.duplicates,
        overwrite=order.overwrite,
        group=group.name if group is not None else None,
        columns=tuple(columns.items()) if isinstance(target, Table) else (),
    )
    try:
        _refuse_itself(w.root, target, order.input, ())
        if isinstance(target, Table):
            refuse_other(target, Load(run_id, job.key, columns, "", overwrite=False), folder)
        else:
            refuse_taken(job, target)
        held = hold(w.root, order.input, w.plugins.readers, folder, order.chunk)
        _refuse_itself(w.root, target, order.input, held.stretches)
        job = replace(job, digests=((order.input.told, held.digest), *sorted(views.items())), stretches=held.stretches)
        keys = _keys(job, order.key)
        work.step.details["duplicates"] = judge(
            folder, keys, key=order.key.name, told=order.input.told, policy=order.duplicates, hidden=not order.key.shown
        )
    except HeadraceError:
        kept.forget(folder)
        raise
    kept.write_job(folder, job.to_json())
    return job


def _refuse_itself(root: Path, target: Target | Table, read: Input, stretches: Sequence[Stretch]) -> None:
    """HeadraceError `output-is-input` where the answers would take the place of the questions."""
    match target:
        case Table():
            uri, table = read.stated.uri, read.stated.table
            itself = uri is not None and table is not None and output(root, uri, table).identity == target.identity
        case Target():
            there = (str(target.path), target.told) if target.path is not None else (target.told,)
            itself = read.stated.uri in there or any(Path(stretch.path).resolve() == target.path for stretch in stretches)
        case _:
            assert_never(target)
    if itself:
        told = target.shown if isinstance(target, Table) else target.told
        message = f"{told} is what is read: the answers would take the place of the questions"
        raise HeadraceError(Diagnostic("output-is-input", message, help="write to another place"), Exit.REFUSED)


def _filled(output: str, moment: datetime, run_id: str | None, version: int | None) -> str:
    found = output.replace("{date}", f"{moment:%Y-%m-%d}")
    found = found.replace("{run}", run_id) if run_id is not None else found
    return found.replace("{version}", str(version)) if version is not None else found


def _keys(job: Job, key: Column) -> Iterator[tuple[int, Any]]:
    """The keys of all rows, in order."""
    cursor = Cursor([key.inside])
    for chunk in chunks(job.stretches, job.chunk):
        yield chunk.before, keys_of(cursor.take(chunk), chunk, key)
    cursor.close()


# runs that were killed -------------------------------------------------------------------------------------------


def _before(w: Workspace, order: Order, identity: str, moment: datetime) -> Job | None:
    """The run for this output that is to be gone on with; what is left of others is removed."""
    found: Job | None = None
    for folder, told in kept.unfinished(w.root, identity):
        with w.store.read() as session:
            row = session.get(tables.Run, told["run_id"])
        begun = told.get("begun", True)
        if row is None or row.status is RunStatus.PASSED or not begun:
            _discard(w, folder, row)
            continue
        job = Job.from_json(told)
        match order.unfinished:
            case "refuse":
                message = f"the run {job.run_id} for {job.told} began at {job.as_of[:19]} and has not ended"
                help_ = "go on with it by `--resume`, or begin anew by `--overwrite`"
                raise HeadraceError(Diagnostic("batch-unfinished", message, help=help_), Exit.REFUSED)
            case "resume" if order.key.name != job.key:
                message = f"the run {job.run_id} for {job.told} is by the key `{job.key}`, not by `{order.key.name}`"
                help_ = f"go on with it by `--key {job.key} --resume`, or begin anew by `--overwrite`"
                raise HeadraceError(Diagnostic("batch-unfinished", message, help=help_), Exit.REFUSED)
            case "resume":
                found = job
            case "settle" if _fits(w, order, job, moment):
                found = job
            case "settle" | "discard":
                _discard(w, folder, row)
    return found


def _fits(w: Workspace, order: Order, job: Job, moment: datetime) -> bool:
    """Whether a run that begins now would do the same: one version, one key, the same rows; one day, where more than files is read."""
    with w.store.read() as session:
        version = registry.find(session, order.model, order.which)
    now = digest_now(w.root, order.input)
    same_day = datetime.fromisoformat(job.as_of).date() == moment.date()
    # What has no files was read once, and nobody knows whether it is the same: of one day, it counts as it was read.
    same_rows = (now == job.input_digest if now is not None else same_day) and order.key.name == job.key
    return version.number == job.version and same_rows and (len(job.digests) == 1 or same_day)


def _discard(w: Workspace, folder: Path, row: tables.Run | None) -> None:
    kept.forget(folder)
    if row is not None and row.status is RunStatus.RUNNING:
        run.end(w, row.id, RunStatus.FAILED, {"error": "it was killed, and another run began anew"}, killed=True)


def _refuse_other_input(w: Workspace, order: Order, job: Job, views: Mapping[str, str]) -> None:
    """HeadraceError `input-changed` where what a run began with is no longer what there is."""
    now = digest_now(w.root, order.input)
    if order.input.told != job.input or (now is not None and now != job.input_digest):
        raise refuse_changed(job.input)
    for name, digest in job.digests[1:]:
        if views.get(name) != digest:
            raise refuse_changed(f"source/{name}")


# the book of runs ------------------------------------------------------------------------------------------------


def _record(w: Workspace, job: Job, done: Scored, step: run.Running, seconds: float) -> None:
    """Write down what was read, by what it was scored, and what came of it."""
    digests = {"input": done.input, "model": done.model_digest, "output": done.digest}
    counted = {"rows": done.rows, "bad_rows": done.bad, "duplicates": done.duplicates, "seconds": seconds}
    step.details.update(version=done.version, output=done.output, digests=digests, rows=done.rows, bad_rows=done.bad, unseen=done.unseen)
    at = w.store.clock.now()
    with w.store.transaction(w.actor, "log", f"run {step.id}") as session:
        tracking.log_params(session, step.id, {"version": done.version, "input": job.input, "output": done.output, "key": job.key})
        tracking.write_digests(session, step.id, digests | {f"source/{name}": digest for name, digest in job.digests[1:]})
        tracking.log_points(session, step.id, [(name, 0, float(value), at) for name, value in counted.items()])
