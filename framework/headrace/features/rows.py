"""From a source and the journal to training rows as of a moment: what was known then, one row an entity and time, each on its side."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_never

from headrace.compiled import SourceConfig, ViewConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.digest import digest
from headrace.features import snapshot
from headrace.features.checks.checked import HIDDEN
from headrace.features.column import typed
from headrace.features.engine import Origins
from headrace.features.joined import joined, of_views
from headrace.features.source import read_source
from headrace.features.split import GAP, HOLDOUT, TRAIN, sides
from headrace.features.values import Category, Number, RandomSplit, Rows, Target, Text, TimeSplit
from headrace.hooks import Input, Reader, Task
from headrace.hooks.answers import MOST_RELEVANT
from headrace.spec.features import RESERVED

if TYPE_CHECKING:
    import pandas as pd

    from headrace.store import Store

Item = Number | Category | Text
_ORIGIN, _SIDE = "origin", "side"
_SOURCE, _JOURNAL = "source", "journal"


def training_rows(
    store: Store,
    readers: Mapping[str, Reader],
    *,
    root: Path,
    sources: Mapping[str, SourceConfig],
    views: Mapping[str, ViewConfig],
    model: str,
    run_id: str,
    source: str,
    entity: str,
    time: str,
    target: Target,
    inputs: Sequence[Item],
    split: RandomSplit | TimeSplit,
    seed: int,
    task: Task = "binary",
    group: str | None = None,
    keep: Literal["all", "newest"] = "all",
    as_of: datetime | None = None,
) -> Rows:
    """The rows whose answers are known by `as_of` (the clock's now, if None), kept as a blob.

    A source's row counts when its time and the target's delay have passed; a journalled request when its answer is known. One row an
    entity and time: the source's where the journal has it too, since a source may have been corrected. With `newest`, one an entity.

    Inputs that a view computes are as they were known at each row's time. What the target must be, `task` says: 0 or 1, text, a number.
    Rows of one `group`, where there is one, stand on one side.

    HeadraceError: those of `read_source` and `joined`, and `unknown-source`, `stale-source`, `reserved-name`, `missing-column`,
    `missing-entity`, `duplicate-rows`, `no-rows`, `bad-target`, `one-class`.
    """
    moment = _utc(as_of) if as_of is not None else store.clock.now()
    spine = _Spine(entity, time, target, group, task)
    _refuse_clashes(model, spine, inputs)
    origins = Origins(root, sources, readers)
    read = _read(origins, source, time, moment)
    personal = sources[source].personal
    of_source = _of_source(source, read, spine=spine, inputs=inputs, as_of=moment, personal=personal)
    computed = of_views(inputs)
    if computed:
        of_source = of_source.assign(**joined(origins, views, wanted=computed, spine=of_source[[entity, time]]))
    labelled = _labelled(store, model, moment)
    of_journal = _of_journal(labelled, spine=spine, inputs=inputs)
    whole, repeated = _one_each([part for part in (of_source, of_journal) if len(part)], entity=entity, time=time, keep=keep)
    if whole is None:
        said = f"model/{model} has no row whose answer is known by {moment:%Y-%m-%d %H:%M}"
        raise HeadraceError(Diagnostic("no-rows", f"{said}: source/{source} has {len(read):,} rows in all"))
    _refuse_bad_targets(source, whole, entity, target.column, task=task, personal=personal)
    frame = _split(whole, split, spine=spine, seed=seed)
    if task == "binary":
        _refuse_one_class(model, frame, target.column)
    told = {"source": source, "entity": entity, "time": time, "target": target, "inputs": list(inputs), "split": split, "seed": seed}
    told |= {"keep": keep} if keep != "all" else {}
    told |= {"task": task} if task != "binary" else {}
    told |= {"group": group} if group is not None else {}
    told |= {"views": {view: views[view].computes() for view in computed if view in views}} if computed else {}
    return Rows(
        model=model,
        run_id=run_id,
        digest=store.blobs.put(snapshot.write(frame, _kinds(inputs, spine))),
        rows=len(frame),
        train=int((frame[_SIDE] == TRAIN).sum()),
        holdout=int((frame[_SIDE] == HOLDOUT).sum()),
        new=int((frame[_ORIGIN] == _JOURNAL).sum()),
        repeated=repeated,
        misfit=len(labelled) - len(of_journal),
        as_of=moment.isoformat(),
        entity=entity,
        time=time,
        target=target.column,
        inputs=[_input(item) for item in inputs],
        spec=_digest(told),
        task=task,
        group=group,
    )


@dataclass(frozen=True, slots=True)
class _Spine:
    """What every row has beside its inputs: the columns' names, and what the answers must be."""

    entity: str
    time: str
    target: Target
    group: str | None
    task: Task


def _read(origins: Origins, source: str, time: str, moment: datetime) -> pd.DataFrame:
    """All rows of the source, which is young enough."""
    declared = _declared(source, origins.sources)
    read = read_source(origins.root, source, declared, origins.readers)
    _refuse_stale(source, read, time, declared.fresh_within_seconds, moment)
    return read


def _declared(name: str, sources: Mapping[str, SourceConfig]) -> SourceConfig:
    """A source as it is declared."""
    if name not in sources:
        raise HeadraceError(
            Diagnostic("unknown-source", f"there is no source/{name}", help=f"there are: {', '.join(sorted(sources)) or 'none'}"),
            Exit.INVALID,
        )
    return sources[name]


def _labelled(store: Store, model: str, moment: datetime) -> pd.DataFrame:
    """The journalled requests whose answers are known by then."""
    from headrace.journal import reader

    with store.read() as session:
        return reader.labelled(session, model, moment)


def _split(whole: pd.DataFrame, split: RandomSplit | TimeSplit, *, spine: _Spine, seed: int) -> pd.DataFrame:
    """The rows of both sides, each with its side."""
    told = sides(whole, split, entity=spine.entity, time=spine.time, target=spine.target.column, seed=seed, group=spine.group)
    frame = whole.assign(**{_SIDE: told})
    return frame[frame[_SIDE] != GAP] if GAP in told else frame


def _kinds(inputs: Sequence[Item], spine: _Spine) -> dict[str, str]:
    """The columns of the blob, in order."""
    read = {item.name: snapshot.NUMBER if isinstance(item, Number) else snapshot.TEXT for item in inputs}
    answer = snapshot.TEXT if spine.task == "multiclass" else snapshot.NUMBER
    group = {spine.group: snapshot.TEXT} if spine.group is not None else {}
    own = {spine.entity: snapshot.TEXT, spine.time: snapshot.TIME, **group}
    return {**own, **read, spine.target.column: answer, _SIDE: snapshot.TEXT, _ORIGIN: snapshot.TEXT}


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _input(item: Item) -> dict[str, Any]:
    """An item as `headrace.hooks.Input`, whose categories only training knows."""
    match item:
        case Number(name=name, low=low, high=high):
            return dataclasses.asdict(Input(name, "number", low=low, high=high)) | {"categories": []}
        case Category(name=name):
            return dataclasses.asdict(Input(name, "category")) | {"categories": []}
        case Text(name=name):
            return dataclasses.asdict(Input(name, "text")) | {"categories": []}


def _digest(told: object) -> str:
    import rfc8785

    def plain(value: object) -> Any:  # noqa: ANN401 - JSON
        match value:
            case timedelta():
                return value.total_seconds()
            case dict():
                return {key: plain(item) for key, item in value.items()}
            case list():
                return [plain(item) for item in value]
            case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
                fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
                return {"type": type(value).__name__, **fields}
        return value

    return digest(rfc8785.dumps(plain(told)))


def _of_source(
    name: str, read: pd.DataFrame, *, spine: _Spine, inputs: Sequence[Item], as_of: datetime, personal: Collection[str]
) -> pd.DataFrame:
    """A source's rows whose answers are known, under the inputs' names; without those that a view computes."""
    import pandas as pd

    own = {item.name: item.column for item in inputs if item.column is not None}
    identity = [spine.entity, spine.time, *([spine.group] if spine.group is not None else [])]
    lacking = [column for column in (*identity, spine.target.column, *own.values()) if column not in read.columns]
    if lacking:
        raise HeadraceError(
            Diagnostic(
                "missing-column",
                f"source/{name} declares no column `{'`, `'.join(lacking)}`",
                help=f"it declares: {', '.join(read.columns)}",
            ),
            Exit.INVALID,
        )
    unnamed = read[identity].isna().any(axis=1)
    if unnamed.any():
        words = " or no ".join(f"`{word}`" for word in identity)
        raise HeadraceError(Diagnostic("missing-entity", f"source/{name}: {int(unnamed.sum()):,} rows have no {words}"))
    _refuse_duplicates(name, read, spine.entity, spine.time, personal)
    known = read[read[spine.time] + spine.target.delay <= pd.Timestamp(as_of)]
    parts = {spine.entity: known[spine.entity].astype(str), spine.time: known[spine.time]}
    if spine.group is not None:
        parts[spine.group] = typed(known[spine.group], "category")[0]
    parts |= {item: known[column] for item, column in own.items()}
    answers: Any = known[spine.target.column]
    if spine.task == "multiclass":
        answers = typed(answers, "category")[0]
    elif answers.dtype.kind not in "fiub":
        first = "…" if spine.target.column in personal else next(map(str, answers.dropna()), "nothing")
        raise _not_numbers(name, spine.target.column, first, spine.task)
    return pd.DataFrame({**parts, spine.target.column: answers, _ORIGIN: _SOURCE})


def _not_numbers(source: str, target: str, first: str, task: Task) -> HeadraceError:
    message = f"source/{source}: `{target}` holds text (`{first}`), and the task `{task}` predicts a number"
    help_ = "write an algorithm of several classes, such as `lightgbm.multiclass`, or a target of numbers"
    return HeadraceError(Diagnostic("bad-target", message, help=help_), Exit.INVALID)


def _of_journal(labelled: pd.DataFrame, *, spine: _Spine, inputs: Sequence[Item]) -> pd.DataFrame:
    """Journalled requests with their answers, typed as a source's columns are; an input that a request did not carry is missing.

    A request from before an input changed its type, whose value is nothing of the new one, is left out: the journal cannot be mended. So
    is one without the group, from before there was one, and one whose entity or values were not written as they are.
    """
    import pandas as pd

    from headrace.journal.personal import veiled, veiled_entity

    requests = labelled["inputs"].tolist()
    parts: dict[str, Any] = {spine.entity: labelled["entity"].astype(str), spine.time: labelled["at"]}
    # Of a row with a hash in place of its entity nobody knows whether the source has it, too; of one with a hash in place of a value,
    # nobody knows the value.
    hidden = [veiled_entity(entity) for entity in labelled["entity"]]
    for place, request in enumerate(requests):
        hidden[place] |= any(type(value) is dict and veiled(value) for value in request.values())
    misfit = pd.Series(hidden, index=labelled.index, dtype=bool)
    if spine.group is not None:
        named = pd.Series([request.get(spine.group) for request in requests], index=labelled.index, dtype=object)
        parts[spine.group], _ = typed(named, "category")
        misfit |= parts[spine.group].isna()
    for item in inputs:
        held = [request.get(item.name) for request in requests]
        # A category's whole numbers must not pass through float64, which holds no more than 53 bits.
        column = pd.Series(held, index=labelled.index, dtype=None if isinstance(item, Number) else object)
        parts[item.name], bad = typed(column, "float" if isinstance(item, Number) else "category")
        misfit |= bad
    # A class is its label: requests from when the target was a number, or the other way round, have no answer of this task.
    answers = labelled["label"] if spine.task == "multiclass" else labelled["value"].where(labelled["label"].isna())
    misfit |= answers.isna()
    return pd.DataFrame({**parts, spine.target.column: answers, _ORIGIN: _JOURNAL})[~misfit]


def _one_each(parts: Sequence[pd.DataFrame], *, entity: str, time: str, keep: Literal["all", "newest"]) -> tuple[pd.DataFrame | None, int]:
    """One row of each entity and time, or the newest of each entity; and how many others there were. None where there is no row."""
    import pandas as pd

    if not parts:
        return None, 0
    whole = pd.concat(parts, ignore_index=True)
    # `journal` sorts before `source`: of one time, the source's row is the last and stays. Where no time comes twice, it decides alone.
    once = whole[time].is_unique
    ordered = whole.sort_values(time if once else [time, entity, _ORIGIN], kind="stable")
    kept = ordered if once and keep == "all" else ordered.drop_duplicates([entity, time] if keep == "all" else entity, keep="last")
    return kept.reset_index(drop=True), len(whole) - len(kept)


def _refuse_duplicates(name: str, read: pd.DataFrame, entity: str, time: str, personal: Collection[str]) -> None:
    """Two rows of one entity and time would have one set of features and perhaps two answers."""
    if read[entity].is_unique:
        return
    double = read.duplicated([entity, time])
    if double.any():
        first = read[double].iloc[0]
        raise HeadraceError(
            Diagnostic(
                "duplicate-rows",
                f"source/{name}: {int(double.sum()):,} rows have the `{entity}` and `{time}` of another row"
                f" (the first: {entity} {_shown(first, entity, personal)}, {first[time]:%Y-%m-%d %H:%M:%S})",
                help=f"leave one row of each `{entity}` and `{time}` in the source",
            )
        )


def _refuse_clashes(model: str, spine: _Spine, inputs: Sequence[Item]) -> None:
    taken = list(RESERVED)
    own = [("entity", spine.entity), ("time", spine.time), ("target", spine.target.column)]
    if spine.group is not None:
        own.append(("group", spine.group))
    for word, name in (*own, *(("input", item.name) for item in inputs)):
        if name in taken:
            raise HeadraceError(
                Diagnostic("reserved-name", f"model/{model}: no {word} can be called `{name}`", help="give it another name"), Exit.INVALID
            )
        taken.append(name)


def _refuse_stale(name: str, read: pd.DataFrame, time: str, within: float | None, as_of: datetime) -> None:
    if within is None or time not in read.columns:
        return
    age = as_of - read[time].max().to_pydatetime()
    if age > timedelta(seconds=within):
        raise HeadraceError(
            Diagnostic(
                "stale-source",
                f"source/{name} is {_age(age)} old, and the spec allows {_age(timedelta(seconds=within))}",
                help="bring the file up to date, or change `fresh_within`",
            )
        )


def _age(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.0f}h" if hours < 72 else f"{hours / 24:.0f}d"  # noqa: PLR2004 - three days are still told in hours


def _refuse_bad_targets(source: str, frame: pd.DataFrame, entity: str, target: str, *, task: Task, personal: Collection[str]) -> None:
    import numpy as np

    match task:
        case "binary":
            bad, must = ~frame[target].isin([0, 1]), "be 0 or 1"
        case "multiclass":
            bad, must = frame[target].isna(), "name a class"
        case "ranking":
            given = frame[target]
            bad = ~(given.ge(0) & given.le(MOST_RELEVANT) & (given % 1).eq(0))
            must = f"be a whole number from 0 to {MOST_RELEVANT}, how relevant the row is"
        case "regression" | "quantile":
            bad, must = ~frame[target].map(np.isfinite, na_action=None).astype(bool), "be a finite number"
        case _:
            assert_never(task)
    if bad.any():
        first = frame[bad].iloc[0]
        raise HeadraceError(
            Diagnostic(
                "bad-target",
                f"source/{source}: `{target}` must {must}, and {int(bad.sum()):,} rows hold something else"
                f" (`{_shown(first, target, personal)}` for {entity} {_shown(first, entity, personal)}, from the {first[_ORIGIN]})",
            )
        )


def _shown(row: pd.Series[Any], column: str, personal: Collection[str]) -> object:
    """A value as a message may show it."""
    return HIDDEN if column in personal else row[column]


def _refuse_one_class(model: str, frame: pd.DataFrame, target: str) -> None:
    for side in (TRAIN, HOLDOUT):
        held = frame.loc[frame[_SIDE] == side, target]
        if held.nunique() < 2:  # noqa: PLR2004 - yes and no
            answers = f"only the answer {held.iloc[0]:g}" if len(held) else "no row"
            raise HeadraceError(
                Diagnostic("one-class", f"model/{model}: the {side} side has {answers} among {len(held):,} rows; both answers are needed")
            )
