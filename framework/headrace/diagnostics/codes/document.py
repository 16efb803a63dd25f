"""Faults of a file's text, before it means anything."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "file-too-large",
        "a file is too large",
        "A spec is written and read by people; 4 MiB is far beyond that, and a limit keeps a hostile file cheap.",
    ),
    Code("unreadable-file", "a file cannot be read", "The operating system refused it: its permissions, or it vanished meanwhile."),
    Code("not-utf8", "a file is no UTF-8", "Columns count characters, and another encoding would make them guesses."),
    Code(
        "control-character",
        "an invisible character stands in a file",
        "Control characters, foreign line separators and marks that reverse the writing direction make a spec look other than it is.",
        "owner: growth<U+202E>ml",
        "owner: growth-ml",
    ),
    Code(
        "tab",
        "a tab stands where YAML wants spaces",
        "A tab's width differs from editor to editor, so YAML forbids it as indentation.",
        "training:\n<tab>seed: 7",
        "training:\n  seed: 7",
    ),
    Code(
        "yaml-syntax",
        "the text is no YAML",
        "A bracket or quote is open, a line stands at the wrong depth, or a `:` is where none can be.",
        "split: {by: random, holdout: 20%",
        "split: {by: random, holdout: 20%}",
    ),
    Code(
        "unquoted-expression",
        "an expression needs quotes",
        "`*`, `!`, `{` and, within brackets, `,` mean something to YAML. In quotes they are text.",
        "schedule: */5 * * * *",
        'schedule: "*/5 * * * *"',
    ),
    Code(
        "yaml-tag",
        "a tag says what a value is",
        "In a spec the field says it. Tags such as `!!python/object` could also run code.",
        "seed: !!int 7",
        "seed: 7",
    ),
    Code(
        "yaml-directive",
        "a `%` line stands in a file",
        "Directives change how YAML is read, and a spec is always read the same way.",
        "%YAML 1.1\n---\nkind: model",
        "kind: model",
    ),
    Code("yaml-key", "a key is a list or a mapping", "Keys are words. It is most often a `{` without quotes.", "? [a, b]\n: 1", "a: 1"),
    Code(
        "yaml-merge",
        "`<<` does not merge a mapping",
        "`<<: *NAME` copies the keys of a mapping that stands under `&NAME`; anything else has no keys.",
        "x-list: &list [1]\nparams: {<<: *list}",
        "x-more: &more {seed: 1}\nparams: {<<: *more}",
    ),
    Code(
        "unknown-anchor",
        "an alias has no anchor",
        "`*NAME` repeats what stands under `&NAME` before it in the same document.",
        "labels: *shared",
        "x-shared: &shared {tier: low}\nlabels: *shared",
    ),
    Code(
        "duplicate-key",
        "a key stands twice",
        "Most YAML readers silently take the last one, and the first is forgotten.",
        "seed: 7\nseed: 8",
        "seed: 7",
    ),
    Code(
        "integer-too-large",
        "a whole number has more than 64 bits",
        "No seed, count or year needs it, and what reads it after us would fail, or round it. A long identifier is text and wants quotes.",
        "labels: {ticket: 123456789012345678901234567890}",
        'labels: {ticket: "123456789012345678901234567890"}',
    ),
    Code("too-deep", "collections nest too deeply", "No spec needs 100 levels, and a limit keeps a hostile file cheap."),
    Code(
        "too-many-nodes",
        "a file has too many values",
        "A few hundred bytes of aliases can mean a billion values; 100,000 are the most that a file may have.",
    ),
)
