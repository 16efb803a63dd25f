"""P39: whoever asks for versions is told of each one's newest card: its digest, its status, what it lacks."""

import pytest
from card_values import Cards, hold, opened
from hypothesis.stateful import invariant

from headrace import registry
from headrace.cli.models import _versions
from headrace.registry import verified


class Told(Cards):
    @invariant()
    def each_version_is_told_with_its_newest_card(self):
        histories = {n: self.read(lambda session, n=n: registry.card_history(session, self.model, n)) for n in self.numbers}
        told = {
            item["version"]: item["card"] for item in self.read(lambda session: _versions(session, self.model, withdrawn=True))["versions"]
        }
        assert {n: (cards[-1].card_version, cards[-1].digest, cards[-1].status.value) for n, cards in histories.items()} == {
            n: (card["card_version"], card["digest"], card["status"]) for n, card in told.items()
        }
        for number in self.numbers[-1:]:
            left = verified(self.store, self.read(lambda session, n=number: registry.get(session, self.model, n)))
            assert (histories[number][-1].digest, histories[number][-1].content) == (left.card_digest, left.card)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_queries_and_exports_carry_the_newest_card(database, request, tmp_path):
    with opened(database, request, tmp_path) as store:
        hold(Told, store, 4)
