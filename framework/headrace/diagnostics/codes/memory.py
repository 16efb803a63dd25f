"""Faults of what an environment remembers: its store, its clock, its locks, its runs, its secrets."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "store-url",
        "a store's address is none",
        "A store is a SQLite file or a PostgreSQL database; one in memory would be forgotten.",
        help="write `store: sqlite:///.headrace/state.db` or `store: postgresql://user@host/database`",
    ),
    Code(
        "store-driver",
        "the driver of a store is not installed",
        "PostgreSQL needs one, which is not installed with Headrace.",
        help="type `pip install 'psycopg[binary]'`",
    ),
    Code(
        "missing-variable",
        "the variable with the store's address is not set",
        "`env:NAME` in a spec is read where it is needed, from the environment of that process.",
        help="type `export NAME=…`",
    ),
    Code(
        "store-unwritable",
        "a store cannot be written",
        "Its disk is full, or its file or folder belongs to another user.",
        help="type `df -h` and `ls -ld` of its folder; make room, or give the folder to this user",
    ),
    Code(
        "store-unreachable",
        "a store does not answer",
        "The database is down, or its address is another.",
        help="start the database, or correct the environment's `store`",
    ),
    Code(
        "store-busy",
        "a store stayed locked for 30 seconds",
        "SQLite has one writer at a time, and another held it for longer than any of our writes takes.",
        help="type the command again; use PostgreSQL where many processes write",
    ),
    Code(
        "store-altered",
        "a store is no sound database",
        "Its file was cut short or written by something else.",
        help="put its last backup back in its place",
    ),
    Code(
        "store-newer",
        "a store was written by a newer Headrace",
        "Its tables are others than this version knows, and writing to them could lose what the newer one remembers.",
        help="type `pip install --upgrade headrace`",
    ),
    Code(
        "locked",
        "another process holds the lock",
        "Two applies at once would undo each other. The message names who holds it, where and since when; "
        "a lock whose process has died on this machine is taken over at once.",
        help="wait until it ends, or, if it never will, type `headrace unlock ID` with the id of the message",
    ),
    Code(
        "lock-lost",
        "a lock was taken away while it was held",
        "Someone unlocked it, by its id; what this process was doing stopped where it stood.",
        help="type the command again: it looks at what is done already",
    ),
    Code("no-lock", "no lock has that id", "It was released meanwhile, or the id is another.", help="type the refused command again"),
    Code(
        "clock-driven",
        "the clock is held by another",
        "A replay drives the environment's clock, and a second driver would tear the time apart.",
        help="wait until it ends; the lease lapses 10 minutes after its holder died",
    ),
    Code(
        "clock-backwards",
        "the clock cannot go back",
        "What was recorded later would lie in the future, and every window and delay would be wrong.",
        help="start from a moment that is not before it, or with an empty store",
    ),
    Code(
        "no-run",
        "there is no such run",
        "No run in the store, or in Prefect, has that id.",
        help="type `headrace status`, which lists them",
    ),
    Code(
        "already-answered",
        "an event has been answered already",
        "An event starts one run of a flow, so that one that is delivered twice trains or rolls out once.",
        help="nothing is to be done; `headrace run FLOW` starts another run",
    ),
    Code(
        "secret-missing",
        "a secret is not there",
        "An address or a key stands in a spec as `env:NAME` or `file:PATH`, and that variable or file is absent or empty here.",
        help="type `export NAME=…`, or write the secret to the file",
    ),
    Code(
        "unknown-channel",
        "a message cannot be delivered",
        "Its channel is not declared any more, or no plugin offers channels of its type.",
        help="declare the channel again or install its plugin, then `headrace compile`",
    ),
)
