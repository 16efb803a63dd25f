"""API keys: what is stored of them, what they open, and how they end."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from time import time

import pytest
from sqlalchemy import text

from headrace.diagnostics import HeadraceError
from headrace.identity import keys
from headrace.identity.keys import Issued, Keyring
from headrace.store import Store, clock

ANA = "user:ana"
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open("sqlite:///state.db", "blobs", root=tmp_path)


def issue(store: Store, name: str = "billing", models: list[str] | None = None, expires: timedelta | None = None) -> Issued:
    return keys.issue(store, ANA, name=name, models=models, environment="dev", expires=expires)


def ring(store: Store, environment: str = "dev", before: Keyring | None = None) -> Keyring:
    with store.read() as session:
        return keys.read(session, environment, before)


def opens(store: Store, key: str, at: float | None = None) -> bool:
    return ring(store).find(key.encode(), time() if at is None else at) is not None


def test_of_a_key_the_database_has_the_digest_of_its_secret_and_not_the_secret(store: Store) -> None:
    made = issue(store)
    prefix, id_, secret = made.text.split("_", 2)
    with store.read() as session:
        dump = str(session.connection().execute(text("SELECT * FROM api_key")).all())
    assert ("hr", made.row.id, 43, True, False) == (prefix, id_, len(secret), sha256(secret.encode()).hexdigest() in dump, secret in dump)
    assert secret not in repr(made)


def test_a_key_opens_and_each_change_of_one_character_does_not(store: Store) -> None:
    key = issue(store).text
    flips = [key[:i] + ("A" if key[i] != "A" else "B") + key[i + 1 :] for i in range(len(key))]
    assert (True, []) == (opens(store, key), [flip for flip in [*flips, key[:-1], key + "A", "", "hr_"] if opens(store, flip)])


def test_the_secret_of_one_key_does_not_open_another(store: Store) -> None:
    one, other = issue(store).text, issue(store).text
    assert not opens(store, one[:16] + other[16:])


def test_a_key_ends_when_it_expires(store: Store) -> None:
    made = issue(store, expires=DAY)
    assert made.row.expires_at is not None
    end = made.row.expires_at.timestamp()
    assert (True, False) == (opens(store, made.text, end - 1), opens(store, made.text, end))


def test_a_revoked_key_opens_nothing_and_stays_listed(store: Store) -> None:
    made = issue(store)
    first = keys.revoke(store, ANA, made.row.id, environment="dev").revoked_at
    again = keys.revoke(store, ANA, made.row.id, environment="dev").revoked_at
    with store.read() as session:
        (row,) = keys.listed(session, "dev")
    assert (False, "revoked", first) == (opens(store, made.text), keys.state(row, clock.wall()), again)


def test_a_key_of_one_environment_is_none_of_another(store: Store) -> None:
    made = issue(store)
    assert ring(store, "production").find(made.text.encode(), time()) is None
    with pytest.raises(HeadraceError, match="no-key"):
        keys.revoke(store, ANA, made.row.id, environment="production")


def test_a_rotated_key_goes_on_for_the_overlap_beside_the_one_in_its_place(store: Store) -> None:
    old = issue(store, models=["employment"], expires=90 * DAY)
    new = keys.rotate(store, ANA, old.row.id, environment="dev", overlap=DAY)
    within, after = time() + 86000, time() + 86500
    assert [True, False] == [opens(store, old.text, at) for at in (within, after)]
    assert [True, True] == [opens(store, new.text, at) for at in (within, after)]
    assert new.row.expires_at is not None
    assert (["employment"], old.row.id, 90) == (new.row.models, new.row.replaces, (new.row.expires_at - new.row.created_at).days)


def test_a_rotated_key_may_do_what_the_old_one_could(store: Store) -> None:
    old = keys.issue(store, ANA, name="a", models=None, environment="dev", expires=None, scopes=["predict", "manage"])
    new = keys.rotate(store, ANA, old.row.id, environment="dev", overlap=DAY)
    assert (["manage", "predict"], None) == (new.row.scopes, issue(store).row.scopes)


def test_a_rotation_lengthens_no_key(store: Store) -> None:
    old = issue(store, expires=timedelta(hours=1))
    keys.rotate(store, ANA, old.row.id, environment="dev", overlap=DAY)
    assert not opens(store, old.text, time() + 3700)


@pytest.mark.parametrize("how", ["rotated", "revoked", "expired"])
def test_what_has_ended_is_not_rotated(store: Store, how: str) -> None:
    made = issue(store, expires=timedelta(0) if how == "expired" else None)
    if how == "rotated":
        keys.rotate(store, ANA, made.row.id, environment="dev", overlap=DAY)
    if how == "revoked":
        keys.revoke(store, ANA, made.row.id, environment="dev")
    with pytest.raises(HeadraceError, match=rf"key-ended.*{how}"):
        keys.rotate(store, ANA, made.row.id, environment="dev", overlap=DAY)


def test_keys_that_did_not_change_are_not_read_again(store: Store) -> None:
    made = issue(store)
    first = ring(store)
    keys.used(store, "service:serving", {made.row.id: clock.wall()})
    same = ring(store, before=first)
    keys.revoke(store, ANA, made.row.id, environment="dev")
    changed = ring(store, before=first)
    assert (True, 1, 0) == (same is first, len(first.known), len(changed.known))


def test_the_last_use_is_the_last_one_whoever_tells_it_when(store: Store) -> None:
    made, now = issue(store), clock.wall()
    for at in (now, now - DAY):
        keys.used(store, "service:serving", {made.row.id: at})
    with store.read() as session:
        (row,) = keys.listed(session, "dev")
    assert now == row.used_at
