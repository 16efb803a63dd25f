"""Every feature that a model uses exists, once, with the model's own entity and time, under a name that is free."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Severity
from headrace.project.inputs import inputs, known
from headrace.project.scope import Scope, address_of, question
from headrace.spec import FeatureView, Model, Source
from headrace.spec.features import RESERVED
from headrace.spec.wording import certain, listed, nearest


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """All models."""
    for model in scope.of(Model):
        yield from _use(scope, model)
        yield from _inputs(scope, model)
        yield from _reserved(scope, model)
        yield from _reserved_inputs(scope, model)


@question
def _use(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    for name in model.features.use:
        view = scope.get(FeatureView, Address("feature_view", name))
        if view is not None:
            for word in ("entity", "time"):
                yield from _mismatch(scope, model, view, word)
            yield from _used(scope, model, view)


def unknown_feature(scope: Scope, address: Address, path: Path, name: str, among: list[str], *, owner: str | None = None) -> Diagnostic:
    """The fault that a feature does not exist where it is looked for."""
    meant = nearest(name, among)
    return Diagnostic(
        "unknown-feature",
        f"{owner or address} has no feature `{name}`",
        scope.where(address, path),
        caret=f"did you mean `{meant}`?" if meant else None,
        help=f"write `{meant}`" if meant else f"its features are {listed(among)}",
        replacement=meant,
        certain=certain(name, among, shortest=5),
    )


@question
def _mismatch(scope: Scope, model: Model, view: FeatureView, word: str) -> Iterator[Diagnostic]:
    ours, theirs = getattr(model.features, word), getattr(view, word)
    # A view of other rows is joined by the entity, as of each row's time: its own time may be called what it likes.
    if ours != theirs and (word == "entity" or view.from_ == model.features.rows):
        place = scope.where(address_of(model), ("features", word))
        message = f"the model's {word} is `{ours}`, and that of {address_of(view)} is `{theirs}`: rows cannot be joined"
        related = (scope.where(address_of(view), (word,)),)
        yield Diagnostic("view-mismatch", message, place, help="use the same column in both", related=related)
    elif word == "entity":
        yield from _of_one_type(scope, model, view)


def _of_one_type(scope: Scope, model: Model, view: FeatureView) -> Iterator[Diagnostic]:
    """An entity that is a number here and a text there would be found in no row, and every feature would be missing."""
    from headrace.project.rules.columns import columns

    rows, source = scope.get(Source, model.features.rows), scope.get(Source, view.from_)
    if rows is None or source is None:
        return
    ours, theirs = columns(rows).get(model.features.entity), columns(source).get(view.entity)
    if ours is not None and theirs is not None and ours != theirs:
        place = scope.where(address_of(model), ("features", "entity"))
        message = f"`{view.entity}` is {ours} in {model.features.rows}, and {theirs} in {view.from_}: rows cannot be joined"
        related = (scope.where(address_of(view), ("entity",)),)
        yield Diagnostic("view-mismatch", message, place, help="give the columns one type in both sources", related=related)


@question
def _used(scope: Scope, model: Model, view: FeatureView) -> Iterator[Diagnostic]:
    here, wanted = address_of(model), model.features.use[view.name]
    if wanted == "all":
        yield from _left_out(scope, model, view)
        return
    if not wanted:
        yield Diagnostic(
            "no-features",
            f"no feature of {address_of(view)} is named",
            scope.where(here, ("features", "use", view.name), key=True),
            help="write `all`, or name some",
        )
    for position, name in enumerate(wanted):
        path = ("features", "use", view.name, position)
        if name not in view.features and name == getattr(getattr(model.features, "target", None), "column", None):
            message = f"`{name}` is the target of {here}, and no feature of {address_of(view)}"
            yield Diagnostic("unknown-feature", message, scope.where(here, path), help=f"remove `{name}`: a target is never an input")
        elif name not in view.features:
            yield unknown_feature(scope, here, path, name, list(view.features), owner=str(address_of(view)))
        elif name in wanted[:position]:
            yield Diagnostic("duplicate-feature", f"`{name}` is used twice", scope.where(here, path), help="remove one of them")


@question
def _left_out(scope: Scope, model: Model, view: FeatureView) -> Iterator[Diagnostic]:
    """What `all` passes over is said, so that nobody believes it an input."""
    for name, feature in sorted(view.features.items()):
        if model.features.target.column in (name, feature.column):
            place = scope.where(address_of(model), ("features", "use", view.name), key=True)
            declared = scope.where(address_of(view), ("features", name), key=True)
            message = f"`{name}` is no input of {address_of(model)}, though it uses `all`: it is the target"
            mend = f"remove `{name}`, or rename it where it is another thing"
            yield Diagnostic("left-out", message, declared, help=mend, severity=Severity.NOTE, related=(place,))


def _misnamed(scope: Scope, model: Model) -> bool:
    """Whether a feature that the model would use is of a column that there is not, which was said."""
    views = [view for view in (scope.get(FeatureView, Address("feature_view", name)) for name in model.features.use) if view is not None]
    of = [(feature, scope.get(Source, view.from_)) for view in views for feature in view.features.values()]
    return any(source is not None and (named := feature.column or feature.last) and named not in source.columns for feature, source in of)


@question
def _inputs(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    here, found = address_of(model), inputs(scope, model)
    if not found and known(scope, model) and "all" in model.features.use.values() and not _misnamed(scope, model):
        place = scope.where(here, ("features", "use"), key=True)
        yield Diagnostic(
            "no-features",
            f"{here} has no input: `all` leaves nothing beside entity, time and target",
            place,
            help="add features to the view",
        )
    seen: dict[str, str] = {}
    for item in found:
        first = seen.setdefault(item.name, item.view)
        path = item.path or ("features", "use", item.view)
        if first != item.view:
            message = f"`{item.name}` comes from feature_view/{first} and from feature_view/{item.view}"
            yield Diagnostic(
                "duplicate-feature",
                message,
                scope.where(here, path, key=item.path is None),
                help="name the features of one of them, or rename one",
            )
        if item.type is None and item.path is not None and item.column is not None and _declared(scope, item.view, item.column):
            message = f"`{item.name}` is a timestamp, and an input is a number, a category or a text"
            yield Diagnostic("wrong-column-type", message, scope.where(here, path), help="leave it out")


@question
def _reserved(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    here, section = address_of(model), model.features
    roles: tuple[tuple[str, str, Path], ...] = (
        ("entity", section.entity, ("features", "entity")),
        ("time", section.time, ("features", "time")),
        ("target", section.target.column, ("features", "target", "column")),
    )
    for word, name, path in roles:
        if name in RESERVED:
            message = f"{here}: no {word} can be called `{name}`, since training rows have a column of that name"
            help_ = "give the column another name in the source, with `from` for the file's own"
            yield Diagnostic("reserved-name", message, scope.where(here, path), help=help_)


@question
def _reserved_inputs(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    here = address_of(model)
    for item in inputs(scope, model):
        if item.name in RESERVED:
            view = Address("feature_view", item.view)
            message = f"{here}: no input can be called `{item.name}`, since training rows have a column of that name"
            path, named = item.path or ("features", "use", item.view), scope.where(view, ("features", item.name), key=True)
            help_ = (
                f"call the feature of {view} `{item.name}_`, with `column: {item.column}`"
                if item.column is not None
                else f"rename the feature of {view}"
            )
            yield Diagnostic("reserved-name", message, scope.where(here, path, key=item.path is None), help=help_, related=(named,))


def _declared(scope: Scope, view: str, column: str) -> bool:
    from headrace.project.rules.columns import columns

    found = scope.get(FeatureView, Address("feature_view", view))
    source = scope.get(Source, found.from_) if found is not None else None
    return source is not None and column in columns(source)
