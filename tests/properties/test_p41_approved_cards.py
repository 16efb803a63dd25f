"""P41: what is champion, and what a server loads, has an approved card: the very one, with the very artifact, that was voted upon."""

import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

sys.path.insert(0, str(Path(__file__).parents[1] / "governance"))

from approval_world import ANA, BOB, CAT, approval, governance, living, policy
from sqlalchemy import text

from headrace.diagnostics import HeadraceError
from headrace.governance import Choice
from headrace.registry import evidence
from headrace.registry.evidence import CardFacts

PEOPLE = (ANA, BOB, CAT)
ASKED = policy(approval(quorum=2), require={"carded": "card.complete"})


class Approvals(RuleBasedStateMachine):
    """Beside the store, a book of who said yes to what: the pair of a card and an evaluation that stood when he said it."""

    url = "sqlite:///state.db"

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.world = self.stack.enter_context(living(governance(ASKED), self.url))
        self.stack.enter_context(patch.object(evidence, "card_facts", lambda *_: self.card))
        self.members = set(PEOPLE)
        self.edits = self.judgements = 0
        self.card: CardFacts | None = None
        self.yes: dict[tuple[str, int], set[str]] = {}
        self.said: dict[tuple[str, int], set[str]] = {}
        self.ended: set[tuple[str, int]] = set()
        self.approved: set[tuple[str, int]] = set()
        self.edit()
        self.world.passes(1)

    def teardown(self) -> None:
        self.stack.close()

    @property
    def subject(self) -> tuple[str, int]:
        assert self.card is not None
        return self.card.digest, self.judgements

    @initialize(began=st.sampled_from([(), ((BOB, Choice.APPROVE), (CAT, Choice.APPROVE)), ((BOB, Choice.REJECT), (CAT, Choice.APPROVE))]))
    def begin(self, began: tuple[tuple[str, Choice], ...]) -> None:
        """Some begin where two agreed, or one did not: few searches come to both votes, and then to an edit, by chance."""
        for who, choice in began:
            self.vote(who, choice)

    @rule()
    def edit(self) -> None:
        """The card is another from now on."""
        self.edits += 1
        self.card = CardFacts(f"sha256:{self.edits}", complete=True, approved=False, author="dan")
        self.world.wait(timedelta(seconds=1))

    @rule()
    def judge_again(self) -> None:
        self.judgements += 1
        self.world.judged(1)

    @rule(who=st.sampled_from(PEOPLE))
    def leave(self, who: str) -> None:
        self.members.discard(who)
        self._govern()

    @rule(who=st.sampled_from(PEOPLE))
    def join(self, who: str) -> None:
        self.members.add(who)
        self._govern()

    @rule(who=st.sampled_from(PEOPLE), choice=st.sampled_from([Choice.APPROVE, Choice.APPROVE, Choice.REJECT]))
    def vote(self, who: str, choice: Choice) -> None:
        now = self.subject
        self._settle()
        may = who in self.members and who not in self.said.get(now, set()) and now not in self.ended | self.approved
        try:
            self.world.vote(who, choice)
        except HeadraceError:
            assert not may
            return
        assert may
        self.said.setdefault(now, set()).add(who)
        if choice is Choice.REJECT:
            self.ended.add(now)
        else:
            self.yes.setdefault(now, set()).add(who)
        self._settle()

    @rule()
    def look(self) -> None:
        """A run of the flow, whoever started it: it promotes where two who are members now, or were when it was decided, said yes."""
        waits, before = "candidate" in self.world.aliases(), self.world.aliases().get("champion")
        self._settle()
        passed = self.world.replace().passed
        assert passed == (waits and self.subject in self.approved)
        assert before is not None or passed == ("champion" in self.world.aliases())

    @precondition(lambda self: "candidate" not in self.world.aliases() and "champion" not in self.world.aliases())
    @rule()
    def try_again(self) -> None:
        """What was rejected passes its gates anew."""
        from headrace import registry

        self.judge_again()
        with self.world.store.transaction("test", "pass", "model/m") as session:
            registry.move(session, model="m", alias="candidate", number=1, at=self.world.now, reason="passed")

    @precondition(lambda self: self.approved)
    @rule()
    def alter_the_artifact(self) -> None:
        """What answers by other bytes than were approved is loaded by nobody."""
        with self.world.store.transaction("eve", "edit", "model_version") as session:
            said = session.connection().execute(text("SELECT model_digest FROM model_version")).scalar_one()
            session.connection().execute(text("UPDATE model_version SET model_digest = 'sha256:eve'"))
        assert not self._loads()
        with self.world.store.transaction("eve", "edit", "model_version") as session:
            session.connection().execute(text("UPDATE model_version SET model_digest = :was"), {"was": said})

    @invariant()
    def what_is_loaded_has_the_card_that_was_approved(self) -> None:
        assert self._loads() == any(card == self.subject[0] for card, _ in self.approved)

    def _loads(self) -> bool:
        try:
            self.world.loadable()
        except HeadraceError:
            return False
        return True

    def _govern(self) -> None:
        self.world.governing = governance(ASKED, risk=tuple(sorted(self.members)))

    def _settle(self) -> None:
        """By the book: approved once two of the members of this moment said yes; and a rejection of one who is no member is none."""
        now = self.subject
        if now not in self.ended and len(self.yes.get(now, set()) & self.members) >= 2:
            self.approved.add(now)


HARD = settings(max_examples=25, stateful_step_count=25, deadline=None)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_only_what_was_approved_is_promoted_and_loaded(database: str, request: pytest.FixtureRequest) -> None:
    urls = iter(lambda: "sqlite:///state.db", None)
    if database == "postgresql":
        server = request.getfixturevalue("postgres_server")
        urls = _databases(server)

    class Somewhere(Approvals):
        def __init__(self) -> None:
            self.url = next(urls)
            super().__init__()

    run_state_machine_as_test(Somewhere, settings=HARD if database == "sqlite" else settings(HARD, max_examples=6))


def _databases(server: Path):
    """An empty database for each example."""
    from uuid import uuid4

    import psycopg

    while True:
        name = f"t{uuid4().hex}"
        with psycopg.connect(f"host={server} user=postgres dbname=postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        yield f"postgresql://postgres@/{name}?host={server}"
