"""Faults of the audit log: its entries, the key that signs it, and the witnesses of its checkpoints."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "audit-witness",
        "a witness does not take a checkpoint of the audit log",
        "Outside the database it is known what the log was. Where the log does not begin with that any more, entries were changed or taken "
        "away, or an older backup was put back; a witness that cannot be written would hide the next such change.",
        help="type `headrace audit verify`; where the store was put back on purpose, `headrace audit recover --reason WHY`",
    ),
    Code(
        "audit-key",
        "the key that signs the audit log cannot be used",
        "Who can read it can sign another history, so it is its owner's alone; one that was altered signs what nobody can check.",
        help="give the file back from its backup, with `chmod 600`; or leave `key` out of `audit`, and one is made",
    ),
    Code(
        "no-entry",
        "there is no such entry in the audit log",
        "Entries are numbered from 0 on, without a gap; what repeats many times a second is counted, and is no entry.",
        help="type `headrace audit list`, or `headrace audit list --counts`",
    ),
    Code(
        "no-subject",
        "nothing is stored about this subject",
        "A subject is one value of a model's entity. Where it was erased, nothing leads to it any more, and where a model hashes its entity"
        " it is found by the key of hashes that the journal was written with.",
        help="type the id as requests give it; `--entity COLUMN` says of which entity it is",
    ),
)
