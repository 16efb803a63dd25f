"""Several models in one process: each as it would be alone, and one that cannot be served in nobody's way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from serving_project import CONFIG, MODEL, ROW, WORKSPACE, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace.cli import main
from headrace.compiled import ServingConfig, read
from headrace.diagnostics import Exit
from headrace.identity import keys
from headrace.journal import ship
from headrace.serving import app
from headrace.serving.together import Member, Together
from headrace.serving.together.__main__ import main as together_main
from headrace.serving.together.__main__ import together
from headrace.serving.together.exposition import merged
from headrace.serving.workspace import beside, open_workspace
from headrace.store.tables import Prediction

OTHER = "income"


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Project, Project]]:
    """Two served models: the first one says 0.25, the other one 0.75."""
    one = make_project(tmp_path, None, {"models": [MODEL, OTHER]})
    path = one.config.with_name(f"{OTHER}.serving.json")
    path.write_text(json.dumps({**CONFIG, "model": OTHER}), encoding="utf-8")
    other = replace(one, config=path, model=OTHER)
    one.alias("champion", one.register_flaky(0.25))
    other.alias("champion", other.register_flaky(0.75))
    yield one, other
    one.store.close()


@pytest.fixture
def client(both: tuple[Project, Project]) -> Iterator[TestClient]:
    where = both[0].config.parent / "headrace.json"
    with ExitStack() as stack:
        configs = [read(ServingConfig, project.config) for project in both]
        opened = stack.enter_context(open_workspace(where, configs[0]))
        members = [Member(config.model, app(config, beside(opened, where, config))) for config in configs]
        yield stack.enter_context(TestClient(Together([*members, Member("broken", None, "its config cannot be read")])))


def test_each_model_answers_below_its_name(client: TestClient) -> None:
    told = {name: client.post(f"/models/{name}/predict", json=ROW).json() for name in (MODEL, OTHER)}
    batch = client.post(f"/models/{OTHER}/predict/batch", json={"rows": [ROW]}).json()["predictions"][0]
    assert {MODEL: (MODEL, 0.25), OTHER: (OTHER, 0.75)} == {name: (one["model"], one["prediction"]) for name, one in told.items()}
    assert (OTHER, 0.75, "champion") == (batch["model"], batch["prediction"], batch["arm"])
    assert 200 == client.get(f"/models/{OTHER}/docs").status_code
    assert f"/models/{OTHER}/openapi.json" in client.get(f"/models/{OTHER}/docs").text


def test_the_journals_and_the_counts_are_each_ones_own(both: tuple[Project, Project], client: TestClient) -> None:
    one, other = both
    for project, times in ((one, 1), (other, 2)):
        for _ in range(times):
            client.post(f"/models/{project.model}/predict", json=ROW)
    for project in both:
        ship(project.store, project.spool)
    with one.store.read() as session:
        rows = session.exec(select(Prediction.model)).all()
    counted = {
        (sample.labels["model"], sample.value)
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == "headrace_predictions_total"
    }
    assert ([MODEL, OTHER, OTHER], {(MODEL, 1.0), (OTHER, 2.0)}) == (sorted(rows), counted)


def test_one_that_cannot_be_served_is_told_of_and_the_others_answer(client: TestClient) -> None:
    assert (503, "its config cannot be read") == ((r := client.post("/models/broken/predict", json=ROW)).status_code, r.json()["detail"])
    ready = client.get("/health/ready")
    states = {name: state["status"] for name, state in ready.json()["models"].items()}
    assert (200, "partly", {MODEL: "ready", OTHER: "ready", "broken": "not ready"}) == (ready.status_code, ready.json()["status"], states)
    assert (200, "partly") == ((r := client.get("/health/live")).status_code, r.json()["status"])
    assert {MODEL: {"champion": 1}, OTHER: {"champion": 1}, "broken": None} == {
        name: told.get("versions") for name, told in client.get("/metadata").json()["models"].items()
    }


def test_a_champion_that_is_altered_leaves_the_other_model_ready(both: tuple[Project, Project]) -> None:
    one, other = both
    one.blob(1).write_bytes(b"altered")
    where = one.config.parent / "headrace.json"
    configs = [read(ServingConfig, project.config) for project in both]
    with open_workspace(where, configs[0]) as opened:
        members = [Member(config.model, app(config, beside(opened, where, config))) for config in configs]
        with TestClient(Together(members)) as client:
            seen = [client.post(f"/models/{project.model}/predict", json=ROW).status_code for project in both]
            assert ([503, 200], 503) == (seen, client.get(f"/models/{one.model}/health/ready").status_code)
            ready = client.get("/health/ready")
            assert (200, "partly", "ready") == (ready.status_code, ready.json()["status"], ready.json()["models"][other.model]["status"])


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("POST", "/predict", 404, "no-such-route"),
        ("POST", "/models/nobody/predict", 404, "no-such-model"),
        ("GET", f"/models/{MODEL}/nothing", 404, "no-such-route"),
        ("POST", "/metadata", 405, "method-not-allowed"),
    ],
)
def test_a_path_that_is_nobodys_is_a_problem(client: TestClient, method: str, path: str, status: int, kind: str) -> None:
    refused = client.request(method, path, json=ROW if method == "POST" else None)
    assert (status, f"urn:headrace:{kind}") == (refused.status_code, refused.json()["type"])


def test_one_model_alone_answers_below_its_name_too(both: tuple[Project, Project]) -> None:
    config = read(ServingConfig, both[0].config)
    with (
        open_workspace(both[0].config.parent / "headrace.json", config) as opened,
        TestClient(app(config, opened)) as client,
    ):
        below = f"/models/{MODEL}"
        paths = ("/health/live", "/health/ready", "/metadata", "/metrics", "/docs")
        assert [200] * 6 == [
            client.post(f"{below}/predict", json=ROW).status_code,
            *(client.get(below + path).status_code for path in paths),
        ]
        assert [404, 404] == [client.post(path, json=ROW).status_code for path in (f"{below}x/predict", "/models/income/predict")]


def test_the_protocol_speaks_of_all_and_of_each(client: TestClient) -> None:
    assert "headrace" == client.get("/v2").json()["name"]
    index = client.post("/v2/repository/index", json={}).json()
    expected = [(MODEL, "1", "READY"), (OTHER, "1", "READY"), ("broken", "", "UNAVAILABLE")]
    assert expected == [(row["name"], row["version"], row["state"]) for row in index]
    assert [MODEL, OTHER] == [row["name"] for row in client.post("/v2/repository/index", json={"ready": True}).json()]
    for name in (MODEL, OTHER):
        assert name == client.get(f"/v2/models/{name}").json()["name"]
        assert {"name": name, "versions": ["1"]} == client.post(f"/v2/repository/models/{name}/load").json()
    tensors = [{"name": name, "shape": [1], "datatype": "BYTES", "data": [str(value)]} for name, value in ROW.items() if name != "age"]
    tensors.append({"name": "age", "shape": [1], "datatype": "FP64", "data": [ROW["age"]]})
    answer = client.post(f"/v2/models/{OTHER}/infer", json={"inputs": tensors, "outputs": [{"name": "prediction"}]}).json()
    assert [0.75] == answer["outputs"][0]["data"]


def test_the_protocols_health_is_of_all_models(client: TestClient) -> None:
    ready = client.get("/v2/health/ready")
    assert (503, {"error": "not-ready: broken: not-started: its config cannot be read"}) == (ready.status_code, ready.json())
    assert (200, {"live": True}) == ((live := client.get("/v2/health/live")).status_code, live.json())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind"),
    [
        ("GET", "/v2/nothing", None, 404, "no-such-route"),
        ("GET", "/v2/repository/index", None, 405, "method-not-allowed"),
        ("POST", "/v2/repository/index", b"[", 400, "bad-inference"),
        ("POST", "/v2/repository/index", b" " * 5000, 413, "too-large"),
        ("POST", "/v2/repository/models/nobody/load", b"", 404, "no-such-model"),
        ("GET", "/v2/models/broken", None, 503, "not-started"),
        ("POST", f"/v2/repository/models/{MODEL}/unload", b"", 409, "not-unloaded"),
    ],
)
def test_a_refusal_of_the_protocol_is_its_error(  # noqa: PLR0917 - a case
    client: TestClient, method: str, path: str, body: bytes | None, status: int, kind: str
) -> None:
    refused = client.request(method, path, content=body)
    assert (status, kind) == (refused.status_code, refused.json()["error"].partition(":")[0])


def test_the_index_is_of_the_models_that_the_caller_may_ask(both: tuple[Project, Project]) -> None:
    one, other = both
    said = {"auth": {"keys": True, "jwt": None, "public": None}, "rate": None, "tls": None, "tracing": None}
    for project in both:
        project.config.write_text(json.dumps({**CONFIG, "model": project.model, "access": said}), encoding="utf-8")
    key = keys.issue(one.store, "user:test", name="a", models=[other.model], environment="dev", expires=None).text
    where = one.config.parent / "headrace.json"
    configs = [read(ServingConfig, project.config) for project in both]
    with open_workspace(where, configs[0]) as opened:
        members = [Member(config.model, app(config, beside(opened, where, config))) for config in configs]
        with TestClient(Together(members)) as client:
            assert 401 == (refused := client.post("/v2/repository/index")).status_code
            assert refused.headers["www-authenticate"].startswith("Bearer")
            told = client.post("/v2/repository/index", headers={"X-API-Key": key}).json()
            assert [other.model] == [row["name"] for row in told]


def test_beyond_loopback_nobody_learns_why_a_model_is_not_served(both: tuple[Project, Project]) -> None:
    where = both[0].config.parent / "headrace.json"
    config = read(ServingConfig, both[0].config)
    with open_workspace(where, config) as opened:
        members = [Member(config.model, app(config, opened, exposed=True)), Member("broken", None, "/srv/secret cannot be read")]
        with TestClient(Together(members, exposed=True)) as client:
            told = [
                client.get("/health/ready"),
                client.get("/v2/health/ready"),
                client.post("/models/broken/predict"),
                client.get("/metadata"),
            ]
            told.append(client.post("/v2/repository/index"))
            assert [200, 503, 503, 200, 200] == [one.status_code for one in told]
            assert not any("secret" in one.text for one in told)
            assert all("the log says why" in one.text for one in told)


def test_whoever_has_no_key_for_any_model_learns_nothing_of_all(both: tuple[Project, Project]) -> None:
    said = {"auth": {"keys": True, "jwt": None, "public": []}, "rate": None, "tls": None, "tracing": None}
    for project in both:
        project.config.write_text(json.dumps({**CONFIG, "model": project.model, "access": said}), encoding="utf-8")
    where = both[0].config.parent / "headrace.json"
    configs = [read(ServingConfig, project.config) for project in both]
    with open_workspace(where, configs[0]) as opened:
        members = [Member(config.model, app(config, beside(opened, where, config))) for config in configs]
        with TestClient(Together(members)) as client:
            asked = [client.get(path) for path in ("/metrics", "/metadata", "/v2")] + [client.post("/v2/repository/index")]
            assert [401] * 4 == [one.status_code for one in asked]


def test_metrics_of_several_are_each_family_once_and_a_sample_once() -> None:
    one = '# HELP a A.\n# TYPE a counter\na_total{model="x"} 1.0\n# HELP p P.\n# TYPE p gauge\np 3.0\n'
    other = '# HELP a A.\n# TYPE a counter\na_total{model="y"} 2.0\n# HELP p P.\n# TYPE p gauge\np 4.0\n'
    expected = '# HELP a A.\n# TYPE a counter\na_total{model="x"} 1.0\na_total{model="y"} 2.0\n# HELP p P.\n# TYPE p gauge\np 3.0\n'
    assert expected.encode() == merged([one, other])


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize("names", [("--all",), (MODEL, f"model/{OTHER}")])
def test_serve_becomes_the_server_of_several(
    both: tuple[Project, Project], monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    became: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: became.append(command))
    paths = [str(project.config) for project in both]
    assert 0 == run("serve", *names, "--root", str(both[0].root))
    assert [[sys.executable, "-m", "headrace.serving.together", *paths, "--host", "127.0.0.1", "--port", "8080"]] == became


def test_a_name_that_is_not_served_is_a_slip(both: tuple[Project, Project], capsys: pytest.CaptureFixture[str]) -> None:
    both[1].config.unlink()
    assert Exit.FAILED == run("serve", MODEL, OTHER, "--root", str(both[0].root))
    assert "not-served" in capsys.readouterr().err
    assert Exit.USAGE == run("serve", MODEL, "--all", "--root", str(both[0].root))


@pytest.mark.slow
def test_a_process_of_several_starts_though_one_config_is_none_and_ends_by_a_signal(both: tuple[Project, Project]) -> None:
    one, other = both
    broken = one.config.with_name("broken.serving.json")
    broken.write_text("{}", encoding="utf-8")
    (one.config.parent / "headrace.json").write_text(json.dumps({**WORKSPACE, "models": [MODEL, OTHER, "broken"]}), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "headrace.serving.together", str(broken), str(one.config), str(other.config), "--port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            url, told = f"http://127.0.0.1:{port}", answered(f"http://127.0.0.1:{port}/health/ready", process)
            assert {"broken": "not ready", MODEL: "ready", OTHER: "ready"} == {
                name: state["status"] for name, state in told["models"].items()
            }
            assert 0.75 == httpx.post(f"{url}/models/{OTHER}/predict", json=ROW, trust_env=False).json()["prediction"]
        finally:
            process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(30)


def answered(url: str, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        assert process.poll() is None
        try:
            found = httpx.get(url, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.1)
            continue
        if found.status_code == 200:
            told: dict[str, Any] = found.json()
            return told
    raise AssertionError(url)


@pytest.mark.slow
def test_several_processes_answer_for_several_models(both: tuple[Project, Project]) -> None:
    one, other = both
    paths = [str(project.config) for project in both]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "headrace.serving.together", *paths, "--port", str(port), "--workers", "2"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            workers: set[str] = set()
            limit = time.monotonic() + 60
            answered(f"{url}/health/ready", process)
            # Each process has a server of each model. Who holds a connection already lets the other go first.
            with ExitStack() as kept:
                while len(workers) < 4 and time.monotonic() < limit:
                    asking = kept.enter_context(httpx.Client(trust_env=False))
                    workers |= {told["worker"] for told in asking.get(f"{url}/metadata").json()["models"].values()}
            assert 4 == len(workers)
            for project, value in ((one, 0.25), (other, 0.75)):
                told = [httpx.post(f"{url}/models/{project.model}/predict", json=ROW, trust_env=False).json() for _ in range(4)]
                assert [value] * 4 == [answer["prediction"] for answer in told]
            counted = {
                sample.labels["model"]: sample.value
                for family in text_string_to_metric_families(httpx.get(f"{url}/metrics", trust_env=False).text)
                for sample in family.samples
                if sample.name == "headrace_predictions_total"
            }
            assert {MODEL: 4.0, OTHER: 4.0} == counted
        finally:
            process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(30)
    for project in both:
        ship(project.store, project.spool)
    with one.store.read() as session:
        assert [MODEL] * 4 + [OTHER] * 4 == sorted(session.exec(select(Prediction.model)).all())


@pytest.mark.parametrize(
    ("replicas", "expected"),
    [
        ([None, None], (1, 1, None)),
        ([{"min": 1, "max": 4, "memory": 10}, {"min": 2, "max": 2, "memory": 5}], (2, 4, 15)),
        ([{"min": 3, "max": 3, "memory": 10}, None], (3, 3, None)),
    ],
)
def test_as_many_processes_answer_as_the_model_that_asks_for_most(replicas: list[dict[str, Any] | None], expected: tuple[Any, ...]) -> None:
    configs = [ServingConfig.model_validate({**CONFIG, "replicas": one}) for one in replicas]
    found = together(configs)
    assert expected == (found.min, found.max, found.memory)


def test_models_that_differ_in_tls_are_not_served_together(both: tuple[Project, Project], capsys: pytest.CaptureFixture[str]) -> None:
    one, other = both
    said = {"auth": None, "rate": None, "tls": {"certificate": "file:a.crt", "key": "file:a.key"}, "tracing": None}
    other.config.write_text(json.dumps({**CONFIG, "model": OTHER, "access": said}), encoding="utf-8")
    assert together_main([str(one.config), str(other.config), "--port", "0"]) == Exit.REFUSED
    assert "several-certificates" in capsys.readouterr().err


def test_models_are_not_served_together_to_whoever_reaches_the_port(
    both: tuple[Project, Project], capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(project.config) for project in both]
    assert together_main([*paths, "--port", "0", "--host", "0.0.0.0"]) == Exit.REFUSED
    assert "open-server" in capsys.readouterr().err
