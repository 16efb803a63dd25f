"""Faults of one document: keys, values, kinds."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "not-a-mapping",
        "a document is no mapping",
        "A document is one spec: keys with values, beginning with its kind.",
        "- model",
        "kind: model\nname: employment",
    ),
    Code(
        "missing-kind",
        "a document does not say its kind",
        "The kind decides which keys a document has.",
        "name: employment",
        "kind: model\nname: employment",
    ),
    Code(
        "unknown-kind",
        "a kind does not exist",
        "The kind decides which keys a document has; where it could be any of several, nothing else of the document is judged.",
        "kind: modle",
        "kind: model",
    ),
    Code(
        "unknown-key",
        "a key does not exist there",
        "A misspelt key that is silently ignored is a setting that silently does nothing.",
        "gates:\n  - {id: a, metric: roc_auc, mn: 0.8}",
        "gates:\n  - {id: a, metric: roc_auc, min: 0.8}",
    ),
    Code(
        "misplaced-key",
        "a key stands one level too high or too low",
        "The word exists, in the section above or below.",
        "monitoring:\n  rows: 2000",
        "monitoring:\n  window: {rows: 2000}",
    ),
    Code(
        "missing-key",
        "a key is missing",
        "It has no default that would be right for most.",
        "target: {column: employed}",
        "target: {column: employed, delay: 30d}",
    ),
    Code(
        "wrong-type",
        "a value has another type",
        'Values are never converted silently: `"7"` is text and `7` a number.',
        'seed: "7"',
        "seed: 7",
    ),
    Code(
        "bad-value",
        "a value is none of those allowed",
        "The field takes one of a few words, or text of a certain form.",
        "when_undecided: promote",
        "when_undecided: rollback",
    ),
    Code(
        "bad-name",
        "a name has characters that names do not have",
        "Names become file names, addresses and columns, so they are plain: lower case, digits, single dashes or underscores.",
        "name: My Model",
        "name: my-model",
    ),
    Code(
        "missing-unit",
        "a number lacks its unit",
        "`hold: 6` could be seconds or days, and a wrong guess costs a rollout.",
        "hold: 6",
        "hold: 6h",
    ),
    Code("out-of-range", "a number is too large or too small", "The field's meaning has bounds.", "weight: 120%", "weight: 20%"),
    Code("not-finite", "a number is infinite or none", "It could not be compared, nor stored exactly.", "min: .inf", "min: 0.85"),
    Code(
        "too-few",
        "a list is too short",
        "An empty list here would mean that nothing is checked or done.",
        "gates: []",
        "gates:\n  - {id: quality, metric: roc_auc, min: 0.85}",
    ),
    Code(
        "not-yet-supported",
        "a word that this version does not do yet",
        "The language keeps the word, and ignoring it would promise what does not happen.",
        "training: {algorithm: lightgbm.classifier, tune: {trials: 40}}",
        "training: {algorithm: lightgbm.classifier}",
    ),
)
