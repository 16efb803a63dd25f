"""Small projects that are planned and applied against a Prefect in memory: one folder, one store, edited as a person would."""

from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml
from hypothesis import strategies as st

from headrace import project as projects
from headrace.apply import checks
from headrace.apply.execute import Outcome, Work, execute
from headrace.apply.record import Journal
from headrace.apply.stages import Stage, stages
from headrace.diagnostics import Report
from headrace.plan import Observed, Plan, Prepared, Selection, prepare
from headrace.plan.state import State, read
from headrace.store import Store
from headrace.testing.prefect import MemoryDoor, MemoryServer

REFERENCE = Path(__file__).parents[1] / "plan" / "reference" / "specs"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - every folder in it is made by mkdtemp
"""Where a commit costs nothing; what a power cut leaves is no matter here."""
MODELS = ("alpha", "beta", "gamma")


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it is done."""


@dataclass(frozen=True)
class Specs:
    """What a folder says: each model with what is varied in it, and what is shared."""

    models: dict[str, tuple[float, str, float, str]] = field(default_factory=dict)
    """Learning rate, how often it is looked at, the gate's minimum, the owner."""
    seed: int = 7
    channel: str = "alerts.jsonl"
    extra: bool = False
    moved: tuple[tuple[str, str], ...] = ()

    def documents(self) -> list[dict[str, Any]]:
        found = []
        for document in copy.deepcopy(_reference()):
            match document["kind"], document["name"]:
                case "model", _:
                    found += [self._model(document, name, number) for number, name in enumerate(sorted(self.models))]
                    continue
                case "backtest", _:
                    continue
                case "source", "census_later" if not self.extra:
                    continue
                case "source", "census_labels":
                    continue
                case "source", "census":
                    document["arrival"]["seed"] = self.seed
                case "channel", "ml-log":
                    document["params"]["path"] = self.channel
                case "project", _ if self.moved:
                    document["moved"] = [{"from": old, "to": new} for old, new in self.moved]
            found.append(document)
        return found

    def _model(self, document: dict[str, Any], name: str, number: int) -> dict[str, Any]:
        rate, every, least, owner = self.models[name]
        made = copy.deepcopy(document)
        made["name"], made["owner"] = name, owner
        made["labels"] = {"tier": "high" if name.startswith("alpha") else "low"}
        made["serving"]["port"] = 9000 + ord(name[0])
        made["training"]["params"]["learning_rate"] = rate
        made["monitoring"]["every"] = every
        made["gates"][0]["min"] = least
        del number
        return made


@cache
def _reference() -> list[dict[str, Any]]:
    return [d for path in sorted(REFERENCE.glob("*.yaml")) for d in yaml.safe_load_all(path.read_text())]


CHOICES = st.tuples(
    st.sampled_from([0.05, 0.1]), st.sampled_from(["6w", "5w"]), st.sampled_from([0.85, 0.84]), st.sampled_from(["ana", "ben"])
)
SPECS = st.builds(
    Specs,
    models=st.dictionaries(st.sampled_from(MODELS), CHOICES, min_size=1, max_size=3),
    seed=st.sampled_from([7, 8]),
    channel=st.sampled_from(["alerts.jsonl", "other.jsonl"]),
    extra=st.booleans(),
)


@cache
def _empty_store() -> Path:
    """A store with its tables, to be copied: making one takes longer than all the rest."""
    root = Path(tempfile.mkdtemp())
    Store.open("sqlite:///.headrace/state.db", ".headrace/blobs", root=root).close()
    return root / ".headrace"


def _timeless(applied: Mapping[str, Any]) -> dict[str, Any]:
    """What was applied, without since when a model retires."""
    return {**applied, "retiring": "retiring" in applied}


class World:
    """One folder with its store and its door."""

    def __init__(self, server: MemoryServer | None = None, store: str = "sqlite:///.headrace/state.db") -> None:
        self.root = Path(tempfile.mkdtemp(dir=MEMORY))
        self._loaded: projects.Project | None = None
        shutil.copytree(_empty_store(), self.root / ".headrace")
        self.door = MemoryDoor("labour", server)
        self.store = Store.open(store, ".headrace/blobs", root=self.root)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()
        shutil.rmtree(self.root)

    def write(self, specs: Specs) -> None:
        self._loaded = None
        folder = self.root / "specs"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        text = "---\n".join(yaml.safe_dump(d, sort_keys=False) for d in specs.documents())
        (folder / "all.yaml").write_text(text, encoding="utf-8")

    def project(self) -> projects.Project:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded

    def _load(self) -> projects.Project:
        report = Report()
        found = projects.load(self.root, report)
        assert found is not None, [d.message for d in report]
        return found

    def state(self) -> State:
        return read(self.store, self.root, self.project())

    def prepared(self, select: Iterable[str] = (), exclude: Iterable[str] = (), *, blind: bool = False, at_once: bool = False) -> Prepared:
        observed: Observed | None = None if blind else self.door.observe()
        return prepare(self.project(), "/srv/labour", self.state(), observed, Selection(tuple(select), tuple(exclude), at_once))

    def plan(self, select: Iterable[str] = (), exclude: Iterable[str] = ()) -> Plan:
        return self.prepared(select, exclude).plan

    def look(self, select: Iterable[str] = (), exclude: Iterable[str] = ()) -> tuple[Work, tuple[Stage, ...]]:
        made = self.prepared(select, exclude)
        checks.refuse_blocked(made.plan)
        work = Work(made.project, made.plan, made.wanted, made.outputs, self.root, self.door, Journal(self.store, "user:test"), train=True)  # type: ignore[arg-type]
        assert made.observed is not None
        return work, stages(made.plan, made.outputs, made.wanted, made.observed, driven=made.state.driven)

    def apply(self, told: Callable[[str, str], None] = lambda *_: None, select: Iterable[str] = (), exclude: Iterable[str] = ()) -> Outcome:
        work, steps = self.look(select, exclude)
        return execute(work, steps, told)

    def live(self) -> dict[str, Any]:
        """What server, folder and store hold, without ids, times and serials."""
        observed, state = self.door.observe(), self.state()
        return {
            "deployments": observed.deployments,
            "automations": observed.automations,
            "pool": (observed.pool, observed.crash_watch),
            "disk": dict(state.disk),
            "resources": {a: (r.kind, r.fingerprint, r.spec, _timeless(r.applied)) for a, r in state.resources.items()},
            "pending": state.pending,
            "aliases": state.aliases,
        }

    def uids(self) -> dict[str, str]:
        return {address: recorded.uid for address, recorded in self.state().resources.items()}

    def trained(self) -> None:
        """Let every training that was started have made a version and a champion."""
        from dataclasses import asdict
        from datetime import UTC, datetime

        from headrace import registry
        from headrace.registry import registration
        from headrace.store import tables

        at = datetime(2026, 1, 1, tzinfo=UTC)
        with self.store.transaction("service:test", "train", "all") as session:
            for model in sorted(self.state().models):
                number = self.state().versions.get(model, 0) + 1
                digests = {"model_digest": "sha256:m", "manifest_digest": "sha256:n", "manifest": {"model": model}}
                made = registry.Version(model=model, number=number, run_id="r", algorithm="a", format="f", created_at=at, **digests)
                registration._keep(session, tables.ModelVersion(**asdict(made)), None, at)
                registry.promote(session, model=model, number=number, at=at, reason="it passed")
