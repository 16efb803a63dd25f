"""`--select` and `--exclude` of the commands that read the specs alone: which documents a few words mean, broken ones included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from headrace.cli.completing import addresses
from headrace.diagnostics import Diagnostic, Exit, HeadraceError, Report, Span

if TYPE_CHECKING:
    from headrace.address import Address
    from headrace.document import Mapping as Document
    from headrace.project import Project

F = TypeVar("F", bound=Callable[..., Any])


def select_options(command: F) -> F:
    """`--select` and `--exclude` where nothing is known of what was applied."""
    for option in (
        click.option("--exclude", multiple=True, metavar="WHAT", shell_complete=addresses, help="Leave out what fits; may be given again."),
        click.option(
            "--select", multiple=True, metavar="WHAT", help="Only what fits: `model/ch*`, `+model/churn`, `label:tier=critical` …"
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Chosen:
    """The documents that are meant, and where they stand."""

    addresses: tuple[str, ...]
    inside: tuple[Span, ...]
    """Theirs, and those of what an overlay patches in them."""
    known: tuple[Span, ...]
    """Of every document that could be read."""

    def has(self, fault: Diagnostic) -> bool:
        """Whether a fault is theirs, or of a file that cannot be read, so that it may be."""
        if fault.span is None:
            return True
        return _within(fault.span, self.inside) or not _within(fault.span, self.known)


def chosen(root: Path, select: tuple[str, ...], exclude: tuple[str, ...]) -> Chosen:
    """What a selection means in a folder, whatever is wrong there; HeadraceError (exit 64) where it means nothing."""
    from headrace.project.read import read

    drafts = read(root, Report(), {})
    named = [(draft.address, draft.node) for draft in drafts.all if draft.address is not None]
    meant = _meant(named, select, exclude)
    spans = [node.span for address, node in named if str(address) in meant]
    for _, overlay in drafts.of("overlay"):
        spans += _patched(overlay, meant)
    return Chosen(tuple(sorted(meant)), tuple(spans), tuple(draft.node.span for draft in drafts.all))


def models(project: Project, select: tuple[str, ...], exclude: tuple[str, ...]) -> frozenset[str]:
    """The addresses that a selection means in a valid project; HeadraceError (exit 64) where nothing of it is compiled."""
    from headrace.plan import Selection
    from headrace.plan.graph import references
    from headrace.plan.select import There
    from headrace.spec.written import written

    said = {str(address): (address.kind, written(spec)) for address, spec in project.specs.items()}
    there = There(
        {name: document.get("labels") or {} for name, (_, document) in said.items()},
        {name: tuple(references(kind, document)) for name, (kind, document) in said.items()},
    )
    found = there.chosen(Selection(select, exclude))
    if not any(name.startswith(("model/", "project/")) for name in found):
        message = f"nothing that is compiled is selected: {', '.join(sorted(found)) or 'no document'}"
        raise HeadraceError(Diagnostic("nothing-selected", message, help="select what reads it too: `--select ADDRESS+`"), Exit.USAGE)
    return found


def _meant(named: Iterable[tuple[Address, Any]], select: tuple[str, ...], exclude: tuple[str, ...]) -> frozenset[str]:
    from headrace.plan import Selection
    from headrace.plan.graph import references
    from headrace.plan.select import There
    from headrace.spec.plain import plain

    labels: dict[str, Mapping[str, str]] = {}
    uses: dict[str, tuple[str, ...]] = {}
    for address, node in named:
        document = plain(node)
        held = document.get("labels") if isinstance(document, dict) else None
        labels[str(address)] = {key: str(value) for key, value in held.items()} if isinstance(held, dict) else {}
        uses[str(address)] = tuple(references(address.kind, document))
    return There(labels, uses).chosen(Selection(select, exclude))


def _patched(overlay: Document, meant: frozenset[str]) -> list[Span]:
    from headrace.document import Mapping as Keys

    patches = overlay.get("patches")
    entries = patches.value.entries if patches is not None and isinstance(patches.value, Keys) else ()
    return [span for entry in entries if entry.key in meant for span in (entry.key_span, entry.value.span)]


def _within(place: Span, spans: Iterable[Span]) -> bool:
    start = (place.line, place.column)
    return any(s.file == place.file and (s.line, s.column) <= start <= (s.end_line, s.end_column) for s in spans)
