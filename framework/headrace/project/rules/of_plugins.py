"""Rules that plugins add: they see the specs as values and say what is wrong; where it stands, is found here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType

from headrace.address import Address
from headrace.diagnostics import Diagnostic, Severity, Span
from headrace.hooks import Finding, Origin, Rule, resolve
from headrace.hooks.attended import attended
from headrace.hooks.fault import PluginFault, fault
from headrace.project.scope import Scope
from headrace.spec.wording import nearest


def check(scope: Scope) -> Iterator[Diagnostic]:
    """All rules of all plugins, each by itself: one that raises is named, and what it found is left out.

    They are asked about a project that could be read as a whole, so that what they miss is truly missing.
    """
    plugins = scope.plugins
    if plugins is None or scope.broken or scope.unread:
        return
    for rule in plugins.rules.values():
        origin = plugins.origin("rule", rule.name)
        try:
            if origin is not None:
                with attended(origin, "asking"):
                    found = _asked(scope, rule)
            else:
                found = _asked(scope, rule)
            yield from found
        except PluginFault as error:
            by, place = (f"plugin {origin}", error.place(origin, None)) if origin is not None else ("a plugin", None)
            yield Diagnostic("plugin-failed", f"{by} {error}", _project_file(place, origin), help=error.help)


def _project_file(place: Span | None, origin: Origin | None) -> Span | None:
    """A place in a file of the project under the name that the report knows it by."""
    if place is None or origin is None or origin.kind != "project" or place.file != str(origin.path):
        return place
    return Span(origin.name, place.line, place.column, place.end_line, place.end_column)


def _asked(scope: Scope, rule: Rule) -> list[Diagnostic]:
    """What one rule found; PluginFault where it raises, or gives anything but findings."""
    doing = f"failed in the rule `{rule.name}`"
    specs = MappingProxyType({str(address): spec for address, spec in sorted(scope.specs.items())})
    with fault(doing):
        given = resolve(rule.check)(specs)
        if not isinstance(given, Iterable) or isinstance(given, str | bytes):
            raise PluginFault(f"{doing}: it gave {'None' if given is None else type(given).__name__}, and not Findings")
        found = list(given)
    return [_told(scope, rule, finding, doing) for finding in found]


def _told(scope: Scope, rule: Rule, finding: object, doing: str) -> Diagnostic:
    if not isinstance(finding, Finding):
        raise PluginFault(f"{doing}: it gave {type(finding).__name__}, and not Finding")
    kind, _, name = str(finding.address).partition("/")
    address = Address(kind, name)
    if address not in scope.nodes:
        meant = nearest(str(finding.address), [str(known) for known in scope.nodes])
        raise PluginFault(f"{doing}: it speaks of `{finding.address}`, which is no spec" + (f"; did you mean `{meant}`?" if meant else ""))
    if finding.severity not in list(Severity):
        raise PluginFault(f"{doing}: its severity `{finding.severity}` is none of error, warning, note")
    place = scope.where(address, tuple(finding.path))
    return Diagnostic(rule.name, str(finding.message), place, help=finding.help, severity=Severity(finding.severity))
