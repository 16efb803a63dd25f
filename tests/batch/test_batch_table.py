"""Answers in tables of SQLite, DuckDB and PostgreSQL: by key, all of a batch or none, whatever is killed and whoever else writes."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from batch_world import alone, left, opened, order, rows, source
from killed import Opening, ended_by_kill, job, kill_within

from headrace.batch import Asked, here
from headrace.batch.run import carry_out
from headrace.batch.table import output
from headrace.diagnostics import Exit, HeadraceError
from headrace.hooks import Answers
from headrace.steps.batch.carry import scored

ENGINES = ["sqlite", "duckdb", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def place():
    with opened() as found:
        yield found


@pytest.fixture
def url(request, tmp_path):
    """The database of an engine."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")
    return f"{request.param}:///{tmp_path / 'kept.db'}"


def ask(url, sql):
    """What a program of somebody else's sees."""
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(url, autocommit=True) as con:
            cursor = con.execute(sql)
            return cursor.fetchall() if cursor.description else []
    path = url.partition(":///")[2]
    if url.startswith("duckdb"):
        with duckdb.connect(path) as con:
            return con.execute(sql).fetchall()
    with closing(sqlite3.connect(path, isolation_level=None)) as con:
        return con.execute(sql).fetchall()


def nothing(_):
    """Whom nobody tells."""


def batch(place, tmp_path, url, frame, **instead):
    frame.to_parquet(tmp_path / "rows.parquet")
    return scored(place, order(source(tmp_path / "rows.parquet"), url, table="scores", chunk=7, **instead), nothing)


@pytest.mark.parametrize("url", ENGINES, indirect=True)
def test_rows_take_the_place_of_those_with_their_keys_and_overwrite_of_all(place, tmp_path, url):
    first, second = rows(30), rows(40, seed=2).tail(20)
    done = batch(place, tmp_path, url, first)
    assert (30, f"{url}#scores", None) == (done.good, done.output, done.bad_rows)
    expected = dict(zip(first["id"], alone(place, first), strict=True))
    assert expected == dict(ask(url, "SELECT id, prediction FROM scores"))
    later = batch(place, tmp_path, url, second)
    expected |= dict(zip(second["id"], alone(place, second), strict=True))
    assert (40, expected) == (len(expected), dict(ask(url, "SELECT id, prediction FROM scores")))
    last = batch(place, tmp_path, url, second, overwrite=True)
    assert sorted(second["id"]) == [key for (key,) in ask(url, "SELECT id FROM scores ORDER BY id")]
    book = [(one.run_id, "scores", one.good, one.digest) for one in (done, later, last)]
    assert sorted(book) == sorted(ask(url, "SELECT run, wrote, answers, digest FROM headrace_batches"))
    assert [] == left(place)


@pytest.mark.parametrize("url", ENGINES, indirect=True)
@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            "TABLE scores (id BIGINT, score DOUBLE PRECISION)",
            "it has no column `prediction`; it has a column `score`, which no answer fills",
        ),
        ("TABLE scores (id VARCHAR, prediction DOUBLE PRECISION)", "its column `id` is .*, and (BIGINT|bigint|INTEGER) is needed"),
        ("VIEW scores AS SELECT CAST(1 AS BIGINT) AS id, CAST(1 AS DOUBLE PRECISION) AS prediction", "it is a view"),
    ],
)
def test_a_table_that_cannot_hold_the_answers_is_refused_before_anything_is_scored(place, tmp_path, url, made, said):
    ask(url, f"CREATE {made}")
    with pytest.raises(HeadraceError, match=said) as ended:
        batch(place, tmp_path, url, rows(5))
    assert (["output-columns"], Exit.REFUSED, []) == ([one.id for one in ended.value.report], ended.value.code, left(place))


@pytest.mark.parametrize("url", ENGINES, indirect=True)
def test_keys_of_all_types_and_labels_come_back_as_they_were(place, tmp_path, url):
    import pyarrow as pa

    from headrace.batch.score import columns
    from headrace.batch.table import Load, publish

    target = output(tmp_path, url, "of.all" if url.startswith("postgresql") else "kept")
    if target.parts[0]:
        ask(url, "CREATE SCHEMA of")
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    labels = ['a "quoted", one', "", "två\nlines", None]
    answers = Answers("multiclass", ("a", "b"))
    held = columns(("when", "timestamp"), ("of", "category"), answers)
    table = pa.table(
        {
            "when": pa.array([moment.replace(year=2026 + at) for at in range(4)], pa.timestamp("us", tz="UTC")),
            "of": pa.array(labels, pa.string()),
            "prediction": ["a", "b", "a", "b"],
            "probability.a": [0.1, 1 / 3, 5e-324, 1.0],
            "probability.b": [0.9, 2 / 3, 1.0, 0.0],
            "rank": pa.array([1, 2, 3, 2**62 + 1], pa.int64()),
        }
    )
    assert list(held) == table.column_names
    publish(target, Load("r", "when", held, "d", overwrite=False), [table.slice(0, 3), table.slice(3)], tmp_path)
    named = '"of"."all"' if target.parts[0] else "kept"
    told = ask(url, f'SELECT "when", "of", "probability.a", "rank" FROM {named} ORDER BY "when"')  # noqa: S608 - one of two
    moments = [datetime.fromisoformat(one) if isinstance(one, str) else one.astimezone(UTC) for one, *_ in told]
    assert table["when"].to_pylist() == moments
    assert labels == [one[1] for one in told]
    assert table["probability.a"].to_pylist() == [one[2] for one in told]
    assert table["rank"].to_pylist() == [one[3] for one in told]


def of_table(folder, url, name="r", **instead):
    """A job that halves 40 rows into a table, every seventh of which has no answer."""
    (folder / name).mkdir()
    made = job(folder / name, 40, 9, folder / "unused.parquet", "new")
    return replace(made, run_id=name, columns=(("id", "int64"), ("prediction", "float")), told=url, **instead)


def publish_job(made, folder, url):
    asked = Asked(str(folder / made.run_id / "run"), made.key, Opening())
    return carry_out(made, asked, here, output(folder, url, "scores"), nothing)


@pytest.mark.slow
@pytest.mark.parametrize("url", ENGINES, indirect=True)
def test_wherever_the_writing_is_killed_readers_see_all_rows_or_those_of_before_and_the_end_is_the_same(tmp_path, url):
    type_ = "DOUBLE PRECISION"
    ask(url, f"CREATE TABLE scores (id BIGINT PRIMARY KEY, prediction {type_})")
    before = [(1, -1.0), (900, -1.0)]
    half = {at: at % 2 / 2 for at in range(40) if at % 7 != 3}
    after = sorted({**dict(before), **half}.items())
    kills, seen = 0, set()
    for number in range(0, 1000, 3):
        ask(url, "DELETE FROM scores")
        ask(url, "INSERT INTO scores VALUES (1, -1.0), (900, -1.0)")
        made = of_table(tmp_path, url, f"r{number}")
        dead = ended_by_kill(
            lambda number=number: kill_within("headrace/batch/database.py", number), lambda made=made: publish_job(made, tmp_path, url)
        )
        found = sorted(ask(url, "SELECT id, prediction FROM scores"))
        assert found in (before, after)
        seen.add(len(found))
        publish_job(made, tmp_path, url)
        assert after == sorted(ask(url, "SELECT id, prediction FROM scores"))
        assert [(len(half),)] == ask(url, f"SELECT answers FROM headrace_batches WHERE run = 'r{number}'")  # noqa: S608 - a number
        if not dead:
            break
        kills += 1
    assert kills > 5
    assert {len(before), len(after)} == seen


@pytest.mark.slow
@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
def test_two_writers_at_once_each_write_all_of_theirs(tmp_path, url):
    jobs = [of_table(tmp_path, url, name) for name in ("one", "two")]
    children = []
    for at, made in enumerate(jobs):
        path = Path(made.stretches[0].path)
        frame = pd.read_parquet(path)
        frame.assign(id=frame["id"] + 1000 * at).to_parquet(path)
        told = path.stat()
        own = replace(made, stretches=(replace(made.stretches[0], size=told.st_size, written=told.st_mtime_ns),))
        child = os.fork()
        if child == 0:
            try:
                publish_job(own, tmp_path, url)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [0, 0] == [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    half = [at for at in range(40) if at % 7 != 3]
    assert [*half, *(at + 1000 for at in half)] == [key for (key,) in ask(url, "SELECT id FROM scores ORDER BY id")]


def test_a_file_that_another_holds_is_told_and_what_is_done_goes_on(tmp_path):
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    made = of_table(tmp_path, url)
    (tmp_path / "kept.db").mkdir()
    with pytest.raises(HeadraceError, match=r"`scores` of .* cannot be written") as ended:
        publish_job(made, tmp_path, url)
    assert ["output-unwritable"] == [one.id for one in ended.value.report]
    (tmp_path / "kept.db").rmdir()
    assert 40 == publish_job(made, tmp_path, url).resumed


def test_a_password_is_in_no_message_and_no_record(place, tmp_path):
    with pytest.raises(HeadraceError) as ended:
        batch(place, tmp_path, "postgresql://ana:s3cret-w0rd@127.0.0.1:1/shop", rows(5))
    told = str(ended.value.report)
    assert ("s3cret-w0rd" in told, "127.0.0.1" in told) == (False, True)


def test_answers_never_take_the_place_of_questions_in_one_table(place, tmp_path):
    frame, url = rows(5), f"sqlite:///{tmp_path / 'kept.db'}"
    with closing(sqlite3.connect(tmp_path / "kept.db")) as con:
        frame.to_sql("rows", con, index=False)
    config = source(url).model_copy(update={"table": "rows"})
    with pytest.raises(HeadraceError) as ended:
        scored(place, order(config, url, table="rows"), nothing)
    assert ["output-is-input"] == [one.id for one in ended.value.report]
    assert 5 == scored(place, order(config, url, table="scores"), nothing).good
