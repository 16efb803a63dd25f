"""A large batch is journalled by column, and read as the records that it is of."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.journal import PredictionBlock, Spool, SpoolFull, Terms
from headrace.journal.block import decode_block, encode_block
from headrace.journal.segment import MAX_BODY, SUFFIX, frames

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8"), max_size=5)


def block(size: int, **changed: Any) -> PredictionBlock:
    told: dict[str, Any] = {
        "model": "m",
        "epoch": 3,
        "at": NOON,
        "latency_us": 17,
        "ids": [f"{row:032x}" for row in range(size)],
        "entities": [str(row) for row in range(size)],
        "arms": (("champion", 1), ("candidate", 2)),
        "answered": [row % 2 for row in range(size)],
        "inputs": {"b": np.arange(size, dtype=float), "a": ["x" if row % 3 else None for row in range(size)]},
        "outputs": np.linspace(0, 1, size),
    }
    return PredictionBlock(**told | changed)


@given(
    st.lists(st.tuples(TEXT, st.floats(allow_infinity=False), st.none() | TEXT, st.floats(0, 1), st.booleans()), min_size=1, max_size=30),
    st.booleans(),
)
@settings(deadline=None)
def test_a_block_is_the_records_that_went_in(rows: list[tuple[str, float, str | None, float, bool]], several: bool) -> None:  # noqa: FBT001
    entities, numbers, texts, outputs, strange = zip(*rows, strict=True)
    answers = np.column_stack([outputs, outputs]) if several else None
    given_block = block(
        len(rows),
        entities=entities,
        inputs={"number": np.array(numbers), "text": list(texts)},
        outputs=np.array(outputs),
        keys=("no", "yes") if several else (),
        answers=answers,
        unseen={row: ("text",) for row, odd in enumerate(strange) if odd},
    )
    (body,) = encode_block(given_block, 7)
    found = decode_block(body)
    assert [7] * len(rows) == [record.recorded_at for record in found]
    for row, record in enumerate(found):
        number = None if np.isnan(numbers[row]) else numbers[row]
        expected = (
            given_block.ids[row],
            entities[row],
            NOON.timestamp() * 1e6,
            17,
            {"number": number, "text": texts[row]},
            outputs[row],
            None,
        )
        inputs, unseen = orjson.loads(record.inputs), orjson.loads(record.unseen)
        assert expected == (record.id, record.entity, record.at, record.latency_us, inputs, record.output, record.error)
        assert (given_block.arms[row % 2], ["text"] if strange[row] else []) == ((record.arm, record.version), unseen)
        answer = None if record.answer is None else orjson.loads(record.answer)
        assert answer == ({"no": outputs[row], "yes": outputs[row]} if several else None)


def test_a_long_block_is_bodies_that_a_reader_holds_whole() -> None:
    wide = block(30_000, inputs={f"f{at}": np.zeros(30_000) for at in range(30)} | {"text": ["y" * 100] * 30_000})
    bodies = encode_block(wide, 7)
    assert len(bodies) > 1
    assert all(len(body) <= MAX_BODY for body in bodies)
    assert list(wide.ids) == [record.id for body in bodies for record in decode_block(body)]


def test_a_row_that_no_body_holds_is_told() -> None:
    with pytest.raises(OSError, match="longer than"):
        encode_block(block(2, inputs={"a": ["x", "x" * MAX_BODY]}), 7)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_what_is_no_block_is_told_and_nothing_else(data: st.DataObject) -> None:
    (body,) = encode_block(block(5), 7)
    broken = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(1, len(broken) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(broken[: data.draw(st.integers(1, len(broken)))])
    with suppress(ValueError):
        decode_block(cut)


def test_a_batch_that_the_spool_does_not_hold_leaves_nothing_of_itself(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path, Terms(max_bytes=4096))
    spool.append_block(block(5))
    before = {path.name: path.read_bytes() for path in tmp_path.glob(f"*{SUFFIX}")}
    with pytest.raises(SpoolFull):
        spool.append_block(block(500))
    kept = b"".join(path.read_bytes() for path in sorted(tmp_path.glob(f"*{SUFFIX}")))
    assert b"".join(before[name] for name in sorted(before)) == kept
    assert 1 == len(frames(kept, final=True).bodies)
    spool.close()


def test_a_write_that_is_cut_short_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.open(tmp_path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[: len(data) // 2]))
    with pytest.raises(SpoolFull):
        spool.append_block(block(50))
    monkeypatch.undo()
    spool.append_block(block(3))
    (path,) = tmp_path.glob(f"*{SUFFIX}")
    found = frames(path.read_bytes(), final=True)
    assert ([], 1) == (found.damaged, len(found.bodies))
    spool.close()
