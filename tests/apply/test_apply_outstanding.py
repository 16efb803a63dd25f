"""What got stuck between the log and Prefect is sent again or ended, once."""

from __future__ import annotations

import sys
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from apply_place import Place, clear
from apply_waiting import until
from shop import SPECS, shop

from headrace import registry
from headrace.apply.execute import execute
from headrace.apply.outstanding import end_dead, send_again
from headrace.apply.prefect import Door
from headrace.apply.stages import stages
from headrace.store import EventKind, Store, clock, events, tables
from headrace.store.kinds import RunStatus

pytestmark = [pytest.mark.slow, pytest.mark.prefect]

NOW = timedelta(0)
MESSAGE = "It was pending for more than 0 s: the worker that took it died."


@pytest.fixture
def store(tmp_path):
    with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as opened:
        yield opened


def happened(store, kind, successor):
    """An event of the log that should start a flow, and that nobody has sent."""
    with store.transaction("user:test", "happen", "model/m") as session:
        return events.append(session, model="m", kind=kind, payload={}, at=clock.wall(), successor=successor).id


def take(door, run_id):
    """What a worker does first with a run; and then it dies."""
    door._call("POST", f"/flow_runs/{run_id}/set_state", {"state": {"type": "PENDING", "name": "Pending"}})


def states(door, flow):
    return sorted(run.type for run in door.runs(deployment=f"m/{flow}") if not run.scheduled)


def test_a_run_that_stays_pending_is_ended_after_its_time(small, store):
    door, _, _ = small
    run = door.run("m/train")
    take(door, run)
    assert (end_dead(store, door, "m", "user:test"), door.run_state(run)[0]) == ([], "PENDING")
    assert end_dead(store, door, "another", "user:test", NOW) == []
    assert end_dead(store, door, "m", "user:test", NOW) == ["m/train never began: its worker died after taking it"]
    assert door.run_state(run) == ("CRASHED", "Crashed", MESSAGE)
    assert end_dead(store, door, "m", "user:test", NOW) == []


def test_the_event_of_a_run_that_never_began_starts_another(small, store):
    door, _, _ = small
    event = happened(store, EventKind.RETRAINING_REQUESTED, "train")
    sent = [f"{EventKind.RETRAINING_REQUESTED} of model/m started nothing: it is sent again"]
    assert send_again(store, door, "m", NOW) == sent
    (first,) = until(lambda: door.started_by(event))
    take(door, first.id)
    assert send_again(store, door, "m", NOW) == []
    end_dead(store, door, "m", "user:test", NOW)
    assert send_again(store, door, "m", NOW) == sent
    until(lambda: len(door.started_by(event)) == 2)
    assert states(door, "train") == ["CRASHED", "SCHEDULED"]


def test_an_abort_whose_run_never_began_starts_another(small, store):
    door, _, _ = small
    event = happened(store, EventKind.ROLLOUT_ABORTED, "roll_out")
    started = [f"{EventKind.ROLLOUT_ABORTED} of model/m: roll_out is started"]
    assert (send_again(store, door, "m"), send_again(store, door, "m")) == (started, [])
    (first,) = door.started_by(event)
    take(door, first.id)
    assert send_again(store, door, "m") == []
    end_dead(store, door, "m", "user:test", NOW)
    assert (send_again(store, door, "m"), send_again(store, door, "m")) == (started, [])
    assert states(door, "roll_out") == ["CRASHED", "SCHEDULED"]


@pytest.fixture
def shop_there(tmp_path, monkeypatch, prefect_url, first_pool, request):
    """The shop, applied, with nothing trained; its gate asks for what the test says."""
    name = f"shop-{uuid.uuid4().hex[:8]}"
    specs = (
        SPECS.replace("name: shop", f"name: {name}").replace("PORT", "8080").replace("min: 0.6", f"min: {getattr(request, 'param', 0.6)}")
    )
    with shop(tmp_path / "shop", specs, monkeypatch) as made, Door(prefect_url, name) as door:
        place = Place(made.root, door, made.store)
        work, _, _ = place.look()
        steps = stages(work.plan, work.outputs, work.wanted, door.observe(), train=False)
        execute(replace(work, train=False), steps, lambda *_: None)
        yield made, door
        clear(door)


def test_an_event_that_prefect_lost_is_sent_again_and_starts_one_rollout(shop_there, worker):
    made, door = shop_there
    event = made.train().event_id  # … and Prefect is away when the flow announces it
    with made.store.read() as session:
        assert [event] == [waiting.id for waiting in events.unanswered(session, "buys")]
    assert (send_again(made.store, door, "buys"), door.started_by(event)) == ([], [])
    sent = [f"{EventKind.CANDIDATE_PASSED} of model/buys started nothing: it is sent again"]
    assert [send_again(made.store, door, "buys", NOW) for _ in range(2)] == [sent, sent]
    (run,) = until(lambda: door.started_by(event))
    assert door.wait(run.id, 90)[0] == "COMPLETED"
    assert send_again(made.store, door, "buys", NOW) == []
    assert [run.id] == [found.id for found in door.started_by(event)]
    with made.store.read() as session:
        runs = session.exec(select(tables.Run.status).where(tables.Run.flow == "roll_out", tables.Run.cause == event)).all()
        assert ([RunStatus.PASSED], {"champion": 1}) == (list(runs), registry.aliases(session, "buys"))


@pytest.mark.parametrize("shop_there", [0.9999], indirect=True)
def test_a_gate_that_was_lowered_lets_the_rejected_version_through_by_a_real_run(shop_there, worker):
    """As a user does it: a number is edited, one apply, and the version that was rejected is the champion, with nothing trained."""
    made, door = shop_there
    assert not made.train().passed
    specs = made.root / "specs" / "shop.yaml"
    specs.write_text(specs.read_text(encoding="utf-8").replace("min: 0.9999", "min: 0.6"), encoding="utf-8")
    place = Place(made.root, door, made.store)
    work, steps, _ = place.look()
    (started,) = execute(work, steps, lambda *_: None).runs
    assert ("judge", "COMPLETED") == (started.flow, door.wait(started.run_id, 120)[0])

    def ended():
        """The alias moves inside of the run that moves it: the run ends a moment later."""
        with made.store.read() as session:
            runs = session.exec(select(tables.Run.flow, tables.Run.status).order_by(tables.Run.started_at)).all()
        return list(runs) if RunStatus.RUNNING not in {status for _, status in runs} and "roll_out" in dict(runs) else None

    assert [("train", RunStatus.PASSED), ("judge", RunStatus.PASSED), ("roll_out", RunStatus.PASSED)] == until(ended, 120)
    with made.store.read() as session:
        assert ({"champion": 1}, 1) == (registry.aliases(session, "buys"), len(registry.versions(session, "buys")))
    assert place.plan().empty
