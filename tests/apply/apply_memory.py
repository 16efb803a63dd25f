"""A copy of the reference project, applied to a Prefect in memory: for what an apply does to the store, where a server is not the point."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from apply_place import Place
from sqlmodel import select

from headrace import registry
from headrace.apply.execute import Outcome, Work, execute
from headrace.apply.record import Journal
from headrace.apply.stages import Stage, stages
from headrace.plan import Plan, Prepared, Selection, prepare
from headrace.plan.state import read
from headrace.registry import registration
from headrace.store import Store, tables

AT = datetime(2016, 1, 1, tzinfo=UTC)


class Memory(Place):
    """Plans as the command line does: with what a selection leaves, with new names, with what came in late."""

    def prepared(self, select: Iterable[str] = (), *, at_once: bool = False) -> Prepared:
        project = self.project()
        state = read(self.store, self.root, project)
        return prepare(project, str(self.root), state, self.door.observe(), Selection(tuple(select), (), at_once))

    def plan(self) -> Plan:
        return self.prepared().plan

    def steps(self, select: Iterable[str] = (), *, at_once: bool = False) -> tuple[Work, tuple[Stage, ...]]:
        made = self.prepared(select, at_once=at_once)
        assert made.observed is not None
        work = Work(made.project, made.plan, made.wanted, made.outputs, self.root, self.door, Journal(self.store, "user:test"), train=False)
        return work, stages(made.plan, made.outputs, made.wanted, made.observed, train=False)

    def apply(self, told: Callable[[str, str], None] = lambda *_: None, select: Iterable[str] = (), *, at_once: bool = False) -> Outcome:
        work, steps = self.steps(select, at_once=at_once)
        return execute(work, steps, told)

    def rename(self) -> None:
        """Call the model `work`, and say so."""
        self.edit("employment.yaml", "name: employment", "name: work")
        self.edit("replay.yaml", "model: employment", "model: work")
        self.edit("headrace.yaml", "language: 1", "language: 1\nmoved: [{from: model/employment, to: model/work}]")


def promoted(store: Store, model: str, number: int) -> None:
    """One more version, which is champion now."""
    digests = {"model_digest": "sha256:m", "manifest_digest": "sha256:n", "manifest": {"model": model}}
    made = registry.Version(model=model, number=number, run_id="r", algorithm="a", format="f", created_at=AT, **digests)
    with store.transaction("service:test", "train", model) as session:
        registration._keep(session, tables.ModelVersion(**asdict(made)), None, AT)
        registry.promote(session, model=model, number=number, at=AT, reason="it passed")


def rows(store: Store, table: type[Any], *names: str) -> list[tuple[Any, ...]]:
    """Some columns of a table, in the order of their words."""
    with store.read() as session:
        return sorted((tuple(getattr(row, name) for name in names) for row in session.exec(select(table))), key=repr)
