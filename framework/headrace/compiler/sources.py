"""A source as what reads and checks it is told: where its rows are, and one thing a check."""

from __future__ import annotations

from typing import Any

from headrace.address import Address
from headrace.compiled import ArrivalConfig, CheckConfig, ColumnConfig, SourceConfig
from headrace.compiler.literal import seconds
from headrace.spec import Source
from headrace.spec.source import SAYS, Check


def source_config(source: Source) -> SourceConfig:
    """The source of a project whose rules have found no fault."""
    arrival, fresh = source.arrival, source.fresh_within
    return SourceConfig(
        uri=source.uri,
        table=source.table,
        python=source.python,
        columns={name: ColumnConfig(from_=column.from_ or name, type=column.type) for name, column in source.columns.items()},
        arrival=ArrivalConfig(time=arrival.time, spread=arrival.spread, order=arrival.order, seed=arrival.seed) if arrival else None,
        fresh_within_seconds=seconds(fresh) if fresh is not None else None,
        checks=tuple(_check(item) for item in source.checks),
        personal=tuple(name for name, column in source.columns.items() if column.personal),
    )


def _check(item: Check) -> CheckConfig:
    (says,) = [word for word in SAYS if getattr(item, word) is not None]
    usual: dict[str, Any] = {"low": None, "high": None, "values": (), "columns": (), "text": None, "other": None, "other_column": None}
    told = {"id": item.id, "says": says, "column": item.column, "mode": item.mode}
    return CheckConfig.model_validate(usual | told | _said(item))


def _said(item: Check) -> dict[str, Any]:
    """What a check says, beside its usual parts."""
    if (bounds := item.range or item.rows) is not None:
        return {"low": bounds[0], "high": bounds[1]}
    if (span := item.fresh_within if item.fresh_within is not None else item.ahead_at_most) is not None:
        return {"high": seconds(span)}
    if item.monotone is not None:
        order = item.monotone
        return {"columns": (order.along, *([order.within] if order.within is not None else [])), "text": order.direction}
    if item.refers is not None:
        return {"other": Address.parse(item.refers.to).name, "other_column": item.refers.column}
    if (like := item.like) is not None:
        named = like.training if like.source is None else Address.parse(like.source).name
        other = {"other": named, "other_column": like.column or item.column}
        return {**other, "text": like.measure, "high": like.at_most}
    texts = (item.pattern, item.holds, item.reads_as, item.pandera)
    return {
        "high": item.missing,
        "values": item.values or (),
        "columns": item.unique or (),
        "text": next((text for text in texts if text is not None), None),
    }
