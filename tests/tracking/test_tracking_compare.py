"""Which rows of two runs are held against each other, by which test, and when nothing is said."""

import io

import numpy as np
import pandas as pd
import pytest

from headrace import tracking
from headrace.stats.bootstrap import roc_auc
from headrace.stats.paired import BCA

N = 400


def accuracy(target, predictions):
    return float(((predictions >= 0.5) == (target == 1)).mean())


def brier(target, predictions):
    return float(((predictions - target) ** 2).mean())


METRICS = {"accuracy": accuracy, "brier": brier, "roc_auc": roc_auc}


def held(seed=1, noise=0.3, keys=range(N), repeat=1):
    """Held-out rows as a training keeps them; an answer belongs to its key."""
    keys = np.repeat(np.asarray(keys), repeat)
    target = (keys * 7919 % 13 < 6).astype(int)
    score = np.clip(0.5 + (target - 0.5) * 0.4 + np.random.default_rng(seed).normal(0, noise, len(keys)), 0, 1)
    days = np.arange(len(keys)) % repeat
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D")
    return pd.DataFrame({"customer": keys, "seen": at, "left": target, "prediction": score})


@pytest.fixture
def compared(store, begun):
    """Compares runs that kept these frames."""

    def compare(*frames, metrics=METRICS):
        runs = []
        for frame in frames:
            run_id = begun()
            out = io.BytesIO()
            frame.to_parquet(out, index=False)
            with store.transaction("u", "log", run_id) as session:
                tracking.link(session, run_id, tracking.REFERENCE, store.blobs.put(out.getvalue()), at=store.clock.now())
                tracking.write_digests(session, run_id, {tracking.HOLDOUT: tracking.holdout_digest(out.getvalue())})
            runs.append(tracking.get(store, run_id))
        return tracking.compare(store, runs, metrics)

    return compare


def test_each_metric_has_its_own_test(compared):
    found = compared(held(1), held(2))
    assert [("accuracy", "McNemar, exact"), ("brier", "bootstrap, BCa"), ("roc_auc", "DeLong")] == [
        (item.metric, item.tested.test) for item in found.paired
    ]
    assert [(N, N, "")] == [(item.n, item.entities, item.left_out) for item in found.shared]


def test_a_better_model_is_told_and_a_like_one_is_not(compared):
    assert [{"higher", "lower"}, {"undecided"}] == [
        {item.says for item in compared(held(1, 0.9), held(2, noise)).paired} for noise in (0.2, 0.9)
    ]


def test_rows_in_another_order_are_matched_by_their_keys(compared):
    first, second = held(1), held(2)
    straight, shuffled = (compared(first, frame).paired for frame in (second, second.sample(frac=1, random_state=3)))
    assert [item.tested.estimate for item in straight] == pytest.approx([item.tested.estimate for item in shuffled])
    assert straight[0].tested == shuffled[0].tested


def test_only_shared_rows_are_tested_and_the_rest_is_counted(compared):
    first, second = held(1), held(2, keys=range(100, 600))
    found = compared(first, second)
    only = compared(first[first.customer >= 100], second[second.customer < N])
    assert ([item.tested for item in only.paired], [(300, 100, 200)]) == (
        [item.tested for item in found.paired],
        [(item.n, item.only_first, item.only_second) for item in found.shared],
    )


def test_a_row_with_another_answer_or_a_key_twice_is_left_out(compared):
    first, second = held(1), held(2)
    second.loc[:9, "left"] = 1 - second.loc[:9, "left"]
    second = pd.concat([second, second[-5:]])
    (shared,) = compared(first, second).shared
    assert (N - 15, 10, 10, 5) == (shared.n, shared.contradicted, shared.repeated, shared.only_first)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (held(2, keys=range(360, 800)), "they share 40 held-out rows, and 50 are needed; 360 only the first has, 400 only the second has"),
        (held(2, keys=range(900, 999)), "they share 0 held-out rows, and 50 are needed; 400 only the first has, 99 only the second has"),
        (
            held(2).rename(columns={"customer": "person"}),
            "the rows of one have the keys customer, seen, and those of the other person, seen",
        ),
        (held(2).rename(columns={"left": "bought"}), "one answers `left`, and the other `bought`"),
        (
            held(2).assign(customer=[f"c{key}" for key in range(N)]),
            "they answered other held-out rows, whose keys customer, seen are of other types",
        ),
    ],
)
def test_what_cannot_be_paired_is_not_tested(compared, second, why):
    found = compared(held(1), second)
    assert ((), (), [(why, None)]) == (found.paired, found.shared, [(item.why, item.metric) for item in found.untested])


def test_rows_of_a_notebook_without_keys_are_never_matched_by_their_number(compared):
    first, second = (held(seed).assign(seen=0) for seed in (1, 2))
    second["left"] = 1 - second["left"]
    assert ["they answered other held-out rows, and rows by number alone cannot be matched: log `entity` with the predictions"] == [
        item.why for item in compared(first, second).untested
    ]


def test_entities_with_several_rows_are_drawn_whole(compared):
    found = compared(held(1, repeat=3), held(2, repeat=3))
    assert {"bootstrap, BCa"} == {item.tested.test for item in found.paired}
    assert (3 * N, N) == (found.shared[0].n, found.shared[0].entities)
    few = compared(held(1, keys=range(40), repeat=3), held(2, keys=range(40), repeat=3))
    assert ["they share 120 held-out rows of 40 entities, and 50 are needed"] == [item.why for item in few.untested]


def labelled(seed, wrong, classes=3):
    """As a model of several classes answers; it is sure of what it says, more or less."""
    chance = np.random.default_rng(seed)
    frame = held(seed)
    frame["left"] = frame["customer"] % 3
    said = (frame["left"] + (chance.random(len(frame)) < wrong)) % classes
    sure = chance.uniform(0.6, 0.9, len(frame))
    each = {f"prediction.{k}": np.where(said == k, sure, (1 - sure) / (classes - 1)) for k in range(classes)}
    return frame.assign(prediction=said.astype(str), **each)


def loss(target, predictions):
    return float(-np.log(predictions[np.arange(len(target)), target.astype(int)]).mean())


def several(target, predictions):
    return float((predictions.argmax(axis=1) == target).mean())


def test_of_several_classes_every_metric_is_tested(compared):
    found = compared(labelled(1, 0.4), labelled(2, 0.1), metrics={"accuracy": several, "log_loss": loss, "roc_auc": several})
    assert [("accuracy", "McNemar, exact", "higher"), ("log_loss", BCA, "lower"), ("roc_auc", BCA, "higher")] == [
        (item.metric, item.tested.test, item.says) for item in found.paired
    ]


@pytest.mark.parametrize("short", [True, False])
def test_of_classes_without_their_probabilities_what_was_answered_is_tested(compared, short):
    first, second = labelled(1, 0.4), labelled(2, 0.1, classes=4)
    if short:
        first, second = (frame[["customer", "seen", "left", "prediction"]] for frame in (first, second))
    found = compared(first, second, metrics={"accuracy": several, "log_loss": loss})
    (only,) = found.paired
    assert ("accuracy", "McNemar, exact", "higher") == (only.metric, only.tested.test, only.says)
    assert [("log_loss", "of one of them only the answered class is known, or they know other classes")] == [
        (item.metric, item.why) for item in found.untested
    ]


def test_quantiles_are_tested_where_both_answer_the_same_ones(compared):
    def quantiles(seed, *levels):
        frame = held(seed)
        return frame.assign(**{f"prediction.{level:g}": frame["prediction"] + level for level in levels})

    def width(target, predictions):
        return float((predictions[:, -1] - predictions[:, 0]).mean() + target.mean() + predictions[:, 0].mean())

    same = compared(quantiles(1, 0.1, 0.9), quantiles(2, 0.1, 0.9), metrics={"width": width})
    other = compared(quantiles(1, 0.1, 0.9), quantiles(2, 0.2, 0.8), metrics={"width": width})
    assert (["width"], ["one answers the quantiles 0.1, 0.9, and the other 0.2, 0.8"]) == (
        [item.metric for item in same.paired],
        [item.why for item in other.untested],
    )


def test_a_metric_of_the_same_name_is_tested_as_what_it_is(compared):
    found = compared(held(1), held(2), metrics={"accuracy": brier, "roc_auc": brier})
    assert {"bootstrap, BCa"} == {item.tested.test for item in found.paired}


def test_a_metric_that_fails_is_told_and_the_others_are_tested(compared):
    def broken(target, predictions):
        raise ZeroDivisionError(f"{len(target)}")

    found = compared(held(1), held(2), metrics={"accuracy": accuracy, "broken": broken})
    assert (["accuracy"], [("broken", f"ZeroDivisionError: {N}")]) == (
        [item.metric for item in found.paired],
        [(item.metric, item.why) for item in found.untested],
    )


def test_many_tests_are_one_family(compared):
    """Twenty runs that are no better: at 0.05 each, some would be called so."""
    found = compared(held(121), *(held(seed) for seed in range(1, 21)), metrics={"accuracy": accuracy})
    assert 20 == len(found.paired)
    smallest = min(item.tested.p for item in found.paired)
    assert (True, pytest.approx(min(1, smallest * 20))) == (smallest < 0.05, min(item.p_adjusted for item in found.paired))
    assert {"undecided"} == {item.says for item in found.paired}
