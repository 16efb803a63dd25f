"""A store with one experiment of model/shop: requests of its arms, labels and measures put in as a test needs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlmodel import insert, select

from headrace.experiment.analyse import analyse
from headrace.experiment.analysis import Analysis
from headrace.experiment.declared import Declared, Measure, Primary
from headrace.experiment.exposure import expose
from headrace.experiment.observe import observe
from headrace.experiment.observed import Observed
from headrace.hooks import Plugins
from headrace.spec.quantity import Difference
from headrace.store import Store
from headrace.store.experimental import Experiment
from headrace.store.measured import Exposure
from headrace.store.measured import Measure as Told
from headrace.store.tables import Outcome, Prediction, Weights

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BOTH = {"champion": 0.5, "candidate": 0.5}
RETAINED = Measure(name="retained", kind="rate", of="order", within=2 * DAY)


def declared(*measures: Measure, **more: Any) -> Declared:
    """An experiment that is judged by the first of these measures."""
    told = measures or (RETAINED,)
    primary = more.pop("primary", (Primary(metric=told[0].name, detect=Difference(0.05, relative=False), baseline=0.3),))
    return Declared(**({"arms": BOTH, "unit": "customer", "primary": primary, "lasts": 30 * DAY, "measures": told} | more))


class World:
    """The store, and the experiment's row in it."""

    def __init__(self, store: Store, plugins: Plugins, *, ends: datetime = START + 30 * DAY, model: str = "shop") -> None:
        self.store = store
        self.plugins = plugins
        self.model = model
        self._ids = count(1)
        self.row = Experiment(
            id="e1",
            model=model,
            number=1,
            candidate=2,
            champion=1,
            arms={"champion": {"version": 1, "share": 0.5}, "candidate": {"version": 2, "share": 0.5}},
            state="enrolling",
            declared={},
            first_epoch=2,
            started_at=START,
            enrols_until=ends - 2 * DAY,
            ends_at=ends,
            details={},
        )
        with store.transaction("user:test", "begin", "experiment/e1") as session:
            session.add(self.row)
        self.deal(2, BOTH)

    def deal(self, epoch: int, shares: dict[str, float]) -> None:
        """Shares from this epoch on."""
        arms = [{"name": name, "version": 1 if name == "champion" else 2, "weight": share} for name, share in shares.items()]
        with self.store.transaction("user:test", "deal", "model/shop") as session:
            session.add(Weights(model=self.model, epoch=epoch, arms=arms, at=START, reason="a test"))

    def asked(self, entity: str, arm: str, *, epoch: int = 2, at: datetime = START, **more: Any) -> dict[str, Any]:
        """One request, to be put in by `put`."""
        made = {
            "id": f"p{next(self._ids)}",
            "model": self.model,
            "version": 1 if arm == "champion" else 2,
            "arm": arm,
            "epoch": epoch,
            "entity": entity,
            "at": at,
            "recorded_at": at,
            "latency_us": 1500,
            "inputs": {"age": 30.0},
            "output": 0.25,
            "error": None,
            "unseen": [],
            "answer": None,
        }
        return made | more

    def put(self, *requests: dict[str, Any]) -> None:
        """Requests into the journal."""
        self._insert(Prediction, requests)

    def told(self, *values: tuple[str, float, datetime], metric: str = "order", **more: Any) -> None:
        """Values of a metric: of whom, how much, when."""
        rows = [
            {"model": self.model, "id": f"m{next(self._ids)}", "unit": unit, "metric": metric, "value": value, "at": at, "known_at": at}
            | more
            for unit, value, at in values
        ]
        self._insert(Told, rows)

    def labelled(self, *values: tuple[str, float, datetime]) -> None:
        """Outcomes: of whom, which, since when it is known."""
        self._insert(Outcome, [{"model": self.model, "entity": who, "value": value, "known_at": at} for who, value, at in values])

    def observe(self, about: Declared, at: datetime) -> Observed:
        """What a look sees."""
        with self.store.transaction("user:test", "expose", "experiment/e1") as session:
            expose(session, self.row, about)
        with self.store.read() as session:
            return observe(session, self.row, about, at, plugins=self.plugins)

    def analyse(self, about: Declared, at: datetime) -> Analysis:
        """What a look says."""
        return analyse(about, self.observe(about, at), at)

    def exposures(self) -> list[tuple[str, str, int, bool]]:
        """Unit, arm, epoch, whether it switched."""
        with self.store.read() as session:
            found = session.exec(select(Exposure).order_by(Exposure.unit))
            return [(one.unit, one.arm, one.epoch, one.switched) for one in found]

    def _insert(self, table: Any, rows: Any) -> None:
        if rows:
            with self.store.transaction("user:test", "put", "model/shop", often=True) as session:
                session.execute(insert(table), list(rows))
