"""The gate `golden`: a few requests with their answers, replayed as a server would be asked them."""

from __future__ import annotations

import json

import pytest

from headrace.hooks import Answers, Input, Signature
from headrace.hooks.golden import Golden, Request, read_golden, replayed

SIGNATURE = Signature((Input("age", "number"), Input("town", "category", ("north",))))
BOTH = {"age": 20.0, "town": "north"}


@pytest.fixture
def golden(store):
    def write(requests, name="golden/churn.json", **more):
        path = store.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"requests": requests, **more}), encoding="utf-8")
        return name

    return write


OLD, YOUNG = {"age": 70, "sex": "1"}, {"age": 10, "sex": None}


def test_requests_that_are_answered_as_expected_pass_and_are_kept_with_the_verdict(golden, register, asked, store) -> None:
    file = golden([{"id": "old", "inputs": OLD, "between": [0.6, 1]}, {"inputs": YOUNG, "expect": 0.1, "tolerance": 0.3}])
    said = asked(register(), "golden", file=file)
    assert (True, 2) == (said["passed"], said["n"]), said["reason"]
    assert (store.root / file).read_bytes() == store.blobs.get(said["evidence"]["digest"])


def test_one_that_is_answered_otherwise_fails_and_is_named(golden, register, asked) -> None:
    file = golden([{"id": "old", "inputs": OLD, "between": [0, 0.4]}, {"inputs": YOUNG, "between": [0, 1]}])
    said = asked(register(), "golden", file=file)
    assert (False, 1.0) == (said["passed"], said["value"])
    assert "1 of 2 golden requests are answered otherwise, and at most 0 may: old: the answer is 0." in said["reason"]
    assert asked(register(run_id="r2"), "golden", file=file, max=1)["passed"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{}", "`requests`: Field required"),
        ('{"requests": []}', "at least 1 item"),
        ('{"requests": [{"inputs": {}}]}', "either `expect` or `between`"),
        ('{"requests": [{"inputs": {}, "expect": 1, "between": [0, 1]}]}', "either `expect` or `between`"),
        ('{"requests": [{"inputs": {}, "between": [1, 0]}]}', "the lower number first"),
        ('{"requests": [{"inputs": {}, "expect": NaN}]}', "Input should be"),
        ('{"tolerance": -1, "requests": [{"inputs": {}, "expect": 1}]}', "`tolerance`"),
        ("no json", "`the file`: Invalid JSON"),
    ],
)
def test_a_file_that_is_none_fails(store, register, asked, content: str, says: str) -> None:
    (store.root / "golden.json").write_text(content, encoding="utf-8")
    said = asked(register(), "golden", file="golden.json")
    assert (False, True) == (said["passed"], says in said["reason"]), said["reason"]


def test_a_path_that_leaves_the_project_or_leads_nowhere_fails(store, register, asked, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "golden.json"
    outside.write_text('{"requests": [{"inputs": {}, "expect": 1}]}', encoding="utf-8")
    (store.root / "link.json").symlink_to(outside)
    (store.root / "large.json").write_bytes(bytes(8_000_001))
    version = register()
    for file, says in (
        (str(outside), "is not in the project's folder"),
        ("link.json", "is not in the project's folder"),
        ("../golden.json", "is not in the project's folder"),
        ("none.json", "there is no file none.json"),
        (".", "there is no file"),
        ("large.json", "8,000,001 bytes"),
    ):
        said = asked(version, "golden", file=file)
        assert (False, True) == (said["passed"], says in said["reason"]), said["reason"]


@pytest.mark.parametrize(
    ("answers", "said", "expected", "why"),
    [
        (Answers(), 0.5, {"expect": 0.52}, None),
        (Answers(), 0.5, {"expect": 0.6}, "the answer is 0.5, and 0.6 is expected, by 0.05"),
        (Answers(), 0.5, {"expect": 0.6, "tolerance": 0.2}, None),
        (Answers(), 0.5, {"expect": "yes"}, "the answer is 0.5, and yes is expected"),
        (Answers(), "ValueError: no", {"expect": 0.5}, "there is no answer: ValueError: no"),
        (Answers("multiclass", ("a", "b")), {"a": 0.7, "b": 0.3}, {"expect": "a"}, None),
        (Answers("multiclass", ("a", "b")), {"a": 0.7, "b": 0.3}, {"expect": "b"}, "the answer is `a`, and `b` is expected"),
        (Answers("multiclass", ("a", "b")), {"a": 0.7, "b": 0.3}, {"expect": {"a": 0.72, "b": 0.28}}, None),
        (Answers("multiclass", ("a", "b")), {"a": 0.7, "b": 0.3}, {"expect": {"a": 0.7}}, "the answer is {a: 0.7, b: 0.3}"),
        (Answers("multiclass", ("a", "b")), {"a": 0.7, "b": 0.3}, {"between": (0, 1)}, "0 to 1 is expected"),
        (Answers("quantile", (), (0.1, 0.9)), {"0.1": 1.0, "0.9": 2.0}, {"expect": {"0.1": 1.0, "0.9": 2.2}}, "by 0.05"),
    ],
)
def test_what_is_expected_is_held_against_the_answer(answers: Answers, said, expected: dict, why: str | None) -> None:
    request = Request.model_validate({"inputs": BOTH, **expected})
    off = list(replayed(Golden(tolerance=0.05, requests=(request,)), [said], answers, SIGNATURE))
    assert (why is None) == (not off), off
    assert why is None or why in off[0].says


@pytest.mark.parametrize(("inputs", "says"), [({"age": 1.0}, "it has no `town`"), ({**BOTH, "sex": "1"}, "`sex` is no input of the model")])
def test_a_request_has_exactly_the_inputs_of_the_model(inputs: dict, says: str) -> None:
    golden = Golden(requests=(Request(inputs=inputs, expect=0.5),))
    assert says in next(replayed(golden, [0.5], Answers(), SIGNATURE)).says


def test_a_file_is_read_as_it_is_written() -> None:
    found = read_golden(b'{"tolerance": 0.1, "requests": [{"inputs": {"age": 1, "town": null}, "expect": 0}]}')
    assert ({"age": 1.0, "town": None}, 0.0, 0.1) == (found.requests[0].inputs, found.requests[0].expect, found.tolerance)
