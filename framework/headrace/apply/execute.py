"""Stages to side effects: each with an intent in the journal before it, so that an apply that was killed can be taken up again."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

from headrace import flags, registry
from headrace.apply import stages as s
from headrace.apply.door import Door
from headrace.apply.record import Journal, Left, record
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.journal import ship
from headrace.plan import AliasBack, Plan, Wanted, used
from headrace.plan.scope import key_of, model_of
from headrace.project import Project
from headrace.store.kinds import OperationStatus

LOCK = "apply"
"""The name that one apply holds at a time."""
Told = Callable[[str, str], None]
"""Hears of each step twice: `intent` or `done`, and what it is."""


@dataclass(frozen=True, slots=True)
class Started:
    """A training, or another judgement, that was started."""

    model: str
    run_id: str
    flow: str = "train"


@dataclass(slots=True)
class Outcome:
    """What an apply did."""

    serial: int
    steps: list[str] = field(default_factory=list)
    runs: list[Started] = field(default_factory=list)
    left: Left | None = None
    """Where the apply before stood, if it was cut short."""


@dataclass(frozen=True, slots=True)
class Work:
    """All that the steps need."""

    project: Project
    plan: Plan
    wanted: Wanted
    outputs: Mapping[str, str]
    root: Path
    door: Door
    journal: Journal
    train: bool


def execute(work: Work, stages: Sequence[s.Stage], told: Told) -> Outcome:
    """Do every step in order.

    The caller holds the lock. Raises HeadraceError with Exit.PARTIAL, naming the step, when one fails after another was done.
    """
    journal = work.journal
    outcome = Outcome(work.plan.serial, left=journal.close_earlier())
    if not work.train:
        journal.forgive([training.model for training in work.plan.train])
    for number, stage in enumerate(stages):
        step = f"{stage.action} {stage.subject}"
        operation = _intent(work, stage, {"step": number + 1, "of": len(stages)})
        told("intent", step)
        try:
            _do(work, stage, operation, outcome)
        except (HeadraceError, OSError) as error:
            if not isinstance(stage, s.Train | s.Judge):  # these stay owed
                journal.end(operation, OperationStatus.FAILED, str(error))
            raise _stopped(error, number, len(stages), step) from error
        journal.end(operation, OperationStatus.DONE)
        told("done", step)
        outcome.steps.append(step)
    return outcome


def _intent(work: Work, stage: s.Stage, counted: Mapping[str, int]) -> str:
    """The intent of one stage in the journal, with how far it is; a partial apply says there that it was one."""
    if isinstance(stage, s.Train | s.Judge):
        return work.journal.owed(stage.action, stage.model, stage.key)
    chosen = work.plan.selection
    partial = {"select": list(chosen.select), "exclude": list(chosen.exclude)} if chosen.partial and isinstance(stage, s.Record) else None
    return work.journal.intend(stage.action, stage.subject, {**counted, **({"partial": partial} if partial is not None else {})})


def _do(work: Work, stage: s.Stage, operation: str, outcome: Outcome) -> None:  # noqa: C901, PLR0912 - one arm a stage
    match stage:
        case s.WriteFile(path, text):
            _write(work.root / path, text)
        case s.DeleteFile(path):
            (work.root / path).unlink(missing_ok=True)
        case s.PutPool():
            work.door.put_pool()
        case s.PutDeployment(deployment):
            work.door.put_deployment(deployment, paused=deployment.paused)
        case s.PutAutomation(automation):
            work.door.put_automation(automation)
        case s.PutCrashWatch():
            work.door.put_crash_watch()
        case s.DeleteAutomation(name):
            work.door.delete_automation(name)
        case s.DeleteSchedules(name):
            work.door.delete_schedules(name)
        case s.DeleteDeployment(name):
            work.door.delete_deployment(name)
        case s.PutAlias(back):
            _put_alias(work.journal, back)
        case s.PutFlag(flag, before):
            flags.put(work.journal.store, work.journal.actor, flag, before)
        case s.DeleteFlag(name):
            flags.remove(work.journal.store, work.journal.actor, name)
        case s.Ship(model):
            ship(work.journal.store, spool(work.outputs, work.root) / model)
        case s.Record():
            train = work.plan.train if work.train else ()
            outcome.serial = record(work.journal, work.project, work.plan, applied(work), train)
        case s.Train(model, key):
            outcome.runs.append(Started(model, work.door.run(f"{model}/train", {}, key)))
        case s.Judge(model, key):
            # The journal's own row is what caused the run, so that a run that is started twice judges once.
            outcome.runs.append(Started(model, work.door.run(f"{model}/judge", {"cause": operation}, key), "judge"))
        case _:
            assert_never(stage)


def applied(work: Work) -> dict[str, dict[str, object]]:
    """What is remembered beside each spec: which files, deployments and automations were made of it."""
    found: dict[str, dict[str, object]] = {str(address): {} for address in work.project.specs}
    deployments: defaultdict[str, dict[str, str]] = defaultdict(dict)
    automations: defaultdict[str, dict[str, str]] = defaultdict(dict)
    files: defaultdict[str, list[str]] = defaultdict(list)
    for deployment in work.wanted.deployments.values():
        deployments[deployment.model][deployment.name] = deployment.version
    for automation in work.wanted.automations.values():
        automations[automation.model][automation.name] = automation.deployment
    for path in sorted(work.outputs):
        files[model_of(path)].append(path)
    for model in work.project.models:
        name = model.name
        found[f"model/{name}"] = {
            "files": files.pop(key_of(name), []),
            "deployments": deployments[name],
            "automations": automations[name],
            "plugins": used.released(work.project, model),
        }
    found[f"project/{work.project.project.name}"] = {"files": sorted(path for rest in files.values() for path in rest)}
    return found


def spool(outputs: Mapping[str, str], root: Path) -> Path:
    """Where servers journal: a folder a model."""
    return root / str(json.loads(outputs["flows/headrace.json"])["spool"])


def _put_alias(journal: Journal, back: AliasBack) -> None:
    at = journal.store.clock.now()
    with journal.store.transaction(journal.actor, "put back", f"model/{back.model}@{back.alias}") as session:
        registry.move(session, model=back.model, alias=back.alias, number=back.number, at=at, reason="it was changed outside of Headrace")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(text.encode())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _stopped(error: HeadraceError | OSError, done: int, total: int, step: str) -> HeadraceError:
    first = next(iter(error.report)).message if isinstance(error, HeadraceError) else str(error)
    return HeadraceError(
        Diagnostic(
            "apply-stopped",
            f"apply stopped part-way, at step {done + 1} of {total} ({step}): {first}",
            help="mend the cause and type `headrace apply` again: it goes on from there",
        ),
        Exit.PARTIAL if done else Exit.FAILED,
    )
