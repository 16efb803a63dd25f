"""A feature view as a query: in each language, and only where something is computed."""

import json
from pathlib import Path

import duckdb
import pytest
import sqlglot

from headrace.cli import main
from headrace.cli.show import LANGUAGES
from headrace.features.sql import DIALECTS

WINDOWS = Path(__file__).parents[1] / "golden" / "windows"


def show(capsys: pytest.CaptureFixture[str], *arguments: str, root: Path = WINDOWS) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["show", *arguments, "--root", str(root)])
    told = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return end.value.code, told.out, told.err


def test_the_languages_that_are_offered_are_those_that_are_written() -> None:
    assert set(LANGUAGES) == set(DIALECTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_view_is_one_query_of_that_language(capsys: pytest.CaptureFixture[str], language: str) -> None:
    code, out, _ = show(capsys, "feature_view/basket", "--sql", language)
    (query,) = sqlglot.parse(out.rstrip().rstrip(";"), read=language)
    assert (0, True) == (code, query is not None)
    assert {"__line", "spend_28d", "per_trip"} <= {item.alias_or_name for item in query.selects}  # type: ignore[union-attr]


def test_the_query_that_is_shown_is_one_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = show(capsys, "feature_view/basket", "--sql", "--json")
    told = json.loads(out)
    assert (0, "duckdb", "feature_view/basket") == (code, told["language"], told["address"])
    with duckdb.connect() as con:
        con.execute("CREATE TABLE asked (line BIGINT, entity BIGINT, moment BIGINT)")
        columns = "household_id BIGINT, purchased_at TIMESTAMP, loaded_at TIMESTAMP, amount DOUBLE, department VARCHAR, basket_id BIGINT"
        con.execute(f"CREATE TABLE transactions ({columns})")
        con.execute("INSERT INTO transactions VALUES (1, '2024-01-01', '2024-01-02', 5, 'DELI', 1)")
        con.execute("INSERT INTO asked VALUES (0, 1, epoch_us(TIMESTAMP '2024-01-03')), (1, 1, epoch_us(TIMESTAMP '2024-01-01 12:00'))")
        rows = con.sql(told["sql"].rstrip(";")).df()
    assert [5.0, 0.0] == rows["spend_28d"].tolist()


@pytest.mark.parametrize(
    ("subject", "code", "fault"),
    [("model/lapse", 64, "not-a-view"), ("feature_view/asked", 4, "nothing-computed"), ("feature_view/baskt", 64, "unknown-address")],
)
def test_what_is_no_query_is_said(capsys: pytest.CaptureFixture[str], subject: str, code: int, fault: str) -> None:
    ended, _, err = show(capsys, subject, "--sql")
    assert (code, True) == (ended, fault in err)


def test_the_language_is_told_before_the_address_or_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    queries = [
        show(capsys, *words)[:2]
        for words in (
            ("feature_view/basket", "--sql"),
            ("--sql", "feature_view/basket"),
            ("spec", "--sql", "feature_view/basket"),
            ("--sql", "duckdb", "feature_view/basket"),
            ("--sql=duckdb", "feature_view/basket"),
        )
    ]
    assert [(0, queries[0][1])] * len(queries) == queries


def test_a_language_that_is_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = show(capsys, "feature_view/basket", "--sql", "postgress")
    assert (64, True) == (code, "postgress" in err)


def test_of_no_address_there_is_no_query(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = show(capsys, "--sql")
    assert (64, True) == (code, "not-a-view" in err)
