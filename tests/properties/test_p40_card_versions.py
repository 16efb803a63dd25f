"""P40: the cards of a version are numbered 1, 2, 3 …, none is ever changed, and only the newest can be in force."""

import pytest
from card_values import AT, SAYS, Cards, config, hold, markdown, opened
from hypothesis.stateful import invariant
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.governance.card import digest_of
from headrace.store import tables


class Numbered(Cards):
    @invariant()
    def cards_are_numbered_and_stay_what_they_were(self):
        for number in self.numbers:
            cards = self.read(lambda session, n=number: registry.card_history(session, self.model, n))
            assert list(range(1, len(cards) + 1)) == [card.card_version for card in cards]
            assert {"archived"} >= {card.status.value for card in cards[:-1]}
            for card in cards:
                assert self.kept.setdefault(card.digest, card.content) == card.content
                assert digest_of(card.content) == card.digest
                assert (number, card.card_version) == (card.content["identity"]["version"], card.content["card_version"])
        assert len(self.kept) == len({(c["identity"]["version"], c["card_version"]) for c in self.kept.values()})

    @invariant()
    def only_what_was_decided_on_is_approved(self):
        for number in self.numbers:
            newest = self.newest(number)
            version = self.read(lambda session, n=number: registry.get(session, self.model, n))
            found = self.read(lambda session, v=version: registry.card_approved(session, v))
            assert (newest.status == "approved" and newest.approval == "a1") == bool(found), found.why


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_cards_are_numbered_and_never_changed(database, request, tmp_path):
    with opened(database, request, tmp_path) as store:
        hold(Numbered, store)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    "statement", ["UPDATE model_card SET content = '{}'", "UPDATE model_card SET digest = 'd'", "DELETE FROM model_card"]
)
def test_the_database_changes_no_card(statement, database, request, tmp_path):
    with opened(database, request, tmp_path) as store:
        approved(store)
        with pytest.raises(IntegrityError, match="a card is never changed"), store.transaction("test", "alter", "churn") as session:
            session.execute(text(statement))


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_an_edit_of_the_file_voids_the_approval(database, request, tmp_path):
    with opened(database, request, tmp_path) as store:
        version, before = approved(store)
        with store.read() as session:
            assert registry.card_approved(session, version)
        said = registry.Declared(config("low"), markdown(SAYS | {"purpose": SAYS["purpose"] + " Others may not use it."}))
        with store.transaction("test", "write", "churn") as session:
            after = registry.write_card(session, version, at=AT, said=said)
        with store.read() as session:
            found, old = registry.card_approved(session, version), registry.card_history(session, "churn", 1)[-2]
    assert (False, "card 3 of model/churn v1 is not approved: it is draft") == (found.approved, found.why)
    assert (before.digest, "archived", "a1") == (old.digest, old.status.value, old.approval)
    assert after.digest != before.digest


def approved(store):
    """A version whose card is approved."""
    from card_values import DIGESTS

    manifest = {"digests": DIGESTS, "signature": [{"name": "age", "type": "number", "categories": []}], "rows": {"train": 8}}
    version = registry.register(
        store, actor="test", model="churn", run_id="r", manifest=manifest, model_bytes=b"m", algorithm="a", format="x", at=AT,
        said=registry.Declared(config("low"), markdown(SAYS)),
    )  # fmt: skip
    with store.transaction("test", "decide", "churn") as session:
        told = {"gate": "q", "metric": "roc_auc", "passed": True, "mode": "block", "value": 0.5, "n": 10, "reason": "it does"}
        session.add(tables.Verdict(model="churn", number=1, run_id="r", at=AT, **told))
        session.flush()
        card = registry.write_card(session, version, at=AT)
        registry.submit_card(session, "churn", 1, digest=card.digest, at=AT)
        return version, registry.approve_card(session, "churn", 1, digest=card.digest, approval="a1", at=AT)


def test_a_decision_on_another_card_approves_none(tmp_path):
    with opened("sqlite", None, tmp_path) as store:
        version, before = approved(store)
        said = registry.Declared(config("low"), markdown(SAYS | {"purpose": SAYS["purpose"] + " Others may not use it."}))
        with store.transaction("test", "write", "churn") as session:
            registry.submit_card(session, "churn", 1, digest=registry.write_card(session, version, at=AT, said=said).digest, at=AT)
        with pytest.raises(HeadraceError, match="is another by now"):
            late(store, before.digest)
        with store.read() as session:
            assert not registry.card_approved(session, version)


def late(store, digest):
    with store.transaction("test", "decide", "churn") as session:
        registry.approve_card(session, "churn", 1, digest=digest, approval="a1", at=AT)
