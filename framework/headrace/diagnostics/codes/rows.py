"""Faults of data: sources that cannot be read, and rows that cannot be trained on."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "unknown-source",
        "the compiled project has no such source",
        "A step reads the sources of `flows/headrace.json`, and its flow names another: they were compiled from different specs.",
        help="type `headrace compile`",
    ),
    Code(
        "source-not-found",
        "a source's file or table is not there",
        "The `uri` is a path under the project's folder, a pattern that files fit, `file://…`, `package://PACKAGE/PATH` for a file in an"
        " installed package, a URL that fsspec reads, or a database with its `table`.",
        help="correct the source's `uri` or `table`, put the file there, or install the package",
    ),
    Code(
        "source-unreachable",
        "what holds a source's rows does not answer",
        "The server is away, refuses who asks, or cannot be reached from this machine. Nothing was read, and nothing was trained.",
        help="start it, or correct the `uri`; then type `headrace check source/NAME`",
    ),
    Code(
        "source-driver",
        "what reads a source is not installed",
        "PostgreSQL and clouds are spoken to by packages of their own, which nobody has to install who does not use them.",
        help="type the `pip install …` that the message names",
    ),
    Code(
        "source-failed",
        "a source's own function raised, or gave no rows",
        "`python` names a function that takes nothing and gives a DataFrame or an Arrow table; the message has the line that raised.",
        help="correct the function",
    ),
    Code(
        "pandera-missing",
        "a check names a pandera schema, and pandera is not installed",
        "Headrace's own checks need nothing else; pandera is there for schemas that exist already.",
        help="type `pip install pandera`",
    ),
    Code(
        "unknown-format",
        "no reader knows a source's format",
        "The ending of the file's name decides who reads it, and plugins may add readers.",
        help="use one of the endings that the message lists, or add a plugin with a reader",
    ),
    Code(
        "source-unreadable",
        "a source's file cannot be read",
        "Its reader failed: the file is cut short, of another format than its name says, or closed to this user.",
        help="open the file with another program; write it again where that fails as well",
    ),
    Code(
        "empty-source",
        "a source has no rows",
        "There is nothing to learn from, and it is most often an export that failed.",
        help="fill it",
    ),
    Code(
        "missing-column",
        "a source lacks a column",
        "The spec names it and the file does not have it, or a flow reads what the source does not declare.",
        help="correct `from` of the column in the source, or bring the column back",
    ),
    Code(
        "changed-type",
        "a column is no longer of its declared type",
        "The file changed under the spec. A guess, such as text for numbers, would train another model without a word.",
        help="mend the row that the message names, or change the column's `type` and compile",
    ),
    Code(
        "all-missing",
        "a column has no value at all",
        "A model cannot learn from it, and it is most often a join that failed upstream.",
        help="mend the file, or leave the column out of `use`",
    ),
    Code(
        "missing-entity",
        "rows have no entity, no time, or no group",
        "Without them nobody can say whose row it is, when it was known, or, in a ranking, which rows it is ranked among.",
        help="fill the columns, or leave such rows out of the file",
    ),
    Code(
        "stale-source",
        "a source is older than the spec allows",
        "`fresh_within` promises that its newest row is young enough; a model of old rows answers for a world that has passed.",
        help="bring the file up to date, or change `fresh_within`",
    ),
    Code(
        "features-failed",
        "a view could not be computed",
        "The engine that computes features could not go on, or a value is beyond what a number holds; nothing was trained on half of it.",
        help="look for the values in its source",
    ),
    Code(
        "unknown-view",
        "a compiled flow names a view that `flows/headrace.json` lacks",
        "Flows and `flows/headrace.json` are compiled together; one of them is older.",
        help="type `headrace compile`",
    ),
    Code(
        "not-online",
        "a view is no online one",
        "Events are kept for servers to read, and servers read the views that declare `online`.",
        help="write `online: {}` into the view, and type `headrace compile`",
    ),
    Code(
        "no-live-data",
        "there is no live data to compare",
        "The gate `parity` compares what servers read with what training reads, and a comparison of nothing shows nothing: it fails.",
        help="declare `online` in a view that the model uses, and type `headrace features materialize`",
    ),
    Code(
        "online-unwritable",
        "events cannot be written",
        "The disk is full, or the folder or the database is closed to this user. What was being written is not there; what was, is.",
        help="make room, then run the command again: it goes on where it was",
    ),
    Code(
        "online-unreachable",
        "events cannot be had",
        "Another writer holds their file, or the database that the environment's `online` names does not answer.",
        help="run the command again, start the database, or correct the environment's `online`",
    ),
    Code(
        "online-altered",
        "a file of events is no sound database",
        "Something else wrote into it, or its disk failed. It holds nothing that its source does not, save events that were pushed.",
        help="remove the file, and type `headrace features materialize`",
    ),
    Code(
        "online-driver",
        "the driver of PostgreSQL is not installed",
        "The environment's `online` is a PostgreSQL URL.",
        help="pip install 'psycopg[binary]'",
    ),
    Code(
        "blobs-driver",
        "what reaches the blobs' URL is not installed",
        "Blobs on S3 need nothing more; those of other clouds need the cloud's driver, which the message names.",
        help="pip install gcsfs",
    ),
    Code(
        "online-pruned",
        "a value needs events that were deleted",
        "`headrace features materialize --prune` deleted what no feature needed from then on; a value of an earlier moment would be wrong.",
        help="type `headrace features backfill VIEW --from TIME`",
    ),
    Code(
        "backfill-gap",
        "a backfill would leave a hole",
        "Older events were deleted. What lies between those that are brought back and those that were kept would be missing, unseen.",
        help="end the backfill where the kept events begin, or later",
    ),
    Code(
        "check-failed",
        "what a spec says of a source does not hold",
        "A check with `mode: block` ends a training before it begins: a model of wrong rows would be judged by wrong rows.",
        help="mend the rows, or change the check",
    ),
    Code(
        "bad-year",
        "a row's year is no year",
        "`arrival.spread` names the column with each row's year, over which its rows are spread.",
        help="mend the row that the message names, or name another column in `arrival.spread`",
    ),
    Code(
        "bad-target",
        "an answer is none of the model's task",
        "A yes or no is 1 or 0, one of several classes has a name, a number is finite, a relevance is a whole number from 0 to 30."
        " The message names the first row with another answer, and whether the source or the journal has it.",
        help="mend the row, or name another column in `target.column`",
    ),
    Code(
        "unknown-view-version",
        "a feature view has no such version",
        "Each apply that changes what a view computes records its definition under the next number, from 1 on; nothing removes one.",
        help="name one of those that `headrace features history VIEW` lists",
    ),
    Code(
        "nothing-kept",
        "nothing was kept under that version of the view",
        "`headrace features save` computes a version's values for the rows of a source and keeps them; `get` writes what was kept.",
        help="type `headrace features save VIEW --rows SOURCE`",
    ),
    Code(
        "unknown-input",
        "a transform takes an input that does not come to it",
        "Transforms work one after another: each takes what the one before has left. The message lists what there is of its kind.",
        help="name one of those, or move the step before the one that took it",
    ),
    Code(
        "transform-failed",
        "a transform of the inputs failed",
        "It raised, made values of another shape than the inputs that it names, infinite ones, or an input that there is already.",
        help="correct its parameters, or the plugin that offers it",
    ),
    Code(
        "duplicate-rows",
        "two rows of the model have one entity and one time",
        "What was known of an entity at a moment is one set of features; two rows of it count it twice, or give one question two answers.",
        help="leave one row of each entity and time in the source that `features.rows` names",
    ),
    Code(
        "no-rows",
        "no row's answer is known yet",
        "A row counts when its time and the target's `delay` have passed, or when its journalled answer has come.",
        help="train as of a later moment, or shorten `target.delay` if answers are known sooner",
    ),
    Code(
        "one-class",
        "a side of the split has only one answer",
        "A model cannot learn from one answer, nor can most metrics judge it.",
        help="use more rows, or `split: {by: random, stratify: target}`",
    ),
    Code(
        "constant-target",
        "every training row has the same answer",
        "There is nothing to learn, and it is most often a join or an export that failed.",
        help="mend the column that `target.column` names, or train on more rows",
    ),
    Code(
        "unseen-class",
        "held-out rows have a class that no training row has",
        "A model has no probability for a class that it never saw, so no metric could judge these rows.",
        help="write `split: {by: random, stratify: target}`, use more rows of the class, or leave it out of the source",
    ),
)
