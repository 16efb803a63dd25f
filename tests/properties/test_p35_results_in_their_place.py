"""P35: the answers stand at the place that was named, a file or an object of S3, whole; and nowhere else is anything left."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import fsspec
import httpx
import pandas as pd
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).parents[1] / "batch"))
from batch_world import alone, left, opened, order, rows, source
from batch_world import folder as new
from killed import Opening, job, run

from headrace import afar
from headrace.batch import Asked
from headrace.batch import target as targets
from headrace.batch.run import carry_out
from headrace.diagnostics import HeadraceError
from headrace.steps.batch.carry import scored

NAMES = st.text("abcdefgh _-é0123", min_size=1, max_size=12).filter(lambda name: name.strip() == name)
FOLDERS = st.lists(NAMES, max_size=3)
ENDINGS = st.sampled_from(["parquet", "pq", "csv"])


@pytest.fixture(scope="module")
def place():
    with opened() as found:
        yield found


@pytest.fixture(scope="module")
def bucket():
    """An empty bucket, and a shell that knows how to reach it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx.put(f"{url}/shop").raise_for_status()
    given = {
        "ENDPOINT_URL_S3": url,
        "REGION": "us-east-1",
        "ACCESS_KEY_ID": "me",
        "SECRET_ACCESS_KEY": "k",
        "EC2_METADATA_DISABLED": "true",
    }
    before = dict(os.environ)
    os.environ.update({f"AWS_{name}": value for name, value in given.items()})
    yield "s3://shop"
    os.environ.clear()
    os.environ.update(before)
    server.stop()


def read(file, ending):
    return pd.read_csv(file, float_precision="round_trip") if ending == "csv" else pd.read_parquet(file)


def check(place, frame, told):
    assert list(frame["id"]) == list(told["id"])
    assert alone(place, frame) == pytest.approx(list(told["prediction"]), abs=0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.tuples(FOLDERS, NAMES, ENDINGS), url=st.booleans(), number=st.integers(1, 20), chunk=st.integers(1, 7))
def test_answers_stand_in_the_named_file(place, path, url, number, chunk):
    folders, name, ending = path
    with TemporaryDirectory(dir=place.root) as folder:
        frame, output = rows(number), Path(folder, "out", *folders, f"{name}.{ending}")
        frame.to_parquet(Path(folder) / "rows.parquet")
        scored(place, order(source(Path(folder) / "rows.parquet"), output.as_uri() if url else str(output), chunk=chunk), lambda _: None)
        check(place, frame, read(output, ending))
        assert [output] == [path for path in (Path(folder) / "out").rglob("*") if path.is_file()]
        assert [] == left(place)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.tuples(st.text("abc0-", min_size=1, max_size=9), ENDINGS), number=st.integers(1, 20), bad=st.booleans())
def test_answers_stand_in_the_named_object(place, bucket, name, number, bad):
    stem, ending = name
    system, _ = afar.file_system(bucket)
    for path in system.find("shop"):
        system.rm_file(path)
    frame = rows(number)
    frame.to_parquet(place.root / "rows.parquet")
    system.put_file(str(place.root / "rows.parquet"), "shop/in/rows.parquet")
    if bad:
        frame = pd.concat([frame, frame.tail(1).assign(id=number, x=1000.0)])
        frame.to_parquet(place.root / "rows.parquet")
        system.put_file(str(place.root / "rows.parquet"), "shop/in/rows.parquet")
    asked = order(source(f"{bucket}/in/rows.parquet"), f"{bucket}/out/{stem}.{ending}", chunk=3, max_bad=1.0)
    scored(place, asked, lambda _: None)
    with system.open(f"shop/out/{stem}.{ending}", "rb") as file:
        check(place, frame.head(number), read(file, ending))
    there = [f"shop/out/{stem}.{ending}"] + ([f"shop/out/{stem}.bad.{ending}"] if bad else [])
    assert sorted(["shop/in/rows.parquet", *there]) == sorted(system.find("shop"))
    assert [] == left(place)


def test_answers_stand_where_another_file_system_keeps_them(place):
    frame = rows(9)
    frame.to_parquet(place.root / "rows.parquet")
    scored(place, order(source(place.root / "rows.parquet"), "memory://out/scores.csv", chunk=2), lambda _: None)
    with fsspec.open("memory://out/scores.csv") as file:
        check(place, frame, read(file, "csv"))
    assert ["/out/scores.csv"] == fsspec.filesystem("memory").find("/out")


def backwards(work, chunks):
    """Parts as they end where the last chunk is done first."""
    return iter([work(chunk) for chunk in chunks][::-1])


@settings(max_examples=20, deadline=None)
@given(number=st.integers(1, 40), chunk=st.integers(1, 12), ending=st.sampled_from(["parquet", "csv"]))
def test_answers_stand_in_the_order_of_the_input_in_whatever_order_parts_end(number, chunk, ending):
    with new() as folder:
        made = job(Path(folder), number, chunk, Path(folder) / f"out.{ending}", "new")
        asked = Asked(f"{folder}/run", made.key, Opening())
        carry_out(made, asked, backwards, targets.parse(Path(folder), made.told), lambda _: None)
        for name, bad in (("out", False), ("out.bad", True)):
            expected = [at for at in range(number) if (at % 7 == 3) is bad]
            file = Path(folder) / f"{name}.{ending}"
            assert (expected if expected or not bad else None) == (
                [int(key) for key in read(file, ending)["id"]] if file.exists() else None
            )


class Short(MemoryFileSystem):
    """A store that keeps less than it was sent; its own, not that of every `memory://` of the process."""

    protocol = "short"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def put_file(self, lpath, rpath, **_):
        self.pipe_file(rpath, Path(lpath).read_bytes()[:-1])


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_an_object_that_came_back_as_something_else_does_not_stand(ending):
    fsspec.register_implementation("short", Short, clobber=True)
    with new() as folder:
        made = job(Path(folder), 9, 4, f"short://out/scores.{ending}", "new")
        with pytest.raises(HeadraceError) as refused:
            run(made, Path(folder))
        assert ["output-unwritable"] == [fault.id for fault in refused.value.report]
        assert [] == Short().find("/out")
