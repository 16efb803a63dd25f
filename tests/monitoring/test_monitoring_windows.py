from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from monitored_world import prediction
from sqlmodel import insert, select

from headrace.diagnostics import HeadraceError
from headrace.monitoring import Drift, Performance
from headrace.monitoring.stretch import Stretch
from headrace.store import EventKind
from headrace.store.tables import Due, Outcome, Prediction

DAY = timedelta(days=1)
NOW = datetime(2016, 1, 1, tzinfo=UTC)
AUC = Performance("roc_auc")


def test_a_window_is_so_many_predictions_in_the_order_of_the_journal(world: Any) -> None:
    world.champion(100)
    world.serve(world.rows(1050))
    closed = world.measure(rows=500).closed
    assert ([1, 2], [(1, 1, 500, 500), (2, 501, 1000, 500)]) == (
        closed,
        [(w.number, w.first_seq, w.last_seq, w.n) for w in world.windows()],
    )


def test_what_was_not_written_as_it_was_is_missing_to_a_window() -> None:
    held = ({"age": 40.0, "grade": {"hmac-sha256": "a1" * 32}}, {"age": {"dropped": True}, "grade": "a"})
    stretch = Stretch(1, (1, 2), (1, 1), (0.5, 0.5), held, (False, False), NOW, NOW)

    assert [[40.0, None], [None, "a"]] == stretch.frame(["age", "grade"]).astype(object).replace({float("nan"): None}).to_numpy().tolist()


def test_a_window_closes_only_when_it_is_full(world: Any) -> None:
    world.champion(100)
    world.serve(world.rows(499))
    assert [] == world.measure(rows=500).closed
    world.serve(world.rows(1))
    assert [1] == world.measure(rows=500).closed


def test_errors_and_repetitions_take_no_place_in_a_window(world: Any) -> None:
    world.champion(100)
    world.serve(world.rows(60))
    row = {"prediction": 0.5, "age": 40.0, "grade": "a"}
    with world.store.transaction("service:ship", "ship", "employment") as session:
        rows = [
            prediction(1001, world.at, row, output=None, error="boom", entity="x"),
            prediction(1002, world.at, row, entity="x"),
            prediction(1003, world.at, row, entity="x"),  # the client asked again: same person, moment and answer
            prediction(1004, world.at + DAY, row, entity="x"),  # a new request
        ]
        session.execute(insert(Prediction), rows)
    world.serve(world.rows(60))
    world.measure(rows=122)
    (window,) = world.windows()
    assert (122, 124) == (window.n, window.last_seq)


def test_rows_of_all_arms_make_a_window_and_its_performance_is_split_by_version(world: Any) -> None:
    world.champion(100)
    world.champion(100)
    world.serve(world.rows(300), version=1)
    world.serve(world.rows(250), version=2)
    world.drive(world.at + 31 * DAY)
    world.measure(rows=550, performance=AUC)
    performance = world.windows()[0].performance
    assert {"1": 300, "2": 250} == {version: part["n"] for version, part in performance["versions"].items()}


def test_a_second_look_changes_nothing(world: Any) -> None:
    world.champion(100)
    world.serve(world.rows(1000))
    world.drive(world.at + 31 * DAY)
    world.measure(drift=Drift(), performance=AUC)
    before = (world.windows(), len(world.log()))
    again = world.measure(drift=Drift(), performance=AUC)
    assert ([], [], before) == (again.closed, again.labelled, (world.windows(), len(world.log())))


@pytest.mark.parametrize("step", ["close windows", "label windows", "schedule"])
def test_a_look_that_was_killed_is_taken_up_again(world: Any, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    world.champion(100)
    world.serve(world.rows(1000))
    world.drive(world.at + 31 * DAY)
    whole = world.store.transaction

    def killed(actor: str, action: str, subject: str) -> Any:
        if action == step:
            raise KeyboardInterrupt
        return whole(actor, action, subject)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "transaction", killed)
        with pytest.raises(KeyboardInterrupt):
            world.measure(drift=Drift(), performance=AUC)
    world.measure(drift=Drift(), performance=AUC)
    events = [(event.kind, event.payload["window"]) for event in world.log(EventKind.WINDOW_CLOSED, EventKind.WINDOW_LABELLED)]
    expected = [(kind, number) for kind in (EventKind.WINDOW_CLOSED, EventKind.WINDOW_LABELLED) for number in (1, 2)]
    assert expected == events


def test_a_window_that_another_look_closed_meanwhile_is_not_closed_twice(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from headrace.monitoring import measure

    world.champion(100)
    world.serve(world.rows(500))
    drift = measure._drift

    def slow(*args: Any) -> Any:
        monkeypatch.setattr(measure, "_drift", drift)
        world.measure(drift=Drift())
        return drift(*args)

    monkeypatch.setattr(measure, "_drift", slow)
    assert ([], 1) == (world.measure(drift=Drift()).closed, len(world.windows()))


def test_the_next_look_is_due_after_every(world: Any) -> None:
    world.champion(100)
    world.measure()
    with world.store.read() as session:
        due = session.get(Due, ("employment", "monitor"))
    assert due.at == world.at + 7 * DAY


def test_the_share_of_rows_with_an_unseen_category_is_kept(world: Any) -> None:
    world.champion(100)
    world.serve(world.rows(500), unseen=50)
    world.measure()
    assert world.windows()[0].unseen_share == 0.1


def test_a_window_is_labelled_once_its_answers_are_known(world: Any) -> None:
    world.champion(100)
    world.serve(world.rows(500))
    early = world.measure(performance=AUC).labelled
    world.drive(world.at + 31 * DAY)
    late = world.measure(performance=AUC).labelled
    (event,) = world.log(EventKind.WINDOW_LABELLED)
    assert ([], [1], 500, 1.0) == (early, late, event.payload["n"], event.payload["coverage"])


def test_realised_performance_is_the_metric_over_the_known_answers(world: Any) -> None:
    from headrace.builtin.metrics.probability import roc_auc

    world.champion(100)
    frame = world.rows(500)
    world.serve(frame)
    world.drive(world.at + 31 * DAY)
    world.measure(performance=AUC)
    assert world.windows()[0].performance["value"] == roc_auc(frame["target"].to_numpy(), frame["prediction"].to_numpy())


def lost_answers(world: Any, kept: int) -> None:
    world.champion(100)
    world.serve(world.rows(500))
    with world.store.transaction("test", "lose answers", "employment") as session:
        for row in session.exec(select(Outcome).where(Outcome.id > kept)):
            session.delete(row)


def test_95_percent_of_the_answers_are_enough(world: Any) -> None:
    lost_answers(world, 475)
    world.drive(world.at + 31 * DAY)
    world.measure(performance=AUC)
    assert world.windows()[0].performance["coverage"] == 0.95


def test_fewer_answers_are_waited_for_until_their_delay_has_passed(world: Any) -> None:
    lost_answers(world, 300)
    world.drive(world.at + 29 * DAY)
    early = world.measure(performance=AUC, delay=30 * DAY).labelled
    world.drive(world.at + 30 * DAY)
    late = world.measure(performance=AUC, delay=30 * DAY).labelled
    assert ([], [1], 300) == (early, late, world.windows()[0].performance["n"])


def test_too_few_answers_are_insufficient_and_asked_for_again(world: Any) -> None:
    lost_answers(world, 150)
    world.drive(world.at + 31 * DAY)
    first = world.measure(performance=AUC, delay=30 * DAY)
    status = world.windows()[0].performance["status"]
    with world.store.transaction("test", "find answers", "employment") as session:
        for number in range(151, 401):
            session.add(Outcome(model="employment", entity=str(number), value=float(number % 2), known_at=world.at))
    second = world.measure(performance=AUC, delay=30 * DAY)
    assert ([], "insufficient_data", [1], "ok") == (first.labelled, status, second.labelled, world.windows()[0].performance["status"])


def test_answers_of_one_kind_have_no_auc_and_the_window_says_so(world: Any) -> None:
    world.champion(100)
    world.serve(world.rows(300).assign(target=1))
    world.drive(world.at + 31 * DAY)
    world.measure(rows=300, performance=AUC)
    performance = world.windows()[0].performance
    assert (None, "failed", "roc_auc has no value for these answers") == (
        performance["value"],
        performance["status"],
        performance["reason"],
    )


def test_a_metric_or_detector_that_nobody_offers_is_named(world: Any) -> None:
    world.champion(100)
    world.serve(world.rows(500))
    with pytest.raises(HeadraceError, match="the detector `sorcery`"):
        world.measure(drift=Drift(method="sorcery"))
    with pytest.raises(HeadraceError, match="the metric `gut_feeling`"):
        world.measure(performance=Performance("gut_feeling"))


def test_without_a_champion_the_version_that_answered_most_is_compared_with(world: Any) -> None:
    world.champion()
    with world.store.transaction("test", "forget", "employment") as session:
        from headrace.store.tables import Alias

        session.delete(session.get(Alias, ("employment", "champion")))
    world.serve(world.rows(500))
    world.measure(drift=Drift())
    assert world.windows()[0].drift["reference"] == 1


def test_a_model_that_nobody_asked_has_no_windows(world: Any) -> None:
    world.champion(100)
    assert {"windows": 0} == world.measure().summary


def asked_twice(world: Any, n: int = 300) -> Any:
    """The same people a second time half a year later, who have become the opposite of what they were; their answers after 30 days."""
    world.champion(100)
    frame = world.rows(n)
    world.serve(frame)
    world.at += 180 * DAY
    world.sent = 0
    world.serve(frame.assign(target=1 - frame["target"]), again=True)
    return frame


def test_people_who_are_asked_again_are_judged_by_the_answer_of_their_time(world: Any) -> None:
    from headrace.builtin.metrics.probability import roc_auc

    frame = asked_twice(world)
    world.drive(world.at + 31 * DAY)
    world.measure(rows=300, performance=AUC)
    first, second = (window.performance["value"] for window in world.windows())
    right = roc_auc(frame["target"].to_numpy(), frame["prediction"].to_numpy())
    assert (right, 1 - right) == (first, pytest.approx(second))


def test_an_answer_is_not_taken_for_one_to_a_request_that_came_after_it(world: Any) -> None:
    asked_twice(world)
    world.drive(world.at)
    world.measure(rows=300, performance=AUC)
    assert (1.0, None) == (world.windows()[0].performance["coverage"], world.windows()[1].performance)
