"""A registry whose versions are registered, judged, written about and decided on in any order, and what every card must then be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from headrace import registry
from headrace.compiled import AlertOwnersConfig, CardConfig
from headrace.diagnostics import HeadraceError
from headrace.spec.card import HEADINGS
from headrace.store import Store, digest, tables

AT = datetime(2020, 1, 1, tzinfo=UTC)
DIGESTS = {part: digest(part.encode()) for part in ("data", "spec", "code", "environment")}
SAYS = {
    "purpose": "It ranks customers for the retention team, which calls the first hundred of a week.",
    "data": "Rows are orders of the web shop of two years; customers agreed to it in the terms of sale.",
    "fairness": "Older customers order by telephone, and are judged by fewer orders than all others are.",
    "limitations": "Nobody knows how it does in weeks with a holiday, of which the rows hold only four.",
    "tradeoffs": "A simple model was chosen, which explains itself, and costs two points of accuracy.",
    "ethics": "A customer who is never called loses a discount; whoever asks is put on the list by hand.",
    "monitoring": "The data team reads alerts within a working day, and stops the calls where they drift.",
    "rollback": "The team lead puts the version before back; the list of a week is drawn up again then.",
    "robustness": "Missing fields were tried one by one: its order of customers hardly changed by them.",
    "explainability": "The three features that moved a score most are shown beside it to whoever calls.",
    "security": "Only the batch account may ask it; scores stay in the warehouse behind its usual grants.",
    "environment": "One training takes two minutes on a laptop, and one list of a week takes seconds.",
    "review": "Risk looks at it each spring, and whenever the shop sells in another country.",
    "retirement": "When calls end it is switched off, and its records are kept for three years more.",
}
EMPTY = ("", "TODO", "...", "lorem ipsum dolor sit amet, consectetur adipiscing", "tbd", "short", "asdf asdf asdf asdf asdf asdf")
RISKS = ("low", "medium", "high", None)


def config(risk: Any, *, alerts: bool = True, owner: str = "growth", sections: tuple[str, ...] = ()) -> CardConfig:
    found = (AlertOwnersConfig(id="drifting", when="drift.share > 0.1", severity="warning", notify=("channel/ml",)),)
    return CardConfig(
        file="cards/churn.md", risk=risk, sections=sections, owner=owner, description="Who leaves?", sensitive=("age",), drift=("age",),
        performance="roc_auc", alerts=found if alerts else (), retraining=(), rollout="canary", fallback="champion",
    )  # fmt: skip


def markdown(texts: dict[str, str]) -> str:
    titles = {part.name: part.title for part in HEADINGS.values()}
    return "# churn\n" + "".join(f"\n## {titles[name]}\n\n{text}\n" for name, text in texts.items())


DECLARED = st.one_of(
    st.none(),
    st.builds(
        lambda risk, kept, empty, alerts, owner: registry.Declared(
            config(risk, alerts=alerts, owner=owner), markdown({n: t if n in kept else empty for n, t in SAYS.items()})
        ),
        st.sampled_from(RISKS),
        st.sets(st.sampled_from(sorted(SAYS))) | st.just(set(SAYS)),
        st.sampled_from(EMPTY),
        st.booleans(),
        st.sampled_from(["growth", ""]),
    ),
    st.sampled_from(RISKS).map(lambda risk: registry.Declared(config(risk), markdown(SAYS))),
)


class Cards(RuleBasedStateMachine):
    """What may happen to a model's versions and their cards, in any order."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.model = f"m{uuid4().hex}"
        self.numbers: list[int] = []
        self.kept: dict[str, Any] = {}
        """The content of each card by its digest, as it was first seen."""
        self.at = AT

    def write(self, act: Callable[[Any], Any]) -> Any:
        self.at += timedelta(minutes=1)
        with self.store.transaction("test", "write", self.model) as session:
            return act(session)

    def read(self, ask: Callable[[Any], Any]) -> Any:
        with self.store.read() as session:
            return ask(session)

    def newest(self, number: int) -> registry.CardOf:
        return self.read(lambda session: registry.card_of(session, self.model, number))

    @rule(said=DECLARED, rows=st.booleans(), run=st.uuids())
    def register(self, said, rows, run):
        manifest: dict[str, Any] = {
            "digests": DIGESTS,
            "signature": [{"name": "age", "type": "number", "categories": []}],
            "metrics": {"roc_auc": 0.9},
        }
        manifest |= {"rows": {"train": 8, "holdout": 2}} if rows else {}
        made = registry.register(
            self.store, actor="test", model=self.model, run_id=run.hex, manifest=manifest, model_bytes=b"m", algorithm="a", format="x",
            at=self.at, said=said,
        )  # fmt: skip
        self.numbers.append(made.number)

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), said=DECLARED)
    def write_again(self, data, said):
        number = data.draw(st.sampled_from(self.numbers))
        version = self.read(lambda session: registry.get(session, self.model, number))
        self.write(lambda session: registry.write_card(session, version, at=self.at, said=said))

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), metric=st.sampled_from(["roc_auc", "equalized_odds_difference"]), n=st.sampled_from([None, 100]))
    def judge(self, data, metric, n):
        number = data.draw(st.sampled_from(self.numbers))
        version = self.read(lambda session: registry.get(session, self.model, number))

        def act(session):
            told = {"gate": metric, "metric": metric, "passed": True, "mode": "block", "value": 0.5, "n": n, "reason": "it does"}
            session.add(tables.Verdict(model=self.model, number=number, run_id="r", at=self.at, **told))
            session.flush()
            registry.write_card(session, version, at=self.at, keep_approved=True)

        self.write(act)

    @precondition(lambda self: self.numbers)
    @rule(data=st.data(), step=st.sampled_from(["submit", "approve", "refuse", "archive", "all"]), stale=st.booleans())
    def decide(self, data, step, stale):
        number = data.draw(st.sampled_from(self.numbers))
        before = self.newest(number)
        seen = digest(b"another") if stale else before.digest
        acts: dict[str, Callable[[Any], Any]] = {
            "submit": lambda session: registry.submit_card(session, self.model, number, digest=seen, at=self.at),
            "approve": lambda session: registry.approve_card(session, self.model, number, digest=seen, approval="a1", at=self.at),
            "refuse": lambda session: registry.refuse_card(session, self.model, number, digest=seen, at=self.at),
            "archive": lambda session: registry.archive_card(session, self.model, number, at=self.at),
        }
        for one in ("submit", "approve") if step == "all" else (step,):
            try:
                self.write(acts[one])
            except HeadraceError:
                assert self.newest(number) == before if step != "all" else True
                return
            assert not stale or one == "archive", "a decision on another digest was taken"


def hold(machine: type[Cards], store: Store, examples: int = 6) -> None:
    """Search for a course of events after which an invariant of the machine does not hold."""
    machine.store = store
    found = settings(max_examples=examples, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=found)


def opened(database: str, request: Any, tmp_path: Path) -> Store:
    """An empty store in a database of a kind."""
    url = "sqlite:///state.db" if database == "sqlite" else request.getfixturevalue("postgres")
    return Store.open(url, "blobs", root=tmp_path)
