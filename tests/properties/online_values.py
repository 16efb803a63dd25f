"""Views and events to compare online values with offline ones: every aggregate, both edges, ties, late and repeated events."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from headrace.compiled import FeatureConfig, SourceConfig, ViewConfig

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
TYPES = {
    "shop": "category",
    "at": "timestamp",
    "arrived": "timestamp",
    "shipped": "timestamp",
    "amount": "float",
    "price": "float",
    "pieces": "int64",
    "kind": "text",
    "order": "int64",
}
"""`amount` holds quarters, which add up exactly in any order; `price` holds cents, which do not."""
SECOND = 1_000_000


@dataclass(frozen=True)
class Happened:
    """One row of the source; moments in seconds since `EPOCH`."""

    shop: str
    at: int
    arrived: int
    shipped: int | None
    amount: float | None
    price: float | None
    pieces: int | None
    kind: str | None
    order: int | None


def micros(seconds: int) -> int:
    return int(EPOCH.timestamp()) * SECOND + seconds * SECOND


def row(event: Happened, entity: str = "category") -> dict[str, Any]:
    """The event as it is pushed."""
    told = asdict(event)
    told |= {word: micros(told[word]) for word in ("at", "arrived", "shipped") if told[word] is not None}
    return told | ({"shop": ord(event.shop)} if entity == "int64" else {})


def source(entity: str = "category") -> SourceConfig:
    columns = {name: {"from": name, "type": entity if name == "shop" else kind} for name, kind in TYPES.items()}
    return SourceConfig.model_validate(
        {"uri": "sales.parquet", "columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": ()}
    )


def write(root: Path, happened: list[Happened], entity: str = "category") -> None:
    """The source's file; one row of an unknown shop keeps it from being empty, and every column from having no value."""
    nobody = Happened("!", 0, 0, 0, 0.0, 0.0, 0, "!", 0)
    whole = [*happened, nobody]

    def moments(seconds: list[int | None]) -> Any:
        return pd.to_datetime([None if s is None else EPOCH + timedelta(seconds=s) for s in seconds], utc=True).as_unit("us")

    pd.DataFrame(
        {
            "shop": pd.Series([e.shop if entity == "category" else ord(e.shop) for e in whole]),
            "at": moments([e.at for e in whole]),
            "arrived": moments([e.arrived for e in whole]),
            "shipped": moments([e.shipped for e in whole]),
            "amount": pd.Series([e.amount for e in whole], dtype="Float64"),
            "price": pd.Series([e.price for e in whole], dtype="Float64"),
            "pieces": pd.Series([e.pieces for e in whole], dtype="Int64"),
            "kind": pd.Series([e.kind for e in whole], dtype=object),
            "order": pd.Series([e.order for e in whole], dtype="Int64"),
        }
    ).to_parquet(root / "sales.parquet")


def feature(kind: Any, of: str | None = None, **given: Any) -> FeatureConfig:
    whole = {"over_seconds": None, "where": None, "empty": None, "expires_seconds": None, "type": "number"} | given
    return FeatureConfig(kind=kind, of=of, **whole)


def view(features: dict[str, FeatureConfig], **given: Any) -> ViewConfig:
    whole = {
        "source": "sales",
        "entity": "shop",
        "time": "at",
        "available_at": None,
        "available_after_seconds": 0,
        "late_seconds": None,
        "window_edges": "(t-w, t]",
        "tie_break": (),
    } | given
    return ViewConfig(features=features, **whole)


seconds = st.integers(0, 16)
"""Few, so that events and questions fall on one another's edges."""
spans = st.integers(1, 8)
agos = st.sampled_from([0, 0, 0, 1, 3, 9])
OTHER = "(amount > 0) and not kind == 'x' and not kind == 'é'"
"""What segments leave over, as they are written out."""
wheres = st.sampled_from(
    [None, None, "amount > 0", "kind == 'x' or pieces >= 1", "not kind == 'y'", "kind != 'x' and amount <= 0.5", OTHER]
)
empties = st.sampled_from([None, 0.0, -1.5])
happened = st.builds(
    Happened,
    shop=st.sampled_from("aaab"),
    at=seconds,
    arrived=st.integers(0, 24),
    shipped=st.none() | seconds,
    amount=st.none() | st.integers(-8, 8).map(lambda n: n / 4),
    price=st.none() | st.integers(-10_000, 10_000).map(lambda n: n / 100),
    pieces=st.none() | st.integers(-3, 3) | st.integers(-(2**48), 2**48),
    kind=st.none() | st.sampled_from(["x", "y", "Z", "é", ""]),
    order=st.none() | st.integers(0, 2),
)
histories = (st.lists(happened, max_size=4) | st.lists(happened, min_size=10, max_size=24)).flatmap(
    lambda found: st.lists(st.sampled_from(found), max_size=5).map(lambda again: found + again) if found else st.just(found)
)
"""Events, some of them more than once."""
asked = st.lists(st.tuples(st.sampled_from("aaaabc"), st.integers(0, 26)), min_size=2, max_size=12)

_exact = st.one_of(
    st.builds(
        lambda kind, of, over, where, empty: feature(kind, of, over_seconds=over, where=where, empty=empty),
        st.sampled_from(["sum", "mean", "min", "max"]),
        st.sampled_from(["amount", "pieces"]),
        spans,
        wheres,
        empties,
    ),
    st.builds(
        lambda kind, over, where, empty, ago: feature(kind, "price", over_seconds=over, where=where, empty=empty, ago_seconds=ago),
        st.sampled_from(["min", "max"]),
        spans,
        wheres,
        empties,
        agos,
    ),
    st.builds(
        lambda kind, of, over, where, empty: feature(kind, of, over_seconds=over, where=where, empty=empty),
        st.just("count"),
        st.sampled_from([None, "amount", "kind", "shipped"]),
        spans,
        wheres,
        empties,
    ),
    st.builds(
        lambda of, over, where: feature("distinct", of, over_seconds=over, where=where),
        st.sampled_from(["kind", "price", "pieces", "shipped"]),
        spans,
        wheres,
    ),
    st.builds(
        lambda of, over, where: feature("ratio", of, over_seconds=over, where=where),
        st.sampled_from(["amount > 0", "kind == 'x'"]),
        spans,
        wheres,
    ),
    st.builds(
        lambda over, expires: feature("since", "shipped", over_seconds=over, expires_seconds=expires), st.none() | spans, st.none() | spans
    ),
)
_newest = st.builds(
    lambda kind, of, over, expires, where, back, ago: feature(
        kind,
        of,
        over_seconds=over if kind == "last" else None,
        expires_seconds=expires,
        where=where if kind == "last" else None,
        type="category" if of == "kind" else "number",
        back=back if kind == "last" else 0,
        ago_seconds=ago if kind == "last" else 0,
    ),
    st.sampled_from(["last", "column"]),
    st.sampled_from(["kind", "pieces", "price"]),
    st.none() | spans,
    st.none() | spans,
    wheres,
    st.sampled_from([0, 1, 2, 3]),
    agos,
)
_about = st.builds(
    lambda kind, over, where: feature(kind, "price", over_seconds=over, where=where), st.sampled_from(["sum", "mean", "std"]), spans, wheres
)
_texts = st.sampled_from(["e0 / e1", "e1 - e0 * 2", "(e0 + 1) / (e1 - 0.25)", "-e0 / (e1 * e1)", "x0 + 1"])


def _view(
    exact: list[FeatureConfig], newest: list[FeatureConfig], about: list[FeatureConfig], arithmetic: list[Any], given: dict[str, Any]
) -> ViewConfig:
    features = {f"e{i}": item for i, item in enumerate(exact)} | {f"n{i}": item for i, item in enumerate(newest)}
    features |= {f"about{i}": item for i, item in enumerate(about)}
    features |= {
        f"x{i}": feature("expression", text if i or "x0" not in text else "e0 + e1", empty=empty)
        for i, (text, empty) in enumerate(arithmetic)
    }
    return view(features, **given)


views = st.builds(
    _view,
    st.lists(_exact, min_size=2, max_size=4),
    st.lists(_newest, min_size=1, max_size=3),
    st.lists(_about, max_size=2),
    st.lists(st.tuples(_texts, empties), max_size=2),
    st.fixed_dictionaries(
        {
            "available_at": st.sampled_from([None, "arrived"]),
            "available_after_seconds": st.sampled_from([0, 0, 4]),
            "late_seconds": st.none() | st.integers(0, 8),
            "window_edges": st.sampled_from(["(t-w, t]", "[t-w, t)"]),
            "tie_break": st.sampled_from([(), ("order",), ("kind", "order")]),
        }
    ),
)


def summands(v: ViewConfig, word: str, found: list[Happened]) -> float:
    """How much is added up at most for a feature: what a sum of floats may be wrong by is a share of it."""
    return sum(abs(e.price) for e in found if e.price is not None) if word.startswith("about") else 0.0


def later(found: list[Happened], by: int) -> list[Happened]:
    """The same events, each so much later."""
    return [replace(e, at=e.at + by, arrived=e.arrived + by) for e in found]
