"""The codec of records: what goes in comes out, or changes as documented."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.journal import OutcomeRecord, PredictionRecord
from headrace.journal.records import decode, encode

NOW = datetime(2026, 1, 1, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is given beside
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | numbers | texts
predictions = st.builds(
    PredictionRecord,
    id=st.uuids().map(lambda made: made.hex),
    model=texts,
    version=st.integers(0, 2**31 - 1),
    arm=st.sampled_from(["champion", "candidate"]),
    epoch=st.integers(0, 2**31 - 1),
    entity=texts,
    at=moments,
    latency_us=st.integers(0, 2**40),
    inputs=st.dictionaries(texts, values | st.lists(values) | st.dictionaries(texts, values)),
    output=st.none() | numbers,
    error=st.none() | texts,
    unseen=st.lists(texts).map(tuple),
    answer=st.none() | st.dictionaries(texts, numbers),
)
outcomes = st.builds(OutcomeRecord, model=texts, entity=texts, value=numbers, known_at=moments, label=st.none() | texts)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.decimals() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=8,
)


def carried(value: object) -> Any:
    record = PredictionRecord("1", "m", 1, "champion", 1, "e", NOW, 1, {"x": value}, None, None, ())
    out = decode(encode(record, NOW)).record
    assert isinstance(out, PredictionRecord)
    return out.inputs["x"]


@given(predictions | outcomes, moments)
def test_a_record_of_plain_values_comes_back_as_it_was(record: PredictionRecord | OutcomeRecord, recorded_at: datetime) -> None:
    assert (record, recorded_at) == tuple(decode(encode(record, recorded_at)))


@given(anything)
def test_any_value_can_be_journalled_and_changes_once_at_most(value: object) -> None:
    once = carried(value)

    assert once == carried(once)


@given(st.binary())
def test_bytes_that_are_no_record_are_refused(body: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode(body)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**63 - 1, 2**63 - 1),
        (2**70, str(2**70)),
        (-(2**70), str(-(2**70))),
        (float("nan"), None),
        (float("inf"), None),
        ("é 漢 🎉", "é 漢 🎉"),
        ("half \ud83d", "half \ufffd"),
        (Decimal("1.50"), "1.50"),
        (np.float64(0.5), 0.5),
        (np.int64(7), 7),
        (np.array([1, 2]), [1, 2]),
        ([np.int64(7), 2**70], [7, str(2**70)]),
        ({1: "a key of a number"}, {"1": "a key of a number"}),
    ],
)
def test_what_json_cannot_hold_changes_as_documented(value: object, expected: object) -> None:
    assert expected == carried(value)


def test_a_nul_in_a_name_or_an_error_is_replaced() -> None:
    record = PredictionRecord("1", "m", 1, "champion", 1, "a\0b", NOW, 1, {}, None, "c\0d", ())
    out = decode(encode(record, NOW)).record

    assert isinstance(out, PredictionRecord)
    assert ("a\ufffdb", "c\ufffdd") == (out.entity, out.error)


def test_a_moment_of_another_zone_comes_back_in_utc() -> None:
    record = OutcomeRecord("m", "e", 1.0, datetime(2016, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    out = decode(encode(record, NOW)).record

    assert isinstance(out, OutcomeRecord)
    assert datetime(2016, 1, 1, tzinfo=UTC).isoformat() == out.known_at.isoformat()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_outcome_is_a_finite_number(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        encode(OutcomeRecord("m", "e", value, NOW), NOW)


def test_a_record_of_a_version_to_come_is_refused() -> None:
    with pytest.raises(ValueError, match="no record that this version knows"):
        decode(orjson.dumps([9, "what will be"]))
