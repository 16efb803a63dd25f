"""Flags over HTTP: what OpenFeature's remote evaluation protocol says, of what is in force now."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving_project import MODEL, Project
from serving_project import project as make_project
from sqlalchemy.exc import OperationalError

from headrace import flags
from headrace.compiled import ServingConfig, read
from headrace.identity import keys
from headrace.serving import app
from headrace.serving.together import Member, Together
from headrace.serving.workspace import open_workspace
from headrace.store import Store

sys.path.insert(0, str(Path(__file__).parents[1] / "flags"))

from flag_values import flag, rule

ALL = "/ofrep/v1/evaluate/flags"
SHOWN = flag(rule("pilots", "on", tenant=["acme"]), rule("few", split={"on": 0.5, "off": 0.5}))
LIMIT = flag(name="limit", variants={"small": 10, "large": 2.5}, default="small", unit=None)


class Place:
    """A server of a project without a model: flags need none."""

    def __init__(self, project: Project, client: TestClient) -> None:
        self.project, self.client = project, client
        self.flags = client.app.state.server.flags  # type: ignore[attr-defined]

    def one(self, name: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        answer = self.client.post(f"{ALL}/{name}", **({"json": body} | more))
        return answer.status_code, answer.json()

    def put(self, made: Any) -> None:
        flags.put(self.project.store, "user:ana", made)


def serve(project: Project) -> Iterator[Place]:
    config = read(ServingConfig, project.config)
    with (
        open_workspace(project.config.parent / "headrace.json", config) as workspace,
        TestClient(app(config, workspace)) as client,
    ):
        yield Place(project, client)
    project.store.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    project = make_project(tmp_path_factory.mktemp("flags"))
    for made in (SHOWN, LIMIT):
        flags.put(project.store, "user:ana", made)
    yield from serve(project)


def until(said: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not said():
        assert time.monotonic() < end
        time.sleep(0.02)


def context(**attributes: Any) -> dict[str, Any]:
    return {"context": attributes}


def test_one_flag_has_its_value_its_variant_and_why(place: Place) -> None:
    told = place.one("shown", context(targetingKey="7", tenant="acme"))
    answer = {"key": "shown", "value": True, "variant": "on", "reason": "TARGETING_MATCH", "metadata": {"rule": "pilots"}}
    assert (200, answer) == told
    assert (200, {"key": "limit", "value": 10, "variant": "small", "reason": "STATIC"}) == place.one("limit")


def test_what_was_answered_is_counted_and_what_is_not_in_force_is_no_label(place: Place) -> None:
    place.put(flag(rule("few", split={"on": 1.0}), name="counted"))
    until(lambda: "counted" in (place.flags.current or {}))
    for body in (context(person_id=1), context(person_id=2), context()):
        place.one("counted", body)
    place.one("strange", context())
    told = place.client.get("/metrics").text
    assert f'headrace_flag_evaluations_total{{flag="counted",model="{MODEL}",variant="on"}} 2.0' in told
    assert f'headrace_flag_evaluations_total{{flag="counted",model="{MODEL}",variant=""}} 1.0' in told
    assert "strange" not in told
    flags.remove(place.project.store, "user:ana", "counted")
    until(lambda: "counted" not in (place.flags.current or {}))


@pytest.mark.parametrize("body", [{}, {"context": {}}, None])
def test_a_share_needs_its_unit(place: Place, body: Any) -> None:
    status, told = place.one("shown", body)
    assert (400, "shown", "TARGETING_KEY_MISSING") == (status, told["key"], told["errorCode"])


def test_what_is_not_in_force_is_not_found(place: Place) -> None:
    why = {"key": "none", "errorCode": "FLAG_NOT_FOUND", "errorDetails": "no flag of this name is in force"}
    assert (404, why) == place.one("none", context())


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "the body is no JSON"),
        (b"[1]", "the body must be a JSON object"),
        (b'{"context": 7}', "`context` must be a JSON object"),
        (b'{"context": null}', "`context` must be a JSON object"),
        (b'{"context": {"targetingKey": 7}}', "`context.targetingKey` must be a text"),
        (b'{"context": {"a": NaN}}', "the body is no JSON"),
    ],
)
def test_a_context_that_is_none_is_told(place: Place, body: bytes, why: str) -> None:
    for path, key in ((f"{ALL}/shown", {"key": "shown"}), (ALL, {})):
        answer = place.client.post(path, content=body, headers={"content-type": "application/json"})
        told = answer.json()
        assert (400, "INVALID_CONTEXT", True) == (answer.status_code, told["errorCode"], told["errorDetails"].startswith(why))
        assert key == {name: told[name] for name in ("key",) if name in told}


@pytest.mark.parametrize(("kind", "status"), [("text/plain", 415), ("application/json", 413)])
def test_what_is_refused_before_it_is_read_is_an_error_of_the_protocol(place: Place, kind: str, status: int) -> None:
    body = b" " * 2**24 if status == 413 else b"{}"
    answer = place.client.post(ALL, content=body, headers={"content-type": kind})
    assert (status, "GENERAL") == (answer.status_code, answer.json()["errorCode"])


def test_all_flags_are_told_at_once_and_not_again_while_nothing_changed(place: Place) -> None:
    sent = context(person_id=7)
    first = place.client.post(ALL, json=sent)
    tag = first.headers["etag"]
    assert (200, ["limit", "shown"]) == (first.status_code, [each["key"] for each in first.json()["flags"]])
    for had in (tag, f'"other", W/{tag}', "*"):
        again = place.client.post(ALL, json=sent, headers={"If-None-Match": had})
        assert (304, b"", tag) == (again.status_code, again.content, again.headers["etag"])
    assert 200 == place.client.post(ALL, json=sent, headers={"If-None-Match": '"other"'}).status_code
    other = place.client.post(ALL, json=context(), headers={"If-None-Match": tag})
    assert ["limit", "TARGETING_KEY_MISSING"] == [each.get("errorCode", each["key"]) for each in other.json()["flags"]]


def test_a_change_answers_within_a_moment_and_goes_on_while_the_store_is_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put(flag(name="switch"))
    until(lambda: place.one("switch", context())[0] == 200)
    place.put(flag(name="switch", default="on"))
    until(lambda: place.one("switch", context())[1]["value"] is True)

    def away(*_: object, **__: object) -> None:
        raise OperationalError("select", {}, Exception("gone"))

    with monkeypatch.context() as patch:
        patch.setattr(Store, "read", away)
        with place.project.store.transaction("test", "touch", "flag/switch"):
            pass
        until(lambda: b'part="flags"' in place.client.get("/metrics").content)
        assert (200, True) == (place.one("switch", context())[0], place.one("switch", context())[1]["value"])
    flags.remove(place.project.store, "user:ana", "switch")
    until(lambda: place.one("switch", context())[0] == 404)


def test_a_flag_that_cannot_be_read_has_no_answer_and_the_others_have(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.flags, "current", {**place.flags.current, "odd": flags.Unreadable("odd", "`rules`: no list")})
    status, told = place.one("odd", context())
    assert (400, "PARSE_ERROR", "this server cannot read it: `rules`: no list") == (status, told["errorCode"], told["errorDetails"])
    assert 200 == place.one("limit", context())[0]


def test_before_they_were_read_once_nothing_says_that_there_are_none(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place.flags, "current", None)
    for path in (ALL, f"{ALL}/shown"):
        answer = place.client.post(path, json=context())
        told = {"errorCode": "GENERAL", "errorDetails": "flags-unknown: the flags could not be read yet"}
        assert (503, told, "1") == (answer.status_code, answer.json(), answer.headers["retry-after"])


def test_who_may_not_predict_reads_no_flag_and_several_models_are_one_place_to_ask(tmp_path: Path) -> None:
    access = {"access": {"auth": {"keys": True, "jwt": None, "public": None}, "rate": None, "tls": None, "tracing": None}}
    project = make_project(tmp_path, access)
    flags.put(project.store, "user:ana", LIMIT)
    one = f"/models/{MODEL}{ALL}/limit"
    usual: dict[str, Any] = {"name": "k", "models": None, "environment": "dev", "expires": None}
    good, poor, others = (
        keys.issue(project.store, "user:ana", **(usual | more)).text
        for more in ({"scopes": ("predict",)}, {"scopes": ("observe",)}, {"models": ["income"]})
    )
    config = read(ServingConfig, project.config)
    with open_workspace(project.config.parent / "headrace.json", config) as workspace:
        other = app(config.model_copy(update={"model": "income"}), workspace)
        members = [Member("broken", None, "no config"), Member(MODEL, app(config, workspace)), Member("income", other)]
        with TestClient(Together(members)) as client:
            told = {
                (path, key): client.post(path, json=context(), headers={} if key is None else {"X-API-Key": key})
                for path in (ALL, f"{ALL}/limit", one)
                for key in (good, poor, others, None)
            }
    expected = {good: 200, poor: 403, others: 200, None: 401}
    assert {(path, key): 403 if (path, key) == (one, others) else expected[key] for path, key in told} == {
        at: each.status_code for at, each in told.items()
    }
    assert {"key": "limit", "value": 10, "variant": "small", "reason": "STATIC"} == told[f"{ALL}/limit", good].json()
    assert "GENERAL" == told[one, poor].json()["errorCode"]
    project.store.close()
