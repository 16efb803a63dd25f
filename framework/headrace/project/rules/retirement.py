"""A model's end has a cause, its traffic falls to nothing, and nobody still needs it."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Batch, Ensemble, Model
from headrace.spec.retirement import Retirement


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All models that are to end."""
    for model in scope.of(Model):
        yield from _retirement(scope, model)


@question
def _retirement(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    if model.retirement is not None:
        yield from _cause(scope, model, model.retirement)
        yield from _itself(scope, model, model.retirement)
        yield from _traffic(scope, model, model.retirement)
        yield from _in_use(scope, model, model.retirement)


def users(scope: Scope, wanted: str) -> Iterator[tuple[Address, Path]]:
    """What asks a model or an ensemble for predictions, and where it says so."""
    for ensemble in scope.of(Ensemble):
        for position, member in enumerate(ensemble.members):
            if member.model == wanted:
                yield address_of(ensemble), ("members", position, "model")
    for batch in scope.of(Batch):
        if batch.model == wanted:
            yield address_of(batch), ("model",)


@question
def _cause(scope: Scope, model: Model, retirement: Retirement) -> Iterator[Diagnostic]:
    here = address_of(model)
    if retirement.when.no_traffic is None and retirement.when.on is None:
        message, place = "`when` does not say what begins the retirement", scope.where(here, ("retirement", "when"), key=True)
        yield Diagnostic("retirement-cause", message, place, help="write `no_traffic: 90d` or `on: 2027-06-30`")


@question
def _itself(scope: Scope, model: Model, retirement: Retirement) -> Iterator[Diagnostic]:
    here = address_of(model)
    if retirement.replacement == str(here):
        place = scope.where(here, ("retirement", "replacement"))
        yield Diagnostic("retirement-cause", f"{here} cannot take its own place", place, help="name another model, or remove `replacement`")


@question
def _traffic(scope: Scope, model: Model, retirement: Retirement) -> Iterator[Diagnostic]:
    here, shares = address_of(model), retirement.traffic
    for position in range(1, len(shares)):
        if shares[position] >= shares[position - 1]:
            place = scope.where(here, ("retirement", "traffic", position))
            message = f"a retiring model's traffic falls, and {shares[position] * 100:g}% follows {shares[position - 1] * 100:g}%"
            yield Diagnostic("retirement-traffic", message, place, help=f"write less than {shares[position - 1] * 100:g}%")
    if shares[-1] != 0:
        place = scope.where(here, ("retirement", "traffic", len(shares) - 1))
        message = f"a retired model answers nobody, and its traffic ends with {shares[-1] * 100:g}%"
        yield Diagnostic("retirement-traffic", message, place, help="add `0%` at the end")


@question
def _in_use(scope: Scope, model: Model, retirement: Retirement) -> Iterator[Diagnostic]:
    here = address_of(model)
    if retirement.replacement is not None and retirement.replacement != str(here):
        return
    found = list(users(scope, str(here)))
    if found:
        names = ", ".join(dict.fromkeys(str(address) for address, _ in found))
        message = f"{here} is to be retired, and {names} still {'needs' if len(found) == 1 else 'need'} it"
        places = tuple(scope.where(address, path) for address, path in found)
        mend = "write `replacement: model/NAME`, or let them use another model first"
        yield Diagnostic("retires-in-use", message, scope.where(here, ("retirement",), key=True), help=mend, related=places)
