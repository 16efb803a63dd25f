"""What the journal writes of persons can be written, and nothing that reads the journal needs what is not."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.diagnostics import Diagnostic
from headrace.project.inputs import inputs, known
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.serving import Serving
from headrace.spec.serving_journal import Journal
from headrace.spec.wording import listed, nearest

_HERE = ("serving", "journal")


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """Journals with personal columns."""
    for model in scope.of(Model):
        if isinstance(model.serving, Serving):
            yield from _keys(scope, model, model.serving.journal)
            yield from _columns(scope, model, model.serving.journal)
            yield from _watched(scope, model, model.serving.journal)
            yield from _labels(scope, model, model.serving.journal)


@question
def _keys(scope: Scope, model: Model, journal: Journal) -> Iterator[Diagnostic]:
    here, used = address_of(model), set(journal.personal.values())
    for how, has, line in (
        ("hash", journal.hash_key is not None, "hash_key: env:JOURNAL_HASH_KEY"),
        ("encrypt", bool(journal.encryption_keys), "encryption_keys: [{id: k1, key: env:JOURNAL_KEY_1}]"),
    ):
        if how in used and not has:
            column = next(name for name, chosen in journal.personal.items() if chosen == how)
            place = scope.where(here, (*_HERE, "personal", column))
            yield Diagnostic("personal-key", f"`{how}` needs a key, and `journal` names none", place, help=f"write `{line}`")


@question
def _columns(scope: Scope, model: Model, journal: Journal) -> Iterator[Diagnostic]:
    here, entity = address_of(model), model.features.entity
    names = [item.name for item in inputs(scope, model)]
    for name, how in journal.personal.items():
        place = scope.where(here, (*_HERE, "personal", name), key=True)
        if name == entity:
            if how != "hash":
                message = f"the entity `{name}` can be hashed, and not {'dropped' if how == 'drop' else 'encrypted'}"
                yield Diagnostic("personal-column", f"{message}: an outcome is found by it", place, help=f"write `{name}: hash`")
        elif name not in names and known(scope, model):
            near = nearest(name, [entity, *names])
            help_ = f"write `{near}`" if near is not None else f"its inputs are {listed(names)}"
            yield Diagnostic("personal-column", f"{here} has no input `{name}`", place, help=help_)


@question
def _watched(scope: Scope, model: Model, journal: Journal) -> Iterator[Diagnostic]:
    drift = model.monitoring.drift if model.monitoring is not None else None
    if drift is None:
        return
    here = address_of(model)
    # Of texts there is no drift to watch.
    watched = {item.name for item in inputs(scope, model) if item.type != "text"}
    hidden = sorted(watched & set(journal.personal))
    if drift.features != "all":
        hidden = [name for name in hidden if name in drift.features]
    rest = sorted((watched if drift.features == "all" else set(drift.features)) - set(journal.personal))
    for name in hidden:
        message = f"drift watches `{name}`, and the journal does not hold its values: {journal.personal[name]}"
        place = scope.where(here, (*_HERE, "personal", name), key=True)
        help_ = f"write `drift: {{features: [{', '.join(rest[:8])}{', …' if len(rest) > len(rest[:8]) else ''}]}}`" if rest else None
        yield Diagnostic("personal-unread", message, place, help=help_ or "remove `drift`")


@question
def _labels(scope: Scope, model: Model, journal: Journal) -> Iterator[Diagnostic]:
    if not journal.personal:
        return
    for position, trigger in enumerate(model.retraining):
        if trigger.needs.new_labels:
            message = f"`{trigger.id}` waits for new labels of requests, and a model with personal columns learns from its source alone"
            place = scope.where(address_of(model), ("retraining", position, "needs"), key=True)
            yield Diagnostic("personal-unread", message, place, help="remove `needs`, or `personal` from `serving.journal`")
