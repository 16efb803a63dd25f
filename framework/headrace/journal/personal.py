"""Columns about persons: what is written of them in place of their values, and how that is told from a value."""

from __future__ import annotations

import hmac
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from headrace.journal.records import PredictionRecord, Record

Treatment = Literal["hash", "drop", "encrypt"]

HASHED = "hmac-sha256"
ENCRYPTED = "aes-256-gcm"
DROPPED = "dropped"
_NONCE = 12
_KEY = 32
_ENTITY = re.compile(rf"{HASHED}:[0-9a-f]{{64}}")
_RAISED = re.compile(r"([A-Za-z_][\w.]*): ")


@dataclass(frozen=True, slots=True)
class Personal:
    """What happens to which columns before a record is written.

    A value becomes an object that says what became of it: `{"hmac-sha256": HEX}`, `{"aes-256-gcm": "ID:BASE64"}` or `{"dropped": true}`;
    a missing one stays missing. The entity can be hashed alone, and becomes `hmac-sha256:HEX`, in outcomes as in predictions, so that they
    still find one another. Equal values of columns of one name have equal hashes under one key, whichever the model.
    """

    columns: Mapping[str, Treatment]
    entity: str
    hash_key: bytes = b""
    encryption_id: str = ""
    encryption_key: bytes = b""

    def veil(self, record: Record) -> Record:
        """The record as it may be written. The text of what a model raised may quote its row, so that only its type is left."""
        entity = record.entity
        if self.entity in self.columns:
            entity = f"{HASHED}:{self._hash(self.entity, entity)}"
        if not isinstance(record, PredictionRecord):
            return record._replace(entity=entity)
        inputs = {name: self._veiled(name, value, record.id) for name, value in record.inputs.items()}
        error = record.error
        if error is not None and (raised := _RAISED.match(error)):
            error = f"{raised[1]}: (its text may hold personal values)"
        return record._replace(entity=entity, inputs=inputs, error=error)

    def _veiled(self, name: str, value: Any, record_id: str) -> Any:  # noqa: ANN401 - any JSON
        how = self.columns.get(name)
        if how is None or value is None:
            return value
        if how == "hash":
            return {HASHED: self._hash(name, value)}
        if how == "drop":
            return {DROPPED: True}
        return {ENCRYPTED: f"{self.encryption_id}:{_encrypt(self.encryption_key, value, _bound(record_id, name))}"}

    def _hash(self, column: str, value: Any) -> str:  # noqa: ANN401 - any JSON
        held = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else orjson.dumps(value, default=str)
        return hmac.digest(self.hash_key, column.encode() + b"\0" + held, "sha256").hex()


def decrypt(keys: Mapping[str, bytes], record_id: str, column: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """What a value of a column was, where it is an encrypted one, and as it is where not.

    KeyError names the id of a key that is not given; ValueError where the text was not encrypted for this column of this record.
    """
    match value:
        case {"aes-256-gcm": str(told)}:
            key, _, text = told.partition(":")
            return _decrypt(keys[key], text, _bound(record_id, column))
        case _:
            return value


def encryption_key(text: str) -> bytes:
    """32 bytes, as base64 or hexadecimal digits; ValueError where it is neither, without the text."""
    for read in (bytes.fromhex, lambda told: b64decode(told, validate=True)):
        try:
            found = read(text.strip())
        except ValueError:
            continue
        if len(found) == _KEY:
            return found
    raise ValueError(f"an encryption key is {_KEY} bytes, in base64 or hexadecimal digits")


def veiled(value: object) -> bool:
    """Whether a journalled input is not its value, but what was written in its place."""
    return isinstance(value, dict) and len(value) == 1 and not value.keys().isdisjoint((HASHED, ENCRYPTED, DROPPED))


def veiled_entity(entity: str) -> bool:
    """Whether a journalled entity is a hash."""
    return _ENTITY.fullmatch(entity) is not None


def _bound(record_id: str, column: str) -> bytes:
    """What a text is bound to: one that was moved to another record or column does not open."""
    return f"{record_id}\0{column}".encode()


def _encrypt(key: bytes, value: Any, bound: bytes) -> str:  # noqa: ANN401 - any JSON
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return b64encode(nonce + AESGCM(key).encrypt(nonce, orjson.dumps(value, default=str), bound)).decode()


def _decrypt(key: bytes, text: str, bound: bytes) -> Any:  # noqa: ANN401 - any JSON
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = b64decode(text)
    try:
        return orjson.loads(AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], bound))
    except InvalidTag:
        raise ValueError("the text was not encrypted by this key for this column of this record") from None
