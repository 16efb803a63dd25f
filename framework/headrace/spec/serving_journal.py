"""The section `journal` of `serving`: what is promised of the record of every answer, and what is written of persons."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import Column, Name, Secret
from headrace.spec.quantity import Percentage, Size


class JournalAlso(Spec):
    """Where records go beside the database, which monitoring and training read."""

    parquet: str = field(
        "A folder, or a URL that fsspec knows: Parquet files, each record in one of them.",
        Effect.REDEPLOY,
        example=".headrace/predictions",
        min_length=1,
    )


class JournalLog(Spec):
    """A sample of the answers as JSON lines, in place of an access log."""

    share: Percentage = field("The share of predictions, chosen by their ids.", Effect.REDEPLOY, example="1%", gt=0, le=1)
    file: str | None = field(
        "The file that lines are added to; the server's standard output where it is not given.",
        Effect.REDEPLOY,
        default=None,
        example="logs/predictions.jsonl",
        min_length=1,
    )


class EncryptionKey(Spec):
    """One key of encryption."""

    id: Name = field("What is written beside all that it encrypted.", Effect.REDEPLOY, example="k1")
    key: Secret = field(
        "Where it is kept: 32 bytes, in base64 or hexadecimal digits.", Effect.REDEPLOY, example="env:JOURNAL_KEY_1", reference="must"
    )


class Journal(Spec):
    """What is promised of the record of every answer, and what is written of persons."""

    durability: Literal["process", "strict"] = field(
        "What an answered request's record survives: the end of the process, or with `strict` a loss of power, too (it is on the disk"
        " before the answer is given).",
        Effect.REDEPLOY,
        default="process",
        example="strict",
    )
    bytes: Size = field(
        "The most that may wait for the database on disk.",
        Effect.REDEPLOY,
        default="4GiB",
        example="4GiB",
        ge=1024 * 1024,
        validate_default=True,
    )
    full: Literal["refuse", "drop"] = field(
        "What a prediction that cannot be journalled means: it is refused (503), or answered and counted as dropped.",
        Effect.REDEPLOY,
        default="refuse",
        example="refuse",
    )
    personal: dict[Column, Literal["hash", "drop", "encrypt"]] = field(
        "Inputs about persons, and what is written in place of their values; the entity can be hashed.",
        Effect.REDEPLOY,
        default={},
        example={"person_id": "hash", "income": "encrypt"},
    )
    hash_key: Secret | None = field(
        "Where the key of hashes is kept; another key makes other hashes.",
        Effect.REDEPLOY,
        default=None,
        example="env:JOURNAL_HASH_KEY",
        reference="must",
    )
    encryption_keys: tuple[EncryptionKey, ...] = field(
        "The first encrypts, and all decrypt.", Effect.REDEPLOY, default=(), example=[{"id": "k1", "key": "env:JOURNAL_KEY_1"}]
    )
    also: JournalAlso | None = field(
        "Where records go beside the database.", Effect.REDEPLOY, default=None, example={"parquet": ".headrace/predictions"}
    )
    log: JournalLog | None = field("A sample of the answers as JSON lines.", Effect.REDEPLOY, default=None, example={"share": "1%"})
