"""A key that is given, with another value than its default, and changes nothing is a warning: whoever wrote it believes that it does."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.diagnostics import Diagnostic, Severity
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.gates import Gate
from headrace.spec.rollout import Judge

_OF_METRICS = (
    *("worse_by_at_most", "better_by_at_least", "test", "confidence", "proven", "bound", "first"),
    *("by", "min_group", "average", "each", "k", "slices"),
)
"""Keys that say how a metric is judged."""


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Gates and judges."""
    for model in scope.of(Model):
        yield from _gates(scope, model)
        yield from _judges(scope, model)


@question
def _gates(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    for position, gate in enumerate(model.gates):
        yield from _of_gate(scope, model, position, gate)


@question
def _of_gate(scope: Scope, model: Model, position: int, gate: Gate) -> Iterator[Diagnostic]:
    for word, why in _gate(scope, gate):
        place = scope.where(address_of(model), ("gates", position, word), key=True)
        message = f"`{word}` of gate `{gate.id}` changes nothing: {why}"
        yield Diagnostic("idle-key", message, place, help=f"remove `{word}`", severity=Severity.WARNING)


@question
def _judges(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    for position, judge in enumerate(model.rollout.judge if model.rollout is not None else ()):
        yield from _judge(scope, model, position, judge)


@question
def _judge(scope: Scope, model: Model, position: int, judge: Judge) -> Iterator[Diagnostic]:
    if judge.over is not None and judge.metric != "slow_request":
        place = scope.where(address_of(model), ("rollout", "judge", position, "over"), key=True)
        what = "counts errors" if judge.metric == "error_rate" else "does not go by it"
        message = f"`over` changes nothing: `{judge.metric}` {what}"
        yield Diagnostic("idle-key", message, place, help="remove `over`", severity=Severity.WARNING)


def _gate(scope: Scope, gate: Gate) -> Iterator[tuple[str, str]]:
    if getattr(gate, "waive", None) is not None and gate.mode == "warn":
        yield "waive", "a gate that warns keeps nobody out"
    given = {word for word, info in Gate.model_fields.items() if getattr(gate, word, info.default) != info.default}
    if getattr(gate, "gate", None) is not None:
        yield from ((word, f"`{gate.gate}` goes by its `params`") for word in _OF_METRICS if word in given)
    else:
        yield from _of_metric(scope, gate, given)


def _of_metric(scope: Scope, gate: Gate, given: set[str]) -> Iterator[tuple[str, str]]:
    if "params" in given:
        yield "params", "a metric takes none"
    metric = scope.plugins.metrics.get(gate.metric or "") if scope.plugins is not None else None
    yield from _of_comparison(gate, given)
    if gate.first is not None and gate.versus != "champion":
        yield "first", "it is about the first champion, and the gate does not compare with one"
    if gate.each is not None and gate.average is not None:
        yield "average", "each class is judged by itself"
    if metric is not None and metric.needs != "groups":
        for word in ("by", "min_group"):
            if word in given:
                yield word, f"`{metric.name}` compares no groups"


def _of_comparison(gate: Gate, given: set[str]) -> Iterator[tuple[str, str]]:
    for word in ("worse_by_at_most", "better_by_at_least", "test"):
        if word in given and gate.versus is None:
            yield word, "it compares with nobody"
    if "confidence" in given and gate.versus is None and not gate.proven:
        yield "confidence", "it compares with nobody, and is not `proven`"
    if gate.proven and gate.versus is not None:
        yield "proven", "a comparison always is"
