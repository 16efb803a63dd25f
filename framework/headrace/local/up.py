"""`up`: Prefect's server, a worker and the model servers of one machine, started, watched, and stopped together."""

from __future__ import annotations

import contextlib
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
from typing import IO, Any
from urllib.parse import urlsplit

from headrace import notify
from headrace.apply.moved import adopt
from headrace.apply.outstanding import end_dead, send_again
from headrace.apply.prefect import Door
from headrace.compiled import WORKSPACE, ServingConfig, read
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.local import note, prefect_server
from headrace.local.herald import Herald
from headrace.local.note import Note
from headrace.local.process import Child, end, free, spawn, stop
from headrace.registry import attending
from headrace.serving.fleet import single_threaded
from headrace.steps import workspace
from headrace.store import clock

LOOK = 15.0
"""Seconds between two looks at events that started nothing."""
PORT = 15.0
"""How many seconds a server's start waits for its port to be free."""
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
    waiting: dict[str, float] = field(default_factory=dict)
    """Models whose servers are to start once their port is free, and since when."""
    restarts: dict[str, int] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    signals: SimpleQueue[int] = field(default_factory=SimpleQueue)
    looked: float = field(default_factory=time.monotonic)
    all_said: bool = False
    """Whether it was said what answers where; what starts later says so itself."""

    claimed: IO[str] | None = None
    """The right to run this project's Prefect server."""

    @property
    def told(self) -> Path:
        """Where `up` writes what runs where, for the other commands."""
        return note.path(self.root)

    def say_once(self, text: str) -> None:
        """Say what stays so for a while, the first time alone."""
        if text not in self.said:
            self.said.add(text)
            self.say(text)

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
        servers = {name: config.url for name, config in sorted(self.configs.items())}
        children = {name: child.process.pid for name, child in sorted(self.children.items())}
        note.write(self.root, Note(pid=os.getpid(), prefect=self.prefect_url, servers=servers, children=children))

    def serve_compiled(self) -> None:
        """Start a server for each compiled model, again where its config changed, and stop those that left."""
        wanted = {path.name.removesuffix(".serving.json"): path for path in sorted((self.root / "flows").glob("*.serving.json"))}
        for model in [name for name in self.configs if name not in wanted]:
            self.say(f"model/{model} left the project: its server stops")
            self.stop_server(model)
            self.looked = -LOOK  # what it wrote last is looked for at once
            del self.configs[model]
            self.waiting.pop(model, None)
        found = {model: self.read(model, path) for model, path in wanted.items()}
        changed = {model: config for model, config in found.items() if config is not None and config != self.configs.get(model)}
        # All that changed stop before any starts: one may have the port that another had.
        for model in [name for name in changed if name in self.configs]:
            self.say(f"model/{model}: its serving config changed; the server starts again")
            self.stop_server(model)
            self.restarts.pop(f"serve-{model}", None)
        for model, config in changed.items():
            self.configs[model] = config
            self.waiting[model] = time.monotonic()
        self.start_waiting()
        self.tell()

    def start_waiting(self) -> None:
        """Start each server whose port is free; what is held is waited for; after a while the server itself says by whom."""
        for model, since in list(self.waiting.items()):
            port = self.configs[model].port
            if not free(port) and time.monotonic() - since < PORT:
                continue
            del self.waiting[model]
            if self.all_said:
                self.say(f"model/{model}: its server starts, at {self.configs[model].url}")
            self.start_server(model)

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
            with workspace.open_workspace(path, "up") as w, Door(self.prefect_url, w.config.owner) as door:
                for said in attending.attend(w.store, w.config.project, w.config.governance, w.config.environment, w.actor):
                    self.say(said)
                notify.deliver(w.store, w.plugins, w.config.channels, clock.wall())
                for said in adopt(w.store, w.root / w.config.spool, w.actor):
                    self.say(said)
                for model in w.config.models:
                    self.see_to(w, door, model)
        except HeadraceError as error:
            self.say(f"events could not be looked at: {error}")

    def see_to(self, place: workspace.Workspace, door: Door, model: str) -> None:
        """See to what got stuck of one model; its trouble is no other's, unless Prefect itself is away."""
        try:
            for said in end_dead(place.store, door, model, place.actor):
                self.say(said)
            for said in () if place.store.clock.driven else send_again(place.store, door, model):
                self.say(said)
        except HeadraceError as error:
            if next(iter(error.report)).id == "prefect-away":
                raise
            self.say(f"events of model/{model} could not be looked at: {error}")

    def stop_all(self) -> list[str]:
        """End every child, servers first; the names of those that would not end."""
        order = sorted(self.children, key=lambda name: (name == "prefect-server", name == "prefect-worker"))
        stubborn = [name for name in order if not stop(self.children[name])]
        self.told.unlink(missing_ok=True)
        if self.claimed is not None:
            self.claimed.close()
        return stubborn


def up(root: Path, say: Callable[[str], None], ready: Callable[[dict[str, Any]], None]) -> None:
    """Start everything, call `ready` with what answers where, and watch until SIGINT or SIGTERM."""
    supervisor, herald = Supervisor(root, say), Herald(root, say, LOOK)
    refuse_second(supervisor)
    end_leftovers(supervisor)

    def asked(number: int, frame: FrameType | None) -> None:
        del frame
        supervisor.signals.put(number)

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        start(supervisor)
        if not supervisor.asked_to_stop():
            told = note.read(root)
            ready(told.model_dump() if told is not None else {})
            supervisor.all_said = True
        herald.start()
        while not supervisor.asked_to_stop(1.0):
            supervisor.serve_compiled()
            supervisor.revive()
            if time.monotonic() - supervisor.looked > LOOK:
                supervisor.looked = time.monotonic()
                supervisor.send_again()
    finally:
        say("stopping …")
        herald.stop()
        stubborn = supervisor.stop_all()
        for number, handler in before.items():
            signal.signal(number, handler)
        say(f"still running, kill them by hand: {', '.join(stubborn)}" if stubborn else "all stopped")


def refuse_second(supervisor: Supervisor) -> None:
    """HeadraceError when another `up` of this project is alive; a younger process with its number is none."""
    told = note.living(supervisor.root)
    if told is None or told.pid == os.getpid():
        return
    raise HeadraceError(
        Diagnostic("already-up", f"this project is already up, as process {told.pid}", help=f"stop it first: `kill {told.pid}`"),
        Exit.LOCKED,
    )


def end_leftovers(supervisor: Supervisor) -> None:
    """End what an `up` that was killed left running: it holds the ports."""
    import psutil

    told = note.read(supervisor.root)
    if told is None:
        return
    written = supervisor.told.stat().st_mtime
    for name, pid in told.children.items():
        with contextlib.suppress(psutil.NoSuchProcess, ValueError):
            if psutil.Process(pid).create_time() <= written + 1:  # a younger process has only got its number
                supervisor.say(f"{name} (process {pid}) is left from an `up` that was killed; it is ended")
                end(pid)


def await_turn(supervisor: Supervisor) -> None:
    """Wait until no other command runs this project's Prefect server: its database knows one at a time."""
    while (claimed := prefect_server.claim(supervisor.root)) is None:
        supervisor.say_once("another command runs Prefect's server of this project for itself; waiting until it ends …")
        if supervisor.asked_to_stop(0.5):
            return
    supervisor.claimed = claimed


def start(supervisor: Supervisor) -> None:
    """Start Prefect's server (unless PREFECT_API_URL names one), the worker and the model servers."""
    if url := os.environ.get("PREFECT_API_URL"):
        supervisor.prefect_url = url
        supervisor.say(f"using the Prefect server at {url}")
    else:
        await_turn(supervisor)
        if supervisor.asked_to_stop():
            return
        supervisor.tell()  # whoever comes now waits for it, and starts no server of its own
        supervisor.say("starting Prefect's server (some 20 s) …")
        server = prefect_server.start_server(supervisor.root)
        supervisor.prefect_url = server.url
        supervisor.children["prefect-server"] = server.child
    supervisor.tell()
    supervisor.say("starting the worker …")
    supervisor.start_worker()
    supervisor.serve_compiled()
