"""P25: an alert on performance fires and is resolved exactly as its rule says, once each, however the windows fall into looks."""

from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_values import close, judge, storing, told
from sqlmodel import select

from headrace.monitoring import Alert
from headrace.store import EventKind
from headrace.store.tables import Outbox

VALUES = st.lists(st.one_of(st.none(), st.sampled_from([0.7, 0.79, 0.8, 0.9])), min_size=1, max_size=10)


def expected(values, windows):
    """What must be told, by looking back from each window."""
    firing, found, known = False, [], []
    for number, value in enumerate(values, start=1):
        if value is None:
            continue
        known.append(value)
        if not firing and len(known) >= windows and max(known[-windows:]) < 0.8:
            firing = True
            found.append(("firing", number))
        elif firing and value >= 0.8:
            firing = False
            found.append(("resolved", number))
    return found


@settings(max_examples=20, deadline=None)
@given(VALUES, st.integers(1, 3), st.data())
def test_an_alert_on_performance_is_told_once_a_change(values, windows, data):
    rule = Alert("degraded", when="performance.roc_auc < 0.8", windows=windows, severity="critical", notify=["a", "b"])
    cuts = sorted({*data.draw(st.lists(st.integers(1, len(values)), max_size=4)), len(values)})
    with storing() as store:
        done = 0
        for cut in cuts:
            for number in range(done + 1, cut + 1):
                value = values[number - 1]
                performance = {"metric": "roc_auc", "value": value, "status": "ok" if value is not None else "insufficient_data"}
                close(store, number, performance=performance)
            for _ in range(data.draw(st.integers(1, 2))):  # a look may be taken twice
                alerts = judge(store, range(done + 1, cut + 1), rule)
            done = cut
        changes = [(item["status"], item["window"]["number"]) for item in told(store, EventKind.ALERT_FIRED, EventKind.ALERT_RESOLVED)]
        with store.read() as session:
            messages = sorted(
                (row.channel, row.message["status"], row.message["details"]["window"]["number"]) for row in session.exec(select(Outbox))
            )
    assert expected(values, windows) == changes
    assert (["degraded"] if changes and changes[-1][0] == "firing" else []) == alerts.firing
    assert sorted((channel, *change) for channel in "ab" for change in changes) == messages
