"""Which rows come again, in which order, and what was done to them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from replayed import SOURCES, backtest, read, source, write

from headrace.backtest.driver import plain
from headrace.backtest.history import spans
from headrace.compiled import ColumnConfig
from headrace.diagnostics import Exit, HeadraceError

SWAP = {"id": "swapped", "from": "2016-03-01", "to": "2016-06-01", "columns": ["code"], "map": {"a": "b", "b": "a"}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def codes(root: Path, *disturb: dict[str, object]) -> list[str | None]:
    found = read(root, backtest(*disturb)).frame["kind"]
    return [None if value is None or value != value else value for value in found.tolist()]  # noqa: PLR0124 - NaN


def test_rows_come_in_the_order_of_their_arrival_with_answers_a_delay_later(root: Path) -> None:
    found = read(root, backtest())
    frame = found.frame
    assert ("visit", "bought", ("kind", "pages")) == (found.entity, found.target, found.inputs)
    assert (list(range(24)), [i % 2 for i in range(24)]) == (frame["visit"].tolist(), frame["@target"].tolist())
    assert frame["@at"].is_monotonic_increasing
    assert {timedelta(days=10)} == set(frame["@known_at"] - frame["@at"])
    assert [2016] * 12 + [2017] * 12 == [moment.year for moment in frame["@at"]]


def test_only_what_arrives_between_the_two_days_is_served(root: Path) -> None:
    found = read(root, backtest(**{"from": "2016-07-01", "to": "2017-01-01"}))
    assert list(range(6, 12)) == found.frame["visit"].tolist()


def test_an_incident_rewrites_its_values_in_its_days_and_marks_what_it_changed(root: Path) -> None:
    natural, disturbed = codes(root), codes(root, SWAP)
    assert [2, 3, 4] == [i for i in range(24) if natural[i] != disturbed[i]]
    found = read(root, backtest(SWAP)).frame["@incidents"].tolist()
    assert [("swapped",) if i in {2, 3, 4} else () for i in range(24)] == found


def test_an_incident_without_an_end_stays_and_leaves_missing_values_alone(root: Path) -> None:
    found = read(root, backtest({key: value for key, value in SWAP.items() if key != "to"})).frame["@incidents"].tolist()
    assert [("swapped",) if i >= 2 and i % 6 != 5 else () for i in range(24)] == found


def test_two_incidents_meet_in_one_row(root: Path) -> None:
    more = {"id": "all-a", "from": "2016-04-01", "columns": ["code"], "map": {"b": "a"}}
    found = read(root, backtest(SWAP, more)).frame
    assert (("swapped",), ("swapped", "all-a"), {"a"}) == (
        found["@incidents"][3],
        found["@incidents"][4],
        set(found["kind"][3:].dropna()),
    )


def faulty(root: Path, *disturb: dict[str, object], **replay: object) -> tuple[str, Exit, str]:
    with pytest.raises(HeadraceError) as raised:
        read(root, backtest(*disturb, **replay))
    (found,) = raised.value.report
    return found.id, Exit(raised.value.code), f"{found.message} {found.help}"


def test_a_value_that_the_column_never_has_is_named_with_those_it_has(root: Path) -> None:
    id_, code, said = faulty(root, {**SWAP, "map": {"z": "a"}})
    assert ("never-a-value", Exit.INVALID, True, True) == (id_, code, "'z'" in said, "a, b" in said)


def test_a_column_that_no_input_reads_is_refused(root: Path) -> None:
    assert ("unknown-column", Exit.INVALID) == faulty(root, {**SWAP, "columns": ["colour"]})[:2]


def test_a_row_without_an_answer_is_refused(root: Path) -> None:
    path = root / "answers.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-2]))
    id_, code, said = faulty(root)
    assert ("unlabelled-rows", Exit.FAILED, True) == (id_, code, "no answer for 2 rows" in said)


@pytest.mark.parametrize("file", ["later.csv", "answers.csv"])
def test_an_entity_twice_is_refused(root: Path, file: str) -> None:
    lines = (root / file).read_text().splitlines()
    (root / file).write_text("\n".join([*lines, lines[-1]]))
    id_, code, said = faulty(root)
    assert ("duplicate-entity", Exit.FAILED, True) == (id_, code, f"source/{file.removesuffix('.csv')} has 1 rows" in said)


def test_years_without_a_row_are_an_empty_replay(root: Path) -> None:
    assert ("empty-replay", Exit.FAILED) == faulty(root, **{"from": 2020, "to": 2021})[:2]


def test_one_file_may_hold_rows_and_answers(root: Path) -> None:
    lines = (root / "later.csv").read_text().splitlines()
    (root / "later.csv").write_text("\n".join([f"{lines[0]},bought", *(f"{line},{i % 2}" for i, line in enumerate(lines[1:]))]))
    later = SOURCES["later"]
    bought = ColumnConfig(from_="bought", type="int64")
    both = {"later": later.model_copy(update={"columns": {**later.columns, "bought": bought}})}
    found = read(root, backtest(labels="later"), sources=both)
    assert [i % 2 for i in range(24)] == found.frame["@target"].tolist()


def test_a_sample_is_drawn_by_the_seed_alone(root: Path) -> None:
    def sample(seed: int, rows: int | None = 8) -> list[int]:
        found: list[int] = read(root, backtest(seed=seed), rows).frame["visit"].tolist()
        return found

    assert (8, True, True) == (len(set(sample(1))), sample(1) == sample(1), sample(1) != sample(2))
    assert sample(1, 24) == sample(1, 1000) == sample(1, None)


def test_an_incident_can_be_seen_for_a_while_after_its_end() -> None:
    wanted = backtest(SWAP, {**SWAP, "id": "open", "to": None})
    march, june = datetime(2016, 3, 1, tzinfo=UTC), datetime(2016, 6, 1, tzinfo=UTC)
    assert [("swapped", march, june + timedelta(days=5)), ("open", march, None)] == spans(wanted.disturb, timedelta(days=5))


def test_an_answer_is_a_class_by_its_name_or_a_number(root: Path) -> None:
    rows = [f"{i},{'shoes' if i % 2 else 'hats'}" for i in range(24)]
    (root / "answers.csv").write_text("\n".join(["visit,bought", *rows]), encoding="utf-8")
    named = {**SOURCES, "answers": source("answers.csv", visit=("visit", "int64"), bought=("bought", "category"))}
    assert ["hats", "shoes"] * 12 == read(root, backtest(), sources=named).frame["@target"].tolist()


@pytest.mark.parametrize(("answer", "sent"), [(1.0, "1"), (2.5, "2.5"), (-3.0, "-3"), ("hats", '"hats"')])
def test_an_answer_is_sent_as_a_client_would_send_it(answer: float | str, sent: str) -> None:
    assert sent == json.dumps(plain(answer))
