"""A rollout's metrics of the journal: what each needs beside it, and that promotion waits for one at least."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from headrace.diagnostics import Diagnostic, Severity
from headrace.hooks import Plugins
from headrace.project.scope import Scope, address_of, question
from headrace.project.tasks import ANSWERS, task_of
from headrace.spec import Model
from headrace.spec.quantity import write_duration
from headrace.spec.rollout import Judge, Rollout
from headrace.spec.serving import Serving
from headrace.spec.wording import listed

_IDLE = {
    "of": ("quality",),
    "limit": ("quality", "output_shift", "prediction_disagreement"),
    "promote_below": ("error_rate", "slow_request", "quality", "output_shift"),
    "negligible": ("error_rate", "slow_request", "quality", "prediction_disagreement"),
    "count": ("error_rate",),
    "ceiling": ("error_rate", "slow_request", "quality", "prediction_disagreement"),
}
"""Keys of a judge, and the metrics that go by them."""


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All rollouts."""
    for model in scope.of(Model):
        yield from _rollout(scope, model)


@question
def _rollout(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if model.rollout is None:
        return
    yield from _promotes(scope, model, model.rollout)
    for position, judge in enumerate(model.rollout.judge):
        for ask in (_limit, _idle, _units, _pairs, _numbers, _rows, _late):
            yield from ask(scope, model, position, judge)


@question
def _promotes(scope: Scope, model: Model, rollout: Rollout) -> Iterator[Diagnostic]:
    if rollout.judge and all(judge.decides == "abort" for judge in rollout.judge):
        place = scope.where(address_of(model), ("rollout", "judge"), key=True)
        message = "every metric of `judge` only aborts: nothing would ever promote a candidate"
        yield Diagnostic("judge-never-promotes", message, place, help="remove `decides: abort` from one of them")


@question
def _limit(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    needed = judge.metric in {"output_shift", "prediction_disagreement"} or (judge.metric == "quality" and judge.of is not None)
    if needed and judge.limit is None:
        what = {"output_shift": "which answers are counted", "prediction_disagreement": "how far apart two answers disagree"}
        message = f"`{judge.metric}` does not say {what.get(judge.metric, 'from which value on a row is bad')}"
        example = {"output_shift": "0.5", "prediction_disagreement": "0.1"}.get(judge.metric, "0.25")
        place = scope.where(address_of(model), ("rollout", "judge", position, "metric"))
        yield Diagnostic("judge-without-limit", message, place, help=f"write for example `limit: {example}`")


@question
def _idle(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    here, path, usual = address_of(model), ("rollout", "judge", position), Judge(metric="error_rate")
    for word, metrics in _IDLE.items():
        # What is written as its default, such as by `headrace show`, asks for nothing.
        if judge.metric not in metrics and getattr(judge, word) != getattr(usual, word) and scope.node(here, (*path, word)) is not None:
            message = f"`{word}` changes nothing: `{judge.metric}` does not go by it"
            place = scope.where(here, (*path, word), key=True)
            yield Diagnostic("idle-key", message, place, help=f"remove `{word}`", severity=Severity.WARNING)


@question
def _units(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    """How many units there were is read of the journal, which knows requests by their entity."""
    rollout = model.rollout
    if rollout is None or judge.metric != "error_rate" or judge.count != "units" or rollout.unit == model.features.entity:
        return
    message = f"`count: units` counts by the journal, and that knows requests by `{model.features.entity}`, not by `{rollout.unit}`"
    place = scope.where(address_of(model), ("rollout", "judge", position, "count"))
    related = (scope.where(address_of(model), ("rollout", "unit")),)
    help_ = f"write `unit: {model.features.entity}`, or `count: requests`"
    yield Diagnostic("judge-units", message, place, help=help_, related=related)


@question
def _pairs(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    """Only a request that both versions answered shows whether they disagree."""
    mirrors = isinstance(model.serving, Serving) and model.serving.shadow is not None
    if judge.metric == "prediction_disagreement" and not mirrors:
        message = "`prediction_disagreement` needs requests that both versions answer, and nothing mirrors them"
        help_ = "write `serving: {shadow: {version: candidate}}`, or judge by `output_shift`, which needs no pairs"
        place = scope.where(address_of(model), ("rollout", "judge", position, "metric"))
        yield Diagnostic("judge-without-pairs", message, place, help=help_)


@question
def _numbers(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    """Of several classes the journal's one number is the probability of the one that was answered: a shift of it says little."""
    task = task_of(model, scope.plugins) if scope.plugins is not None else None
    if judge.metric in {"output_shift", "prediction_disagreement"} and task == "multiclass":
        message = f"`{judge.metric}` compares numbers, and `{model.training.algorithm}` answers {ANSWERS[task]}"
        place = scope.where(address_of(model), ("rollout", "judge", position, "metric"))
        yield Diagnostic("wrong-task", message, place, help="judge by `error_rate`, `slow_request` or `quality`")


@question
def _rows(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    """A rollout is judged row by row: by a metric that each row has, and that is for what the model answers."""
    plugins = scope.plugins
    task = task_of(model, plugins) if plugins is not None else None
    if judge.metric != "quality" or plugins is None or task is None:
        return
    name = judge.of or "accuracy"
    metric = plugins.metrics.get(name)
    if metric is None or (metric.each is not None and task in metric.of):
        return
    why = "it is no mean of rows" if metric.each is None else f"it is no metric of {ANSWERS[task]}"
    path = ("rollout", "judge", position, "of" if judge.of is not None else "metric")
    able = _able(plugins, task)
    help_ = f"write one of {listed(able)}" if able else "register a metric with `rows`"
    if judge.of is None:
        help_ = f"write `of: {able[0]}` and a `limit`" if able else help_
    yield Diagnostic("judge-metric", f"`quality` cannot be judged by `{name}`: {why}", scope.where(address_of(model), path), help=help_)


def _able(plugins: Plugins, task: str) -> list[str]:
    return sorted(name for name, metric in plugins.metrics.items() if metric.each is not None and task in metric.of)


@question
def _late(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    """Answers that are known only after all steps decide nothing, and a promotion that waits for them never comes."""
    rollout, delay = model.rollout, model.features.target.delay
    if rollout is None or judge.metric != "quality" or judge.decides == "abort":
        return
    whole = sum((step.hold for step in rollout.steps), timedelta())
    if rollout.steps and delay >= whole:
        message = (
            f"promotion waits for `quality`, and answers are known {write_duration(delay)} late: all steps last {write_duration(whole)}"
        )
        place = scope.where(address_of(model), ("rollout", "judge", position, "metric"))
        related = (scope.where(address_of(model), ("features", "target", "delay")),)
        help_ = f"hold longer than {write_duration(delay)}, or write `decides: abort`"
        yield Diagnostic("undecidable-rollout", message, place, help=help_, related=related)
