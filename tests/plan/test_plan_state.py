from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from headrace import registry
from headrace.plan.state import Judged, State, read, read_disk
from headrace.plan.wanted import read as read_wanted
from headrace.registry import registration
from headrace.store import Store, clock, tables
from headrace.store.kinds import OperationStatus

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_empty_store_is_an_empty_state(tmp_path):
    store = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    assert read(store, tmp_path) == State()


def test_the_state_holds_what_a_plan_needs(tmp_path):
    store = Store.open("sqlite:///state.db", "blobs", root=tmp_path)
    verdicts = [("quality", n, 0.8 + n / 100) for n in range(1, 13)] + [("champion", 1, None)]
    with store.transaction("user:test", "fill", "store") as session:
        session.add(tables.Revision(serial=3, digest="d", actor="user:test", at=AT))
        session.add(tables.Run(model="a", flow="train", started_at=AT, details={}))
        session.add(tables.Run(model="b", flow="monitor", started_at=AT, details={}))
        session.add(tables.Alias(model="a", name="champion", number=1))
        owed = {"apply_id": "x", "position": 1, "action": "train", "subject": "a", "payload": {"key": "k"}, "at": AT}
        session.add(tables.Operation(**owed, status=OperationStatus.INTENT))
        version = {"run_id": "r", "algorithm": "x", "format": "x", "model_digest": "d", "manifest_digest": "d", "manifest": {}}
        for n in range(1, 13):
            made = registry.Version(model="a", number=n, created_at=AT, **version)
            registration._keep(session, tables.ModelVersion(**asdict(made)), None, AT)
        for gate, n, value in verdicts:
            session.add(
                tables.Verdict(
                    model="a", number=n, run_id="r", gate=gate, metric="m", passed=True, mode="block", value=value, reason="", at=AT
                )
            )
    clock.drive(store, "service:replay", AT, lease=timedelta(minutes=1))
    state = read(store, tmp_path)
    assert (state.serial, state.versions, state.training, state.champions) == (3, {"a": 12}, {"a"}, {"a"})
    assert (state.pending, state.driven) == ({"a": "k"}, True)
    assert state.verdicts["a"]["quality"] == tuple(Judged(n, 0.8 + n / 100) for n in range(12, 2, -1))
    assert state.verdicts["a"]["champion"] == ()


def test_only_compiled_files_are_read_from_disk(folder):
    for path, text in folder.outputs().items():
        (folder.root / path).parent.mkdir(exist_ok=True)
        (folder.root / path).write_text(text, encoding="utf-8")
    flows = folder.root / "flows"
    (flows / "mine.py").write_text("print()", encoding="utf-8")
    (flows / "mine.json").write_text("{}", encoding="utf-8")
    (flows / "bad.deploy.json").write_text("{", encoding="utf-8")
    (flows / "other.serving.json").write_text(json.dumps({"project": "x", "model": "another"}), encoding="utf-8")
    (flows / "notes.txt").write_text("", encoding="utf-8")
    assert set(read_disk(folder.root)) == set(folder.outputs())


def test_a_schedule_may_be_an_interval_or_a_cron_line():
    asked = {
        "project": "p",
        "model": "m",
        "deployments": [
            {
                "name": "m/monitor",
                "flow": "monitor",
                "entrypoint": "flows/m.py:monitor",
                "parameters": {},
                "schedules": [{"slug": "b", "cron": "0 3 * * 1"}, {"slug": "a", "interval_seconds": 60}],
            }
        ],
        "automations": [
            {"name": "headrace:p:m:train", "event": "headrace.retraining.requested", "resource": "headrace.p.m", "deployment": "m/train"}
        ],
    }
    outputs = {"flows/m.deploy.json": json.dumps(asked), "flows/m.py": "def monitor(cause: str | None = None) -> None: ..."}
    found = read_wanted(outputs, "/srv/p")
    assert [(s.slug, s.interval_seconds, s.cron) for s in found.deployments["m/monitor"].schedules] == [
        ("a", 60, None),
        ("b", None, "0 3 * * 1"),
    ]
    assert found.automations["headrace:p:m:train"].resource == "headrace.p.m"
    other = {**outputs, "flows/m.py": "def monitor(cause: str | None = None, now: str = '') -> None: ..."}
    assert read_wanted(other, "/srv/p").deployments["m/monitor"].version != found.deployments["m/monitor"].version


def test_a_folder_of_flows_that_is_none_holds_nothing(tmp_path):
    assert {} == read_disk(tmp_path)
    (tmp_path / "flows").write_text("", encoding="utf-8")
    assert {} == read_disk(tmp_path)


def test_of_the_files_on_disk_those_that_end_like_compiled_ones_are_looked_at(folder):
    text = next(text for path, text in folder.outputs().items() if path.endswith(".py"))
    (folder.root / "flows" / "folder.py").mkdir(parents=True)
    for name in ("b.py", "a.py", ".py", "c.pyc", "py"):
        (folder.root / "flows" / name).write_text(text, encoding="utf-8")
    assert ["flows/a.py", "flows/b.py"] == [*read_disk(folder.root)]
