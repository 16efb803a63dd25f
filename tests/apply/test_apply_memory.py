"""What an apply does to the store: aliases put back, names moved with all that is remembered of them, parts, locks that are lost."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from apply_memory import AT, Memory, promoted, rows

from headrace.apply import moved
from headrace.apply import prefect as real
from headrace.apply.stages import PutAlias, Ship
from headrace.cli import main
from headrace.cli.new_plugin import files as new_plugin
from headrace.compiler.sources import source_config
from headrace.diagnostics import Exit, HeadraceError
from headrace.document import write
from headrace.features import pinned, versions
from headrace.journal import OutcomeRecord, PredictionRecord, Spool
from headrace.monitoring import rules
from headrace.spec import Effect, Source
from headrace.store import Store, lock, tables
from headrace.store.kinds import AlertState, OperationStatus, OutboxStatus
from headrace.testing.prefect import MemoryDoor

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from postgres import running as postgres


def operations(memory: Memory, action: str) -> list[tuple[str, OperationStatus, dict[str, object]]]:
    return [row[1:] for row in rows(memory.store, tables.Operation, "action", "subject", "status", "payload") if row[0] == action]


def prediction(id_: str, model: str, entity: str) -> PredictionRecord:
    return PredictionRecord(id_, model, 1, "champion", 1, entity, AT, 5, {"age": 40.0}, 0.5, None, ())


@contextmanager
def writing(memory: Memory, model: str, *records: PredictionRecord) -> Iterator[None]:
    """A server of this model that has journalled, and runs."""
    spool = Spool.open(memory.root / ".headrace" / "spool" / model)
    for record in records:
        spool.append(record)
    yield
    spool.close()


def journal(memory: Memory, model: str, *records: PredictionRecord | OutcomeRecord) -> None:
    """What a server of this model journalled, and what nobody shipped."""
    spool = Spool.open(memory.root / ".headrace" / "spool" / model)
    for record in records:
        spool.append(record)
    spool.close()


# aliases -------------------------------------------------------------------------------------------------------


def test_an_alias_that_another_hand_moved_is_put_back_and_the_log_says_so(memory: Memory) -> None:
    memory.apply()
    promoted(memory.store, "employment", 1)
    promoted(memory.store, "employment", 2)
    before = rows(memory.store, tables.Alias, "name", "number")
    with memory.store.transaction("user:other", "tamper", "employment") as session:
        session.get_one(tables.Alias, ("employment", "champion")).number = 1
        session.add(tables.Alias(model="employment", name="mine", number=2))
    _, steps = memory.steps()
    assert ["employment@champion", "employment@mine"] == [step.subject for step in steps if isinstance(step, PutAlias)]
    outcome = memory.apply()
    assert ["put alias employment@champion", "put alias employment@mine"] == outcome.steps
    assert before == rows(memory.store, tables.Alias, "name", "number")
    assert {"user:test"} == {actor for action, actor in rows(memory.store, tables.Audit, "action", "actor") if action == "put back"}
    assert memory.plan().empty


# names ---------------------------------------------------------------------------------------------------------


def remember(store: Store, model: str) -> None:
    """Something of a model in every table that a life fills."""
    fingerprint = rules.fingerprint(model, "drifting")
    with store.transaction("service:test", "remember", model) as session:
        inputs = {"version": 1, "arm": "champion", "epoch": 1, "latency_us": 5, "inputs": {}, "unseen": [], "at": AT, "recorded_at": AT}
        session.add_all(tables.Prediction(id=f"p{n}", model=model, entity=f"e{n}", output=0.5, **inputs) for n in range(3))
        session.add_all(tables.Outcome(model=model, entity=f"e{n}", value=1.0, known_at=AT) for n in range(3))
        session.add(tables.Window(id="w1", model=model, number=1, first_seq=1, last_seq=3, start=AT, end=AT, n=3))
        session.add(tables.Alert(fingerprint=fingerprint, model=model, rule="drifting", state=AlertState.FIRING, since=AT, details={}))
        session.add(tables.TrafficCount(model=model, epoch=1, arm="champion", metric="error_rate", worker="one", n=3, bad=1))
        session.add(tables.Outbox(id="o1", channel="ml-team", message={}, next_at=AT, created_at=AT))
        sent = {"status": OutboxStatus.DELIVERED, "message": {}, "next_at": AT, "created_at": AT}
        session.add(tables.Outbox(id="o2", channel="ml-team", **sent))


def named(store: Store) -> dict[str, dict[str, int]]:
    """How many rows each table with models has of each."""
    found: dict[str, dict[str, int]] = {}
    with store.read() as session:
        for table in moved.tables():
            for (model,) in session.connection().execute(table.select().with_only_columns(table.c.model)):
                counts = found.setdefault(table.name, {})
                counts[model] = counts.get(model, 0) + 1
    return found


def held_to_move(store: Store) -> None:
    """The truth of a rename, on any store: all of it under the new name, once and once more."""
    remember(store, "employment")
    promoted(store, "employment", 1)
    before = named(store)
    assert {"prediction", "outcome", "window", "alert", "alias", "model_version", "traffic_count", "event"} <= set(before)
    for _ in range(2):
        with store.transaction("user:test", "rename", "all") as session:
            moved.rename(session, "model/employment", "model/work")
            moved.rename(session, "channel/ml-team", "channel/team")
        told = named(store)
        assert {table: counts["employment"] for table, counts in before.items()} == {
            table: counts["work"] for table, counts in told.items()
        }
        assert {("work",)} == {tuple(counts) for counts in told.values()}
        assert [(rules.fingerprint("work", "drifting"), "work", "firing")] == rows(store, tables.Alert, "fingerprint", "model", "state")
        assert [("o1", "team"), ("o2", "ml-team")] == rows(store, tables.Outbox, "id", "channel")


def test_a_rename_takes_all_that_is_remembered(memory: Memory) -> None:
    held_to_move(memory.store)


@pytest.mark.slow
def test_a_rename_takes_all_that_is_remembered_on_postgresql(tmp_path: Path) -> None:
    with postgres() as server:
        store = Store.open(server.url, "blobs", root=tmp_path)
        held_to_move(store)
        late(store)
        store.close()


def late(store: Store) -> None:
    """A server that went on under the old name: what it says again is known, what it says anew is not lost."""
    totals = {"model": "employment", "epoch": 1, "arm": "champion", "metric": "error_rate", "worker": "one"}
    with store.transaction("service:test", "go on", "employment") as session:
        session.add(tables.Outcome(model="employment", entity="e1", value=0.0, known_at=AT))
        session.add(tables.Outcome(model="employment", entity="e1", value=0.0, known_at=AT + timedelta(days=30)))
        session.add(tables.TrafficCount(**totals, n=7, bad=2))
    with store.transaction("user:test", "rename", "all") as session:
        moved.rename(session, "model/employment", "model/work")
    known = [(value, at) for entity, value, at in rows(store, tables.Outcome, "entity", "value", "known_at") if entity == "e1"]
    assert [(0.0, AT + timedelta(days=30)), (1.0, AT)] == known
    assert [("work", 7, 2)] == rows(store, tables.TrafficCount, "model", "n", "bad")


def test_what_came_in_under_the_old_name_is_merged(memory: Memory) -> None:
    held_to_move(memory.store)
    late(memory.store)


def test_what_waits_in_the_spool_is_shipped_before_its_model_is_renamed(memory: Memory) -> None:
    memory.apply()
    promoted(memory.store, "employment", 1)
    journal(memory, "employment", prediction("1", "employment", "ann"), OutcomeRecord("employment", "ann", 1.0, AT))
    memory.rename()
    _, steps = memory.steps()
    assert ["employment"] == [step.subject for step in steps if isinstance(step, Ship)]
    outcome = memory.apply()
    assert outcome.steps.index("ship records employment") < outcome.steps.index("record state")
    assert [("work", "ann")] == rows(memory.store, tables.Prediction, "model", "entity")
    assert [("work", "ann", 1.0)] == rows(memory.store, tables.Outcome, "model", "entity", "value")
    assert {"work/train", "work/judge", "work/roll_out", "work/monitor"} == set(memory.door.observe().deployments)
    assert memory.plan().empty


def test_a_server_that_went_on_under_the_old_name_is_taken_along_by_the_next_apply(memory: Memory) -> None:
    memory.apply()
    promoted(memory.store, "employment", 1)
    journal(memory, "employment", prediction("1", "employment", "ann"))
    memory.rename()
    memory.apply()
    journal(memory, "employment", prediction("2", "employment", "bob"), OutcomeRecord("employment", "bob", 0.0, AT))
    (item,) = memory.plan().items
    assert ("model/employment", "model/work") == (item.before, item.address)
    assert ["ship records employment", "record state"] == memory.apply().steps
    assert [("work", "ann"), ("work", "bob")] == rows(memory.store, tables.Prediction, "model", "entity")
    assert [("work", "bob")] == rows(memory.store, tables.Outcome, "model", "entity")
    assert memory.plan().empty


def test_a_spool_that_is_all_in_the_store_is_no_reason_to_move_again(memory: Memory) -> None:
    memory.apply()
    promoted(memory.store, "employment", 1)
    memory.rename()
    with writing(memory, "employment", prediction("1", "employment", "ann")):  # the old server lives on for a moment
        memory.apply()
        assert memory.plan().empty


def test_what_was_written_under_the_old_name_is_taken_along_without_an_apply(memory: Memory) -> None:
    memory.apply()
    promoted(memory.store, "employment", 1)
    memory.rename()
    memory.apply()
    spool = memory.root / ".headrace" / "spool"
    assert [] == moved.adopt(memory.store, spool, "service:up")
    journal(memory, "employment", prediction("2", "employment", "bob"), OutcomeRecord("employment", "bob", 0.0, AT))
    assert ["model/work has what was still written as model/employment"] == moved.adopt(memory.store, spool, "service:up")
    assert [("work", "bob")] == rows(memory.store, tables.Prediction, "model", "entity")
    assert [("work", "bob")] == rows(memory.store, tables.Outcome, "model", "entity")
    assert memory.plan().empty


def test_who_was_renamed_twice_is_known_by_both_names(memory: Memory) -> None:
    memory.apply()
    memory.rename()
    memory.apply()
    memory.edit("employment.yaml", "name: work", "name: job")
    memory.edit("replay.yaml", "model: work", "model: job")
    memory.edit("headrace.yaml", "to: model/work}]", "to: model/work}, {from: model/work, to: model/job}]")
    memory.apply()
    memory.edit("employment.yaml", "every: 6w", "every: 5w")
    memory.apply()
    (before,) = [applied["before"] for applied, name in rows(memory.store, tables.Resource, "applied", "address") if name == "model/job"]
    assert ["model/employment", "model/work"] == before


# the journal of an apply ---------------------------------------------------------------------------------------


def test_a_part_is_called_a_part_in_the_journal_and_a_whole_is_not(memory: Memory) -> None:
    memory.apply()
    memory.edit("employment.yaml", "every: 6w", "every: 5w")
    memory.edit("channels.yaml", "timeout: 5s", "timeout: 6s")
    memory.apply(select=["kind:channel"])
    partial = {"partial": {"select": ["kind:channel"], "exclude": []}}
    payloads = [payload for *_, payload in operations(memory, "record")]
    told = [{key: value for key, value in payload.items() if key not in ("step", "of")} for payload in payloads]
    assert ([{}, partial], 2) == (sorted(told, key=len), len(payloads))
    assert [subject for subject in dict(rows(memory.store, tables.Audit, "subject", "action")) if "(partial)" in subject] == [
        "project labour (partial)"
    ]
    assert ["model/employment"] == [item.address for item in memory.plan().items]


def test_a_step_that_fails_stops_the_apply_at_its_name(memory: Memory) -> None:
    blocked = memory.root / "flows" / "employment.serving.json"
    blocked.mkdir(parents=True)
    with pytest.raises(HeadraceError) as raised:
        memory.apply()
    (found,) = raised.value.report
    assert (Exit.PARTIAL, "apply-stopped") == (raised.value.code, found.id)
    assert "write file flows/employment.serving.json" in found.message
    blocked.rmdir()
    memory.apply()
    assert memory.plan().empty


def test_an_apply_whose_lock_was_taken_away_does_no_further_step(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Robbed(MemoryDoor):
        """Somebody unlocks while the first deployment is made, and the heartbeat finds the lock gone."""

        def put_deployment(self, wanted: object, *, paused: bool = False) -> None:
            super().put_deployment(wanted, paused=paused)  # type: ignore[arg-type]
            held = lock.held(memory.store, "apply")
            if held is not None and not taken:
                taken.append(held.id)
                assert lock.release(memory.store, held.id)
                (beat,) = (thread for thread in threading.enumerate() if thread.name == "lock apply")
                beat.join(60)

        def wait_ready(self, timeout: float) -> None:
            """It is there."""

    @contextmanager
    def server(*_: object, **__: object) -> Iterator[str]:
        yield "http://127.0.0.1:1/api"

    taken: list[str] = []
    monkeypatch.setattr(real, "Door", lambda _, project: Robbed(project, memory.door.server))
    monkeypatch.setattr("headrace.local.prefect_server.server_for", server)
    monkeypatch.setitem(lock.hold.__wrapped__.__kwdefaults__, "heartbeat", timedelta(milliseconds=1))  # type: ignore[attr-defined]

    def apply() -> tuple[object, str]:
        with pytest.raises(SystemExit) as ended:
            main(["apply", "--root", str(memory.root), "--no-train"])
        told = capsys.readouterr()
        return ended.value.code, told.out + told.err

    code, said = apply()
    assert (Exit.LOCKED, True) == (code, "error[lock-lost]" in said), said
    assert 1 == len(memory.door.observe().deployments)
    assert [] == operations(memory, "record")
    code, said = apply()
    assert Exit.OK == code, said
    assert 4 == len(memory.door.observe().deployments)
    assert memory.plan().empty


# plugins -------------------------------------------------------------------------------------------------------


def test_the_release_of_a_plugin_is_recorded_and_another_one_is_told_once(memory: Memory) -> None:
    plugin = memory.root / "plugins" / "cost.py"
    plugin.parent.mkdir()
    plugin.write_text(new_plugin("cost", "gate", package=False)["plugins/cost.py"])
    fast = "  - {id: fast,     metric: latency_p99, max: 40ms}\n"
    memory.edit("employment.yaml", fast, f"{fast}  - {{id: own, gate: cost}}\n")
    memory.apply()
    assert memory.plan().empty
    plugin.write_text(plugin.read_text() + "# another\n")
    (change,) = [change for item in memory.plan().items for change in item.changes]
    assert ("plugin plugins/cost.py", "gate cost") == (change.path, change.note)
    memory.apply()
    assert memory.plan().empty


def test_a_model_that_is_pinned_is_trained_once_and_left_alone_by_what_the_view_becomes(memory: Memory) -> None:
    view = (memory.root / "specs" / "features.yaml").read_text(encoding="utf-8")
    memory.edit(
        "features.yaml",
        view[view.index("features:\n") :],
        "features:\n  age: {last: age}\n  sex: {last: sex}\n  visits: {count: rows, over: 28d}\n",
    )
    memory.apply()
    memory.edit("features.yaml", "over: 28d", "over: 7d")
    assert ["employment"] == [item.model for item in memory.plan().train]
    memory.apply()
    with memory.store.read() as session:
        then, now = (versions.version(session, "person", number) for number in (1, 2))
        spec = versions.applied(session, "feature_view/person")
    census = source_config(memory.project().get(Source, "source/census"))
    made = pinned.documents(then, today=now, source=census, spec=spec)
    (memory.root / "specs" / "person@1.yaml").write_text("---\n".join(write(document) for document in made), encoding="utf-8")
    memory.edit("employment.yaml", "use: {person: all}", "use: {person@1: all}")
    plan = memory.plan()
    (change,) = [item for item in plan.items if item.address == "model/employment"]
    assert {Effect.RETRAIN} == set(change.effects)
    assert ["computed as person@1 was applied"] == [c.note for c in change.changes if c.new == "all"]
    memory.apply()
    memory.edit("features.yaml", "over: 7d", "over: 3d")
    plan = memory.plan()
    assert (["feature_view/person"], ()) == ([item.address for item in plan.items], plan.train)
    memory.apply()
    assert not memory.plan().items
