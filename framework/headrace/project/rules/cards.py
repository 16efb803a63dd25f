"""A model's card stands where the spec says, has headings that a card has, and something below each that its risk asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from headrace.diagnostics import Diagnostic, Severity, Span
from headrace.project.scope import Scope, address_of, question
from headrace.spec import Model
from headrace.spec.card import HEADINGS, PARTS, required
from headrace.spec.card_file import OutsideError, read_file
from headrace.spec.card_text import FRONT, Fault, Written, read, unwritten
from headrace.spec.governance import Governance
from headrace.spec.wording import nearest


@question
def check(scope: Scope) -> Iterator[Diagnostic]:
    """The cards of all models."""
    for model in scope.of(Model):
        yield from _card(scope, model)


@question
def _card(scope: Scope, model: Model) -> Iterator[Diagnostic]:
    governance = model.governance
    if scope.root is None or governance is None or governance.card is None:
        return
    here = scope.where(address_of(model), ("governance", "card"))
    file = governance.card
    try:
        text = read_file(scope.root, file)
    except OutsideError as error:
        help_ = "write a Markdown file of the project's folder, such as `cards/" + model.name + ".md`"
        yield Diagnostic("card-path", f"`{file[:80]}` cannot be a card: {error}", here, help=help_)
        return
    except OSError as error:
        message = f"the card of model/{model.name} cannot be read: {file}: {error.strerror or error}"
        yield Diagnostic("card-missing", message, here, help=f"`headrace card new {model.name}` writes one to fill in")
        return
    written = read(text)
    yield from (_fault(file, fault) for fault in written.faults)
    yield from _unwritten(file, governance, written, here)


def _unwritten(file: str, governance: Governance, written: Written, here: Span) -> Iterator[Diagnostic]:
    """What is to be written yet: parts that the risk asks for, and those that were begun."""
    needs = required(governance.risk, governance.card_sections)
    texts = {name: prose.text for name, prose in written.parts.items()}
    for part in PARTS:
        prose = written.parts.get(part.name)
        asked = "text" in needs.get(part.name, ())
        if prose is None:
            if asked:
                help_ = f"write below `## {part.title}` in {file}: {part.asks}"
                message = f"the card has no `{part.title}`, which a model of {governance.risk or 'low'} risk needs"
                yield Diagnostic("card-unwritten", message, here, help=help_, severity=Severity.WARNING)
            continue
        found = unwritten(part.name, prose.text, texts)
        if found is not None:
            line = prose.begins + found.line if prose.text else prose.line
            place = Span(file, line, found.start, line, max(found.end, found.start + 1))
            message = f"`{part.title}` is not written: {found.why}"
            yield Diagnostic("card-unwritten", message, place, help=f"say {_lower(part.asks)}", severity=Severity.WARNING)


def _lower(text: str | None) -> str:
    return "" if not text else text[0].lower() + text[1:]


def _fault(file: str, fault: Fault) -> Diagnostic:  # noqa: PLR0911 - one of each kind
    place = Span(file, fault.line, fault.start, fault.line, fault.end)
    match fault.kind:
        case "heading":
            titles = [part.title for part in HEADINGS.values()]
            meant = nearest(fault.word, titles)
            caret = f"did you mean `{meant}`?" if meant else None
            help_ = f"there are {', '.join(titles)}; use `###` for a heading of your own"
            return Diagnostic("card-heading", fault.message, place, caret, help=help_, replacement=meant)
        case "twice":
            return Diagnostic("card-heading", fault.message, place, help="write both texts below one heading")
        case "outside":
            help_ = "write it below a heading, such as `## Purpose`"
            return Diagnostic("card-heading", fault.message, place, help=help_, severity=Severity.WARNING)
        case "key":
            meant = nearest(fault.word, FRONT)
            caret = f"did you mean `{meant}`?" if meant else None
            return Diagnostic("card-front", fault.message, place, caret, help=f"there are {', '.join(FRONT)}", replacement=meant)
        case "license":
            return Diagnostic(
                "card-front", fault.message, place, help="write for example `Apache-2.0`, or `LicenseRef-Ours` for one of your own"
            )
        case "date":
            return Diagnostic("card-front", fault.message, place, help="write for example `2027-06-30`")
        case "front":
            return Diagnostic("card-front", fault.message, place, help="write `---` in a line of its own below the keys")
        case _:
            assert_never(fault.kind)
