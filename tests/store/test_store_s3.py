"""Sources and blobs on S3: a real server that speaks it, where and by which key only the shell says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer

from headrace import afar
from headrace.compiled import SourceConfig
from headrace.diagnostics import HeadraceError, Report
from headrace.features.source import read_source
from headrace.hooks import load_plugins
from headrace.store import Blobs, digest

READERS = load_plugins(None, Report(), allow=[]).readers
KEY = "canary-of-a-key"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    found = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    found.start()
    host, port = found.get_host_and_port()
    yield f"http://{host}:{port}"
    found.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket, and a shell that knows how to reach it."""
    httpx.post(f"{server}/moto-api/reset").raise_for_status()
    httpx.put(f"{server}/shop").raise_for_status()
    given = {
        "ENDPOINT_URL_S3": server,
        "REGION": "us-east-1",
        "ACCESS_KEY_ID": "me",
        "SECRET_ACCESS_KEY": KEY,
        "EC2_METADATA_DISABLED": "true",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    return "s3://shop"


def stated(uri: str) -> SourceConfig:
    columns = {"shop": {"from": "shop", "type": "int64"}, "paid": {"from": "paid", "type": "float"}}
    return SourceConfig.model_validate({"uri": uri, "columns": columns, "arrival": None, "fresh_within_seconds": None, "checks": ()})


def put(path: str, frame: pd.DataFrame, folder: Path) -> None:
    frame.to_parquet(folder / "put.parquet", index=False)
    system, inside = afar.file_system(path)
    system.pipe_file(inside, (folder / "put.parquet").read_bytes())


ROWS = pd.DataFrame({"shop": [1, 2], "paid": [0.5, 1.5]})


def test_rows_are_read_and_what_changed_is_read_again(bucket: str, tmp_path: Path) -> None:
    put(f"{bucket}/data/tx.parquet", ROWS, tmp_path)
    assert ROWS.equals(read_source(tmp_path, "tx", stated(f"{bucket}/data/tx.parquet"), READERS))
    other = ROWS.assign(paid=[2.5, 3.5])  # of one size, within one second
    put(f"{bucket}/data/tx.parquet", other, tmp_path)
    assert other.equals(read_source(tmp_path, "tx", stated(f"{bucket}/data/tx.parquet"), READERS))


def test_all_files_that_fit_a_pattern_are_read(bucket: str, tmp_path: Path) -> None:
    for number in (1, 2):
        put(f"{bucket}/tx/day={number}/part.parquet", ROWS.assign(shop=number), tmp_path)
    put(f"{bucket}/tx/_SUCCESS", ROWS, tmp_path)
    found = read_source(tmp_path, "tx", stated(f"{bucket}/tx/*/*.parquet"), READERS)
    assert [1, 1, 2, 2] == found["shop"].tolist()


def test_what_there_is_not_is_told_and_no_key_with_it(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(uri: str) -> str:
        with pytest.raises(HeadraceError) as error:
            read_source(tmp_path, "tx", stated(uri), READERS)
        (found,) = error.value.report
        assert KEY not in f"{found.message} {found.help}"
        return f"{found.id}: {found.message}"

    assert f"source-not-found: source/tx: {bucket}/none.parquet does not exist" == told(f"{bucket}/none.parquet")
    assert f"source-not-found: source/tx: no file fits {bucket}/none/*.parquet" == told(f"{bucket}/none/*.parquet")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    assert told(f"{bucket}/tx.parquet").startswith(f"source-unreachable: source/tx: {bucket}/tx.parquet cannot be reached: ")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_blobs_are_kept_whole_and_found_by_another_process(bucket: str, tmp_path: Path) -> None:
    blobs, data = Blobs(f"{bucket}/models", root=tmp_path), bytes(range(256)) * 4096
    name = blobs.put(data)
    assert [name, digest(data)] == [blobs.put(data), name]
    assert data == blobs.get(name) == blobs.path(name).read_bytes()
    assert (True, False) == (blobs.exists(name), blobs.exists(digest(b"another")))
    code = "import sys; from pathlib import Path; from headrace.store import Blobs, digest;"
    code += " print(digest(Blobs(sys.argv[1], root=Path(sys.argv[2])).get(sys.argv[3])))"
    child = subprocess.run(
        [sys.executable, "-c", code, f"{bucket}/models", str(tmp_path / "there"), name],
        env=os.environ,
        capture_output=True,
        check=True,
        text=True,
    )
    assert name == child.stdout.strip()


def test_a_blob_of_which_a_part_arrived_is_not_kept(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = Blobs(f"{bucket}/models", root=tmp_path)
    whole = blobs._remote.pipe_file
    monkeypatch.setattr(blobs._remote, "pipe_file", lambda path, data: whole(path, data[:10]))
    with pytest.raises(HeadraceError, match="came back as something else"):
        blobs.put(b"a model that is cut short on its way")
    assert not blobs.exists(digest(b"a model that is cut short on its way"))


def test_an_altered_blob_and_a_bucket_that_is_not_there_are_told(bucket: str, tmp_path: Path) -> None:
    blobs = Blobs(f"{bucket}/models", root=tmp_path)
    name = blobs.put(b"abc")
    system, path = afar.file_system(f"{bucket}/models/sha256/{name[7:9]}/{name[7:]}")
    system.pipe_file(path, b"abd")
    with pytest.raises(HeadraceError) as error:
        blobs.get(name)
    assert ["artifact-altered"] == [item.id for item in error.value.report]
    with pytest.raises(HeadraceError) as error:
        Blobs("s3://nobody/models", root=tmp_path).put(b"abc")
    assert ["store-unwritable"] == [item.id for item in error.value.report]


def test_a_driver_that_is_not_installed_is_told(tmp_path: Path) -> None:
    with pytest.raises(HeadraceError) as error:
        Blobs("gs://shop/models", root=tmp_path)
    (found,) = error.value.report
    assert ("blobs-driver", "type `pip install gcsfs`") == (found.id, found.help)
