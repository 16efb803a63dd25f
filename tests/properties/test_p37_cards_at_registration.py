"""P37: there is no version without a card, whatever is done and through whichever door."""

import pytest
from card_values import AT, DIGESTS, Cards, hold, opened
from hypothesis.stateful import invariant
from sqlalchemy.exc import IntegrityError
from sqlmodel import func, select

from headrace import registry
from headrace.store import tables
from headrace.store.carded import ModelCard


class Carded(Cards):
    @invariant()
    def every_version_has_a_card_of_its_own(self):
        def ask(session):
            versions = registry.versions(session, self.model)
            return [(v.number, v.manifest_digest) for v in versions], [
                (card.number, card.card.identity.manifest_digest) for card in registry.cards(session, self.model).values()
            ]

        versions, cards = self.read(ask)
        assert versions == cards


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_version_has_a_card(database, request, tmp_path):
    with opened(database, request, tmp_path) as store:
        hold(Carded, store)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_database_takes_no_version_without_a_card(database, request, tmp_path):
    row = {"run_id": "r", "algorithm": "a", "format": "f", "model_digest": "d", "manifest_digest": "d", "manifest": {}, "created_at": AT}
    with opened(database, request, tmp_path) as store:
        with pytest.raises(IntegrityError, match="needs its card first"):
            bare(store, tables.ModelVersion(model="churn", number=1, **row))
        with store.read() as session:
            assert 0 == session.exec(select(func.count()).select_from(tables.ModelVersion)).one()


def test_a_registration_that_fails_leaves_neither_version_nor_card(tmp_path, monkeypatch):
    from headrace.registry import registration

    with opened("sqlite", None, tmp_path) as store:
        monkeypatch.setattr(registration, "write_card", fails)
        with pytest.raises(RuntimeError, match="killed"):
            registry.register(
                store, actor="test", model="churn", run_id="r", manifest={"digests": DIGESTS}, model_bytes=b"m", algorithm="a",
                format="x", at=AT,
            )  # fmt: skip
        with store.read() as session:
            counted = [session.exec(select(func.count()).select_from(table)).one() for table in (tables.ModelVersion, ModelCard)]
    assert [0, 0] == counted


def fails(*_, **__):
    raise RuntimeError("killed")


def bare(store, version):
    with store.transaction("test", "register", "churn") as session:
        session.add(version)
        session.flush()
