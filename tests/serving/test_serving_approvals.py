"""Requests and votes over HTTP: by the same rules as the command, told in one table for both."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient
from serving_project import MODEL, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace import governance
from headrace.cli import main
from headrace.compiled import ApprovalConfig, GovernanceConfig, GovernedConfig, PolicyConfig, ServingConfig, read
from headrace.governance import Subject
from headrace.identity import keys
from headrace.registry import admission, alias
from headrace.serving import app
from headrace.serving.workspace import open_workspace
from headrace.store import clock, events, tables
from headrace.store.approved import ApprovalRequest, ApprovalVote

HOUR = timedelta(hours=1)
DIGEST = "sha256:" + "0" * 64
ASKED = ApprovalConfig(
    groups=("risk",),
    quorum=2,
    distinct_groups=False,
    separation_of_duties=("requester",),
    deadline_seconds=3600,
    fresh_seconds=60,
    keyed=True,
)


def policy(on: str) -> PolicyConfig:
    return PolicyConfig(name=on, on=on, require=(), approvals=(ASKED,), break_glass=None, mode="block")  # type: ignore[arg-type]


GOVERNED = GovernanceConfig(
    groups={"risk": ("user:ana", "user:bob", "user:cat")},
    models={MODEL: GovernedConfig(risk="low", policies=(policy("promote"), policy("deploy")))},
)


class Place:
    """A governed project, its server, and a key of each voter."""

    def __init__(self, project: Project, client: TestClient) -> None:
        self.project, self.store, self.client = project, project.store, client
        self.keys = {name: self.key(name) for name in ("ana", "bob", "cat", "dan")}

    def key(self, name: str | None, **more: Any) -> str:
        usual: dict[str, Any] = {"name": "k", "models": None, "environment": "dev", "expires": None}
        voter = {} if name is None else {"principal": f"user:{name}", "scopes": ["approve"]}
        return keys.issue(self.store, "user:test", **(usual | voter | more)).text

    def asked(self, *, since: timedelta = timedelta()) -> str:
        """A version that waits; the id of its request."""
        number = self.project.add(str(clock.wall()).encode(), "flaky", "json")
        with self.store.transaction("test", "look", MODEL) as session:
            now = clock.wall() - since
            found = admission.subject(session, "dev", admission.get(session, MODEL, number), now)
            return governance.look(session, GOVERNED, found, now).request.id

    def planned(self) -> str:
        with self.store.transaction("user:dan", "ask approval", "plan") as session:
            found = Subject(MODEL, "dev", "deploy", None, {"plan": f"sha256:{clock.wall()}", "part": None})
            return governance.look(session, GOVERNED, found, clock.wall(), requester="user:cat").request.id

    def row(self, id_: str) -> ApprovalRequest:
        with self.store.read() as session:
            return session.get_one(ApprovalRequest, id_)

    def votes(self, id_: str) -> list[ApprovalVote]:
        with self.store.read() as session:
            return list(session.exec(select(ApprovalVote).where(ApprovalVote.request == id_)))

    def post(self, id_: str, key: str | None, choice: str = "approve", reason: str = "read", **more: Any) -> Any:
        with self.store.read() as session:
            row = session.get(ApprovalRequest, id_)
        body = {"choice": choice, "reason": reason, "subject": DIGEST if row is None else row.subject} | more
        return self.client.post(f"/approvals/{id_}/votes", json=body, headers={} if key is None else {"X-API-Key": key})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    project = make_project(tmp_path_factory.mktemp("governed"), workspace={"governance": GOVERNED.to_json()})
    config = read(ServingConfig, project.config)
    with (
        open_workspace(project.config.parent / "headrace.json", config) as workspace,
        TestClient(app(config, workspace), raise_server_exceptions=True) as client,
    ):
        yield Place(project, client)
    project.store.close()


Came = tuple[str, int]


class Way(NamedTuple):
    vote: Callable[..., Came]
    place: int
    """Where the table says what comes of it this way."""


@pytest.fixture(params=["http", "command"])
def way(request: pytest.FixtureRequest, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Way:
    """A vote by one of both ways: what came of it, and the status or exit code."""

    def http(id_: str, key: str, choice: str = "approve", reason: str = "read") -> Came:
        answer = place.post(id_, key, choice, reason)
        told = answer.json()
        return (told["outcome"] if answer.is_success else told["type"].removeprefix("urn:headrace:")), answer.status_code

    def command(id_: str, key: str, choice: str = "approve", reason: str = "read") -> Came:
        monkeypatch.setenv("HEADRACE_KEY", key)
        more = [] if choice == "approve" else [f"--{choice.replace('_', '-')}"]
        with pytest.raises(SystemExit) as ended:
            main(["approve", "--request", id_, "--reason", reason, "--root", str(place.project.root), "--json", *more])
        out, err = capsys.readouterr()
        found = re.match(r"error\[([a-z-]+)\]", err)
        return (found[1] if found else json.loads(out)["votes"][0]["outcome"]), int(str(ended.value.code))

    return Way(http, 0) if request.param == "http" else Way(command, 1)


def plain(place: Place) -> tuple[str, str]:
    return place.asked(), place.keys["ana"]


def second(place: Place) -> tuple[str, str]:
    id_ = place.asked()
    assert 201 == place.post(id_, place.keys["ana"]).status_code
    return id_, place.keys["bob"]


def twice(place: Place) -> tuple[str, str]:
    id_, _ = second(place)
    return id_, place.key("ana")


def decided(place: Place) -> tuple[str, str]:
    id_, bob = second(place)
    assert 201 == place.post(id_, bob).status_code
    return id_, place.keys["cat"]


def judged(place: Place, id_: str) -> None:
    with place.store.transaction("test", "judge", MODEL) as session:
        verdict = {"gate": "q", "metric": "roc_auc", "passed": True, "mode": "block", "value": 0.9, "reason": ""}
        session.add(tables.Verdict(model=MODEL, number=place.row(id_).number, run_id=id_, at=clock.wall(), **verdict))


def changed(place: Place) -> tuple[str, str]:
    id_, ana = plain(place)
    judged(place, id_)
    return id_, ana


def void(place: Place) -> tuple[str, str]:
    id_, ana = changed(place)
    with place.store.transaction("test", "look", MODEL) as session:
        number = place.row(id_).number
        assert number is not None
        admission.admit(session, GOVERNED, "dev", MODEL, number, now=clock.wall())
    assert "void" == place.row(id_).status
    return id_, ana


def revoked(place: Place) -> tuple[str, str]:
    key = place.key("ana")
    keys.revoke(place.store, "user:test", key[3:15], environment="dev")
    return place.asked(), key


BY: dict[str, tuple[Callable[[Place], tuple[str, str]], tuple[str, ...], Came, Came]] = {
    "one of two": (plain, (), ("waiting", 201), ("waiting", 0)),
    "the one that completes it": (second, (), ("approved", 201), ("approved", 0)),
    "against it": (plain, ("reject",), ("rejected", 201), ("rejected", 0)),
    "on a plan": (lambda place: (place.planned(), place.keys["ana"]), (), ("waiting", 201), ("waiting", 0)),
    "of who asked for the plan": (lambda place: (place.planned(), place.keys["cat"]), (), ("may-not-vote", 403), ("may-not-vote", 4)),
    "of no member": (lambda place: (place.asked(), place.keys["dan"]), (), ("may-not-vote", 403), ("may-not-vote", 4)),
    "to pass over what cannot be": (plain, ("break_glass",), ("may-not-vote", 403), ("may-not-vote", 4)),
    "a second time, by another key": (twice, (), ("already-voted", 409), ("already-voted", 4)),
    "on what was decided": (decided, (), ("already-decided", 409), ("already-decided", 4)),
    "after the deadline": (
        lambda place: (place.asked(since=2 * HOUR), place.keys["ana"]), (), ("already-decided", 409), ("already-decided", 4),
    ),
    "on what was judged again": (changed, (), ("approval-changed", 409), ("approval-changed", 4)),
    "on what is void": (void, (), ("approval-changed", 409), ("approval-changed", 4)),
    "without a reason": (plain, ("approve", "  "), ("no-reason", 422), ("no-reason", 64)),
    "on nothing": (lambda place: ("f" * 32, place.keys["ana"]), (), ("no-request", 404), ("no-request", 64)),
    "by a key of nobody": (lambda place: (place.asked(), place.key(None)), (), ("bad-key", 403), ("bad-key", 4)),
    "by a key of another model": (lambda place: (place.asked(), place.key("ana", models=["x"])), (), ("bad-key", 403), ("bad-key", 4)),
    "by a key of another environment": (
        lambda place: (place.asked(), place.key("ana", environment="live")), (), ("unauthenticated", 401), ("bad-key", 4),
    ),
    "by a key that was revoked": (revoked, (), ("unauthenticated", 401), ("bad-key", 4)),
}  # fmt: skip
"""What a vote is, who gives it on what, and what comes of it over HTTP and by the command."""


@pytest.mark.parametrize("case", BY)
def test_a_vote_comes_to_the_same_by_http_and_by_the_command(place: Place, way: Way, case: str) -> None:
    arrange, more, *expected = BY[case]
    id_, key = arrange(place)
    before = len(place.votes(id_))
    wanted = expected[way.place]
    assert wanted == way.vote(id_, key, *more)
    assert before + (wanted[1] in {0, 201}) == len(place.votes(id_))


def test_a_vote_that_looked_at_something_else_is_refused_and_not_written(place: Place) -> None:
    id_ = place.asked()
    answer = place.post(id_, place.keys["ana"], subject=DIGEST)
    assert (409, "urn:headrace:approval-changed", []) == (answer.status_code, answer.json()["type"], place.votes(id_))


def test_a_vote_is_written_with_whose_it_is_its_key_and_when_that_was_shown(place: Place) -> None:
    id_ = place.asked()
    answer = place.post(id_, place.keys["ana"]).json()
    (vote,) = place.votes(id_)
    assert ("user:ana", place.keys["ana"][3:15], "waiting") == (vote.principal, vote.key, answer["outcome"])
    assert vote.auth_time is not None
    assert timedelta() <= vote.recorded_at - vote.auth_time < HOUR
    assert answer["request"]["votes"][0]["principal"] == "user:ana"


def test_two_votes_of_one_person_at_once_are_one(place: Place) -> None:
    id_, found = place.asked(), []
    votes = [threading.Thread(target=lambda: found.append(place.post(id_, place.keys["ana"]).status_code)) for _ in range(4)]
    for vote in votes:
        vote.start()
    for vote in votes:
        vote.join()
    assert ([201, 409, 409, 409], 1) == (sorted(found), len(place.votes(id_)))


def test_the_vote_that_decides_starts_the_flow_and_no_other_does(place: Place) -> None:
    id_ = place.asked()
    number = place.row(id_).number
    with place.store.transaction("test", "move", MODEL) as session:
        alias.move(session, model=MODEL, alias="candidate", number=number, at=clock.wall(), reason="test")
    waiting = []
    for name in ("ana", "bob"):
        assert 201 == place.post(id_, place.keys[name]).status_code
        with place.store.read() as session:
            waiting.append([event.payload["request"] for event in events.unanswered(session, MODEL) if event.payload["number"] == number])
    assert [[], [id_]] == waiting


def test_what_waits_is_told_to_who_may_vote_and_to_nobody_else(place: Place) -> None:
    id_ = place.asked()
    told = {
        name: place.client.get("/approvals", headers=headers).status_code
        for name, headers in {
            "voter": {"Authorization": f"Bearer {place.keys['ana']}"},
            "nobody": {},
            "predicts": {"X-API-Key": place.key(None)},
            "guess": {"X-API-Key": place.keys["ana"][:-1] + "_"},
        }.items()
    }
    assert {"voter": 200, "nobody": 401, "predicts": 403, "guess": 401} == told
    ana = {"X-API-Key": place.keys["ana"]}
    one = place.client.get(f"/approvals/{id_}", headers=ana)
    assert (id_, place.row(id_).subject, "no-store") == (one.json()["request"], one.json()["subject"], one.headers["cache-control"])
    assert [401, 404] == [
        place.client.get(f"/approvals/{id_}").status_code,
        place.client.get("/approvals/nothing", headers=ana).status_code,
    ]


def test_those_that_were_decided_are_listed_where_all_are_asked_for(place: Place) -> None:
    id_, ana = plain(place)
    place.post(id_, ana, "reject")
    headers = {"X-API-Key": ana}
    listed = [
        [item["request"] for item in place.client.get("/approvals", params=more, headers=headers).json()["requests"]]
        for more in ({}, {"all": "true"})
    ]
    assert (False, True) == (id_ in listed[0], id_ in listed[1])
    assert 422 == place.client.get("/approvals", params={"all": "yes"}, headers=headers).status_code


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"choice": "yes", "reason": "r", "subject": DIGEST}, "choice"),
        ({"choice": "approve", "reason": "r"}, "subject"),
        ({"choice": "approve", "reason": "r", "subject": "7"}, "subject"),
        ({"choice": "approve", "reason": "", "subject": DIGEST}, "reason"),
        ({"choice": "approve", "reason": 7, "subject": DIGEST}, "reason"),
        ({"choice": "approve", "reason": "r", "subject": DIGEST, "principal": "user:bob"}, "principal"),
        ([], ""),
    ],
)
def test_what_is_no_vote_is_refused_by_the_field_at_fault(place: Place, body: Any, field: str) -> None:
    answer = place.client.post(f"/approvals/{place.planned()}/votes", json=body, headers={"X-API-Key": place.keys["ana"]})
    told = answer.json()
    assert (422, "application/problem+json", [field]) == (
        answer.status_code, answer.headers["content-type"], [item["field"] for item in told["errors"]],
    )  # fmt: skip


def test_a_request_of_another_model_is_none_of_this_server(place: Place) -> None:
    with place.store.transaction("test", "ask", "another") as session:
        row = ApprovalRequest(
            model="another", environment="dev", occasion="promote", number=1, subject=DIGEST, attempt=1, digests={}, policies=[],
            requesters=[], requested_at=clock.wall(), seen_at=clock.wall(),
        )  # fmt: skip
        session.add(row)
        id_ = row.id
    ana = place.keys["ana"]
    assert [404, 404] == [
        place.client.get(f"/approvals/{id_}", headers={"X-API-Key": ana}).status_code,
        place.post(id_, ana).status_code,
    ]


def test_a_store_that_hangs_or_fails_is_said_so_and_no_vote_is_claimed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from headrace.serving import approvals

    id_, ana = plain(place)
    released = threading.Event()

    def fails(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(approvals.requests, "cast", fails)
    failed = place.post(id_, ana)
    monkeypatch.setattr(approvals.requests, "cast", lambda *_, **__: released.wait(60))
    monkeypatch.setattr(approvals, "PATIENCE", 0.3)
    hung = place.post(id_, ana)
    released.set()
    assert [(503, "urn:headrace:store-unreachable")] * 2 == [(answer.status_code, answer.json()["type"]) for answer in (failed, hung)]
    assert "disk" not in failed.text


@pytest.mark.parametrize("prefix", ["", f"/models/{MODEL}"])
def test_a_server_that_asks_for_keys_asks_for_one_that_may_approve(tmp_path: Path, prefix: str) -> None:
    access = {"auth": {"keys": True, "jwt": None, "public": []}}
    project = make_project(tmp_path, {"access": access}, {"governance": GOVERNED.to_json()})
    config = read(ServingConfig, project.config)
    place = Place(project, SimpleNamespace())  # type: ignore[arg-type]
    texts = {"ana": place.keys["ana"], "manager": place.key(None, scopes=["manage"]), "all": place.key(None)}
    id_ = place.asked()
    with open_workspace(project.config.parent / "headrace.json", config) as workspace, TestClient(app(config, workspace)) as client:
        found = {name: client.get(f"{prefix}/approvals/{id_}", headers={"X-API-Key": text}) for name, text in texts.items()}
        document = client.get("/openapi.json", headers={"X-API-Key": texts["all"]}).json()
    project.store.close()
    assert {"ana": 200, "manager": 403, "all": 403} == {name: answer.status_code for name, answer in found.items()}
    assert [{"voter": []}] == document["paths"]["/approvals/{id}/votes"]["post"]["security"]
