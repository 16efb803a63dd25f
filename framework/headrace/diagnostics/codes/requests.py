"""Faults of answering: a model's server, requests to it, and replays of history."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "not-served",
        "a model is not served",
        "It has no compiled serving config.",
        help="type `headrace compile`; where the spec says `serving: none`, that is meant",
    ),
    Code(
        "port-refused",
        "a port cannot be had",
        "The operating system refuses it: ports below 1024 belong to root, and an address must be one of this machine.",
        help="type `headrace serve NAME --port N`, or change `serving.port`",
    ),
    Code(
        "workers-fail",
        "no process of a server starts",
        "One after the other ended as soon as it had started; the server tries a few times, each later than the one before, and gives up.",
        help="mend what the last one says, and start the server again",
    ),
    Code("server-away", "no model server answers", "None runs at that address.", help="type `headrace serve`, or `headrace up`"),
    Code(
        "request-unreadable",
        "a request is no JSON",
        "The text that was given cannot be parsed, so nothing was sent.",
        help="write keys and texts in double quotes, and the whole in single ones for the shell",
    ),
    Code(
        "request-refused",
        "the server refused a request of the replay",
        "A replay sends history as it was; a row outside the feature's `range` or without its entity is refused as in production.",
        help="correct the source's rows, or the feature's `range`",
    ),
    Code(
        "invalid-request",
        "a request lacks a field, or a field cannot be taken",
        "Each input has a type and a range, and an unknown field is most often a misspelt one. Answered with 422.",
        help="correct the fields that `errors` names; `GET /metadata` lists the inputs",
    ),
    Code(
        "not-json",
        "a body is no JSON",
        "Its `Content-Type` says otherwise. Answered with 415.",
        help="send `Content-Type: application/json`",
    ),
    Code(
        "packed-body",
        "a body is compressed",
        "Its `Content-Encoding` says so, and bodies are read as they come. Answered with 415.",
        help="send it without `Content-Encoding`; a proxy in front may unpack it",
    ),
    Code(
        "too-large",
        "a body is too large",
        "A limit keeps one caller from starving the others. Answered with 413.",
        help="send fewer rows at once",
    ),
    Code("no-such-route", "the server has no such path", "Answered with 404.", help="`GET /openapi.json` lists them"),
    Code("method-not-allowed", "a path is not asked that way", "Answered with 405.", help="`GET /openapi.json` says which method it takes"),
    Code(
        "time-refused",
        "a request says what time it is, and may not",
        "`Headrace-Time` is for replays: it is taken while the clock is driven, and never in production.",
        help="leave the header out",
    ),
    Code(
        "time-invalid",
        "a request's time is none",
        "`Headrace-Time` is an ISO 8601 time with a zone.",
        help="write it as 2016-03-01T12:00:00Z",
    ),
    Code(
        "clock-unknown",
        "the server does not know what time it is",
        "The store does not answer, and its clock may be driven.",
        help="start the store",
    ),
    Code(
        "journal-unwritable",
        "an answer cannot be recorded, so none is given",
        "Every answer is journalled before it is given; the disk is full, or the spool has reached its limit.",
        help="make room under `.headrace/spool`; see whether the store answers, since the journal is shipped to it",
    ),
    Code(
        "files-unwritable",
        "the journal's Parquet files cannot be written",
        "The database goes on being filled; segments of the spool are kept until their records are in files.",
        help="look at `serving.journal.also.parquet`: its disk, its rights, its credentials",
    ),
    Code(
        "prediction-failed",
        "a model failed on a request",
        "It raised an error or gave no number, and no fallback answered.",
        help="write `fallback: champion` in `serving`, or go back: `headrace rollback NAME`",
    ),
    Code(
        "not-live",
        "a server is broken",
        "One of its own parts has died; a supervisor should start it again.",
        help="start the server again",
    ),
    Code(
        "not-ready",
        "a server cannot answer yet",
        "A prediction would not be answered now: it has no champion, cannot write its journal, or cannot read the features of a view.",
        help="mend what the message names; `GET /health/ready` tells when it is well",
    ),
    Code("bug", "the server failed", "It is a fault of Headrace, not of the request.", help="look into the server's log, and report it"),
    Code(
        "unknown-backtest",
        "there is no such backtest",
        "A replay is declared as `kind: backtest`.",
        help="name one of those that the message lists",
    ),
    Code(
        "empty-replay",
        "a replay has no row",
        "The source has none between `from` and `to`.",
        help="correct `replay.from` and `replay.to`",
    ),
    Code(
        "duplicate-entity",
        "a source of a replay has an entity twice",
        "Requests and their answers are joined by the entity, so each may be there once.",
        help="leave one of the rows out, or name the column that tells the rows apart as `entity`",
    ),
    Code(
        "unlabelled-rows",
        "rows of a replay have no answer",
        "History is served again with the answers that came; each row's entity needs one in `labels`.",
        help="add the answers to the source that `replay.labels` names, or leave the rows out",
    ),
    Code(
        "never-a-value",
        "a disturbance maps a value that never occurs",
        "It would disturb nothing, and the replay would look robust.",
        help="correct `disturb.map`; the message lists the column's values",
    ),
    Code(
        "history-exists",
        "a replay would mix two histories",
        "The model has answered requests already, or knows more than was known where the replay begins.",
        help="in a copy of `specs/` and `flows/`: `headrace up`, `headrace apply --no-train`, then replay",
    ),
    Code(
        "replay-stuck",
        "a replay waits for what does not come",
        "A run, a window or a server did not follow the clock; the message says which.",
        help="type `headrace status`; the logs are in .headrace/logs",
    ),
    Code(
        "mixed-features",
        "a request sends some features of a view and not others",
        "The server reads features that are not sent; half a row of another moment is one that no training set has.",
        help="send all of the view's features or none, or declare `online: {sent: wins}` in it",
    ),
    Code(
        "features-not-ready",
        "events were not brought in yet",
        "What is there may be a part of them, and a value of a part would be wrong without anybody knowing.",
        help="type `headrace features materialize`",
    ),
    Code(
        "features-stale",
        "events are older than the view allows",
        "`online.fresh_within` with `when_stale: refuse` promises that no answer is made of older ones.",
        help="bring newer events in: `headrace features materialize`, or POST /events/VIEW",
    ),
    Code(
        "features-unreadable",
        "features cannot be read",
        "Their events cannot be had, were deleted, or give a value that no number holds; the message says which.",
        help="do what the message says; a request that sends the features itself is answered",
    ),
    Code(
        "events-unwritable",
        "events cannot be kept",
        "An event is acknowledged once it is durable, and this one is not: its store takes no writes.",
        help="make room on the disk, or start the database, and send them again: none is added twice",
    ),
    Code(
        "no-such-view",
        "a server is told events of a view that it does not read",
        "It reads the views of its model that declare `online`, and takes events of these.",
        help="correct the view's name; the message lists those that there are",
    ),
    Code(
        "draining",
        "a server ends",
        "It was told to, answers what it has begun, and says by /health/ready that nothing new should come to it.",
        help="ask another server; a balancer that asks /health/ready does",
    ),
    Code(
        "not-started",
        "one model of a server of several does not answer",
        "It could not be started, as the message says; the others answer.",
        help="do what the message says, and start the server again",
    ),
)
