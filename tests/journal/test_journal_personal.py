"""What is written of persons: a hash, a text that only a key opens, or nothing; never the value."""

from base64 import b64decode, b64encode
from datetime import UTC, datetime

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from headrace.journal import OutcomeRecord, PredictionRecord, Spool, Terms, ship
from headrace.journal.personal import Keys, Personal, decrypt, encryption_key, unwrap, veiled, veiled_entity, wrap
from headrace.journal.records import parse
from headrace.journal.segment import frames
from headrace.store.tables import Outcome, Prediction

HASH_KEY = b"a key of hashes, long enough"
KEY, OLD = b"k" * 32, b"o" * 32
COLUMNS = {"person_id": "hash", "name": "hash", "income": "encrypt", "street": "drop"}


def personal(**given) -> Personal:
    fields = {"columns": COLUMNS, "entity": "person_id", "hash_key": HASH_KEY, "encryption_id": "k2", "encryption_key": KEY}
    return Personal(**(fields | given))


def asked(id_: str = "1", **inputs) -> PredictionRecord:
    return PredictionRecord(id_, "m", 1, "champion", 1, "ana", datetime(2016, 1, 1, tzinfo=UTC), 1, inputs, 0.5, None, ())


def veiled_by(given: Personal, value, *, column: str = "name", keys: Keys | None = None, id_: str = "1"):
    return given.veil(asked(id_, **{column: value}), keys or Keys({})).inputs[column]


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.integers(-(2**63), 2**63 - 1))
def test_equal_values_have_equal_hashes_under_one_key_and_others_under_another(value) -> None:
    held = veiled_by(personal(), value)

    assert (held, True) == (veiled_by(personal(), value), veiled(held))
    assert held != veiled_by(personal(hash_key=b"another key of hashes, as long"), value)
    assert held != veiled_by(personal(columns={"other": "hash"}), value, column="other")


def opened_by(keys: Keys, kek: bytes = KEY) -> dict[str, bytes]:
    """What opens the values of a write, as the store has it."""
    made = [key.record for key in keys.fresh.values()]
    return {key.id: unwrap(kek, b64decode(key.wrapped), key.id, key.model) for key in made}


@given(st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"])) | st.lists(st.integers(0, 9)))
def test_what_is_encrypted_opens_by_its_subjects_key_alone_and_where_it_stood(value) -> None:
    keys, others = Keys({}), Keys({})
    held = veiled_by(personal(), value, column="income", keys=keys, id_="id-1")
    veiled_by(personal(), value, column="income", keys=others, id_="id-1")
    given = opened_by(keys)

    assert value == decrypt(given, "id-1", "income", held)
    with pytest.raises(KeyError, match="subject"):
        decrypt(opened_by(others), "id-1", "income", held)
    another = dict.fromkeys(given, *opened_by(others).values())
    for opening, record, column in ((another, "id-1", "income"), (given, "id-2", "income"), (given, "id-1", "other")):
        with pytest.raises(ValueError, match="not encrypted by this key"):
            decrypt(opening, record, column, held)


def test_a_subjects_key_opens_by_what_wrapped_it_alone_and_under_its_own_name() -> None:
    wrapped = wrap(KEY, OLD, "subject.1", "m")

    assert unwrap(KEY, wrapped, "subject.1", "m") == OLD
    for kek, id_, model in ((OLD, "subject.1", "m"), (KEY, "subject.2", "m"), (KEY, "subject.1", "n")):
        with pytest.raises(ValueError, match="wrapped by another key"):
            unwrap(kek, wrapped, id_, model)


def test_what_was_encrypted_before_subjects_had_keys_still_opens() -> None:
    nonce = bytes(12)
    text = b64encode(nonce + AESGCM(OLD).encrypt(nonce, b"1.0", b"a\0income")).decode()

    assert 1.0 == decrypt({"k2": KEY, "k1": OLD}, "a", "income", {"aes-256-gcm": f"k1:{text}"})


def test_a_missing_value_stays_missing_and_other_columns_as_they_are() -> None:
    keys = Keys({})
    record = personal().veil(asked(name=None, income=None, age=46.0), keys)

    assert ({"name": None, "income": None, "age": 46.0}, {}) == (record.inputs, keys.fresh)


def test_the_text_of_what_a_model_raised_is_left_out(prediction) -> None:
    said = personal().veil(prediction(error="ValueError: could not convert 'Alice'", output=None), Keys({})).error
    other = personal().veil(prediction(error="the model answered 3.0, which is no probability", output=None), Keys({})).error

    assert ("ValueError: (its text may hold personal values)", "the model answered 3.0, which is no probability") == (said, other)


def test_outcomes_still_find_their_requests(folder, store, prediction, outcome) -> None:
    spool = Spool.open(folder, Terms(personal=personal()))
    spool.append(prediction(7))
    spool.append(outcome(7))
    spool.close()
    ship(store, folder)

    with store.read() as session:
        asked, known = session.get(Prediction, 1), session.get(Outcome, 1)
    assert (asked.entity, True) == (known.entity, veiled_entity(asked.entity))


@given(canary=st.text(st.characters(categories=["L", "N"]), min_size=6, max_size=20), number=st.integers(10**11, 10**15))
def test_no_plain_value_is_in_a_segment_or_a_table(tmp_path_factory, canary: str, number: int) -> None:
    folder = tmp_path_factory.mktemp("canary")
    spool = Spool.open(folder, Terms(personal=personal()))
    canary = f"~{canary}~"
    inputs = {"name": canary, "income": number, "street": {"of": [canary]}, "age": 3.0}
    at = datetime(2016, 1, 1, tzinfo=UTC)
    spool.append(PredictionRecord("1", "m", 1, "champion", 1, canary, at, 1, inputs, None, f"KeyError: {canary} {number}", ()))
    spool.append_all([OutcomeRecord("m", canary, 1.0, at)])
    spool.close()

    (segment,) = folder.glob("*.spool")
    bodies = frames(segment.read_bytes(), final=True).bodies
    # As it is, and as JSON that escapes what is no ASCII would have it.
    looked_for = [canary.encode(), str(number).encode(), *([canary.encode("unicode_escape")] if not canary.isascii() else [])]
    assert (3, []) == (len(bodies), [body for body in bodies for plain in looked_for if plain in body])
    assert 3.0 == orjson.loads(parse(bodies[1]).inputs)["age"]


@pytest.mark.parametrize("text", [b64encode(KEY).decode(), KEY.hex(), f"{KEY.hex()}\n"])
def test_a_key_is_32_bytes_in_base64_or_hexadecimal_digits(text: str) -> None:
    assert KEY == encryption_key(text)


@pytest.mark.parametrize("text", ["", "short", b64encode(bytes(16)).decode(), "ä" * 32])
def test_what_is_no_key_is_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes") as error:
        encryption_key(text)
    assert text == "" or text not in str(error.value)
