"""Faults of model cards: of the file that people write in, and of what is done with a card."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "card-path",
        "a model's card is no file of the project",
        "It is read wherever the project is: a path that leads out of it, or a link that does, names another file on another machine.",
        "card: ../cards/churn.md",
        "card: cards/churn.md",
    ),
    Code(
        "card-missing",
        "the file of a model's card is not there",
        "Every version's card has what people wrote in it; without the file each would stay a draft.",
        help="`headrace card new MODEL` writes one to fill in",
    ),
    Code(
        "card-heading",
        "a heading of a card's file is none that a card has",
        "What stands below it would be in no card. A card's parts have headings of the second level; `###` is for your own.",
        help="write one of the headings that the message names",
    ),
    Code(
        "card-front",
        "the front of a card's file cannot be read",
        "Between the two `---` at its beginning stand `license`, an SPDX expression, `contact` and `review_due`, a day.",
        help="write for example `license: Apache-2.0`",
    ),
    Code(
        "card-unwritten",
        "a part of a card was never written",
        "A heading alone, the template's own words, `TODO`, or a few letters tell a reader nothing. A warning: the card stays a draft.",
        help="write what the message asks for, below its heading",
    ),
    Code(
        "card-exists",
        "the file of a card stands there already",
        "What people wrote is not written over.",
        help="edit it; `headrace card check MODEL` says what it lacks",
    ),
    Code(
        "no-card",
        "a version has no such card",
        "A version has its first card from its registration on; only those of a store that SQL text migrated have none yet.",
        help="`headrace card write MODEL@VERSION` writes one of what is recorded",
    ),
    Code(
        "card-altered",
        "a card is not what was written",
        "Its digest is another, so that somebody changed it in the database. An approval is of the card that was written.",
        help="`headrace card write MODEL@VERSION` writes a new one of what is recorded",
    ),
    Code(
        "card-changed",
        "a card is another than the one that was decided on",
        "A decision is of one digest; a card that was written since has to be decided on anew.",
        help="`headrace card diff MODEL@VERSION` shows what changed; ask for a decision again",
    ),
    Code(
        "card-incomplete",
        "a card lacks what its model's risk asks for",
        "Nobody can decide on what is not written.",
        help="`headrace card check MODEL@VERSION` lists what lacks, and where to write it",
    ),
    Code(
        "card-status",
        "a card cannot become that",
        "A draft is asked about, then approved or sent back; an archived card stays archived, and a new one is written in its place.",
        help="`headrace card history MODEL@VERSION` says where each card stands",
    ),
)
