from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.monitoring import Performance, cbpe, estimate
from headrace.monitoring.estimate import Ask, Reference, estimates
from headrace.store import EventKind

AUC = Performance("roc_auc", estimate="cbpe", min_labels=100)


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every process that is started, with its environment; a small program of ours stands in its place."""
    started: list[dict[str, Any]] = []
    program = """if True:
        import json, pathlib, sys
        folder = pathlib.Path(sys.argv[1])
        answer = {"value": 0.9, "low": 0.8, "high": 1.0, "sampling_error": 0.01}
        windows = json.loads((folder / "request.json").read_text())["windows"]
        (folder / "result.json").write_text(json.dumps({window["key"]: answer for window in windows}))
    """
    real = subprocess.run

    def run(command: list[str], **options: Any) -> Any:
        started.append({"command": command, **options})
        return real([sys.executable, "-c", program, command[-1]], **options)

    monkeypatch.setattr(subprocess, "run", run)
    return started


def ask(number: int = 1, n: int = 500, version: int = 1) -> Ask:
    return Ask(number, version, np.linspace(0.01, 0.99, n))


def test_one_process_estimates_all_windows_of_a_look(world: Any, processes: list[Any]) -> None:
    world.champion(500)
    world.serve(world.rows(1500))
    world.measure(performance=AUC)
    assert (1, [0.9] * 3) == (len(processes), [window.estimate["value"] for window in world.windows()])


def test_no_process_is_started_without_a_new_window(world: Any, processes: list[Any]) -> None:
    world.champion(500)
    world.serve(world.rows(499))
    world.measure(performance=AUC)
    assert processes == []


def test_no_process_is_started_where_no_estimate_is_asked_for(world: Any, processes: list[Any]) -> None:
    world.champion(500)
    world.serve(world.rows(500))
    world.measure(performance=Performance("roc_auc"))
    assert ([], None) == (processes, world.windows()[0].estimate)


def test_the_process_starts_with_telemetry_off(processes: list[Any]) -> None:
    estimates([ask()], {1: Reference(b"", "target")}, AUC)
    environment = processes[0]["env"]
    assert ("1", "1", "1") == tuple(environment[name] for name in ("NML_DISABLE_USAGE_LOGGING", "DO_NOT_TRACK", "OMP_NUM_THREADS"))


@pytest.mark.parametrize(
    ("asked", "references", "metric", "expected"),
    [
        (ask(n=99), {1: Reference(b"", "t")}, "roc_auc", ("insufficient_data", "v1 answered 99 rows of it, and 100 are needed")),
        (ask(), {}, "roc_auc", ("estimate-failed", "v1 has no reference of held-out rows")),
        (ask(), {1: Reference(b"", "t")}, "log_loss", ("estimate-failed", "CBPE cannot estimate log_loss")),
    ],
)
def test_what_cannot_be_estimated_says_why_and_starts_nothing(
    processes: list[Any], asked: Ask, references: dict[int, Reference | None], metric: str, expected: tuple[str, str]
) -> None:
    found = estimates([asked], references, Performance(metric, "cbpe", min_labels=100))[1]
    assert ([], expected, None) == (processes, (found["status"], found["reason"]), found["value"])


def test_the_version_that_answered_most_is_estimated_by_its_own_reference(world: Any, processes: list[Any]) -> None:
    world.champion(500)
    world.champion(500)
    world.serve(world.rows(300), version=1)
    world.serve(world.rows(200), version=2)
    world.measure(performance=AUC)
    estimated = world.windows()[0].estimate
    assert (1, 300) == (estimated["version"], estimated["n"])


def broken(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda _, **options: real([sys.executable, "-c", program], **options))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise SystemExit('no room left')", "the CBPE process ended with 1: no room left"),
        ("import os; os.kill(os.getpid(), 9)", "the CBPE process ended with -9: it said nothing"),
        ("pass", "the CBPE process ended with 0: it said nothing"),
        ("import time; time.sleep(9)", "the CBPE process did not end within 0.3 s"),
    ],
)
def test_a_process_that_fails_leaves_its_reason_in_the_window(
    world: Any, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    world.champion(500)
    world.serve(world.rows(500))
    broken(monkeypatch, program)
    monkeypatch.setattr(estimate.estimates, "__kwdefaults__", {"timeout": 0.3 if "sleep" in program else 60})
    world.measure(performance=AUC)
    (event,) = world.log(EventKind.WINDOW_CLOSED)
    told = world.windows()[0].estimate
    assert (None, "estimate-failed", reason) == (told["value"], told["status"], told["reason"])
    assert {"metric": "roc_auc", "value": None, "status": "estimate-failed", "reason": reason} == event.payload["estimate"]


def test_a_process_that_cannot_be_started_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    found = estimates([ask()], {1: Reference(b"", "t")}, AUC)[1]
    assert found["reason"] == "the CBPE process could not be started: No such file or directory"


def test_one_window_that_cannot_be_estimated_keeps_no_other_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd

    windows = [{"key": key, "version": 1, "target": "employed"} for key in ("1", "2")]
    (tmp_path / "request.json").write_text(json.dumps({"metric": "roc_auc", "windows": windows}), encoding="utf-8")
    pd.DataFrame({"prediction": [0.1, 0.9], "employed": [0, 1], "age": [1, 2]}).to_parquet(tmp_path / "reference-1.parquet")
    pd.DataFrame({"prediction": [0.1, 0.9]}).to_parquet(tmp_path / "window-2.parquet")
    monkeypatch.setattr(cbpe, "_fit", lambda frame, _: sorted(frame.columns))
    monkeypatch.setattr(cbpe, "_estimate", lambda fitted, frame, _: {"value": 0.5, "fitted": fitted, "rows": len(frame)})
    monkeypatch.setattr(os, "environ", dict(os.environ))
    cbpe.main(tmp_path)
    answers = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert {"value": 0.5, "fitted": ["label", "prediction", "target"], "rows": 2} == answers["2"]
    assert answers["1"]["reason"].startswith("FileNotFoundError")


def test_the_process_of_its_own_is_light_until_it_estimates() -> None:
    code = "import sys, headrace.monitoring.cbpe; print(sorted({'numpy', 'pandas', 'sqlalchemy', 'nannyml'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.slow
def test_nannyml_comes_close_to_what_turns_out(world: Any) -> None:
    # The synthetic model is calibrated by construction, which is what CBPE asks for.
    from headrace.builtin.metrics.probability import roc_auc

    world.champion(20_000)
    frames = [world.rows(2000), world.rows(2000, shift=15)]
    for frame in frames:
        world.serve(frame)
    world.measure(rows=2000, performance=AUC)
    told = [window.estimate for window in world.windows()]
    realised = [roc_auc(frame["target"].to_numpy(), frame["prediction"].to_numpy()) for frame in frames]
    assert ["ok", "ok"] == [item["status"] for item in told], told
    assert [True, True] == [abs(item["value"] - value) < 3 * item["sampling_error"] for item, value in zip(told, realised, strict=True)]


@pytest.mark.slow
def test_nannyml_estimates_every_metric_that_we_say_it_does() -> None:
    code = """if True:
        import json, os
        from headrace.monitoring import cbpe
        os.environ.update(cbpe.QUIET)
        import numpy as np, pandas as pd
        rng = np.random.default_rng(3)
        frame = pd.DataFrame({"prediction": rng.random(4000)})
        frame["label"] = (frame["prediction"] >= 0.5).astype(int)
        reference = frame.assign(target=(rng.random(4000) < frame["prediction"]).astype(int))
        print(json.dumps({metric: cbpe._estimate(cbpe._fit(reference, metric), frame, metric) for metric in cbpe.METRICS}))
    """
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert set(cbpe.METRICS) == {metric for metric, answer in found.items() if 0 < answer["value"] < 1 and answer["low"] <= answer["high"]}


def test_a_reference_of_one_answer_estimates_nothing() -> None:
    import pandas as pd

    out = io.BytesIO()
    pd.DataFrame({"prediction": [0.5] * 300, "employed": [1.0] * 300}).to_parquet(out)
    found = estimates([ask()], {1: Reference(out.getvalue(), "employed")}, AUC)[1]
    assert (None, "estimate-failed", "ValueError: the held-out rows do not have both answers") == (
        found["value"],
        found["status"],
        found["reason"],
    )


def test_the_time_that_a_process_may_take_is_bounded() -> None:
    assert timedelta(seconds=estimate.TIMEOUT) <= timedelta(hours=1)
