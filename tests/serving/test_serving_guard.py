"""Who may ask a server: what each key and token opens, and what a caller without one learns."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving_project import MODEL, ROW, Project
from serving_project import project as make_project

from headrace.compiled import RateConfig, ServingConfig, read
from headrace.identity import keys
from headrace.serving import app
from headrace.serving.buckets import Buckets, address
from headrace.serving.problem import Refused
from headrace.serving.recent import Recent
from headrace.serving.server import Server
from headrace.serving.workspace import Workspace, open_workspace

Serve = Callable[[Project], TestClient]
WAYS = ("direct", "hot", "route")
KEYS = {"auth": {"keys": True, "jwt": None, "public": None}}


def guarded(tmp_path: Path, **access: Any) -> Project:
    made = make_project(tmp_path, {"access": {**KEYS, **access}})
    made.alias("champion", made.register())
    return made


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return guarded(tmp_path)


def key(project: Project, models: list[str] | None = None, environment: str = "dev", expires: timedelta | None = None) -> keys.Issued:
    return keys.issue(project.store, "user:ana", name="billing", models=models, environment=environment, expires=expires)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def told(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["type"].removeprefix("urn:headrace:")


REFUSED = (401, "unauthenticated")


def test_a_key_opens_by_either_header_and_nothing_else_does(project: Project, serve: Serve) -> None:
    good = key(project).text
    client = serve(project)
    taken = [{"Authorization": f"Bearer {good}"}, {"Authorization": f"bearer {good}"}, {"X-API-Key": good}]
    refused: list[dict[str, str]] = [
        {},
        bearer("hr_" + "a" * 12 + "_" + "b" * 43),
        bearer(""),
        bearer(good + "x"),
        {"Authorization": f"Basic {good}"},
        {"Authorization": good},
        {"X-API-Key": "nonsense"},
        {"Cookie": f"Authorization=Bearer {good}"},
    ]
    assert [200] * 3 == [client.post("/predict", json=ROW, headers=headers).status_code for headers in taken]
    assert [REFUSED] * len(refused) == [told(client.post("/predict", json=ROW, headers=headers)) for headers in refused]


def test_two_credentials_are_none(project: Project, serve: Serve) -> None:
    good = key(project).text
    reply = serve(project).post("/predict", json=ROW, headers=[("Authorization", f"Bearer {good}"), ("Authorization", "Bearer hr_x")])
    assert REFUSED == told(reply)


def test_a_refusal_says_how_to_ask_and_repeats_nothing(project: Project, serve: Serve) -> None:
    client = serve(project)
    none, bad = client.post("/predict", json=ROW), client.post("/predict", json=ROW, headers=bearer("hr_canary"))
    assert ['Bearer realm="headrace"', 'Bearer realm="headrace", error="invalid_token"'] == [
        r.headers["www-authenticate"] for r in (none, bad)
    ]
    assert "canary" not in bad.text + str(bad.headers)
    assert 'headrace_refused_requests_total{model="employment",status="401"} 2.0' in client.get("/metrics").text


def test_every_path_needs_a_key_but_what_a_supervisor_asks(project: Project, serve: Serve) -> None:
    client = serve(project)
    paths = ("/predict", "/predict/batch", "/outcomes", "/docs", "/openapi.json", "/nothing", "//predict", "/health/live/")
    asked = [client.request(method, path, follow_redirects=False) for path in paths for method in ("GET", "POST", "OPTIONS")]
    assert {REFUSED} == {told(reply) for reply in asked}
    assert [200, 200] == [client.get(f"/health/{word}").status_code for word in ("live", "ready")]


def test_a_key_is_for_the_models_it_was_made_for(project: Project, serve: Serve) -> None:
    mine, other = key(project, [MODEL, "churn"]).text, key(project, ["churn"]).text
    client = serve(project)
    replies = [client.post("/predict", json=ROW, headers=bearer(text)) for text in (mine, other)]
    assert (200, (403, "forbidden")) == (replies[0].status_code, told(replies[1]))


def test_a_key_of_another_environment_or_that_has_expired_opens_nothing(project: Project, serve: Serve) -> None:
    texts = [key(project, environment="production").text, key(project, expires=timedelta(0)).text]
    client = serve(project)
    assert [REFUSED] * 2 == [told(client.post("/predict", json=ROW, headers=bearer(text))) for text in texts]


def until(condition: Callable[[], bool], seconds: float = 60.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_key_that_is_made_and_revoked_while_the_server_runs_acts_and_ends(project: Project, serve: Serve) -> None:
    client = serve(project)
    made = key(project)

    def status() -> int:
        return client.post("/predict", json=ROW, headers=bearer(made.text)).status_code

    until(lambda: status() == 200)
    keys.revoke(project.store, "user:ana", made.row.id, environment="dev")
    until(lambda: status() == 401)


def test_while_the_store_is_away_the_keys_that_were_read_last_go_on(project: Project, serve: Serve) -> None:
    made = key(project)
    client = serve(project)
    database = project.root / ".headrace" / "state.db"
    server = client.app.state.server  # type: ignore[attr-defined]
    project.store.close()
    database.rename(database.with_suffix(".away"))
    database.mkdir()  # what opens it anew finds no file that could be made
    failed = server.measures.registry
    server._workspace.store.engine.dispose()
    until(lambda: (failed.get_sample_value("headrace_errors_total", {"model": MODEL, "part": "keys"}) or 0) > 0)
    replies = [client.post("/predict", json=ROW, headers=bearer(text)) for text in (made.text, made.text[:-1] + "~")]
    assert [200, 401] == [reply.status_code for reply in replies]


def test_a_server_that_never_read_its_keys_says_so_with_503(project: Project, serve: Serve) -> None:
    made = key(project)
    client = serve(project)
    client.app.state.server.guard._keys.current = None  # type: ignore[attr-defined]
    client.app.state.server.guard._keys.look = lambda: None  # type: ignore[attr-defined]
    reply = client.post("/predict", json=ROW, headers=bearer(made.text))
    assert ((503, "auth-unavailable"), "1") == (told(reply), reply.headers["retry-after"])


def test_the_last_use_of_a_key_is_in_the_store_after_the_server_has_ended(project: Project) -> None:
    used, unused = key(project), key(project)
    with workspace(project) as opened, TestClient(app(config(project), opened)) as client:
        client.post("/predict", json=ROW, headers=bearer(used.text))
    with project.store.read() as session:
        at = {row.id: row.used_at for row in keys.listed(session, "dev")}
    assert (True, None) == (at[used.row.id] is not None, at[unused.row.id])


@pytest.mark.parametrize(
    ("public", "exposed", "free"),
    [(None, False, {"/metrics", "/metadata"}), (None, True, set()), ([], False, set()), (["metrics"], True, {"/metrics"})],
)
def test_what_is_public_is_declared_or_on_loopback(tmp_path: Path, public: list[str] | None, exposed: object, free: set[str]) -> None:
    project = guarded(tmp_path, auth={"keys": True, "jwt": None, "public": public})
    server = served(project, exposed=bool(exposed))
    found = {path for path in ("/metrics", "/metadata", "/predict") if not refuses(server, path)}
    assert free == found


def config(project: Project) -> ServingConfig:
    return read(ServingConfig, project.config)


def workspace(project: Project) -> Workspace:
    return open_workspace(project.config.parent / "headrace.json", config(project))


def served(project: Project, *, exposed: bool) -> Server:
    return Server(config(project), workspace(project), exposed=exposed)


def refuses(server: Server, path: str) -> bool:
    assert server.guard.admit is not None
    try:
        server.guard.admit({"path": path, "headers": [], "client": ("127.0.0.1", 1)})
    except Refused:
        return True
    return False


def test_without_auth_nothing_is_asked_on_the_path(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert served(project, exposed=False).guard.admit is None


def test_the_openapi_document_says_how_to_ask(tmp_path: Path, serve: Serve) -> None:
    project = guarded(tmp_path, rate={"per_second": 100, "burst": 100, "by": "key"})
    text = key(project).text
    told = serve(project).get("/openapi.json", headers=bearer(text)).json()
    assert [{"bearer": []}, {"key": []}] == told["security"]
    assert {"bearer", "key", "voter"} == set(told["components"]["securitySchemes"])
    refused = {path: {"401", "403", "429"} <= set(item[method]["responses"]) for path, item in told["paths"].items() for method in item}
    free = {path for path, item in told["paths"].items() for method in item if item[method].get("security") == []}
    open_to_all = {"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/metadata", "/metrics"}
    assert open_to_all == free == {path for path, said in refused.items() if not said}


# Rates --------------------------------------------------------------------------------------------------------


def test_a_bucket_gives_its_burst_and_then_as_fast_as_it_fills() -> None:
    buckets = Buckets(RateConfig(per_second=10, burst=3, by="key"))
    waits = [buckets.take("a", at) for at in (0, 0, 0, 0, 0.05, 0.1, 0.1)]
    assert [0, 0, 0, 0.1, 0.05, 0, 0.1] == pytest.approx(waits)
    assert [0, 0, 0] == [buckets.take("a", 100) for _ in range(3)]
    assert buckets.take("a", 100) > 0


def test_callers_have_buckets_of_their_own_and_their_number_is_bounded() -> None:
    buckets = Buckets(RateConfig(per_second=1, burst=1, by="address"), most=100)
    first = [buckets.take(f"c{n}", 0.0) for n in range(10_000)]
    kept = len(buckets._kept)
    assert ([0.0] * 10_000, True) == (first, kept <= 200)


def test_one_who_asks_on_is_not_forgotten_among_many_who_ask_once() -> None:
    recent: Recent[str, int] = Recent(10)
    recent.put("a", 1)
    found = []
    for n in range(1000):
        recent.put(f"b{n}", n)
        found.append(recent.get("a"))
    assert ({1}, None) == (set(found), recent.get("b0"))


@pytest.mark.parametrize(
    ("client", "who"),
    [
        (("192.0.2.7", 5), "192.0.2.7"),
        (("2001:db8:1:2:3::4", 5), "2001:0db8:0001:0002"),
        (("2001:db8:1:2:ffff::9", 5), "2001:0db8:0001:0002"),
        (("::ffff:192.0.2.7", 5), "192.0.2.7"),
        (("fe80::1%eth0", 5), "fe80:0000:0000:0000"),
        (None, ""),
        (("a:b", 5), "a:b"),
    ],
)
def test_an_address_is_one_caller_and_of_ipv6_a_network(client: Any, who: str) -> None:
    assert who == address(client)


def test_too_many_requests_of_a_key_are_429_and_others_go_on(tmp_path: Path, serve: Serve) -> None:
    project = guarded(tmp_path, rate={"per_second": 0.01, "burst": 2, "by": "key"})
    one, other = key(project).text, key(project).text
    client = serve(project)
    replies = [client.post("/predict", json=ROW, headers=bearer(text)) for text in (one, one, one, other)]
    assert [200, 200, 429, 200] == [reply.status_code for reply in replies]
    assert (True, "too-many-requests") == (90 <= int(replies[2].headers["retry-after"]) <= 100, told(replies[2])[1])
    assert [200] * 5 == [client.get("/health/ready").status_code for _ in range(5)]


def test_addresses_are_counted_before_anybody_proves_anything(tmp_path: Path, serve: Serve) -> None:
    project = guarded(tmp_path, rate={"per_second": 0.01, "burst": 2, "by": "address"})
    client = serve(project)
    assert [401, 401, 429] == [client.post("/predict", json=ROW).status_code for _ in range(3)]


def test_addresses_are_counted_where_nobody_is_asked_for_a_key(tmp_path: Path, serve: Serve) -> None:
    project = guarded(tmp_path, auth=None, rate={"per_second": 0.01, "burst": 1, "by": "address"})
    client = serve(project)
    assert [200, 429] == [client.post("/predict", json=ROW).status_code for _ in range(2)]


# What leaves --------------------------------------------------------------------------------------------------

CANARY = "canary-7f3a"


def test_what_a_plugin_raises_stays_in_the_log(tmp_path: Path, serve: Serve) -> None:
    project = make_project(tmp_path)
    number = project.register_flaky(fail=1)
    plugin = project.root / "plugins" / "flaky.py"
    plugin.write_text(plugin.read_text().replace("this row breaks the candidate", CANARY))
    project.alias("champion", number)
    client = serve(project)
    replies = [
        client.post("/predict", json=ROW),
        client.post("/predict/batch", json={"rows": [ROW]}),
        client.get("/metadata"),
        client.get("/metrics"),
        client.get("/health/ready"),
    ]
    assert 503 == replies[0].status_code
    assert [] == [reply.url for reply in replies if CANARY in reply.text + str(reply.headers) or "Traceback" in reply.text]


def test_a_fault_of_the_server_itself_says_nothing_of_it(project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    text = key(project).text
    client = serve(project)
    server = client.app.state.server  # type: ignore[attr-defined]

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(server.answering, "one", fails)
    client = TestClient(client.app, raise_server_exceptions=False)
    reply = client.post("/predict", json=ROW, headers=bearer(text))
    assert (500, "bug") == told(reply)
    assert CANARY not in reply.text + str(reply.headers)
