import threading

import pytest
from traffic_values import AT

from headrace.store import Store
from headrace.traffic import CANDIDATE, CHAMPION, Arm, WeightsConflict, current, epochs, set_weights


def test_weights_begin_at_epoch_one_and_count_up(store, shift):
    shift(0.1)
    shift(0.5, expected=1)
    with store.read() as session:
        found = current(session, "m")
    assert (found.epoch, found.arms, found.share) == (2, (Arm(CHAMPION, 1, 0.5), Arm(CANDIDATE, 2, 0.5)), 0.5)


def test_a_model_without_weights_has_none(store):
    with store.read() as session:
        assert current(session, "m") is None


@pytest.mark.parametrize("expected", [None, 7])
def test_what_was_decided_upon_other_weights_is_refused(store, shift, expected):
    shift(0.1)
    with pytest.raises(WeightsConflict):
        shift(0.2, expected=expected)
    with store.read() as session:
        assert current(session, "m").epoch == 1


@pytest.mark.parametrize(
    "arms",
    [
        [Arm("champion", 1, 0.9)],
        [Arm("champion", 1, 1.5), Arm("candidate", 2, -0.5)],
        [Arm("champion", 1, 0.5)] * 2,
        [],
    ],
)
def test_arms_that_are_no_distribution_are_refused(store, arms):
    with pytest.raises(ValueError, match="of model/m"), store.transaction("test", "shift", "model/m") as session:
        set_weights(session, model="m", expected=None, arms=arms, at=AT, reason="test")


def test_of_two_writers_at_once_one_wins(store, shift, tmp_path):
    shift(0.1)
    won, start = [], threading.Barrier(4)

    def write(share):
        other = Store.open("sqlite:///headrace.db", "blobs", root=tmp_path)
        arms = (Arm(CHAMPION, 1, 1 - share), Arm(CANDIDATE, 2, share))
        start.wait()
        try:
            with other.transaction("test", "shift", "model/m") as session:
                set_weights(session, model="m", expected=1, arms=arms, at=AT, reason="race")
            won.append(share)
        except WeightsConflict:
            pass
        finally:
            other.close()

    threads = [threading.Thread(target=write, args=(share,)) for share in (0.2, 0.3, 0.4, 0.5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        assert ([current(session, "m").share], current(session, "m").epoch) == (pytest.approx(won), 2)


def test_a_rollouts_epochs_are_those_of_its_two_versions(store, shift):
    shift(0.0, candidate=None)
    shift(0.1, expected=1)  # aborted …
    shift(0.0, expected=2)
    shift(0.1, expected=3)  # … and begun again
    shift(0.5, expected=4)
    with store.read() as session:
        running = current(session, "m")
    shift(0.0, expected=5)
    with store.read() as session:
        aborted = current(session, "m")
        assert ([w.epoch for w in epochs(session, running)], [w.epoch for w in epochs(session, aborted)]) == ([4, 5], [4, 5])


def test_without_a_candidate_there_is_no_rollout(store, shift):
    weights = shift(0.0, candidate=None)
    with store.read() as session:
        assert (epochs(session, weights), weights.share, weights.arm(CANDIDATE)) == ([], 0.0, None)
