"""A plan to the steps that carry it out, in order; each may be done twice with the same end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from headrace.compiled import FLAGS, FlagConfig, FlagsConfig, parse
from headrace.plan import Action, AliasBack, Observed, Plan, Wanted
from headrace.plan.outside import settled
from headrace.plan.wanted import Automation, Deployment


@dataclass(frozen=True, slots=True)
class _OfName:
    """A stage that needs no more than the name of what it is done to."""

    name: str

    @property
    def subject(self) -> str:
        """What it is done to."""
        return self.name


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write one compiled file."""

    action: ClassVar[str] = "write file"
    path: str
    text: str

    @property
    def subject(self) -> str:
        """What it is done to."""
        return self.path


@dataclass(frozen=True, slots=True)
class DeleteFile(_OfName):
    """Delete one compiled file, by its path."""

    action: ClassVar[str] = "delete file"


@dataclass(frozen=True, slots=True)
class PutPool:
    """Make the work pool, or set it going."""

    action: ClassVar[str] = "put work pool"
    subject: ClassVar[str] = "headrace"


@dataclass(frozen=True, slots=True)
class PutDeployment:
    """Make or replace a deployment with its schedules."""

    action: ClassVar[str] = "put deployment"
    deployment: Deployment

    @property
    def subject(self) -> str:
        """What it is done to."""
        return self.deployment.name


@dataclass(frozen=True, slots=True)
class PutAutomation:
    """Make or replace an automation."""

    action: ClassVar[str] = "put automation"
    automation: Automation

    @property
    def subject(self) -> str:
        """What it is done to."""
        return self.automation.name


@dataclass(frozen=True, slots=True)
class PutCrashWatch:
    """Make the automation that notices crashed runs."""

    action: ClassVar[str] = "put automation"
    subject: ClassVar[str] = "crash-watch"


@dataclass(frozen=True, slots=True)
class DeleteAutomation(_OfName):
    """Take an automation away."""

    action: ClassVar[str] = "delete automation"


@dataclass(frozen=True, slots=True)
class DeleteSchedules(_OfName):
    """Take a deployment's schedules away."""

    action: ClassVar[str] = "delete schedules"


@dataclass(frozen=True, slots=True)
class DeleteDeployment(_OfName):
    """Take a deployment away."""

    action: ClassVar[str] = "delete deployment"


@dataclass(frozen=True, slots=True)
class PutAlias:
    """Let an alias stand again for the version that the log says, or for none."""

    action: ClassVar[str] = "put alias"
    back: AliasBack

    @property
    def subject(self) -> str:
        """What it is done to."""
        return f"{self.back.model}@{self.back.alias}"


@dataclass(frozen=True, slots=True)
class Ship(_OfName):
    """Bring to the store what a model's servers journalled under the name that it had, before the store calls it otherwise."""

    action: ClassVar[str] = "ship records"


@dataclass(frozen=True, slots=True)
class PutFlag:
    """Let a flag answer as it is declared now; `before` is the name that it had."""

    action: ClassVar[str] = "put flag"
    flag: FlagConfig
    before: str | None = None

    @property
    def subject(self) -> str:
        """What it is done to."""
        return f"flag/{self.flag.name}"


@dataclass(frozen=True, slots=True)
class DeleteFlag(_OfName):
    """Let a flag answer nobody any more."""

    action: ClassVar[str] = "delete flag"


@dataclass(frozen=True, slots=True)
class Record:
    """Write down what was applied, new names too, and the trainings that are to be started, in one transaction."""

    action: ClassVar[str] = "record"
    subject: ClassVar[str] = "state"


@dataclass(frozen=True, slots=True)
class _Owed:
    """A flow of a model that is started; the key makes it one run."""

    action: ClassVar[str]
    model: str
    key: str

    @property
    def subject(self) -> str:
        """What it is done to."""
        return self.model


@dataclass(frozen=True, slots=True)
class Train(_Owed):
    """Start a training."""

    action: ClassVar[str] = "train"


@dataclass(frozen=True, slots=True)
class Judge(_Owed):
    """Have the newest version judged again."""

    action: ClassVar[str] = "judge"


Stage = (
    WriteFile
    | DeleteFile
    | PutPool
    | PutDeployment
    | PutAutomation
    | PutCrashWatch
    | DeleteAutomation
    | DeleteSchedules
    | DeleteDeployment
    | PutAlias
    | Ship
    | PutFlag
    | DeleteFlag
    | Record
    | Train
    | Judge
)
"""One side effect."""


def stages(
    plan: Plan, outputs: Mapping[str, str], wanted: Wanted, observed: Observed, *, driven: bool = False, train: bool = True
) -> tuple[Stage, ...]:
    """What has to be done, in order: nothing that a later step needs comes after it, and what is removed loses its triggers first."""
    doomed = {file.path for file in plan.files if file.action == "delete"}
    found: list[Stage] = [WriteFile(file.path, outputs[file.path]) for file in plan.files if file.path not in doomed]
    found += _put(wanted, observed, driven=driven)
    found += _delete(wanted, observed)
    found += [DeleteFile(path) for path in sorted(doomed)]
    found += [PutAlias(back) for back in plan.aliases]
    found += [
        Ship(item.before.removeprefix("model/")) for item in plan.items if item.before is not None and item.before.startswith("model/")
    ]
    found += _flags(plan, outputs)
    if any(item.action is not Action.OUTSIDE for item in plan.items):
        found.append(Record())
    if train:
        found += [Train(training.model, training.key) for training in plan.train]
    found += [Judge(judging.model, judging.key) for judging in plan.judge]
    return tuple(found)


def _put(wanted: Wanted, observed: Observed, *, driven: bool) -> Iterator[Stage]:
    if not observed.pool:
        yield PutPool()
    made = set()
    for name, deployment in sorted(wanted.deployments.items()):
        if observed.deployments.get(name) != settled(deployment, driven=driven):
            yield PutDeployment(settled(deployment, driven=driven))
            found = observed.deployments.get(name)
            made |= {name} if found is None or found.title != deployment.title else set()
    for name, automation in sorted(wanted.automations.items()):
        # An automation knows its deployment by an id, and a deployment made anew has another.
        if observed.automations.get(name) != automation or automation.deployment in made:
            yield PutAutomation(automation)
    if not observed.crash_watch:
        yield PutCrashWatch()


def _delete(wanted: Wanted, observed: Observed) -> Iterator[Stage]:
    gone = sorted(set(observed.deployments) - set(wanted.deployments))
    yield from (DeleteAutomation(name) for name in sorted(set(observed.automations) - set(wanted.automations)))
    yield from (DeleteSchedules(name) for name in gone if observed.deployments[name].schedules)
    yield from (DeleteDeployment(name) for name in gone)


def _flags(plan: Plan, outputs: Mapping[str, str]) -> Iterator[Stage]:
    """What becomes of the flags that the plan names, as `flows/flags.json` will have them."""
    changed = [item for item in plan.items if item.address.startswith("flag/") and item.action is not Action.OUTSIDE]
    path = f"flows/{FLAGS}"
    there = {flag.name: flag for flag in parse(FlagsConfig, outputs[path], path).flags} if changed and path in outputs else {}
    before = {item.address: item.before.removeprefix("flag/") for item in changed if item.before is not None}
    for address in sorted({item.address for item in changed if item.action is not Action.REMOVE}):
        yield PutFlag(there[address.removeprefix("flag/")], before.get(address))
    for item in changed:
        if item.action is Action.REMOVE:
            yield DeleteFlag(item.address.removeprefix("flag/"))
