"""Every write of ours is known here, goes through the one door, and is one entry of the audit log or none at all."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlmodel import Session

import headrace
from headrace import flags, registry, rollout
from headrace.apply.record import Journal
from headrace.compiled import FlagConfig
from headrace.diagnostics import HeadraceError
from headrace.identity import keys, local_principal
from headrace.registry import Version
from headrace.rollout import Canary
from headrace.steps import run as steps
from headrace.store import Store, clock, digest, lock
from headrace.store.kinds import OperationStatus, RunStatus

HEADRACE = Path(headrace.__file__).parent
AT = datetime(2020, 1, 1, tzinfo=UTC)
FLAG = FlagConfig(
    name="shown", owner="", description="", enabled=True, variants={"on": True}, default="on", unit=None, rules=(), expires=None
)
CANARY = Canary(unit="", steps=(), judge=())

ENTRIES = {
    "apply.approval:refuse_unapproved": ["'ask approval'"],
    "apply.execute:_put_alias": ["'put back'"],
    "apply.moved:adopt": ["'take along'"],
    "apply.record:Journal.close_earlier": ["'resume'"],
    "apply.record:Journal.intend": ["f'intend {action}'"],
    "apply.record:Journal.end": ["status.value"],
    "apply.record:Journal.forgive": ["'drop trainings'"],
    "apply.record:record": ["'apply'"],
    "backtest.driver:Driver.replay": ["'replay'"],
    "backtest.driver:Driver.meet": ["'met'"],
    "cli.approve:_on_plan": ["choice.value"],
    "cli.approve:_on_version": ["choice.value"],
    "cli.card:write": ["'write'"],
    "cli.version_moves:_done": ["action"],
    "experiment.advance:advance": ["FLOW"],
    "experiment.advance:stop": ["'stop the experiment'"],
    "features.versions:keep": ["'keep features'"],
    "flags.force:put": ["'set flag'"],
    "flags.force:remove": ["'remove flag'"],
    "gates.judge:_record": ["'judge'"],
    "identity.keys:issue": ["'create'"],
    "identity.keys:rotate": ["'rotate'"],
    "identity.keys:revoke": ["'revoke'"],
    "identity.principals:local_principal": ["'create'"],
    "journal.subjects:erase": ["'erase'"],
    "journal.subjects:rewrap": ["'rotate'"],
    "mirroring.kept:keep_run": ["'pull'"],
    "mirroring.pull:_aliases": ["'pull'"],
    "monitoring.alerts:judge": ["'judge alerts'"],
    "monitoring.measure:measure": ["'schedule'"],
    "monitoring.measure:_close": ["'close windows'"],
    "monitoring.measure:_label": ["'label windows'"],
    "notebook.run:Run.__enter__": ["'begin'"],
    "notebook.run:Run.__exit__": ["'end'"],
    "notebook.run:Run._writing": ["action"],
    "notify.outbox:_claim": ["'claim'"],
    "notify.outbox:_failed": ["'delivery failed'"],
    "notify.outbox:_delivered": ["'delivered'"],
    "registry.attending:attend": ["'attend'"],
    "registry.garbage:_take": ["'collect garbage'"],
    "registry.registration:register": ["'register'"],
    "registry.registration:adopt": ["'register'"],
    "registry.request:cast": ["choice.value"],
    "registry.signed:sign": ["'sign'"],
    "retraining.carry:carry_out": ["'decide on retraining'"],
    "rollout.advance:advance": ["FLOW"],
    "rollout.advance:replace": ["FLOW"],
    "rollout.advance:roll_back": ["'roll back'"],
    "rollout.by_hand:_scene": ["f'{doing} rollout'"],
    "serving.judge:Reporter._log": ["'swap'"],
    "steps.batch.carry:_record": ["'log'"],
    "steps.run:running": ["'note'"],
    "steps.run:start": ["'start'"],
    "steps.run:end": ["'end'"],
    "steps.run:_take_up": ["'take up'"],
    "steps.tracked:attempt": ["'log'", "'log'"],
    "steps.tracked:note": ["'log'"],
    "steps.tracked:judged": ["'log'"],
    "store.clock:drive": ["'drive'"],
    "store.clock:release": ["'release'"],
    "store.lock:release": ["'unlock'"],
    "store.lock:_take": ["'lock'"],
    "store.sealing:Seal.recover": ["'recover'"],
    "tracking.reaping:reap": ["'end'"],
    "traffic.watch:abort": ["'abort'"],
}
"""Where an entry of the log is written, by module and function, and what each says was done, as the code puts it.

Whoever adds a write adds it here, and where it can be called without more than a store, to `CALLED`.
"""

COUNTED = {
    "experiment.told:report": ["'expose'"],
    "identity.keys:used": ["'use'"],
    "journal.shipping:_to_files": ["'ship'"],
    "journal.shipping:_written": ["action"],
    "journal.shipping:_delete": ["'ship'"],
    "mirroring.announcing:announce": ["'announce'"],
    "store.clock:advance": ["'advance'"],
    "store.lock:_beat": ["'heartbeat'"],
    "tracking.recorder:Recorder.flush": ["'log'"],
    "traffic.counter:Counter.flush": ["'count'"],
}
"""Where something repeats many times a second and changes no model: it is counted, and is no entry."""

DOORS = {"store.beside", "store.engine", "store.migrations.__init__", "store.sessions"}
"""Modules that may ask for a connection that writes: the door itself, migrations, and schemas of other libraries."""


def functions(node: ast.AST, within: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield ".".join(within), child
        named = isinstance(child, ast.FunctionDef | ast.ClassDef)
        yield from functions(child, (*within, child.name) if named else within)  # type: ignore[attr-defined]


def modules(*words: str) -> Iterator[tuple[str, ast.Module]]:
    """Those that say one of the words."""
    for path in sorted(HEADRACE.rglob("*.py")):
        told = path.read_text(encoding="utf-8")
        if any(word in told for word in words):
            yield path.relative_to(HEADRACE).with_suffix("").as_posix().replace("/", "."), ast.parse(told)


def writes() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Where `transaction(actor, action, subject)` is called: for an entry, and to be counted."""
    entries: dict[str, list[str]] = {}
    counted: dict[str, list[str]] = {}
    for module, tree in modules("transaction"):
        for function, call in functions(tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "transaction" and len(call.args) == 3:
                often = [item.value for item in call.keywords if item.arg == "often"]
                (counted if often else entries).setdefault(f"{module}:{function}", []).append(ast.unparse(call.args[1]))
    return entries, counted


def test_every_write_is_listed() -> None:
    assert (ENTRIES, COUNTED) == writes()


def test_nothing_else_opens_a_connection_that_writes() -> None:
    found = {
        module
        for module, tree in modules("WRITE", "headrace_write")
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr == "WRITE" and ast.unparse(node.value) in {"engine", "engines"})
        or (isinstance(node, ast.Constant) and node.value == "headrace_write")
    }
    assert DOORS == found


# What can be called with a store alone ------------------------------------------------------------------------------------


def place(store: Store) -> Any:
    return SimpleNamespace(store=store, actor="service:test")


def version(store: Store) -> Version:
    parts = {part: digest(part.encode()) for part in ("data", "spec", "code", "environment")}
    signature = [{"name": "a", "type": "number", "categories": [], "low": None, "high": None}]
    told = {"signature": signature, "digests": parts, "metrics": {"roc_auc": 0.9}, "seed": 7}
    return registry.register(
        store, actor="test", model="churn", run_id="r", manifest=told, model_bytes=b"m", algorithm="own", format="x", at=AT
    )


def key(store: Store) -> str:
    made = keys.issue(store, "user:ana", name="n", models=None, environment="dev", expires=None, scopes=("predict",))
    return made.row.id


def operation(store: Store) -> tuple[Journal, str]:
    journal = Journal(store, "user:ana")
    return journal, journal.intend("train", "churn")


Scene = Callable[[Store], Any]
CALLED: dict[str, tuple[Scene, Callable[[Store, Any], object], int]] = {
    "store.clock:drive": (lambda _: None, lambda s, _: clock.drive(s, "replay", AT), 1),
    "store.clock:release": (lambda s: clock.drive(s, "replay", AT), lambda s, _: clock.release(s, "replay"), 1),
    "store.clock:advance": (lambda s: clock.drive(s, "replay", AT), lambda s, _: clock.advance(s, "replay", AT + timedelta(days=1)), 0),
    "store.lock:_take": (lambda _: None, lambda s, _: lock._take(s, "apply", "user:ana"), 1),
    "store.lock:release": (lambda s: lock._take(s, "apply", "user:ana"), lambda s, held: lock.release(s, held.id), 1),
    "identity.principals:local_principal": (lambda _: None, lambda s, _: local_principal(s), 1),
    "identity.keys:issue": (lambda _: None, lambda s, _: key(s), 1),
    "identity.keys:rotate": (key, lambda s, id_: keys.rotate(s, "user:ana", id_, environment="dev", overlap=timedelta(hours=1)), 1),
    "identity.keys:revoke": (key, lambda s, id_: keys.revoke(s, "user:ana", id_, environment="dev"), 1),
    "identity.keys:used": (key, lambda s, id_: keys.used(s, "service:serving", {id_: AT}), 0),
    "flags.force:put": (lambda _: None, lambda s, _: flags.put(s, "user:ana", FLAG), 1),
    "flags.force:remove": (lambda s: flags.put(s, "user:ana", FLAG), lambda s, _: flags.remove(s, "user:ana", "shown"), 1),
    "registry.registration:register": (lambda _: None, lambda s, _: version(s), 1),
    "apply.record:Journal.close_earlier": (operation, lambda _, made: made[0].close_earlier(), 1),
    "apply.record:Journal.intend": (lambda s: Journal(s, "user:ana"), lambda _, journal: journal.intend("train", "churn"), 1),
    "apply.record:Journal.end": (operation, lambda _, made: made[0].end(made[1], OperationStatus.DONE), 1),
    "apply.record:Journal.forgive": (operation, lambda _, made: made[0].forgive(["churn"]), 1),
    "rollout.advance:advance": (lambda _: None, lambda s, _: rollout.advance(s, CANARY, model="churn", actor="a", cause=None), 1),
    "rollout.advance:replace": (version, lambda s, _: rollout.replace(s, model="churn", actor="a", cause=None), 1),
    "steps.run:start": (lambda _: None, lambda s, _: steps.start(place(s), model="churn", flow="train"), 1),
    "steps.run:end": (
        lambda s: steps.start(place(s), model="churn", flow="train"),
        lambda s, id_: steps.end(place(s), id_, RunStatus.PASSED),
        1,
    ),
}
"""What prepares, what is called, and how many entries it writes."""


def size(store: Store) -> int:
    with store.read() as session:
        return int(session.connection().execute(text("SELECT coalesce(max(size), 0) FROM audit_head")).scalar_one())


def rows(store: Store) -> dict[str, Counter[str]]:
    """Everything in the database."""
    with store.read() as session:
        names = inspect(session.connection()).get_table_names()
        return {name: Counter(map(repr, session.connection().exec_driver_sql(f'SELECT * FROM "{name}"'))) for name in names}  # noqa: S608


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open("sqlite:///state.db", "blobs", root=tmp_path) as opened:
        yield opened


def test_what_is_called_is_listed() -> None:
    assert [] == sorted(set(CALLED) - set(ENTRIES) - set(COUNTED))


@pytest.mark.parametrize("write", CALLED)
def test_a_write_is_one_entry_in_its_own_transaction_or_nothing(store: Store, write: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, act, entries = CALLED[write]
    made, commit = prepare(store), Session.commit
    before, kept = size(store), rows(store)

    def failing(self: Session) -> None:
        self.flush()
        assert before + entries == self.connection().execute(text("SELECT coalesce(max(size), 0) FROM audit_head")).scalar_one()
        raise RuntimeError("killed")

    monkeypatch.setattr(Session, "commit", failing)
    with pytest.raises(RuntimeError, match="killed"):
        act(store, made)
    monkeypatch.setattr(Session, "commit", commit)
    assert (before, kept) == (size(store), rows(store))
    act(store, made)
    assert before + entries == size(store)


def test_a_write_that_is_refused_leaves_no_entry(store: Store) -> None:
    with pytest.raises(HeadraceError, match="previous"):
        rollout.roll_back(store, model="churn", actor="user:ana", reason="why")
    assert 0 == size(store)
