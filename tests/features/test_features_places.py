"""Rows are read alike from wherever they stand: files by a pattern, URLs, tables, functions; what is wrong is told in the same words."""

from __future__ import annotations

import http.server
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import numpy as np
import pandas as pd
import pytest

from headrace.compiled import FeatureConfig, SourceConfig, ViewConfig
from headrace.diagnostics import Exit, HeadraceError
from headrace.features import Origins, joined, read_source
from headrace.features.engine import engine, relation
from headrace.features.source import place

COLUMNS = {"id": "int64", "at": "timestamp", "amount": "float", "kind": "category"}
DAYS = pd.date_range("2024-01-01", periods=6, freq="D", tz="UTC")
TX = pd.DataFrame(
    {
        "id": [1, 2, 1, 3, 2, 1],
        "at": DAYS,
        "amount": [10.0, 20.5, np.nan, 7.25, 1.0, 3.0],
        "kind": ["DELI", None, "007", "MEAT", "DELI", "x'y"],
    }
)
SECRET = "p%40ss-word-7"  # noqa: S105 - what no message may show


def stated(**where: Any) -> SourceConfig:
    columns = where.pop("columns", {name: {"from": name, "type": kind} for name, kind in COLUMNS.items()})
    return SourceConfig.model_validate({"columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": (), **where})


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows that compare, whatever holds them."""
    told = frame.assign(at=pd.to_datetime(frame["at"], utc=True).astype("int64"), amount=frame["amount"].astype(float))
    rows = [{key: None if pd.isna(value) else value for key, value in row.items()} for row in told.to_dict("records")]
    return sorted(rows, key=str)


EXPECTED = plain(TX.assign(at=TX["at"].dt.as_unit("us")))


def faults(raised: pytest.ExceptionInfo[HeadraceError]) -> list[tuple[str, str, str | None]]:
    return [(fault.id, fault.message, fault.help) for fault in raised.value.report]


# every place ---------------------------------------------------------------------------------------------------------


def parted(root: Path, suffix: str) -> SourceConfig:
    (root / "tx").mkdir()
    for number in range(3):
        part = TX.iloc[2 * number : 2 * number + 2]
        path = root / "tx" / f"{number}.{suffix}"
        part.to_parquet(path) if suffix == "parquet" else part.to_csv(path, index=False)
    (root / "tx" / f"_mark.{suffix}").write_bytes(b"")
    return stated(uri=f"tx/*.{suffix}")


def by_month(root: Path) -> SourceConfig:
    for kind, part in TX.groupby("kind", dropna=False):
        folder = root / "tx" / f"kind={'__HIVE_DEFAULT_PARTITION__' if pd.isna(kind) else str(kind)}"
        folder.mkdir(parents=True)
        part.drop(columns="kind").to_parquet(folder / "a.parquet")
    return stated(uri="tx/*/*.parquet")


def in_sqlite(root: Path) -> SourceConfig:
    with sqlite3.connect(root / "shop.db") as con:
        TX.assign(at=TX["at"].astype(str)).to_sql("orders", con, index=False)
    return stated(uri="sqlite:///shop.db", table="orders")


def in_duckdb(root: Path) -> SourceConfig:
    with duckdb.connect(root / "shop.duckdb") as con:
        con.register("tx", TX)
        con.execute("CREATE SCHEMA sales; CREATE TABLE sales.orders AS SELECT * FROM tx")
    return stated(uri="duckdb:///shop.duckdb", table="sales.orders")


def by_function(root: Path, made: str = "frame") -> SourceConfig:
    TX.to_pickle(root / "tx.pkl")
    body = f"import pandas as pd\nprint('said aside')\n\n\ndef orders():\n    frame = pd.read_pickle({str(root / 'tx.pkl')!r})\n"
    body += "    import pyarrow as pa\n" if made != "frame" else ""
    body += f"    return {made}\n"
    name = f"own_{root.name.replace('-', '_')}_{abs(hash(made))}"
    (root / f"{name}.py").write_text(body, encoding="utf-8")
    return stated(python=f"{name}:orders")


def in_memory(root: Path) -> SourceConfig:
    with fsspec.open(f"memory://{root.name}/tx.parquet", "wb") as file:
        TX.to_parquet(file)
    return stated(uri=f"memory://{root.name}/tx.parquet")


def several_in_memory(root: Path) -> SourceConfig:
    for number in range(3):
        with fsspec.open(f"memory://{root.name}/tx/{number}.csv", "w") as file:
            TX.iloc[2 * number : 2 * number + 2].to_csv(file, index=False)
    return stated(uri=f"memory://{root.name}/tx/*.csv")


PLACES: dict[str, Callable[[Path], SourceConfig]] = {
    "parquet files": lambda root: parted(root, "parquet"),
    "csv files": lambda root: parted(root, "csv"),
    "folders that say a column": by_month,
    "sqlite": in_sqlite,
    "duckdb": in_duckdb,
    "a frame": by_function,
    "an arrow table": lambda root: by_function(root, "pa.Table.from_pandas(frame)"),
    "an arrow stream": lambda root: by_function(root, "pa.Table.from_pandas(frame).to_reader()"),
    "fsspec": in_memory,
    "fsspec, several": several_in_memory,
}


@pytest.mark.parametrize("where", PLACES)
def test_the_same_rows_are_read_from_every_place(where: str, tmp_path: Path, readers: Any) -> None:
    source = PLACES[where](tmp_path)
    assert EXPECTED == plain(read_source(tmp_path, "tx", source, readers))


@pytest.mark.parametrize("where", PLACES)
def test_the_engine_sees_the_same_rows_from_every_place(where: str, tmp_path: Path, readers: Any) -> None:
    origins = Origins(tmp_path, {"tx": PLACES[where](tmp_path)}, readers)
    with engine(tmp_path) as con:
        assert EXPECTED == plain(con.sql(f"SELECT * FROM {relation(con, origins, 'tx', list(COLUMNS))}").df())  # noqa: S608


def spend() -> ViewConfig:
    given = {"over_seconds": 3 * 86400, "where": None, "empty": None, "expires_seconds": None, "type": "number"}
    return ViewConfig(
        source="tx",
        entity="id",
        time="at",
        available_at=None,
        available_after_seconds=0,
        late_seconds=None,
        window_edges="(t-w, t]",
        tie_break=(),
        features={"spend": FeatureConfig(kind="sum", of="amount", **given), "kinds": FeatureConfig(kind="distinct", of="kind", **given)},
    )


@pytest.mark.parametrize("where", PLACES)
def test_features_over_time_are_computed_from_every_place(where: str, tmp_path: Path, readers: Any) -> None:
    spine = pd.DataFrame({"id": ["1", "2", "3", "9"], "at": [DAYS[5], DAYS[4], DAYS[3], DAYS[5]]})
    origins = Origins(tmp_path, {"tx": PLACES[where](tmp_path)}, readers)
    found = joined(origins, {"basket": spend()}, wanted={"basket": ["spend", "kinds"]}, spine=spine)
    assert ([3.0, 1.0, 7.25, None], [1.0, 1.0, 1.0, 0.0]) == (
        [None if np.isnan(value) else value for value in found["spend"]],
        found["kinds"].tolist(),
    )


def test_parquet_files_and_tables_of_duckdb_are_scanned_where_they_stand(tmp_path: Path, readers: Any) -> None:
    """So that what is larger than memory need not fit."""
    scans = []
    with engine(tmp_path) as con:
        for made in (lambda root: parted(root, "parquet"), in_duckdb):
            origins = Origins(tmp_path, {"tx": made(tmp_path)}, readers)
            scans.append(relation(con, origins, "tx", ["id", "amount"]))
        assert 0 == con.sql("SELECT COUNT(*) FROM duckdb_tables() WHERE temporary").fetchall()[0][0]
    assert ["read_parquet", "attached"] == [next(word for word in ("read_parquet", "attached") if word in scan) for scan in scans]


def test_a_table_is_read_in_one_order_whatever_order_it_was_written_in(tmp_path: Path, readers: Any) -> None:
    both = []
    for number, frame in enumerate((TX, TX.iloc[::-1])):
        with sqlite3.connect(tmp_path / f"{number}.db") as con:
            frame.assign(at=frame["at"].astype(str)).to_sql("orders", con, index=False)
        both.append(read_source(tmp_path, "tx", stated(uri=f"sqlite:///{number}.db", table="orders"), readers))
    pd.testing.assert_frame_equal(*both)


def test_a_table_larger_than_a_batch_is_read_whole(tmp_path: Path, readers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.features.source.database.BATCH", 2)
    assert EXPECTED == plain(read_source(tmp_path, "tx", in_sqlite(tmp_path), readers))


def test_a_whole_number_beyond_float_stays_what_it_is(tmp_path: Path, readers: Any) -> None:
    with sqlite3.connect(tmp_path / "a.db") as con:
        con.execute("CREATE TABLE t (id INTEGER)")
        con.execute("INSERT INTO t VALUES (?)", [2**62 + 1])
    source = stated(uri="sqlite:///a.db", table="t", columns={"id": {"from": "id", "type": "int64"}})
    assert [2**62 + 1] == read_source(tmp_path, "t", source, readers)["id"].tolist()


def test_reading_makes_no_file_and_changes_none(tmp_path: Path, readers: Any) -> None:
    source = in_sqlite(tmp_path)
    before = (tmp_path / "shop.db").read_bytes()
    read_source(tmp_path, "tx", source, readers)
    assert (before, ["shop.db"]) == ((tmp_path / "shop.db").read_bytes(), [path.name for path in tmp_path.iterdir()])


# a server ------------------------------------------------------------------------------------------------------------


def test_a_table_of_a_real_postgresql(tmp_path: Path, readers: Any, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    with psycopg.connect(postgres) as con:
        con.execute("CREATE SCHEMA shop")
        con.execute('CREATE TABLE shop.orders (id bigint, at timestamptz, amount numeric(10,2), kind text, "Other" uuid)')
        rows = [(int(r.id), r.at.to_pydatetime(), None if np.isnan(r.amount) else r.amount, r.kind) for r in TX.itertuples()]
        with con.cursor() as cursor:
            cursor.executemany("INSERT INTO shop.orders VALUES (%s, %s, %s, %s, gen_random_uuid())", rows)
    monkeypatch.setenv("SHOP_URL", postgres)
    source = stated(uri="env:SHOP_URL", table="shop.orders")
    assert EXPECTED == plain(read_source(tmp_path, "tx", source, readers))
    spine = pd.DataFrame({"id": ["1"], "at": [DAYS[5]]})
    found = joined(Origins(tmp_path, {"tx": source}, readers), {"b": spend()}, wanted={"b": ["spend"]}, spine=spine)
    assert [3.0] == found["spend"].tolist()
    other = source.model_copy(update={"columns": {"o": source.columns["kind"].model_copy(update={"from_": "Other"})}})
    assert 6 == read_source(tmp_path, "tx", other, readers)["o"].nunique()
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", source.model_copy(update={"table": "shop.order"}), readers)
    assert [("source-not-found", "source/tx: env:SHOP_URL has no table `shop.order`", "did you mean `shop.orders`?")] == faults(raised)


@pytest.mark.parametrize("url", [f"postgresql://ana:{SECRET}@127.0.0.1:1/shop", f"postgresql://ana:{SECRET}@x:not-a-port/shop"])
def test_a_server_that_is_away_is_told_without_the_password(
    url: str, tmp_path: Path, readers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_URL", url)
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", stated(uri="env:SHOP_URL", table="orders"), readers)
    chain, error = [], raised.value
    while error is not None:
        chain.append(repr(error))
        error = None if error.__suppress_context__ and error.__cause__ is None else error.__cause__ or error.__context__
    told = str([faults(raised), chain])
    assert ("source/tx: env:SHOP_URL " in told, False, False) == (True, SECRET in told, "p@ss-word-7" in told)
    assert [raised.value.report.found[0].id] == ["source-unreachable" if ":1/" in url else "source-not-found"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *given: Any) -> None:  # noqa: ARG002
        asked.append(str(self.command))


asked: list[str] = []


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and where a server on this machine gives its files."""
    folder = tmp_path / "web"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: Quiet(*given, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_of_a_web_server_is_brought_once_a_version(tmp_path: Path, readers: Any, web: tuple[Path, str]) -> None:
    import os

    folder, url = web
    TX.to_parquet(folder / "tx.parquet")
    source = stated(uri=f"{url}/tx.parquet")
    asked.clear()
    assert EXPECTED == plain(read_source(tmp_path, "tx", source, readers))
    read_source(tmp_path, "tx", source, readers)
    assert 1 == asked.count("GET")
    TX.assign(amount=1.0).to_parquet(folder / "tx.parquet")
    os.utime(folder / "tx.parquet", (0, 0))
    assert {1.0} == set(read_source(tmp_path, "tx", source, readers)["amount"])
    assert 1 == len([path for path in (tmp_path / ".headrace" / "fetched").rglob("*") if path.is_file()])


def test_a_web_server_that_has_it_not_or_is_away(tmp_path: Path, readers: Any, web: tuple[Path, str]) -> None:
    _, url = web
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", stated(uri=f"{url}/tx.parquet"), readers)
    assert [("source-not-found", f"source/tx: {url}/tx.parquet does not exist", "correct the `uri`")] == faults(raised)
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", stated(uri="http://127.0.0.1:1/tx.parquet"), readers)
    ((id_, message, help_),) = faults(raised)
    assert ("source-unreachable", "see that it can be reached; then type `headrace check source/tx`") == (id_, help_)
    assert message.startswith("source/tx: http://127.0.0.1:1/tx.parquet cannot be reached: ")


def test_a_signed_address_stays_out_of_what_is_told(tmp_path: Path, readers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWS", f"http://127.0.0.1:1/tx.parquet?sig={SECRET}")
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", stated(uri="env:ROWS"), readers)
    assert ("source/tx: env:ROWS cannot be reached" in str(faults(raised)), False) == (True, SECRET in str(faults(raised)))


# what is wrong -------------------------------------------------------------------------------------------------------


WRONG: list[tuple[dict[str, Any], tuple[str, str, str | None]]] = [
    ({"uri": "tx/*.parquet"}, ("source-not-found", "source/tx: no file fits tx/*.parquet", "looked in {root}/tx, which is not there")),
    ({"uri": "folder"}, ("source-not-found", "source/tx: folder is a folder", "write which of its files, for example `data/*.parquet`")),
    (
        {"uri": "sqlite:///no.db", "table": "a"},
        ("source-not-found", "source/tx: sqlite:///no.db does not exist", "looked for at {root}/no.db"),
    ),
    (
        {"uri": "sqlite:///shop.db", "table": "order"},
        ("source-not-found", "source/tx: sqlite:///shop.db has no table `order`", "did you mean `orders`?"),
    ),
    (
        {"uri": "duckdb:///shop.duckdb", "table": "orders"},
        ("source-not-found", "source/tx: duckdb:///shop.duckdb has no table `orders`", "did you mean `sales.orders`?"),
    ),
    (
        {"uri": "gs://shop/tx.parquet"},
        ("source-driver", "source/tx: what reads `gs://` is not installed", "type `pip install gcsfs`"),
    ),
    (
        {"uri": "sqlite:///shop.db", "table": "orders", "columns": {"sum": {"from": "amuont", "type": "float"}}},
        ("missing-column", "source/tx has no column `amuont` (`sum`)", "did you mean `amount`?"),
    ),
    (
        {"uri": "sqlite:///shop.db", "table": "orders", "columns": {"kind": {"from": "kind", "type": "int64"}}},
        ("changed-type", "source/tx: column `kind` is no longer int64: row 1 holds `007x`", None),
    ),
]


@pytest.mark.parametrize(("where", "said"), WRONG, ids=[str(where) for where, _ in WRONG])
def test_what_is_wrong_is_told_with_a_thing_to_type(where: Any, said: Any, tmp_path: Path, readers: Any) -> None:
    (tmp_path / "folder").mkdir()
    in_sqlite(tmp_path)
    in_duckdb(tmp_path)
    if said[0] == "changed-type":
        with sqlite3.connect(tmp_path / "shop.db") as con:
            con.execute("UPDATE orders SET kind = CASE kind WHEN '007' THEN '007x' ELSE '7' END")
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", stated(**where), readers)
    ((id_, message, help_),) = faults(raised)
    assert (said[0], said[2] and said[2].format(root=tmp_path)) == (id_, help_)
    assert message.startswith(said[1])


def test_a_scheme_that_nobody_knows_is_refused(tmp_path: Path, readers: Any) -> None:
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", stated(uri="carrier-pigeon://loft/tx.parquet"), readers)
    assert (Exit.INVALID, "source/tx: `carrier-pigeon://` is not read") == (raised.value.code, faults(raised)[0][1])


def test_a_table_by_a_reference_that_is_no_database(tmp_path: Path, readers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "rows.parquet")
    with pytest.raises(HeadraceError, match="env:SHOP_URL is no database that is read"):
        read_source(tmp_path, "tx", stated(uri="env:SHOP_URL", table="orders"), readers)


FUNCTIONS = [
    ("def orders():\n    return 1 / 0\n", "`{name}:orders` raised ZeroDivisionError: division by zero", 2),
    ("def orders():\n    import sys\n    sys.exit(3)\n", "`{name}:orders` raised SystemExit: 3", 3),
    ("def orders():\n    return None\n", "`{name}:orders` gave None, and no rows", None),
    ("def orders():\n    return [1]\n", "`{name}:orders` gave list, and no rows", None),
    ("raise OSError('no network')\n", "`{name}:orders` cannot be imported: OSError: no network", 1),
    (
        "def orders():\n    import pandas as pd\n    return pd.DataFrame([[1, 2]], columns=['id', 'id'])\n",
        "`{name}:orders` gave two columns `id`",
        None,
    ),
]


@pytest.mark.parametrize(("body", "said", "line"), FUNCTIONS)
def test_a_function_that_fails_is_blamed_by_its_line(body: str, said: str, line: int | None, tmp_path: Path, readers: Any) -> None:
    name = f"own_wrong_{abs(hash(body))}"
    (tmp_path / f"{name}.py").write_text(body, encoding="utf-8")
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", stated(python=f"{name}:orders"), readers)
    (fault,) = raised.value.report
    assert ("source-failed", f"source/tx: {said.format(name=name)}") == (fault.id, fault.message)
    assert line == (fault.span.line if fault.span is not None else None)
    sys.path.remove(str(tmp_path))


def test_what_a_function_prints_is_no_answer(tmp_path: Path, readers: Any, capfd: pytest.CaptureFixture[str]) -> None:
    read_source(tmp_path, "tx", by_function(tmp_path), readers)
    assert ("", True) == ((told := capfd.readouterr()).out, "said aside" in told.err)


# data that changed upstream ------------------------------------------------------------------------------------------


def changed(root: Path, suffix: str, **instead: Any) -> SourceConfig:
    """Three files of which the second is another than it was."""
    source = parted(root, suffix)
    part = TX.iloc[2:4].rename(columns=instead.pop("renamed", {})).assign(**instead)
    path = root / "tx" / f"1.{suffix}"
    part.to_parquet(path) if suffix == "parquet" else part.to_csv(path, index=False)
    return source


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_column_that_was_renamed_upstream_is_told_with_its_file(suffix: str, tmp_path: Path, readers: Any) -> None:
    source = changed(tmp_path, suffix, renamed={"amount": "amount_eur"})
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", source, readers)
    assert [("missing-column", f"source/tx has no column `amount` in tx/1.{suffix}", "did you mean `amount_eur`?")] == faults(raised)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_type_that_changes_between_files_is_told_with_its_file(suffix: str, tmp_path: Path, readers: Any) -> None:
    origins = Origins(tmp_path, {"tx": changed(tmp_path, suffix, amount=["12 EUR", "1"])}, readers)
    for read in (lambda: read_source(tmp_path, "tx", origins.sources["tx"], readers), lambda: _related(origins)):
        with pytest.raises(HeadraceError) as raised:
            read()
        said = {
            "parquet": "source/tx: column `amount` holds texts in tx/1.parquet, and numbers in tx/0.parquet",
            "csv": "source/tx: column `amount` in tx/1.csv is no longer float: row 1 holds `12 EUR` (the file's type is string)",
        }
        assert [("changed-type", said[suffix])] == [told[:2] for told in faults(raised)]


def _related(origins: Origins) -> None:
    with engine(origins.root) as con:
        relation(con, origins, "tx", ["id", "amount"])


def test_a_category_that_becomes_a_number_in_one_file_would_become_other_categories(tmp_path: Path, readers: Any) -> None:
    source = changed(tmp_path, "parquet", kind=[7, 8])
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", source, readers)
    assert "source/tx: column `kind` holds numbers in tx/1.parquet, and texts in tx/0.parquet" == faults(raised)[0][1]


def test_whole_numbers_in_one_file_and_fractions_in_another_are_both_numbers(tmp_path: Path, readers: Any) -> None:
    source = changed(tmp_path, "parquet", amount=[3, 4])
    assert 41.5 == read_source(tmp_path, "tx", source, readers)["amount"].sum()
    with engine(tmp_path) as con:
        scan = relation(con, Origins(tmp_path, {"tx": source}, readers), "tx", ["amount"])
        assert 41.5 == con.sql(f"SELECT SUM(amount) FROM {scan}").fetchall()[0][0]  # noqa: S608


def test_an_empty_file_among_others_is_passed_over_and_none_but_empty_ones_are_told(tmp_path: Path, readers: Any) -> None:
    source = parted(tmp_path, "parquet")
    TX.iloc[:0].to_parquet(tmp_path / "tx" / "1.parquet")
    assert 4 == len(read_source(tmp_path, "tx", source, readers))
    for number in (0, 2):
        TX.iloc[:0].to_parquet(tmp_path / "tx" / f"{number}.parquet")
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "tx", source, readers)
    assert [("empty-source", "source/tx has no rows", None)] == faults(raised)


@pytest.mark.parametrize("where", ["sqlite:///a.db", "duckdb:///a.duckdb"])
def test_a_table_without_rows_is_an_empty_source(where: str, tmp_path: Path, readers: Any) -> None:
    with sqlite3.connect(tmp_path / "a.db") as con:
        con.execute("CREATE TABLE t (id INTEGER)")
    with duckdb.connect(tmp_path / "a.duckdb") as con:
        con.execute("CREATE TABLE t (id INTEGER)")
    source = stated(uri=where, table="t", columns={"id": {"from": "id", "type": "int64"}})
    with pytest.raises(HeadraceError, match="empty-source"):
        read_source(tmp_path, "t", source, readers)


def test_an_infinity_in_a_table_is_told(tmp_path: Path, readers: Any) -> None:
    source = in_duckdb(tmp_path)
    with duckdb.connect(tmp_path / "shop.duckdb") as con:
        con.execute("UPDATE sales.orders SET amount = 'inf'::DOUBLE WHERE id = 3")
    with pytest.raises(HeadraceError, match="column `amount` is no longer float: row 4 holds `inf`"):
        read_source(tmp_path, "tx", source, readers)
    with pytest.raises(HeadraceError, match="column `amount` is no longer float: row 4 holds `inf`"):
        _related(Origins(tmp_path, {"tx": source}, readers))


def test_a_personal_value_is_in_no_message(tmp_path: Path, readers: Any) -> None:
    pd.DataFrame({"mail": ["7", "ana@example.org"]}).to_parquet(tmp_path / "a.parquet")
    source = stated(uri="a.parquet", columns={"mail": {"from": "mail", "type": "int64"}}, personal=("mail",))
    with pytest.raises(HeadraceError) as raised:
        read_source(tmp_path, "a", source, readers)
    assert (
        "source/a: column `mail` is no longer int64: row 2 holds something else (it is personal) (the file's type is string)"
        == (faults(raised)[0][1])
    )


def test_a_place_shows_no_address_that_may_be_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", f"postgresql://ana:{SECRET}@host/db")
    monkeypatch.setenv("B", f"https://host/a.csv?sig={SECRET}")
    shown = [repr(place(tmp_path, "a", stated(uri="env:A", table="t"))), repr(place(tmp_path, "a", stated(uri="env:B")))]
    assert [False, False] == [SECRET in text for text in shown]


def test_moments_are_utc_from_every_place(tmp_path: Path, readers: Any) -> None:
    found = read_source(tmp_path, "tx", in_sqlite(tmp_path), readers)
    assert datetime(2024, 1, 1, tzinfo=UTC) == found["at"].min()
