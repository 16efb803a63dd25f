"""`up`: Prefect's server, a worker and the model servers of one machine, started, watched, and stopped together."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

from headrace import notify
from headrace.apply.outstanding import end_dead, send_again
from headrace.apply.prefect import Door
from headrace.compiled import WORKSPACE, ServingConfig, read
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.local import prefect_server
from headrace.local.process import Child, end, spawn, stop
from headrace.steps import workspace
from headrace.store import clock

LOOK = 15.0
"""Seconds between two looks at events that started nothing."""
RESTARTS = 5
"""How often in a row a child is started again before `up` gives up on it."""


@dataclass(slots=True)
class Supervisor:
    """The children of one `up`, by name."""

    root: Path
    say: Callable[[str], None]
    prefect_url: str = ""
    children: dict[str, Child] = field(default_factory=dict)
    configs: dict[str, ServingConfig] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    signals: SimpleQueue[int] = field(default_factory=SimpleQueue)
    looked: float = field(default_factory=time.monotonic)
    all_said: bool = False
    """Whether it was said what answers where; what starts later says so itself."""

    @property
    def told(self) -> Path:
        """Where `up` writes what runs where, for the other commands."""
        return self.root / ".headrace" / "run" / "up.json"

    def asked_to_stop(self, patience: float = 0.0) -> bool:
        """Whether a signal to stop came, or comes within `patience` seconds.

        A queue, since a signal handler may add to it at any moment; an Event's lock may be held by whom the handler interrupts.
        """
        if self.signals.empty():
            with suppress(Empty):
                self.signals.put(self.signals.get(timeout=patience))
        return not self.signals.empty()

    def tell(self) -> None:
        """Write what runs where, whole or not at all."""
        value = {
            "pid": os.getpid(),
            "prefect": self.prefect_url,
            "servers": {name: f"http://127.0.0.1:{config.port}" for name, config in sorted(self.configs.items())},
            "children": {name: child.process.pid for name, child in sorted(self.children.items())},
        }
        self.told.parent.mkdir(parents=True, exist_ok=True)
        draft = self.told.with_suffix(".tmp")
        draft.write_text(json.dumps(value, indent=2), encoding="utf-8")
        draft.replace(self.told)

    def serve_compiled(self) -> None:
        """Start a server for each compiled model, again where its config changed, and stop those that left."""
        wanted = {path.name.removesuffix(".serving.json"): path for path in sorted((self.root / "flows").glob("*.serving.json"))}
        for model in [name for name in self.configs if name not in wanted]:
            self.say(f"model/{model} left the project: its server stops")
            self.stop_server(model)
            del self.configs[model]
        for model, path in wanted.items():
            config = self.read(model, path)
            if config is None or self.configs.get(model) == config:
                continue
            if model in self.configs:
                self.say(f"model/{model}: its serving config changed; the server starts again")
                self.stop_server(model)
                self.restarts.pop(f"serve-{model}", None)
            if self.all_said:
                self.say(f"model/{model}: its server starts, at http://127.0.0.1:{config.port}")
            self.configs[model] = config
            self.start_server(model)
        self.tell()

    def read(self, model: str, path: Path) -> ServingConfig | None:
        """A model's serving config; one that cannot be read is said once, and looked at again in a second."""
        try:
            config = read(ServingConfig, path)
        except HeadraceError as error:
            if self.unreadable.get(model) != str(error):
                self.unreadable[model] = str(error)
                self.say(str(error))
            return None
        self.unreadable.pop(model, None)
        return config

    def stop_server(self, model: str) -> None:
        """Stop one model's server, where it runs."""
        if (child := self.children.pop(f"serve-{model}", None)) is not None:
            stop(child)

    def start_server(self, model: str) -> None:
        """Start one model's server."""
        command = [sys.executable, "-m", "headrace.serving", f"flows/{model}.serving.json"]
        self.children[f"serve-{model}"] = spawn(f"serve-{model}", command, root=self.root, env=single_threaded())
        self.started[f"serve-{model}"] = time.monotonic()

    def start_worker(self) -> None:
        """Start the worker that runs the flows."""
        self.children["prefect-worker"] = prefect_server.start_worker(self.root, self.prefect_url)
        self.started["prefect-worker"] = time.monotonic()

    def revive(self) -> None:
        """Start again what has ended; what ends again and again is left alone, and said: the others go on."""
        for name, child in list(self.children.items()):
            if child.alive:
                continue
            lasted = time.monotonic() - self.started.get(name, 0.0)
            self.restarts[name] = 0 if lasted > 60 else self.restarts.get(name, 0) + 1  # noqa: PLR2004 - a minute is a life
            stop(child)
            if self.restarts[name] > RESTARTS:
                del self.children[name]
                self.say(f"{name} ended with code {child.process.returncode} again and again; it is left alone. Its log {child.log} ends:")
                self.say(child.tail())
            else:
                self.say(f"{name} ended with code {child.process.returncode}; it starts again")
                self.start_again(name)
            self.tell()

    def start_again(self, name: str) -> None:
        """Start one child that has ended; Prefect's server where it was, since all that runs knows it there."""
        self.started[name] = time.monotonic()
        if name == "prefect-worker":
            self.start_worker()
        elif name == "prefect-server":
            try:
                self.children[name] = prefect_server.start_server(self.root, urlsplit(self.prefect_url).port or 0).child
            except HeadraceError as error:
                self.say(str(error))
        else:
            self.start_server(name.removeprefix("serve-"))

    def send_again(self) -> None:
        """Send what got lost once more: notifications, and, unless a clock is driven, the events that started nothing."""
        path = self.root / "flows" / WORKSPACE
        if not path.is_file():
            return
        try:
            with workspace.open_workspace(path, "up") as w, Door(self.prefect_url, w.config.project) as door:
                notify.deliver(w.store, w.plugins, w.config.channels, clock.wall())
                for model in w.config.models:
                    told = end_dead(w.store, door, model, w.actor)
                    told += [] if w.store.clock.driven else send_again(w.store, door, model)
                    for said in told:
                        self.say(said)
        except HeadraceError as error:
            self.say(f"events could not be looked at: {error}")

    def stop_all(self) -> list[str]:
        """End every child, servers first; the names of those that would not end."""
        order = sorted(self.children, key=lambda name: (name == "prefect-server", name == "prefect-worker"))
        stubborn = [name for name in order if not stop(self.children[name])]
        self.told.unlink(missing_ok=True)
        return stubborn


def single_threaded() -> dict[str, str]:
    """Environment under which numeric libraries keep to one thread: parallel work is by processes."""
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def up(root: Path, say: Callable[[str], None], ready: Callable[[dict[str, Any]], None]) -> None:
    """Start everything, call `ready` with what answers where, and watch until SIGINT or SIGTERM."""
    supervisor = Supervisor(root, say)
    refuse_second(supervisor)
    end_leftovers(supervisor)

    def asked(number: int, frame: FrameType | None) -> None:
        del frame
        supervisor.signals.put(number)

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        start(supervisor)
        if not supervisor.asked_to_stop():
            ready(json.loads(supervisor.told.read_text(encoding="utf-8")))
            supervisor.all_said = True
        while not supervisor.asked_to_stop(1.0):
            supervisor.serve_compiled()
            supervisor.revive()
            if time.monotonic() - supervisor.looked > LOOK:
                supervisor.looked = time.monotonic()
                supervisor.send_again()
    finally:
        say("stopping …")
        stubborn = supervisor.stop_all()
        for number, handler in before.items():
            signal.signal(number, handler)
        say(f"still running, kill them by hand: {', '.join(stubborn)}" if stubborn else "all stopped")


def refuse_second(supervisor: Supervisor) -> None:
    """HeadraceError when another `up` of this project is alive; a younger process with its number is none."""
    import psutil

    try:
        pid = int(json.loads(supervisor.told.read_text(encoding="utf-8"))["pid"])
        if pid == os.getpid() or psutil.Process(pid).create_time() > supervisor.told.stat().st_mtime + 1:
            return
    except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
        return
    raise HeadraceError(
        Diagnostic("already-up", f"this project is already up, as process {pid}", help=f"stop it first: `kill {pid}`"), Exit.LOCKED
    )


def end_leftovers(supervisor: Supervisor) -> None:
    """End what an `up` that was killed left running: it holds the ports."""
    import psutil

    try:
        written = supervisor.told.stat().st_mtime
        children = dict(json.loads(supervisor.told.read_text(encoding="utf-8"))["children"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    for name, pid in children.items():
        with contextlib.suppress(psutil.NoSuchProcess, ValueError, TypeError):
            if psutil.Process(int(pid)).create_time() <= written + 1:  # a younger process has only got its number
                supervisor.say(f"{name} (process {pid}) is left from an `up` that was killed; it is ended")
                end(int(pid))


def start(supervisor: Supervisor) -> None:
    """Start Prefect's server (unless PREFECT_API_URL names one), the worker and the model servers."""
    if url := os.environ.get("PREFECT_API_URL"):
        supervisor.prefect_url = url
        supervisor.say(f"using the Prefect server at {url}")
    else:
        supervisor.tell()  # whoever comes now waits for it, and starts no server of its own
        supervisor.say("starting Prefect's server (some 20 s) …")
        server = prefect_server.start_server(supervisor.root)
        supervisor.prefect_url = server.url
        supervisor.children["prefect-server"] = server.child
    supervisor.tell()
    supervisor.say("starting the worker …")
    supervisor.start_worker()
    supervisor.serve_compiled()
