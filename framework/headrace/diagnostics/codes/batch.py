"""Faults of scoring many rows at once: their keys, where answers go, and runs that did not end."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "repeated-output",
        "a scheduled batch writes one file again and again",
        "The second run would find the first one's answers in its place, and end with an error.",
        'schedule: "0 2 * * *"\noutput: {path: out/scores.parquet, key: household_id}',
        'schedule: "0 2 * * *"\noutput: {path: "out/{date}.parquet", key: household_id}',
    ),
    Code("shared-output", "two batches write one file", "Whoever reads it cannot know whose answers it holds."),
    Code(
        "output-is-input",
        "a batch would write over what it reads",
        "The rows would be gone, and a run that was killed could not go on.",
        help="write to another place",
    ),
    Code(
        "output-exists",
        "something stands where the answers go",
        "It may be somebody else's. Nothing was read or scored.",
        help="name another place, or say that it may be replaced: `--overwrite`, or `overwrite: true` in `output` of a batch",
    ),
    Code(
        "output-unwritable",
        "the answers cannot be written to their place",
        "What is scored is kept under `.headrace/batch`, so that nothing has to be scored again.",
        help="see that the place can be reached and written, then add `--resume`",
    ),
    Code(
        "output-columns",
        "a table cannot hold the answers",
        "It has other columns, or columns of other types, or is none that is written to. It was looked at before anything was scored.",
        help="name another table: one that does not exist is made",
    ),
    Code(
        "duplicate-keys",
        "two rows have one key",
        "Whoever joins the answers by their key would have two, or the wrong one. All keys are looked at before anything is scored.",
        help="leave one row of each key, name a column that identifies a row, or keep the first one alone: `duplicates: first`",
    ),
    Code(
        "too-many-bad-rows",
        "more rows are bad than may be",
        "A value of another type or out of bounds, a missing key, a row that the model fails on: such a row has no answer. Where many are, "
        "the input is most likely another one than was meant, so there is no output.",
        help="mend the rows, which stand beside the output with their reasons, or allow more of them by `max_bad`",
    ),
    Code(
        "input-changed",
        "what a batch reads has changed since the run began",
        "Some of its rows are scored already; with the others they would be answers to two inputs.",
        help="put the input back as it was, or begin anew with `--overwrite`",
    ),
    Code(
        "batch-unfinished",
        "a run for this output was killed and has not ended",
        "It knows what is scored, and by which version. Nothing is thrown away without being asked for.",
        help="go on with it by `--resume`, or begin anew by `--overwrite`",
    ),
    Code(
        "worker-died",
        "a process that scored was killed",
        "Most often the machine had no memory left. What the others have done is kept.",
        help="take a smaller `--chunk` or fewer `--workers`, and add `--resume`",
    ),
)
