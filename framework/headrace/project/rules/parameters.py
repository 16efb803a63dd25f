"""The parameters of whatever a section names are those that its plugin takes, and stand where they belong."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from headrace.address import Address, Path
from headrace.diagnostics import Diagnostic, Report
from headrace.document import Entry
from headrace.document import Mapping as MappingNode
from headrace.hooks import Algorithm, ChannelType, Strategy, Tracker, Transform, resolve
from headrace.hooks import Gate as Kind
from headrace.hooks.composed import Chosen
from headrace.project.scope import Scope, question
from headrace.spec import Channel
from headrace.spec.decode import check as check_params
from headrace.spec.gates import Gate
from headrace.spec.later import live
from headrace.spec.place import keys
from headrace.spec.project import Tracking
from headrace.spec.rollout import Rollout
from headrace.spec.training import Baseline, Training, Transformation
from headrace.spec.wording import nearest

Section = Training | Baseline | Chosen | Transformation | Channel | Gate | Rollout | Tracking
"""What names a plugin, and has its parameters."""


def _naming(section: Section) -> str:
    """The key that says whose parameters they are."""
    match section:
        case Channel():
            return "type"
        case Gate():
            return "gate"
        case Rollout():
            return "strategy"
        case Transformation():
            return "transform"
        case Tracking():
            return "tracker"
        case _:
            return "algorithm"


@question
def params(
    scope: Scope,
    address: Address,
    path: Path,
    section: Section,
    plugin: Algorithm | ChannelType | Strategy | Kind | Transform | Tracker,
) -> Iterator[Diagnostic]:
    """What is wrong with the parameters that a section gives to a plugin, and with keys beside them that may be some."""
    place = scope.where(address, (*path, _naming(section)))
    try:
        model = resolve(plugin.params)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin's module may raise anything
        message = f"the parameters of `{plugin.name}` cannot be read: {type(error).__name__}: {error}"
        yield Diagnostic("plugin-failed", message, place)
        return
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        message = f"the parameters of `{plugin.name}` are `{plugin.params}`, which is no pydantic model"
        yield Diagnostic("plugin-failed", message, place)
        return
    given, beside = scope.node(address, (*path, "params")), _beside(scope, address, path, section)
    for entry in beside:
        yield from _stranger(entry, section, plugin.name, model)
    own = [entry for entry in beside if entry.key in keys(model)]
    if isinstance(given, MappingNode):
        key, own = scope.where(address, (*path, "params"), key=True), [entry for entry in own if given.get(entry.key) is None]
    else:
        _ = own or section.params  # asked, as they may stand under a key that could not be read
        key, given = place, MappingNode((), place)
    report = Report()
    whole = MappingNode((*given.entries, *own), given.span)
    check_params(model, whole, report, name=f"params of {plugin.name}", key=key, path=(*path, "params"))
    # One of the keys that are none may be what is missing.
    unknown = key is place and len(own) < len(beside)
    yield from (diagnostic for diagnostic in report.found if not (unknown and diagnostic.id == "missing-key"))


def _beside(scope: Scope, address: Address, path: Path, section: Section) -> list[Entry]:
    """The keys of a section that the language does not have there: they may be parameters, a level too high."""
    around = scope.node(address, path) if scope.partial else None
    if around is None or isinstance(section, Chosen):
        return []
    known = keys(type(section))
    return [e for e in around.entries if e.key not in known and not e.key.startswith("x-")] if isinstance(around, MappingNode) else []


def _stranger(entry: Entry, section: Section, plugin: str, model: type[BaseModel]) -> Iterator[Diagnostic]:
    """What is known of a key that is none of its section: said again, and better, than without the plugin."""
    name = f"`{entry.key[:80]}`"
    if entry.key in keys(model):
        message = f"{name} is a parameter of `{plugin}`, and belongs one level down, in `params`"
        yield Diagnostic("misplaced-key", message, entry.key_span, help="move it below `params:`")
    elif isinstance(section, Channel):
        message = f"{name} is no key of this channel, and no parameter of `{plugin}`"
        meant = nearest(entry.key, keys(model))
        there = f"`{plugin}` takes {', '.join(live(model)) or 'nothing'} below `params:`"
        help_ = f"write `{meant}` below `params:`" if meant is not None else f"{there}: write what it says as one of them, or remove it"
        yield Diagnostic("unknown-key", message, entry.key_span, help=help_)
