"""P23: an alert on drift fires exactly when the drift is there, and names each drifted feature, its effect, the thresholds and the size."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_values import close, judge, storing, told

from headrace.builtin.detectors.psi import compare
from headrace.monitoring import Alert, Drift
from headrace.monitoring import drift as drifts
from headrace.store import EventKind

REFERENCE = np.full(10, 1000)
SHIFTS = st.dictionaries(st.sampled_from(["age", "plan", "city", "prediction"]), st.integers(0, 90), min_size=1)


def moved(by):
    """1,000 rows, with `by` of each 100 moved out of the lower bins into the upper ones."""
    return np.concatenate([np.full(5, 100 - by), np.full(5, 100 + by)])


def index(by):
    """The population stability index of such a move, by hand."""
    return by / 100 * 0.5 * np.log((100 + by) / (100 - by))


@settings(max_examples=20, deadline=None)
@given(SHIFTS, st.sampled_from([0.05, 0.1, 0.3]), st.sampled_from([0.0, 0.3, 0.6]))
def test_an_alert_on_drift_tells_what_drifted(shifts, warning, share):
    wanted = Drift(warning=warning, critical=2 * warning)
    counts = {name: moved(by) for name, by in shifts.items()}
    drift = drifts.judge(compare, dict.fromkeys(shifts, REFERENCE), counts, wanted)
    expected = {name for name, by in shifts.items() if index(by) >= warning * 1.02}
    unsure = {name for name, by in shifts.items() if warning * 0.98 <= index(by) < warning * 1.02}  # half a row is added to each bin
    with storing() as store:
        close(store, 1, drift=drift)
        judge(store, [1], Alert("drifting", when=f"drift.share > {share}"))
        payloads = told(store, EventKind.ALERT_FIRED)
    found = {item["feature"] for item in drifts.drifted(drift)}
    assert expected <= found <= expected | unsure
    assert (len(found) / len(shifts) > share) == bool(payloads)
    for payload in payloads:
        assert found == {item["feature"] for item in payload["drifted"]}
        assert all(item["n"] == 1000 and item["effect"] >= warning and item["q"] <= 0.01 for item in payload["drifted"])
        assert (warning, 2 * warning, "psi") == tuple(payload["drift"][key] for key in ("warning", "critical_from", "method"))
        assert {"drift.share": len(found) / len(shifts)} == payload["values"]
