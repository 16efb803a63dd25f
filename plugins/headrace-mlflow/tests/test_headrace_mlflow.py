"""The tracker against what a real server answered, and against servers that do not do their part."""

from __future__ import annotations

import json
import math
import posixpath
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transcribed import TRANSCRIPT, Loopback, Replay, played

from headrace.hooks import Known, Left, Outgoing, Point, RunRecord, Skipped
from headrace.testing import check_tracker
from headrace.testing.tracker import a_run, a_version
from headrace_mlflow import TRACKER, MlflowError, Params, flavour, said
from headrace_mlflow.sending import push
from headrace_mlflow.taking import pull

TOKEN = "a-very-secret-token"  # noqa: S105 - of nobody


class Says(Loopback):
    """Answers everything alike, and keeps what it was asked."""

    def __init__(self, status: int, kind: str = "text/html", body: bytes = b"<html>no</html>") -> None:
        super().__init__()
        self.answer = (status, kind, body)
        self.headers: list[dict[str, str]] = []

    def reply(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        self.headers.append(headers)
        return self.answer


def test_a_real_servers_answers_are_read_as_they_were():
    with Replay(json.loads(TRANSCRIPT.read_text(encoding="utf-8"))) as server:
        broken, taken = played(server.uri)
    assert ([], []) == (broken, server.left)
    run, version = taken
    assert isinstance(run, RunRecord)
    assert ("churn", "by hand", "finished", "mlflow:unknown") == (run.experiment, run.name, run.status, run.actor)
    assert {"rate": 0.1, "kind": "gbdt"} == run.params
    at = [datetime(1970, 1, 1, 0, 0, 0, 5000 + step * 1000, tzinfo=UTC) for step in range(3)]
    first, second, third = run.metrics["auc"]
    assert (Point(0, 0.5, at[0]), Point(2, math.inf, at[2])) == (first, third)
    assert (1, True, at[1]) == (second.step, math.isnan(second.value), second.at)
    assert [("model/model.txt", 1, None, 7)] == [(item.name, item.version, item.digest, item.size) for item in run.artifacts]
    assert version == Skipped("model/model v1", "it was registered by others: it has no manifest that says what it was made of")


def test_the_registration_keeps_its_contract():
    away = {"uri": "http://127.0.0.1:1", "token": TOKEN}
    assert [] == check_tracker(TRACKER, unreachable=away, secret=["token"])


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (Says(401), "answered 401: `token`, or `username` and `password`, are missing or wrong"),
        (Says(403), "answered 403: whom they belong to may not do this"),
        (Says(404), "answered 404 at /api/2.0/mlflow/experiments/search, and not as MLflow does: is `uri` the server's own address?"),
        (Says(200), "answered 200 at /api/2.0/mlflow/experiments/search, and not as MLflow does"),
        (Says(200, "application/json", b"[]"), "and not as MLflow does"),
        (Says(302), "answered 302 at"),
        (Says(500, "application/json", b'{"error_code": "INTERNAL_ERROR", "message": "no\\ntrace"}'), "answered 500 INTERNAL_ERROR: no"),
    ],
    ids=lambda value: value.answer[0] if isinstance(value, Says) else "",
)
def test_what_a_server_refuses_is_told_with_its_address_and_without_the_token(server, told):
    with server, pytest.raises(MlflowError) as error:
        list(pull(Params.model_validate({"uri": f"{server.uri}/"}).model_copy(update={"token": _secret(TOKEN)}), known=Known()))
    assert (True, True) == (told in str(error.value), server.uri in str(error.value))
    assert ("trace" in str(error.value), TOKEN in str(error.value)) == (False, False)
    assert f"Bearer {TOKEN}" == next(value for name, value in server.headers[0].items() if name.lower() == "authorization")


def _secret(text: str):
    return Params.model_validate_json(json.dumps({"uri": "http://127.0.0.1", "token": text})).token


def test_a_server_that_is_silent_is_not_waited_for():
    class Silent(Loopback):
        def reply(self, method, path, headers, body):
            released.wait()
            return 200, "application/json", b"{}"

    import threading

    released = threading.Event()
    with Silent() as server:
        with pytest.raises(MlflowError, match=r"gave no answer within 0\.2 s"):
            list(pull(Params(uri=server.uri, timeout_seconds=0.2), known=Known()))
        released.set()


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"uri": "http://mlflow.example.com", "token": TOKEN}, "is not sent in the clear: use https://"),
        ({"uri": "https://mlflow.example.com?token=1"}, "`uri` is no address of a server"),
        ({"uri": "https://127.0.0.1:1", "ca_file": "/nowhere/ca.pem"}, "`ca_file` /nowhere/ca.pem cannot be read"),
        ({"uri": "http://127.0.0.1:1"}, "no MLflow server answers at http://127.0.0.1:1: connection refused"),
    ],
)
def test_what_cannot_be_meant_is_told(params, told):
    with pytest.raises(MlflowError, match=re.escape(told)):
        list(pull(Params.model_validate_json(json.dumps(params)), known=Known()))


@pytest.mark.parametrize("uri", ["https://ana:secret@host", "mlflow.example.com", "databricks://x", "file:///mlruns x"])
def test_an_address_with_credentials_or_of_no_server_is_refused(uri):
    with pytest.raises(ValueError, match="uri"):
        Params(uri=uri)


def test_a_server_that_hands_out_no_artifacts_is_told():
    class Direct(Loopback):
        def reply(self, method, path, headers, body):
            info = {"run_id": "1" * 32, "artifact_uri": "s3://bucket/1", "experiment_id": "1", "lifecycle_stage": "active"}
            told = {"runs/create": {"run": {"info": info}}, "get-by-name": {"experiment": info}}
            found = next((answer for part, answer in told.items() if part in path), {})
            return 200, "application/json", json.dumps(found).encode()

    with (
        Direct() as server,
        pytest.raises(MlflowError, match=r"its artifacts are at s3:, out of reach of others; start it with `--serve-artifacts`"),
    ):
        list(push(Outgoing(iter([a_run()]), iter([]), iter([]), 1), Params(uri=server.uri)))


MLFLOWS = re.compile(r"^[/\w.\- :]*$")
"""What MLflow 3.17 takes as a name of a param, a metric or a tag (mlflow/utils/validation.py), where it is no other path in disguise."""


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300), min_size=2, max_size=2, unique=True))
def test_every_name_is_one_of_mlflows_and_no_two_are_one(names):
    made = [said.name(name) for name in names]
    for name in made:
        assert MLFLOWS.match(name), name
        assert (True, True) == (posixpath.normpath(name) == name, not name.startswith(("/", ".."))), name
        assert name != "."
        assert len(name) <= said.NAME
    assert made[0] != made[1]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=250))
def test_every_artifacts_path_is_one_file_below_its_run(name):
    for version, newest in ((1, 2), (2, 2)):
        path = said.path(Left(name, version, None, None, bytes), newest)
        assert re.fullmatch(r"(headrace/older/1/)?[A-Za-z0-9_.\-]+", path), path
        assert path.rpartition("/")[2].strip(".")


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.none()))
def test_what_python_writes_is_read_as_it_was(value):
    found = said.meant(said.value(value, 6000))
    assert (type(value), repr(value)) == (type(found), repr(found))


@pytest.mark.parametrize("text", ["gbdt", "01", "1_000", "1e5", " 1", "true", "Infinity", ""])
def test_what_python_does_not_write_stays_text(text):
    assert text == said.meant(text)


def test_only_a_model_of_lightgbms_own_text_is_one_that_mlflow_loads():
    version = a_version(1)
    assert ["MLmodel", "headrace.json", "manifest.json", "model", "python_env.yaml", "requirements.txt"] == sorted(
        flavour.files(version, b"tree\nversion=v4\n")
    )
    assert ["headrace.json", "manifest.json", "model"] == sorted(flavour.files(version, b"headrace-model\n{}\ntree\n"))


@given(st.lists(st.text(max_size=6000), max_size=300))
def test_no_call_has_more_than_mlflow_takes(values):
    items = [{"key": str(number), "value": said.value(value, said.PARAM)} for number, value in enumerate(values * 3)]
    made = list(said.parts(items, 100))
    assert items == [item for part in made for item in part]
    assert [] == [part for part in made if len(part) > 100 or len(json.dumps(part)) > 1_000_000]
