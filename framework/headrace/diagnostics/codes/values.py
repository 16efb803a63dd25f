"""Faults of expressions, overlays and secrets."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "undefined-variable",
        "an expression names what is not given",
        "A value that silently becomes nothing is a setting that nobody chose. `variables:` of the project or the environment gives "
        "`var.NAME`, the shell gives `env.NAME`, and a default after `|` stands in for either.",
        'rows: "${var.rosw}"',
        'rows: "${var.rows | 30000}"',
    ),
    Code(
        "bad-expression",
        "an expression cannot be read",
        "It is `${var.NAME}` or `${env.NAME}`, with a default after `|` where one is wanted; the default is one value, as in YAML. "
        "A literal `${` is written `$${`.",
        'rows: "${ROWS:-30000}"',
        'rows: "${env.ROWS | 30000}"',
    ),
    Code(
        "misplaced-expression",
        "an expression stands where nothing is replaced",
        "Keys, `kind`, `name` and the `id` of an item say which thing is meant; overlays, references and plans find it by them.",
        'name: "model-${var.region}"',
        "name: model-eu",
    ),
    Code(
        "expressions-too-long",
        "the expressions of a document become too long",
        "A few kilobytes of expressions can mean gigabytes of text; 1 MiB is the most that those of one document may become.",
    ),
    Code(
        "unmatched-patch",
        "an overlay speaks of what does not exist",
        "A patch that changes nothing is a difference that an environment does not have. Documents are found by address, keys by name, "
        "items of a list by `id` (judges by `metric`).",
        "patches:\n  model/emplyment: {training: {seed: 8}}",
        "patches:\n  model/employment: {training: {seed: 8}}",
    ),
    Code(
        "added-item",
        "an overlay adds an item whose id is much like another's",
        "An item of a new id is added to the list. Where it was meant for the other one, that one stays as it was.",
        "patches:\n  model/employment:\n    gates: [{id: qualty, min: 0.8}]",
        "patches:\n  model/employment:\n    gates: [{id: quality, min: 0.8}]",
    ),
    Code(
        "fixed-identity",
        "an overlay changes what it may not",
        "`kind` and `name` say which document is patched, and a project or an environment says itself what it is.",
        "patches:\n  model/employment: {name: other}",
        "patches:\n  model/employment: {description: other}",
    ),
    Code(
        "conflicting-overlays",
        "two overlays of one environment say the same thing",
        "If the order of overlays decided, the name of one could change what runs. One of the two has to say it.",
        "patches: {model/a: {training: {seed: 1}}}   # overlay/x\npatches: {model/a: {training: {seed: 2}}}   # overlay/y",
        "patches: {model/a: {training: {seed: 1}}}   # overlay/x alone",
    ),
    Code(
        "misplaced-secret",
        "a reference to a secret stands in a field that takes none",
        "`env:NAME` and `file:PATH` are read where a secret is needed, and only fields that are declared for secrets do so. Elsewhere the "
        "reference would be taken for the value.",
        "description: env:NOTE",
        'description: "${env.NOTE}"',
    ),
    Code(
        "literal-secret",
        "a secret stands in the files",
        "What stands in a spec is copied into plans, states and compiled files, and stays in the history of the repository. An address is "
        "a secret too, where it holds a password or a token, or lets whoever knows it write to a chat.",
        "params: {url: env:TEAM_URL, sign_with: hunter2}",
        "params: {url: env:TEAM_URL, sign_with: env:TEAM_KEY}",
    ),
)
