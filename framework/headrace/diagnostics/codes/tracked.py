"""Faults of tracked runs: what is logged, what is looked for, what is mirrored, and versions that are made again."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "param-changed",
        "a param of a run was logged with another value",
        "A param says what the run was asked for; one that changes afterwards would say that of another run.",
        help="log it under another name, set a tag, or begin another run",
    ),
    Code(
        "bad-record",
        "what is logged cannot be kept",
        "Names are printable and short, metrics are numbers, steps are whole numbers: else nobody could find or compare them.",
        help="log a long or odd value as an artifact",
    ),
    Code(
        "bad-filter",
        "a filter of runs cannot be read",
        "It is a condition as in a spec, over metrics.NAME, params.NAME, tags.NAME, digests.NAME and what every run has.",
        help="headrace runs search \"metrics.roc_auc > 0.9 and status == 'finished'\"",
    ),
    Code(
        "bad-order",
        "runs cannot be sorted so",
        "An order is one name and, where the largest come first, the word `desc`.",
        help='headrace runs list --order "metrics.roc_auc desc"',
    ),
    Code(
        "which-run",
        "several runs begin with these letters",
        "A run is meant by its id, or by a beginning of it that no other has.",
        help="type more of the id; `headrace runs list` shows them whole",
    ),
    Code(
        "run-not-open",
        "a run logs outside of its block",
        "A run begins and ends with its `with` block; what is logged before or after would belong to no time of it.",
        help='with headrace.run("experiment") as run:',
    ),
    Code(
        "no-tracking",
        "an environment has no tracking server",
        "Runs are tracked in the project's own store; nothing says where else they should be.",
        help="write `tracking` into the environment, and type `headrace compile`",
    ),
    Code(
        "mirror-failed",
        "a tracking server does not do its part",
        "It is away, refuses, or holds what cannot be; the message has the plugin's own words.",
        help="mend what the message says, and type the command again: what was done stays done",
    ),
    Code(
        "version-conflict",
        "a version of elsewhere has no place here",
        "Versions are numbered without a gap, and a number never stands for another version.",
        help="take them into a project that has no version of this model",
    ),
)
