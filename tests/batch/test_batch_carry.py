"""A batch from its order to its output: by which version, on which rows, beside whom, and what the book of runs says of it."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from batch_world import alone, left, make, opened, order, promote, rows, source, version
from killed import Opening, job, run

from headrace import tracking
from headrace.batch import Asked, here
from headrace.batch import target as targets
from headrace.batch.folder import write_job
from headrace.batch.run import carry_out
from headrace.compiled import ColumnConfig, FeatureConfig, SourceConfig, ViewConfig
from headrace.diagnostics import Exit, HeadraceError
from headrace.features import Origins, joined
from headrace.steps.batch import column
from headrace.steps.batch.carry import scored
from headrace.steps.batch.rows import Asks
from headrace.store import lock, tables


@pytest.fixture(scope="module")
def place():
    with opened() as found:
        yield found


@pytest.fixture
def folder(place, request):
    made = place.root / request.node.name
    made.mkdir()
    return made


@pytest.fixture
def file(folder):
    rows(60).to_parquet(folder / "rows.parquet", row_group_size=25)
    return folder / "rows.parquet"


class KilledError(Exception):
    """What stands for the end of a process, in this one."""


def stop(after):
    def tell(now):
        if now.done >= after:
            raise KilledError

    return tell


def nothing(_):
    """Whom nobody tells."""


def fault(ended):
    return [found.id for found in ended.value.report]


def test_the_book_of_runs_says_what_was_read_by_what_and_what_came_of_it(place, folder, file):
    done = scored(place, order(source(file), str(folder / "out.parquet")), nothing)
    with place.store.read() as session:
        row = session.get(tables.Run, done.run_id)
    digests = {"input": done.input, "model": done.model_digest, "output": done.digest}
    assert ("batch", "passed", digests) == (row.flow, row.status.value, row.details["digests"])
    assert digests == tracking.get(place.store, done.run_id).digests
    assert done.model_digest.encode() == pq.read_schema(folder / "out.parquet").metadata[b"headrace.model_digest"]


@pytest.mark.slow
def test_processes_beside_this_one_write_the_same_bytes(place, folder, file):
    asked = [order(source(file), str(folder / f"out{n}.parquet"), chunk=7, workers=n) for n in (1, 2)]
    one, two = (scored(place, each, nothing) for each in asked)
    assert (one.digest, 60) == (two.digest, two.good)

    def change(now):
        if now.done == 0:
            rows(60, seed=2).to_parquet(file)

    with pytest.raises(HeadraceError) as ended:
        scored(place, replace(asked[1], output=str(folder / "other.parquet")), change)
    assert ["input-changed"] == fault(ended)


def test_a_run_goes_on_by_the_version_that_it_began_with(folder, file):
    with opened() as place:
        asked = order(source(file), str(folder / "out.parquet"), chunk=10)
        with pytest.raises(KilledError):
            scored(place, asked, stop(30))
        before = alone(place, rows(60))
        promote(place.store, version(place.store, seed=8).number)
        done = scored(place, replace(asked, unfinished="resume", chunk=3), nothing)
        assert (1, 30, before) == (done.version, done.resumed, list(pd.read_parquet(folder / "out.parquet")["prediction"]))


def test_a_scheduled_run_goes_on_unless_it_would_do_another_thing_today(folder, file):
    with opened() as place:
        asked = order(source(file), str(folder / "out.parquet"), chunk=10, unfinished="settle", overwrite=True)
        for change, resumed in ((nothing, 20), (lambda _: rows(50).to_parquet(file), 0)):
            with pytest.raises(KilledError):
                scored(place, asked, stop(20))
            change(None)
            assert resumed == scored(place, asked, nothing).resumed
        with pytest.raises(KilledError):
            scored(place, asked, stop(20))
        promote(place.store, version(place.store, seed=8).number)
        done = scored(place, asked, nothing)
        assert (2, 0, []) == (done.version, done.resumed, left(place))


def test_what_was_killed_before_anything_was_scored_is_begun_anew(place, folder, file):
    asked = order(source(file), str(folder / "out.parquet"))
    write_job(place.root / ".headrace" / "batch" / "gone", {"run_id": "gone", "output": str(folder / "out.parquet"), "begun": False})
    done = scored(place, asked, nothing)
    assert (60, 0, True) == (done.good, done.resumed, not {"gone", done.run_id} & set(left(place)))


def test_two_runs_for_one_output_exclude_each_other(place, folder, file):
    asked = order(source(file), str(folder / "out.parquet"))
    with lock.hold(place.store, f"batch {folder / 'out.parquet'}", "somebody"), pytest.raises(HeadraceError) as ended:
        scored(place, asked, nothing)
    assert (["locked"], Exit.LOCKED) == (fault(ended), ended.value.code)


def test_a_file_that_changes_under_a_run_ends_it(place, folder, file):
    def change(now):
        if now.done == 20:
            rows(60, seed=2).to_parquet(file)

    with pytest.raises(HeadraceError) as ended:
        scored(place, order(source(file), str(folder / "out.parquet"), chunk=10), change)
    assert ["input-changed"] == fault(ended)
    assert not (folder / "out.parquet").exists()


def test_tables_give_the_same_answers_as_files(place, folder, file):
    frame = rows(60)
    with sqlite3.connect(folder / "rows.sqlite") as con:
        frame.to_sql("rows", con, index=False)
    con.close()
    with duckdb.connect(str(folder / "rows.duckdb")) as other:
        other.register("frame", frame)
        other.execute("CREATE TABLE rows AS SELECT * FROM frame")
    expected = alone(place, frame)
    for engine in ("sqlite", "duckdb"):
        config = source(f"{engine}:///{folder / f'rows.{engine}'}").model_copy(update={"table": "rows"})
        scored(place, order(config, str(folder / f"{engine}.parquet"), chunk=7), nothing)
        told = pd.read_parquet(folder / f"{engine}.parquet").sort_values("id")
        assert (list(frame["id"]), expected) == (list(told["id"]), list(told["prediction"]))


def test_a_table_that_changes_under_a_run_that_was_killed_is_scored_as_it_was(place, folder):
    config = source(f"sqlite:///{folder / 'rows.sqlite'}").model_copy(update={"table": "rows"})
    with sqlite3.connect(folder / "rows.sqlite") as con:
        rows(60).to_sql("rows", con, index=False)
    asked = order(config, str(folder / "out.parquet"), chunk=7)
    with pytest.raises(KilledError):
        scored(place, asked, stop(30))
    with con:
        con.execute("DELETE FROM rows WHERE id > 3")
    con.close()
    assert 60 == scored(place, replace(asked, unfinished="resume"), nothing).good


def test_keys_stay_whole_beyond_what_a_float_holds(place, folder):
    frame = rows(4).assign(id=pd.array([2**53 + 1, None, 2**53 + 3, 2**62 + 1], dtype="Int64"))
    frame.to_parquet(folder / "rows.parquet")
    frame.to_csv(folder / "rows.csv", index=False)
    for name in ("rows.parquet", "rows.csv"):
        scored(place, order(source(folder / name), str(folder / f"{name}.out.parquet"), max_bad=1.0), nothing)
        assert [2**53 + 1, 2**53 + 3, 2**62 + 1] == list(pd.read_parquet(folder / f"{name}.out.parquet")["id"])


def test_rows_of_several_files_stand_in_their_order_with_what_their_folders_say(place, folder):
    frame = rows(30)
    for at, letter in enumerate("ab"):
        (folder / f"c={letter}").mkdir()
        frame[at * 15 : at * 15 + 15].drop(columns="c").to_parquet(folder / f"c={letter}" / "part.parquet")
    scored(place, order(source(f"{folder}/*/*.parquet"), str(folder / "out.parquet"), chunk=4), nothing)
    told = pd.read_parquet(folder / "out.parquet")
    expected = alone(place, frame.assign(c=["a"] * 15 + ["b"] * 15))
    assert (list(frame["id"]), expected) == (list(told["id"]), list(told["prediction"]))


def test_views_are_computed_as_of_the_moment_of_the_run(folder):
    with opened() as place:
        now = pd.Timestamp(place.store.clock.now())
        events = pd.DataFrame(
            {"who": [n % 9 for n in range(90)], "at": [now - pd.Timedelta(days=n / 3) for n in range(90)], "v": range(0, 360, 4)}
        )
        events.to_parquet(folder / "events.parquet")
        config = SourceConfig(
            uri=str(folder / "events.parquet"),
            columns={n: ColumnConfig(from_=n, type=k) for n, k in (("who", "int64"), ("at", "timestamp"), ("v", "float"))},
            arrival=None,
            fresh_within_seconds=None,
            checks=(),
        )
        spend = FeatureConfig(kind="sum", of="v", over_seconds=7 * 86400, where=None, empty=0.0, expires_seconds=None, type="number")
        view = ViewConfig(
            source="events",
            entity="who",
            time="at",
            available_at=None,
            available_after_seconds=0,
            late_seconds=None,
            window_edges="(t-w, t]",
            tie_break=(),
            features={"x": spend},
        )
        place.config = place.config.model_copy(update={"sources": {"events": config}, "views": {"seen": view}})
        place.path.write_text(place.config.model_dump_json(by_alias=True))
        frame = rows(20).drop(columns="x").assign(who=range(20))
        frame.to_parquet(folder / "rows.parquet")
        asking = source(folder / "rows.parquet", who="int64")
        asking = asking.model_copy(update={"columns": {name: item for name, item in asking.columns.items() if name != "x"}})
        asks = {"x": Asks("x", None, "seen"), "c": Asks("c", column(asking, "c"))}
        asked = replace(order(source(folder / "rows.parquet"), str(folder / "out.parquet")), inputs=asks, entity=column(asking, "who"))
        asked = replace(
            asked, input=replace(asked.input, stated=asking, columns=tuple((name, name) for name in asking.columns)), max_bad=1.0
        )
        done = scored(place, replace(asked, chunk=6), nothing)
        with place.store.read() as session:
            moment = session.get(tables.Run, done.run_id).started_at
        spine = pd.DataFrame({"who": frame["who"].astype(str), "moment": pd.Series(pd.Timestamp(moment), index=frame.index)})
        known = joined(Origins(place.root, {"events": config}, place.plugins.readers), {"seen": view}, wanted={"seen": ["x"]}, spine=spine)
        sound = frame.assign(x=known["x"])[known["x"] <= 100]
        told = pd.read_parquet(folder / "out.parquet")
        assert 0 < len(sound) < len(frame)
        assert (list(sound["id"]), alone(place, sound)) == (list(told["id"]), list(told["prediction"]))


def test_a_disk_that_fills_ends_a_run_that_goes_on_once_there_is_room(tmp_path):
    made = job(tmp_path, 4000, 500, tmp_path / "out.parquet", "new")
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        try:
            run(made, tmp_path)
        except OSError:
            os._exit(28)
        os._exit(0)
    assert 28 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert not (tmp_path / "out.parquet").exists()
    done = run(made, tmp_path)
    assert 4000 == done.good + done.bad
    assert sorted(set(range(4000)) - {at for at in range(4000) if at % 7 == 3}) == list(pd.read_parquet(tmp_path / "out.parquet")["id"])


def test_a_part_that_was_altered_is_published_by_nobody(tmp_path):
    made = job(tmp_path, 40, 10, tmp_path / "out.parquet", "new")

    def kill(now):
        if now.done == 20:
            raise KilledError

    asked = Asked(str(tmp_path / "run"), "id", Opening())
    with pytest.raises(KilledError):
        carry_out(made, asked, here, targets.parse(tmp_path, made.told), kill)
    (tmp_path / "run" / "part-0000000.parquet").write_bytes(b"another")
    with pytest.raises(HeadraceError) as ended:
        run(made, tmp_path)
    assert ["artifact-altered"] == fault(ended)


@pytest.mark.slow
def test_a_command_that_is_killed_goes_on(tmp_path):
    make(tmp_path)
    specs = Path(__file__).parent / "churn.yaml"
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "churn.yaml").write_text(specs.read_text())
    subprocess.run([sys.executable, "-m", "headrace", "compile"], cwd=tmp_path, check=True, capture_output=True)
    rows(4000).to_csv(tmp_path / "rows.csv", index=False)
    command = [sys.executable, "-m", "headrace", "predict", "--input", "rows.csv", "--output", "out.csv", "--chunk", "40"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:  # each is written once a hundredth of the rows is on the disk
        if line.startswith("30 %"):
            process.kill()
    assert -signal.SIGKILL == process.wait()
    assert not (tmp_path / "out.csv").exists()
    done = subprocess.run([*command, "--resume"], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert (0, True) == (done.returncode, "before it was taken up again" in done.stdout)
    assert list(range(4000)) == list(pd.read_csv(tmp_path / "out.csv")["id"])
