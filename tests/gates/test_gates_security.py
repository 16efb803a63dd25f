"""The gate `security`: what is stored, what runs when it is read, what answers hostile requests, and whom a model tells of."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import zipfile
import zlib
from dataclasses import replace

import numpy as np
import pytest

from headrace.builtin.gates.hostile import hostile
from headrace.builtin.gates.membership import advantage, losses
from headrace.builtin.gates.security import Params, judge
from headrace.digest import digest
from headrace.hooks import Answers, Artifact, HeldOut, Input, NoAnswer, Sample, Signature
from headrace.hooks import inert as scan
from headrace.hooks.inert import Unscannable, pickles
from headrace.testing.beside import SIGNATURE, answer, rows_of

INPUTS = {"age": "number", "visits": "number", "town": "category"}


def unrelated(rng, n):
    """Answers that nothing tells: whatever a model knows of them it has learned by heart."""
    left = (rng.random(n) < 0.5).astype(float)
    return {"age": rng.normal(size=n), "visits": rng.normal(size=n), "town": rng.choice(["north", "south"], n), "left": left}


BY_HEART = {"n_estimators": 200, "num_leaves": 255, "min_child_samples": 1}


def test_a_model_that_learned_by_heart_tells_whom_it_was_trained_on(candidate, asked, rows) -> None:
    said = asked(candidate(rows(1200, unrelated), INPUTS, params=BY_HEART), "security")
    member = said["evidence"]["membership"]
    assert (False, True) == (said["passed"], said["reason"].startswith("4 of 5 hold; membership: the advantage"))
    assert member["low"] > 0.3
    assert member["loss_trained"] < member["loss_held"]


def test_a_plain_model_of_the_same_rows_passes(candidate, asked, rows) -> None:
    said = asked(candidate(rows(1200, unrelated), INPUTS, algorithm="sklearn.logistic_regression"), "security")
    assert said["passed"], said["reason"]
    assert abs(said["evidence"]["membership"]["value"]) < 0.15
    assert {"digest", "format", "pickle", "requests", "membership", "data", "seed"} == said["evidence"].keys()
    assert 500 == said["evidence"]["requests"]["asked"]


class Runs:
    """What runs a command where it is unpickled."""

    def __reduce__(self):
        return os.system, ("true",)


def packed(data: bytes) -> dict[str, bytes]:
    """The ways in which a pickle may stand in a file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as folder:
        folder.writestr("model/data.pkl", data)
    array = io.BytesIO()
    np.save(array, np.array([Runs()], dtype=object), allow_pickle=True)
    return {
        "plain": data, "within": b'{"kind": "logistic"}' + data + b"more", "zip": archive.getvalue(), "gzip": gzip.compress(data),
        "zlib": zlib.compress(data), "bz2": bz2.compress(data), "lzma": lzma.compress(data), "numpy": array.getvalue(),
        "base64": json.dumps({"state": base64.b64encode(data).decode()}).encode(), "cut": data[:-1],
    }  # fmt: skip


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_found_however_it_is_packed(protocol: int) -> None:
    found = {how: [str(one) for one in pickles(data)] for how, data in packed(pickle.dumps(Runs(), protocol=protocol)).items()}
    assert {} == {how: told for how, told in found.items() if not told}


def test_a_pickle_that_runs_nothing_is_found_too() -> None:
    assert ["the file holds a pickle"] == [str(one) for one in pickles(pickle.dumps({"a": [1.0, 2.0]}))]


def test_what_our_algorithms_store_holds_none(candidate, rows, store) -> None:
    frame = rows(300, unrelated)
    for algorithm in ("lightgbm.classifier", "sklearn.logistic_regression"):
        version = candidate(frame, INPUTS, algorithm=algorithm, run_id=algorithm)
        assert [] == list(pickles(store.blobs.get(version.model_digest)))


@pytest.mark.parametrize("seed", range(3))
def test_numbers_that_look_like_a_pickle_here_and_there_are_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for data in (rng.bytes(400_000), rng.normal(size=50_000).tobytes(), b"\x80\x04" * 1000, zlib.compress(rng.bytes(100_000))):
        assert [] == list(pickles(b"\x00" + data))


def test_what_cannot_be_looked_through_is_told(monkeypatch) -> None:
    with pytest.raises(Unscannable, match="more than 20,000 places"):
        list(pickles(b"\x00" + b"\x80\x04" * 20_001))
    data = b"x"
    for _ in range(8):
        data = gzip.compress(data)
    with pytest.raises(Unscannable, match="packed more than 4 times"):
        list(pickles(data))
    with pytest.raises(Unscannable, match="archive that cannot be read"):
        list(pickles(packed(b"x" * 300)["zip"].replace(b"PK\x01\x02", b"PK\x01\x03")))
    monkeypatch.setattr(scan, "_MOST", 1_000_000)
    for pack in (gzip.compress, zlib.compress, bz2.compress, lzma.compress, lambda data: packed(data)["zip"]):
        with pytest.raises(Unscannable, match="unpacks to more than"):
            list(pickles(pack(bytes(5_000_000))))


def held(**changes) -> HeldOut:
    rng = np.random.default_rng(4)
    target = (rng.random(300) < 0.4).astype(float)
    rows = rows_of(target, rng)
    data = b'{"kind": "logistic"}'
    stored = Artifact("test", "json", data, digest(data), digest(data), digest(b"{}"), digest(b"{}"))
    sample = Sample(rows, target)
    made = HeldOut(rows, target, answer(rows), signature=SIGNATURE, ask=answer, artifact=stored, training=sample, known=sample)
    if "artifact" in changes and changes["artifact"] is not None:
        changes["artifact"] = replace(stored, **changes["artifact"])
    return replace(made, **changes)


def breaks(rows):
    if not isinstance(rows, list):
        return answer(rows)
    if any(row["age"] is not None and abs(row["age"]) > 1e300 for row in rows):
        raise NoAnswer("OverflowError: too large")
    return answer(rows)


@pytest.mark.parametrize(
    ("kind", "changes", "says"),
    [
        ("digest", {"artifact": {"found": digest(b"other")}}, "the bytes have the digest"),
        ("digest", {"artifact": {"manifest_found": digest(b"other")}}, "the manifest is not the one that was registered"),
        ("format", {"artifact": {"format": "pickle"}}, "`pickle` is none of the formats"),
        ("format", {"artifact": {"format": "headrace-model+joblib"}}, "`headrace-model+joblib` is none"),
        ("pickle", {"artifact": {"data": pickle.dumps(Runs())}}, "the file holds a pickle (REDUCE, STACK_GLOBAL): whoever reads it"),
        ("pickle", {"artifact": {"data": b""}}, "the stored model has no bytes"),
        ("requests", {"ask": breaks}, "OverflowError: too large"),
        ("membership", {"training": Sample(rows_of(np.ones(2), np.random.default_rng(1)), np.ones(2))}, "membership cannot be told of 2"),
        ("membership", {"training": Sample(rows_of(np.ones(50), np.random.default_rng(1)), np.full(50, np.nan))}, "with known losses"),
        *((kind, {"artifact": None}, "the stored model is not here") for kind in ("digest", "format", "pickle")),
        ("requests", {"ask": None}, "there is no candidate to ask"),
        ("membership", {"training": None}, "the training rows are not here"),
    ],
)
def test_each_thing_that_does_not_hold_fails_it(kind: str, changes: dict, says: str) -> None:
    fine = judge(held(), Params(of=(kind,), membership="50%"), seed=7)  # type: ignore[arg-type]
    found = judge(held(**changes), Params(of=(kind,), membership="50%"), seed=7)  # type: ignore[arg-type]
    assert (True, False, True) == (fine.passed, found.passed, says in found.reason), (fine.reason, found.reason)


def test_a_safe_format_may_be_packed_with_its_transforms() -> None:
    assert judge(held(artifact={"format": "headrace-model+skops"}), Params(of=("format",)), seed=7).passed
    assert not judge(held(artifact={"format": "skops"}), Params(of=("format",), formats=("json",)), seed=7).passed


def test_every_hostile_request_is_one_that_a_server_lets_through() -> None:
    signature = Signature((Input("age", "number"), Input("town", "category", ("north",)), Input("note", "text")))
    asked = list(hostile(signature, 400, np.random.default_rng(1)))
    assert 400 == len(asked)
    assert {"age": None, "town": None, "note": None} == asked[0]
    for request in asked:
        assert request["age"] is None or np.isfinite(request["age"])
        assert all(value is None or (isinstance(value, str) and "\x00" not in value) for value in (request["town"], request["note"]))
        assert request["town"] is None or len(request["town"]) <= 256
    assert {20_000} <= {len(request["note"] or "") for request in asked}
    assert list(hostile(signature, 400, np.random.default_rng(1))) == asked


def test_the_advantage_is_that_of_the_threshold_on_rows_that_it_was_not_learned_on() -> None:
    rng = np.random.default_rng(2)
    apart = advantage(rng.uniform(0, 1, 400), rng.uniform(2, 3, 400), rng)
    assert (1.0, 1.0, True, 200, 200) == (apart.value, apart.high, apart.low > 0.97, apart.trained, apart.held)
    found = [advantage(rng.normal(size=200), rng.normal(size=200), rng) for _ in range(60)]
    assert abs(np.mean([one.value for one in found])) < 0.03
    assert sum(one.low <= 0 <= one.high for one in found) >= 51


@pytest.mark.parametrize(
    ("answers", "given", "target", "wanted"),
    [
        (Answers(), [0.9, 0.2], [1.0, 0.0], [-np.log(0.9), -np.log(0.8)]),
        (Answers("multiclass", ("a", "b")), [[0.9, 0.1], [0.3, 0.7]], [0.0, np.nan], [-np.log(0.9), np.nan]),
        (Answers("regression"), [3.0, 1.0], [1.0, 1.0], [4.0, 0.0]),
        (Answers("quantile", (), (0.1, 0.5)), [[0.0, 3.0], [0.0, 1.0]], [1.0, 1.0], [4.0, 0.0]),
    ],
)
def test_a_loss_is_that_of_the_task(answers: Answers, given: list, target: list, wanted: list) -> None:
    np.testing.assert_allclose(losses(answers, np.array(target), np.array(given)), wanted)
