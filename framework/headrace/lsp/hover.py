"""What is told of the place under the cursor: the field, the word, the reference, and the faults that stand there."""

from __future__ import annotations

from collections.abc import Iterable

from headrace.address import Address
from headrace.diagnostics import Diagnostic, render
from headrace.document import write_flow
from headrace.lsp import inside
from headrace.lsp.expected import Expected, expected, names_of_keys
from headrace.lsp.outline import Outline, at
from headrace.lsp.said import Said
from headrace.lsp.scene import Declared, Scene
from headrace.spec import reference
from headrace.spec.name import RefersTo, Registered
from headrace.spec.vocabulary import Vocabulary


def hover(text: str, line: int, column: int, scene: Scene, faults: Iterable[Diagnostic] = ()) -> str | None:
    """Markdown for a place, or None; line and column count from 0, in characters."""
    outline, said = at(text, line, column)
    parts = [explained(fault) for fault in faults]
    if said is not None:
        vocabulary = scene.vocabulary()
        here = expected(outline, said.path, vocabulary)
        if here is not None:
            name = inside.told(here, outline, said, inside.cursor(text, line, column), scene.around())
            parts += [part for part in (name, _of_value(here, said, scene, vocabulary), told(here)) if part]
    return "\n\n---\n\n".join(parts) or None


def told(here: Expected) -> str:
    """A field or a section in Markdown."""
    if here.field is None:
        return "\n\n".join(model.__doc__ or "" for model in here.models)
    found = reference.about(here.subject, here.params)
    if found is None or "rest" in found:
        found = reference.told(here.subject, list(here.models), here.field)
    lines = [f"**{here.subject}**: {found['type']}", found["description"]]
    facts = [f"{word}: {found[word]}" for word in ("unit", "bounds") if found[word] is not None]
    if found["default"] is not None:
        facts.append(f"default: `{write_flow({'d': found['default']})[1:-1].removeprefix('d: ')}`")
    if found["effect"] is not None:
        facts.append(f"changing it costs: {found['effect']}")
    facts.append(reference.needed(found))
    lines.append("\n".join(f"- {fact}" for fact in facts))
    if found["example"]:
        lines.append(f"```yaml\n{found['example']}\n```")
    return "\n\n".join(line for line in lines if line)


def explained(fault: Diagnostic) -> str:
    """What a fault means, as `headrace explain ID` says it."""
    from headrace.diagnostics.codes import CODES

    code = CODES.get(fault.id)
    said = f"**{fault.severity}[{fault.id}]**: {render.told(fault.message)}"
    return f"{said}\n\n{code.why}" if code is not None else said


def target(outline: Outline, said: Said, scene: Scene, vocabulary: Vocabulary) -> Declared | None:
    """Where the document stands that a value, or a key, names."""
    word = said.value if said.in_value else None
    kind: str | None = None
    if said.in_value and (here := expected(outline, said.path, vocabulary)) is not None:
        kind = here.mark(RefersTo)
    elif said.path and (around := expected(outline, said.path[:-1], vocabulary)) is not None:
        kind, word = names_of_keys(around), str(said.path[-1])
    if kind is None or word is None:
        return None
    return scene.declared().get(Address(kind, word.removeprefix(f"{kind}/")))


def _of_value(here: Expected, said: Said, scene: Scene, vocabulary: Vocabulary) -> str | None:
    if not said.in_value or said.value is None:
        return None
    if (axis := here.mark(Registered)) is not None and said.value in vocabulary.words.get(axis, {}):
        return f"**{said.value}**\n\n{vocabulary.words[axis][said.value].told}"
    if (kind := here.mark(RefersTo)) is not None:
        found = scene.declared().get(Address(kind, said.value.removeprefix(f"{kind}/")))
        return f"**{kind}/{said.value.removeprefix(f'{kind}/')}** ({found.file}:{found.line + 1})\n\n{found.description}" if found else None
    return None
