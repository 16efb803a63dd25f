"""What orders the rows of a group has groups, and nothing tears one."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.address import Path
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of, question
from headrace.project.tasks import task_of
from headrace.spec import Backtest, Model
from headrace.spec.training import GroupCv, StratifiedCv


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All models of a ranking, and what replays one."""
    for model in scope.of(Model):
        yield from _model(scope, model)
    for backtest in scope.of(Backtest):
        yield from _replayed(scope, backtest)


@question
def _model(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if task_of(model, scope.plugins) == "ranking":
        yield from _group(scope, model)
        yield from _folds(scope, model)
        yield from _unit(scope, model)


@question
def _group(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    section, here = model.features, address_of(model)
    if section.group is None:
        message = f"`{model.training.algorithm}` orders the rows of each group, and `features` does not say what a group is"
        help_ = "write `group: COLUMN` in `features`, the column with the query, the visit or whatever rows are ranked within"
        yield Diagnostic("no-group", message, scope.where(here, ("training", "algorithm")), help=help_)
        return
    roles = {section.entity: "entity", section.time: "time", section.target.column: "target"}
    if (role := roles.get(section.group)) is not None:
        place = scope.where(here, ("features", "group"))
        message = f"`{section.group}` is the model's {role}, and cannot be its group"
        yield Diagnostic("no-group", message, place, help="name the column that rows to be ranked among each other share")


@question
def _folds(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    cv, group = model.training.cv, model.features.group
    if isinstance(cv, StratifiedCv):
        yield _torn(scope, model, ("training", "cv", "by"), "`stratified` deals rows one by one", "write `by: group`")
    elif isinstance(cv, GroupCv) and cv.group not in {None, group}:
        told = f"folds by `{cv.group}` may part rows of one `{group}`"
        yield _torn(scope, model, ("training", "cv", "group"), told, f"remove `group`: it is `{group}`, then")


@question
def _unit(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    rollout, group = model.rollout, model.features.group
    if rollout is not None and group is not None and rollout.unit != group:
        told = f"with the unit `{rollout.unit}` two versions may answer rows of one `{group}`, and their scores do not compare"
        yield _torn(scope, model, ("rollout", "unit"), told, f"write `unit: {group}`")


def _torn(scope: Scope, model: Model, path: Path, told: str, mend: str) -> Diagnostic:
    return Diagnostic("torn-group", f"a ranking is of whole groups: {told}", scope.where(address_of(model), path), help=mend)


@question
def _replayed(scope: Scope, backtest: Backtest) -> Iterator[Diagnostic]:
    model = scope.get(Model, backtest.model)
    if model is not None and task_of(model, scope.plugins) == "ranking":
        place = scope.where(address_of(backtest), ("model",))
        message = f"a backtest sends rows one by one and judges by windows, and {address_of(model)} ranks whole groups"
        yield Diagnostic("wrong-task", message, place, help="name another model: gates judge a ranking on its held-out groups")
