"""P38: a card is complete exactly when all that its model's risk asks for is written or recorded, and only a complete one is approved."""

from uuid import uuid4

import pytest
from card_values import DECLARED, SAYS, Cards, hold, opened
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from headrace import registry

TEXTS = {
    "low": {"purpose", "data", "limitations"},
    "medium": {"purpose", "data", "limitations", "fairness", "tradeoffs", "ethics", "monitoring", "rollback"},
    "high": set(SAYS),
}
"""What people must write, told independently of the registry."""


class Complete(Cards):
    @initialize(said=DECLARED, data=st.data())
    def begin(self, said, data):
        """Each begins with a card that is to be approved as it is: most lack something, and few courses come to that by chance."""
        self.register(said, rows=True, run=uuid4())
        self.decide(data, step="all", stale=False)

    @invariant()
    def what_lacks_is_what_is_not_there(self):
        for card in self.read(lambda session: registry.cards(session, self.model)).values():
            found = card.completeness
            wanted = lacking(card.content)
            assert wanted == {(item.part, item.need) for item in found.lacking}
            assert (not wanted, found.needs - len(wanted)) == (found.complete, found.has)
            assert not wanted or card.status != "approved"


def lacking(content):
    risk = content["risk"]
    texts = {(name, "text") for name in TEXTS[risk or "low"] if content[name]["text"] != SAYS[name]}
    results = content["evaluation"]["results"]
    gone = {
        "identity": risk is None or not content["identity"]["owner"],
        "data": not content["data"]["rows"],
        "evaluation": not any(one["n"] for one in results),
        "monitoring": risk in ("medium", "high") and not content["monitoring"]["alerts"],
        "fairness": risk == "high" and not content["fairness"]["results"],
    }
    return texts | {(name, "evidence") for name, missing in gone.items() if missing}


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_card_is_complete_when_nothing_lacks(database, request, tmp_path):
    with opened(database, request, tmp_path) as store:
        hold(Complete, store)
