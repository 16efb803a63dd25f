"""Columns about persons: what is written of them in place of their values, and how that is told from a value."""

from __future__ import annotations

import hmac
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

import orjson

from headrace.journal.records import KeyRecord, MeasureRecord, PredictionRecord, Record, written

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Treatment = Literal["hash", "drop", "encrypt"]

SUBJECT = "subject."
"""How the id of a subject's key begins; no key of an environment is called so."""
ERASED = "erased:"
"""How the entity of an erased subject begins, before the id of the erasure."""
HASHED = "hmac-sha256"
ENCRYPTED = "aes-256-gcm"
DROPPED = "dropped"
_NONCE = 12
_KEY = 32
_MOST_KEYS = 20_000
_ENTITY = re.compile(rf"{HASHED}:[0-9a-f]{{64}}|{ERASED}[0-9a-f]{{32}}")
_RAISED = re.compile(r"([A-Za-z_][\w.]*): ")


@dataclass(frozen=True, slots=True)
class Personal:
    """What happens to which columns before a record is written.

    A value becomes an object that says what became of it: `{"hmac-sha256": HEX}`, `{"aes-256-gcm": "ID:BASE64"}` or `{"dropped": true}`;
    a missing one stays missing. ID is of the subject's key, which `encryption_key` wraps. The entity can be hashed alone, and becomes
    `hmac-sha256:HEX`, in outcomes as in predictions, so that they still find one another. Equal values of columns of one name have equal
    hashes under one key, whichever the model.
    """

    columns: Mapping[str, Treatment]
    entity: str
    hash_key: bytes = b""
    encryption_id: str = ""
    encryption_key: bytes = b""

    def subject(self, entity: str) -> str:
        """An entity as the journal has it."""
        return f"{HASHED}:{self._hash(self.entity, entity)}" if self.entity in self.columns else written(entity)

    def unit(self, column: str, unit: str) -> str:
        """A unit as the journal has it: an entity, or the text of an input that is a hash; KeyError of one that is encrypted or dropped."""
        if column == self.entity:
            return self.subject(unit)
        how = self.columns.get(column)
        if how is None:
            return written(unit)
        if how != "hash":
            raise KeyError(column)
        return orjson.dumps({HASHED: self._hash(column, unit)}).decode()

    def veil(self, record: Record, keys: Keys) -> Record:
        """The record as it may be written. The text of what a model raised may quote its row, so that only its type is left.

        `keys` encrypts: by a key of the record's subject, which is made where there is none.
        """
        if isinstance(record, MeasureRecord):
            return record._replace(unit=self.unit(record.column, record.unit))
        entity = self.subject(record.entity)
        if not isinstance(record, PredictionRecord):
            return record._replace(entity=entity)
        inputs = {name: self._veiled(name, value, record, entity, keys) for name, value in record.inputs.items()}
        error = record.error
        if error is not None and (raised := _RAISED.match(error)):
            error = f"{raised[1]}: (its text may hold personal values)"
        return record._replace(entity=entity, inputs=inputs, error=error)

    def _veiled(self, name: str, value: Any, record: PredictionRecord, subject: str, keys: Keys) -> Any:  # noqa: ANN401 - any JSON
        how = self.columns.get(name)
        if how is None or value is None:
            return value
        if how == "hash":
            return {HASHED: self._hash(name, value)}
        if how == "drop":
            return {DROPPED: True}
        return {ENCRYPTED: keys.of(self, record.model, subject).encrypt(value, _bound(record.id, name))}

    def _hash(self, column: str, value: Any) -> str:  # noqa: ANN401 - any JSON
        held = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else orjson.dumps(value, default=str)
        return hmac.digest(self.hash_key, column.encode() + b"\0" + held, "sha256").hex()


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key of one subject, as it is held in memory: its record is what others open it by."""

    record: KeyRecord
    cipher: AESGCM = field(repr=False)

    def encrypt(self, value: Any, bound: bytes) -> str:  # noqa: ANN401 - any JSON
        """A value as text with the key's id."""
        nonce = os.urandom(_NONCE)
        return f"{self.record.id}:{b64encode(nonce + self.cipher.encrypt(nonce, orjson.dumps(value, default=str), bound)).decode()}"


class Keys:
    """The keys by which one write encrypts, in `used`: those whose records are journalled already, and those that it makes, in `fresh`."""

    def __init__(self, known: Mapping[str, DataKey]) -> None:
        self.used: dict[str, DataKey] = {}
        self.fresh: dict[str, DataKey] = {}
        self._known = known

    def of(self, personal: Personal, model: str, subject: str) -> DataKey:
        """The key of a subject."""
        found = self.used.get(subject) or self._known.get(subject)
        if found is None:
            found = self.fresh[subject] = _made(personal, model, subject)
        self.used[subject] = found
        return found


class Journalled(dict[str, DataKey]):
    """The keys whose records are in a spool, by their subjects: as many as memory should have."""

    def keep(self, fresh: Mapping[str, DataKey]) -> None:
        """Remember keys; where there are too many, all others are forgotten, and a subject that comes again has another key."""
        if len(self) + len(fresh) > _MOST_KEYS:
            self.clear()
        self.update(fresh)


class Erased(Exception):  # noqa: N818 - what became of a value
    """The key of a value was destroyed; `at` is when."""

    def __init__(self, at: datetime) -> None:
        super().__init__(f"erased on {at:%Y-%m-%d}")
        self.at = at


def tag(kek: bytes, model: str, subject: str) -> str:
    """By what an erasure is known again without naming anybody: a keyed hash, which says nothing once the key is gone."""
    return hmac.digest(
        hmac.digest(kek, b"headrace subject", "sha256"), f"{model}\0{subject}".encode(errors="surrogatepass"), "sha256"
    ).hex()


def wrap(kek: bytes, key: bytes, id_: str, model: str) -> bytes:
    """A data key under another; it opens as the key of this id and model alone."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(kek).encrypt(nonce, key, _bound(id_, model))


def unwrap(kek: bytes, wrapped: bytes, id_: str, model: str) -> bytes:
    """The data key; ValueError where it was not wrapped so."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(kek).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _bound(id_, model))
    except InvalidTag:
        raise ValueError("the subject's key was wrapped by another key than the one of that id") from None


def decrypt(keys: Mapping[str, bytes], record_id: str, column: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    """What a value of a column was, where it is an encrypted one, and as it is where not.

    KeyError names the id of a key that is not given; ValueError where the text was not encrypted for this column of this record; Erased, of
    the keys of `subjects.Opening`, where the subject was erased.
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
    """Whether a journalled entity is a hash, or what is left of an erased one."""
    return _ENTITY.fullmatch(entity) is not None


def _bound(record_id: str, column: str) -> bytes:
    """What a text is bound to: one that was moved to another record or column does not open."""
    return f"{record_id}\0{column}".encode()


def _made(personal: Personal, model: str, subject: str) -> DataKey:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    kek, id_, key = personal.encryption_key, SUBJECT + uuid4().hex, os.urandom(_KEY)
    wrapped = b64encode(wrap(kek, key, id_, model)).decode()
    return DataKey(KeyRecord(id_, model, subject, tag(kek, model, subject), personal.encryption_id, wrapped), AESGCM(key))


def _decrypt(key: bytes, text: str, bound: bytes) -> Any:  # noqa: ANN401 - any JSON
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = b64decode(text)
    try:
        return orjson.loads(AESGCM(key).decrypt(data[:_NONCE], data[_NONCE:], bound))
    except InvalidTag:
        raise ValueError("the text was not encrypted by this key for this column of this record") from None
