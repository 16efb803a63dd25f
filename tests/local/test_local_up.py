"""`up` starts what is compiled, follows the configs, starts again what ended, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "backtest"))

from answering import Answering
from up_process import free_port, headrace, running, survivors, until

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.local import prefect_server, process
from headrace.local import up as room
from headrace.local.process import Child, spawn, stop
from headrace.local.up import RESTARTS, Supervisor, end_leftovers, refuse_second, single_threaded, start, up
from headrace.store import EventKind, Store, clock, events

SLEEP = "import time; time.sleep(600)"
URL = "http://127.0.0.1:1/api"


class Said(list[str]):
    """What was said, a line each."""

    def __contains__(self, part: object) -> bool:
        return any(str(part) in line for line in self)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def code() -> dict[str, str]:
    """What a model's server runs in place of the real one, by model; it sleeps where nothing is said."""
    return {}


@pytest.fixture(autouse=True)
def real_but_small(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, code: dict[str, str]) -> None:
    """Servers and workers are real processes that do nothing; Prefect is away."""
    if request.node.get_closest_marker("prefect"):
        monkeypatch.delenv("PREFECT_API_URL", raising=False)
        return
    monkeypatch.setenv("PREFECT_API_URL", URL)

    def small(root: Path, name: str) -> Child:
        return spawn(name, [sys.executable, "-S", "-c", code.get(name, SLEEP)], root=root, env=single_threaded())

    def start_server(self: Supervisor, model: str) -> None:
        self.children[f"serve-{model}"] = small(self.root, f"serve-{model}")
        self.started[f"serve-{model}"] = time.monotonic()

    monkeypatch.setattr(Supervisor, "start_server", start_server)
    monkeypatch.setattr(room, "free", lambda _: True)  # they listen nowhere, and 8080 may be anybody's on this machine
    monkeypatch.setattr(prefect_server, "start_worker", lambda root, _: small(root, "prefect-worker"))
    monkeypatch.setattr(prefect_server, "start_server", lambda root, _=0: prefect_server.Server(URL, small(root, "prefect-server")))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    return tmp_path


@pytest.fixture
def supervisor(root: Path, said: Said) -> Iterator[Supervisor]:
    made = Supervisor(root, said.append)
    yield made
    made.stop_all()


def serving(root: Path, model: str, port: int = 8080) -> None:
    config = {
        "project": "shop",
        "model": model,
        "entity": "id",
        "time": "at",
        "unit": "id",
        "inputs": [],
        "target": "left",
        "port": port,
        "fallback": "champion",
        "max_rows": 1000,
        "rollout": None,
    }
    (root / "flows" / f"{model}.serving.json").write_text(json.dumps(config))


def told(supervisor: Supervisor) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(supervisor.told.read_text(encoding="utf-8"))
    return found


def kill(child: Child) -> None:
    child.process.kill()
    child.process.wait(60)


def fault(raised: pytest.ExceptionInfo[HeadraceError]) -> tuple[str, Exit]:
    (found,) = raised.value.report
    return found.id, Exit(raised.value.code)


def test_each_compiled_model_gets_a_server_and_is_told(supervisor: Supervisor, root: Path) -> None:
    serving(root, "one", 8081)
    serving(root, "two", 8082)
    supervisor.prefect_url = URL
    supervisor.serve_compiled()
    assert {
        "pid": os.getpid(),
        "prefect": URL,
        "servers": {"one": "http://127.0.0.1:8081", "two": "http://127.0.0.1:8082"},
        "children": {name: supervisor.children[name].process.pid for name in ("serve-one", "serve-two")},
    } == told(supervisor)
    assert all(child.alive for child in supervisor.children.values())
    assert ["up.json"] == [path.name for path in supervisor.told.parent.iterdir()]


def test_a_config_that_stays_leaves_its_server_alone(supervisor: Supervisor, root: Path) -> None:
    serving(root, "one")
    supervisor.serve_compiled()
    before = told(supervisor)
    supervisor.serve_compiled()
    assert before == told(supervisor)


def test_a_changed_config_starts_the_server_again(supervisor: Supervisor, root: Path, said: Said) -> None:
    serving(root, "one", 8081)
    serving(root, "two", 8082)
    supervisor.serve_compiled()
    old, kept = supervisor.children["serve-one"], supervisor.children["serve-two"]
    serving(root, "one", 9091)
    supervisor.serve_compiled()
    assert (False, True, "http://127.0.0.1:9091") == (old.alive, supervisor.children["serve-one"].alive, told(supervisor)["servers"]["one"])
    assert kept is supervisor.children["serve-two"]
    assert "config changed" in said


def test_a_changed_config_is_a_new_chance(supervisor: Supervisor, root: Path) -> None:
    serving(root, "one", 8081)
    supervisor.serve_compiled()
    supervisor.restarts["serve-one"] = RESTARTS
    serving(root, "one", 8082)
    supervisor.serve_compiled()
    kill(supervisor.children["serve-one"])
    supervisor.revive()
    assert supervisor.children["serve-one"].alive


def test_a_server_starts_once_the_port_that_it_gets_is_free(
    supervisor: Supervisor, root: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free", process.free)
    with socket.create_server(("127.0.0.1", 0)) as held:
        serving(root, "one", held.getsockname()[1])
        supervisor.serve_compiled()
        assert {} == supervisor.children
    supervisor.serve_compiled()
    assert ["serve-one"] == list(supervisor.children)


def test_a_port_that_stays_held_is_told_by_the_server_itself(supervisor: Supervisor, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free", lambda _: False)
    monkeypatch.setattr(room, "PORT", 0.0)
    serving(root, "one")
    supervisor.serve_compiled()
    assert ["serve-one"] == list(supervisor.children)


def test_two_servers_that_change_ports_both_stop_before_either_starts(
    supervisor: Supervisor, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving(root, "one", 8081)
    serving(root, "two", 8082)
    supervisor.serve_compiled()
    serving(root, "one", 8082)
    serving(root, "two", 8081)
    done: list[str] = []
    stop_server, start_server = Supervisor.stop_server, Supervisor.start_server

    def stopping(self: Supervisor, model: str) -> None:
        done.append(f"stop {model}")
        stop_server(self, model)

    def starting(self: Supervisor, model: str) -> None:
        done.append(f"start {model}")
        start_server(self, model)

    monkeypatch.setattr(Supervisor, "stop_server", stopping)
    monkeypatch.setattr(Supervisor, "start_server", starting)
    supervisor.serve_compiled()
    assert ["stop one", "stop two", "start one", "start two"] == done


def test_the_server_of_a_model_that_left_stops(supervisor: Supervisor, root: Path, said: Said) -> None:
    serving(root, "one")
    supervisor.serve_compiled()
    old = supervisor.children["serve-one"]
    (root / "flows" / "one.serving.json").unlink()
    supervisor.serve_compiled()
    assert (False, {}, {}) == (old.alive, told(supervisor)["servers"], told(supervisor)["children"])
    assert "left the project" in said


def test_a_killed_server_starts_again_and_its_new_pid_is_told(supervisor: Supervisor, root: Path, said: Said) -> None:
    serving(root, "one")
    supervisor.serve_compiled()
    old = supervisor.children["serve-one"]
    kill(old)
    supervisor.revive()
    new = supervisor.children["serve-one"]
    assert (True, new.process.pid) == (new.alive, told(supervisor)["children"]["serve-one"])
    assert "serve-one ended with code -9" in said
    assert old.process.pid != new.process.pid


def test_a_killed_worker_starts_again(supervisor: Supervisor) -> None:
    supervisor.start_worker()
    kill(supervisor.children["prefect-worker"])
    supervisor.revive()
    assert supervisor.children["prefect-worker"].alive


@pytest.mark.slow
def test_what_the_dead_started_does_not_outlive_them(supervisor: Supervisor, root: Path, code: dict[str, str]) -> None:
    code["serve-one"] = (
        f"import subprocess, sys, time\nprint(subprocess.Popen([sys.executable, '-S', '-c', {SLEEP!r}]).pid, flush=True)\ntime.sleep(600)"
    )
    serving(root, "one")
    supervisor.serve_compiled()
    old = supervisor.children["serve-one"]
    grandchild = psutil.Process(int(until(old.tail, 60, "the grandchild")))
    kill(old)
    supervisor.revive()
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE


def test_one_that_ends_again_and_again_is_given_up_with_the_end_of_its_log(
    supervisor: Supervisor, root: Path, said: Said, code: dict[str, str]
) -> None:
    code["serve-one"] = "import sys; sys.exit('port 8080 is taken')"
    serving(root, "one")
    supervisor.serve_compiled()

    serving(root, "two")
    supervisor.serve_compiled()
    while "serve-one" in supervisor.children:
        supervisor.children["serve-one"].process.wait(60)
        supervisor.revive()
    assert RESTARTS == sum("starts again" in line for line in said)
    assert "port 8080 is taken" in said[-1]
    assert supervisor.children["serve-two"].alive
    serving(root, "one", 8090)  # a new config is a new chance
    supervisor.serve_compiled()
    assert "serve-one" in supervisor.children


def test_one_that_lived_for_a_minute_starts_with_a_clean_record(supervisor: Supervisor, root: Path) -> None:
    serving(root, "one")
    supervisor.serve_compiled()
    supervisor.restarts["serve-one"] = RESTARTS
    supervisor.started["serve-one"] -= 61
    kill(supervisor.children["serve-one"])
    supervisor.revive()
    assert (True, 0) == (supervisor.children["serve-one"].alive, supervisor.restarts["serve-one"])


def test_a_prefect_server_that_ended_starts_again_where_it_was(supervisor: Supervisor, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def started(where: Path, port: int = 0) -> prefect_server.Server:
        asked.append(port)
        return prefect_server.Server(
            f"http://127.0.0.1:{port}/api", spawn("prefect-server", [sys.executable, "-S", "-c", SLEEP], root=where)
        )

    monkeypatch.setattr(prefect_server, "start_server", started)
    supervisor.prefect_url = "http://127.0.0.1:4321/api"
    supervisor.children["prefect-server"] = spawn("prefect-server", [sys.executable, "-S", "-c", "raise SystemExit(3)"], root=root)
    supervisor.children["prefect-server"].process.wait(60)
    supervisor.revive()
    assert ([4321], True) == (asked, supervisor.children["prefect-server"].alive)


def test_a_prefect_server_that_cannot_start_is_said_and_the_others_go_on(
    supervisor: Supervisor, root: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> prefect_server.Server:
        raise HeadraceError(Diagnostic("prefect-start", "the disk is full"))

    monkeypatch.setattr(prefect_server, "start_server", refused)
    serving(root, "one")
    supervisor.serve_compiled()
    supervisor.children["prefect-server"] = spawn("prefect-server", [sys.executable, "-S", "-c", "raise SystemExit(3)"], root=root)
    supervisor.children["prefect-server"].process.wait(60)
    supervisor.revive()
    assert ("the disk is full" in said[-1], True) == (True, supervisor.children["serve-one"].alive)


def test_a_config_that_is_half_written_is_looked_at_later(supervisor: Supervisor, root: Path) -> None:
    serving(root, "one")
    (root / "flows" / "two.serving.json").write_text('{"model": "tw')
    supervisor.serve_compiled()
    assert ["serve-one"] == list(supervisor.children)


def test_a_config_that_cannot_be_read_is_said_once(supervisor: Supervisor, root: Path, said: Said) -> None:
    (root / "flows" / "two.serving.json").write_text('{"model": "two"}')
    supervisor.serve_compiled()
    supervisor.serve_compiled()
    assert 1 == sum("config-unreadable" in line and "two.serving.json" in line for line in said)
    serving(root, "two")
    supervisor.serve_compiled()
    assert ["serve-two"] == list(supervisor.children)


def test_all_children_are_stopped_servers_first(supervisor: Supervisor, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving(root, "one")
    start(supervisor)
    supervisor.children["prefect-server"] = spawn("prefect-server", [sys.executable, "-S", "-c", SLEEP], root=root)
    children = [child.process.pid for child in supervisor.children.values()]
    order: list[str] = []

    def stopped(child: Child) -> bool:
        order.append(child.name)
        return stop(child)

    monkeypatch.setattr(room, "stop", stopped)
    assert [] == supervisor.stop_all()
    assert ["serve-one", "prefect-worker", "prefect-server"] == order
    assert ([], False) == (survivors(root, children), supervisor.told.exists())


def test_one_that_survived_is_named(supervisor: Supervisor, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving(root, "one")
    supervisor.serve_compiled()
    monkeypatch.setattr(room, "stop", lambda _: False)
    assert ["serve-one"] == supervisor.stop_all()
    monkeypatch.undo()


def note(supervisor: Supervisor, text: str) -> None:
    supervisor.told.parent.mkdir(parents=True, exist_ok=True)
    supervisor.told.write_text(text, encoding="utf-8")


def test_a_second_up_is_refused_while_the_first_lives(supervisor: Supervisor) -> None:
    note(supervisor, json.dumps({"pid": os.getppid()}))
    with pytest.raises(HeadraceError, match=f"as process {os.getppid()}") as raised:
        refuse_second(supervisor)
    assert ("already-up", Exit.LOCKED) == fault(raised)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x"}', '{"pid": null}', "OWN", "DEAD", "YOUNG"])
def test_a_note_of_an_up_that_died_stops_nobody(supervisor: Supervisor, root: Path, text: str) -> None:
    dead = spawn("dead", [sys.executable, "-S", "-c", ""], root=root)
    dead.process.wait(60)
    pids = {"OWN": os.getpid(), "DEAD": dead.process.pid, "YOUNG": os.getppid()}
    note(supervisor, json.dumps({"pid": pids[text]}) if text in pids else text)
    if text == "YOUNG":  # the note is older than the process that has this number now
        os.utime(supervisor.told, (0, 0))
    refuse_second(supervisor)


def test_the_server_that_the_environment_names_is_used(supervisor: Supervisor, said: Said) -> None:
    start(supervisor)
    assert (URL, ["prefect-worker"]) == (told(supervisor)["prefect"], list(told(supervisor)["children"]))
    assert f"using the Prefect server at {URL}" in said


def test_without_one_a_server_is_started(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL")
    start(supervisor)
    assert (URL, ["prefect-server", "prefect-worker"]) == (told(supervisor)["prefect"], list(told(supervisor)["children"]))


def test_a_server_that_another_command_runs_for_itself_is_waited_for(
    supervisor: Supervisor, root: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL")
    taken = prefect_server.claim(root)
    assert taken is not None
    started = threading.Thread(target=start, args=(supervisor,))
    started.start()
    until(lambda: "another command runs Prefect's server" in said, 60, "that it waits")
    assert {} == supervisor.children
    taken.close()
    started.join(60)
    assert ["prefect-server", "prefect-worker"] == list(told(supervisor)["children"])
    assert prefect_server.claim(root) is None
    supervisor.stop_all()
    assert prefect_server.claim(root) is not None


def workspace(root: Path, *models: str) -> Store:
    config = {
        "project": "shop",
        "language": 1,
        "environment": "dev",
        "production": False,
        "store": "sqlite:///state.db",
        "blobs": "blobs",
        "spool": ".headrace/spool",
        "plugins": {"allow": None, "deny": []},
        "sources": {},
        "views": {},
        "channels": {},
        "models": list(models or ("one",)),
    }
    (root / "flows" / "headrace.json").write_text(json.dumps(config))
    store = Store.open("sqlite:///state.db", "blobs", root=root)
    with store.transaction("user:test", "abort", "model/one") as session:
        events.append(session, model="one", kind=EventKind.ROLLOUT_ABORTED, payload={}, at=clock.wall(), successor="roll_out")
    return store


def test_before_anything_is_compiled_no_event_is_looked_for(supervisor: Supervisor, said: Said) -> None:
    supervisor.send_again()
    assert [] == said


def test_while_a_clock_is_driven_its_driver_sends_events_again(supervisor: Supervisor, root: Path, said: Said) -> None:
    store = workspace(root)
    clock.drive(store, "replay", datetime(2020, 1, 1, tzinfo=UTC))
    with Answering() as prefect:
        prefect.say("/api/flow_runs/filter", [])
        supervisor.prefect_url = f"{prefect.url}/api"
        supervisor.send_again()
        asked = {request.path for request in prefect.asked}
    store.close()
    assert ([], {"/api/flow_runs/filter"}) == (said, asked & {"/api/flow_runs/filter", "/api/events", "/api/deployments/filter"})


@pytest.mark.slow
def test_events_that_cannot_be_looked_at_are_said_and_end_nothing(supervisor: Supervisor, root: Path, said: Said) -> None:
    supervisor.prefect_url = URL
    workspace(root).close()
    supervisor.send_again()
    assert ["events could not be looked at"] == [line.split(":")[0] for line in said]


def test_the_trouble_of_one_model_is_no_others(supervisor: Supervisor, root: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor.prefect_url = URL
    workspace(root, "one", "two").close()

    def refused(_store: Store, _door: object, model: str, _actor: str) -> list[str]:
        if model == "one":
            raise HeadraceError(Diagnostic("prefect-refused", "Prefect refused it"))
        return [f"looked at {model}"]

    monkeypatch.setattr(room, "end_dead", refused)
    monkeypatch.setattr(room, "send_again", lambda *_: [])
    supervisor.send_again()
    assert ["events of model/one could not be looked at", "looked at two"] == [line.split(":")[0] for line in said]


def interrupting(supervised: Callable[[], None], number: int = signal.SIGINT) -> Callable[[dict[str, Any]], None]:
    """A `ready` after which a check runs beside, and then the signal comes."""

    def ready(_: dict[str, Any]) -> None:
        def later() -> None:
            with suppress(AssertionError):
                supervised()
            os.kill(os.getpid(), number)

        threading.Thread(target=later, daemon=True).start()

    return ready


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_follows_the_configs_until_a_signal_stops_all_of_it(
    root: Path, said: Said, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LOOK", 0.0)
    serving(root, "one", 8081)
    path = root / ".headrace" / "run" / "up.json"
    seen: list[dict[str, Any]] = []
    before = [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)]

    def compile_one_more() -> None:
        serving(root, "two", 8082)
        until(lambda: "serve-two" in path.read_text(encoding="utf-8"), 60, "the second server")
        seen.append(json.loads(path.read_text(encoding="utf-8")))

    up(root, said.append, interrupting(compile_one_more, number))
    assert {"prefect-worker", "serve-one", "serve-two"} == set(seen[0]["children"])
    assert ([], False, "all stopped") == (survivors(root, list(seen[0]["children"].values())), path.exists(), said[-1])
    assert before == [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)]


@pytest.mark.slow
def test_up_that_fails_stops_what_it_started(root: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Child:
        raise HeadraceError(Diagnostic("file-trouble", "no room for a worker's log"))

    monkeypatch.setattr(prefect_server, "start_worker", refused)
    serving(root, "one")
    with pytest.raises(HeadraceError, match="no room"):
        up(root, said.append, lambda _: None)
    assert ([], "all stopped") == (survivors(root, []), said[-1])


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A project as `headrace init` makes it, served on a port of its own, and compiled."""
    root = tmp_path / "shop"
    assert 0 == headrace(tmp_path, "init", "shop").returncode
    spec = root / "specs" / "employment.yaml"
    text, changed = re.subn(r"serving: \{port: \d+\}", f"serving: {{port: {free_port()}}}", spec.read_text(encoding="utf-8"))
    assert 1 == changed
    spec.write_text(text, encoding="utf-8")
    done = headrace(root, "compile")
    assert 0 == done.returncode, done.stderr
    return root


@pytest.mark.slow
@pytest.mark.prefect
def test_up_starts_everything_and_ctrl_c_leaves_nothing_behind(made: Path) -> None:
    with running(made, "--json") as first:
        children = first.has("prefect-server", "prefect-worker", "serve-employment")
        until(
            lambda: any(line[:1] == "{" and line.endswith("}\n") for line in first.said().splitlines(keepends=True)), 60, "what runs where"
        )
        second = headrace(made, "up")
        assert (Exit.LOCKED, True) == (second.returncode, "error[already-up]" in second.stderr)
        assert first.told() == json.loads(next(line for line in first.said().splitlines() if line.startswith("{")))
        whole = [process.pid for pid in children.values() for process in psutil.Process(pid).children(recursive=True)]
        assert 0 == first.interrupt(), first.said()
        assert ([], {}, []) == (
            survivors(made, [first.process.pid, *children.values()]),
            first.told(),
            [pid for pid in whole if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE],
        )


@pytest.mark.slow
def test_a_server_whose_port_is_taken_is_left_alone_and_up_says_so(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect is named and away: `up` itself never asks it before something is to be sent."""
    monkeypatch.setenv("PREFECT_API_URL", URL)
    port = json.loads((made / "flows" / "employment.serving.json").read_text())["port"]
    with socket.create_server(("127.0.0.1", port)), running(made) as taken:
        until(lambda: f"port {port} of 127.0.0.1 is taken" in taken.said(), 180, "that the port is taken")
        assert 0 == taken.interrupt(), taken.said()
    assert "left alone" in taken.said()
    assert [] == survivors(made, [taken.process.pid])


def test_what_a_killed_up_left_running_is_ended(tmp_path: Path) -> None:
    left = spawn("left", [sys.executable, "-c", "import time; time.sleep(600)"], root=tmp_path)
    said: list[str] = []
    supervisor = Supervisor(tmp_path, said.append)
    supervisor.told.parent.mkdir(parents=True)
    supervisor.told.write_text(json.dumps({"pid": 1, "children": {"serve-employment": left.process.pid, "gone": 2**22 + 1}}))
    threading.Thread(target=left.process.wait).start()  # in life the killed `up` is its parent no more, and init reaps it

    end_leftovers(supervisor)

    assert not left.alive
    assert 1 == len(said)


def test_without_a_readable_note_nothing_is_ended(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, pytest.fail)
    end_leftovers(supervisor)
    supervisor.told.parent.mkdir(parents=True)
    for text in ("[]", json.dumps({"pid": 1, "children": {"odd": "x"}}), json.dumps({"pid": 1, "children": [os.getpid()]})):
        supervisor.told.write_text(text)
        end_leftovers(supervisor)
