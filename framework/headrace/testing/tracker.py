"""What a tracker promises: all of a run and of a version, there and back; nothing done twice; no secret in what it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import inf, nan
from typing import Any

from headrace.hooks import AliasRecord, Known, Left, Outgoing, Point, RunRecord, Sent, Skipped, Tracker, VersionRecord
from headrace.spec.params import read_params
from headrace.testing.fault import Broken, Checks, Unmet, function, params_are_closed, params_model, registered

_AT = datetime(2026, 5, 17, 12, 30, 0, 123456, tzinfo=UTC)
_SHORT = 12
"""Text shorter than this is no address or secret that an error could give away."""


def check_tracker(
    tracker: Tracker,
    params: Mapping[str, Any] | None = None,
    *,
    unreachable: Mapping[str, Any] | None = None,
    secret: Collection[str] = (),
) -> list[Broken]:
    """What is wrong with a tracker.

    `params` lead to a server that holds nothing yet, and without them none is asked; `unreachable` lead to none. `secret` names the
    parameters that no error may tell.
    """
    if (wrong := registered(tracker)) is not None:
        return [wrong]
    checks = Checks()
    checks.run("params", lambda: params_are_closed(tracker))
    checks.run("description", lambda: iter(() if tracker.description.strip() else ("it does not say what server it is",)))
    try:
        push, pull, model = function(tracker, "push"), function(tracker, "pull"), params_model(tracker)
    except Unmet as error:
        return [*checks.broken, Broken("import", str(error))]
    if params is not None:
        given = read_params(model, params)
        checks.run("push", lambda: _push(push, given))
        checks.run("twice", lambda: _twice(push, given))
        checks.run("changed", lambda: _changed(push, given))
        checks.run("pull", lambda: _pull(pull, given))
        checks.run("known", lambda: _known(pull, given))
    if unreachable is not None:
        away = read_params(model, unreachable)
        checks.run("failure", lambda: _failure(lambda: list(push(sample(), away)), unreachable, secret))
        checks.run("failure", lambda: _failure(lambda: list(pull(away, known=Known())), unreachable, secret))
    return checks.broken


def sample(*, ended: bool = True) -> Outgoing:
    """What a project may hold: a run with its child, numbers that are none, letters beyond ASCII, a long param; two versions of a model.

    With `ended=False` the child still runs, and has less to tell.
    """
    runs = [a_run(), _child() if ended else _begun(_child())]
    versions = [a_version(1), a_version(2)]
    return Outgoing(iter(runs), iter(versions), iter([AliasRecord("churn", {"champion": 1, "candidate": 2})]), 5)


def a_run() -> RunRecord:
    """A training with all that a run may have."""
    at = [_AT + timedelta(milliseconds=3 * i) for i in range(4)]
    return RunRecord(
        id="019a0000000070008000000000000001",
        experiment="churn",
        name="Größe & <b>",
        model="churn",
        version=1,
        flow="train",
        parent=None,
        status="finished",
        started_at=_AT,
        ended_at=_AT + timedelta(seconds=61.5),
        seconds=61.5,
        actor="user:ana",
        error=None,
        dataset={"digest": "sha256:0", "rows": {"train": 10}},
        params={"algorithm": "lightgbm.classifier", "rate": 0.1, "deep": {"a": [1, None]}, "yes": True, "none": None, "long": "x" * 7000},
        tags={"owner": "ana", "odd=name@1": "Zürich", "empty": ""},
        digests={"data": "sha256:1", "code": "sha256:2"},
        metrics={
            "auc": (Point(0, 0.7, at[0]), Point(1, nan, at[1]), Point(2, inf, at[2]), Point(3, -inf, at[3])),
            "odd=name@1": (Point(-1, 1e-300, at[0]), Point(2**40, -0.0, at[1])),
            "same": (Point(0, 0.5, at[0]), Point(0, 0.5, at[0])),
            "many": tuple(Point(i, i / 7, _AT + timedelta(milliseconds=i)) for i in range(1100)),
        },
        artifacts=(
            _left("model", 1, _bytes(1)),
            _left("notes.txt", 1, b"first"),
            _left("notes.txt", 2, "Grüße".encode()),
            _left("../of ours/a?#%.txt", 1, b"\x00\xff"),
            _left("empty", 1, b""),
        ),
    )


def a_version(number: int) -> VersionRecord:
    """One of the versions that the run made."""
    data = _bytes(number)
    digest = f"sha256:{sha256(data).hexdigest()}"
    told = {"algorithm": "lightgbm.classifier", "digests": {"model": digest}, "model": "churn", "number": number, "signature": []}
    manifest = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    return VersionRecord(
        model="churn",
        number=number,
        run_id="019a0000000070008000000000000001",
        algorithm="lightgbm.classifier",
        format="lightgbm-text",
        model_digest=digest,
        manifest=manifest,
        manifest_digest=f"sha256:{sha256(manifest).hexdigest()}",
        created_at=_AT + timedelta(seconds=number),
        read=lambda: data,
    )


def _bytes(number: int) -> bytes:
    return b"a model, number %d\n" % number


def _left(name: str, version: int, data: bytes) -> Left:
    return Left(name, version, f"sha256:{sha256(data).hexdigest()}", len(data), lambda: data)


def _child() -> RunRecord:
    return replace(
        a_run(),
        id="019a0000000070008000000000000000",  # before its parent, and begun at the same moment
        name=None,
        model=None,
        version=None,
        flow=None,
        parent=a_run().id,
        status="failed",
        error="ValueError: no",
        dataset=None,
        params={"rate": 0.2},
        metrics={"loss": (Point(0, 1.0, _AT), Point(1, 0.5, _AT + timedelta(seconds=2)))},
        tags={},
        digests={},
        artifacts=(),
    )


def _begun(run: RunRecord) -> RunRecord:
    return replace(
        run, status="running", ended_at=None, seconds=None, error=None, params={}, metrics={"loss": run.metrics["loss"][:1]}, artifacts=()
    )


def _outcomes(given: list[object]) -> dict[str, str]:
    wrong = [type(item).__name__ for item in given if not isinstance(item, Sent | Skipped)]
    if wrong:
        raise Unmet(f"`push` gives {wrong[0]}, and neither Sent nor Skipped")
    return {
        item.what: item.outcome if isinstance(item, Sent) else f"skipped: {item.why}" for item in given if isinstance(item, Sent | Skipped)
    }


def _push(push: Callable[..., Any], params: object) -> Iterator[str]:
    found = _outcomes(list(push(sample(ended=False), params)))
    if others := {what: outcome for what, outcome in found.items() if outcome != "created"}:
        yield f"of what a server does not have, it does not create all: {others}"
    if len(found) != 5:  # noqa: PLR2004 - two runs, two versions, the aliases of one model
        yield f"of 2 runs, 2 versions and 1 model's aliases, it tells {len(found)}: {', '.join(found)}"


def _twice(push: Callable[..., Any], params: object) -> Iterator[str]:
    found = _outcomes(list(push(sample(ended=False), params)))
    if others := {what: outcome for what, outcome in found.items() if outcome != "unchanged"}:
        yield f"of what is there already, it does not leave all alone: {others}"


def _changed(push: Callable[..., Any], params: object) -> Iterator[str]:
    found = _outcomes(list(push(sample(), params)))
    others = {what: outcome for what, outcome in found.items() if outcome != "unchanged"}
    if [*others.values()] != ["updated"]:
        yield f"one run went on and ended, and these were told: {others or 'none'}"


def _pull(pull: Callable[..., Any], params: object) -> Iterator[str]:
    found, data = _taken(pull, params)
    if skipped := [f"{item.what}: {item.why}" for item in found if isinstance(item, Skipped)]:
        yield f"it passes over what it was given: {skipped}"
    runs = {item.id: item for item in found if isinstance(item, RunRecord)}
    if list(runs) == [a_run().id, _child().id]:
        for wanted in (a_run(), _child()):
            yield from _same_run(wanted, runs[wanted.id], data)
    else:
        yield f"it gives the runs {', '.join(runs) or 'none'}, and not {a_run().id} and its child after it"
    if [item for item in found if isinstance(item, VersionRecord)] != [a_version(1), a_version(2)]:
        yield "the versions came back otherwise, or in another order"
    elif [data["churn", "", number] for number in (1, 2)] != [_bytes(1), _bytes(2)]:
        yield "the versions' bytes are others"
    if [item for item in found if isinstance(item, AliasRecord)] != [AliasRecord("churn", {"candidate": 2, "champion": 1})]:
        yield "the aliases came back otherwise"


def _taken(pull: Callable[..., Any], params: object) -> tuple[list[object], dict[tuple[str, str, int], bytes]]:
    """All that it gives, and the bytes, which are read before the next thing is asked for."""
    found: list[object] = []
    data: dict[tuple[str, str, int], bytes] = {}
    for item in pull(params, known=Known()):
        found.append(item)
        if isinstance(item, RunRecord):
            data.update({(item.id, left.name, left.version): left.read() for left in item.artifacts})
        if isinstance(item, VersionRecord):
            data[item.model, "", item.number] = item.read()
    return found, data


def _same_run(wanted: RunRecord, found: RunRecord, data: Mapping[tuple[str, str, int], bytes]) -> Iterator[str]:
    mine, theirs = json.loads(wanted.to_json()), json.loads(found.to_json())
    # As texts, since NaN is not equal to itself.
    if parts := [part for part in mine if json.dumps(mine[part]) != json.dumps(theirs[part])]:
        yield f"of run {wanted.id}, these came back otherwise: {', '.join(parts)}"
    for left in wanted.artifacts:
        if data.get((wanted.id, left.name, left.version)) != left.read():
            yield f"the artifact `{left.name}` v{left.version} has other bytes"


def _known(pull: Callable[..., Any], params: object) -> Iterator[str]:
    versions = {(item.model, item.number): item.manifest_digest for item in (a_version(1), a_version(2))}
    found = list(pull(params, known=Known(frozenset({a_run().id, _child().id}), versions)))
    if others := [type(item).__name__ for item in found if not isinstance(item, AliasRecord)]:
        yield f"it gives what is known already: {', '.join(others)}"


def _failure(act: Callable[[], object], written: Mapping[str, Any], secret: Collection[str]) -> Iterator[str]:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - this is what is wanted
        if not str(error):
            yield f"it raises {type(error).__name__} without a word why"
        for name in secret:
            if len(str(written[name])) >= _SHORT and str(written[name]) in f"{error}":
                yield f"its error tells the parameter `{name}`, which is a secret"
    else:
        yield "there is no server, and yet it raises nothing"
