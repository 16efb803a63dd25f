from datetime import UTC, datetime, timedelta

from headrace.rollout import Canary, Facts, Judge, NoData, Running, Step, Warmup
from headrace.stats.eprocess import Stratum
from headrace.traffic import CANDIDATE, CHAMPION, Arm, Weights

T0 = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CANARY = Canary(
    unit="person_id",
    steps=[Step(weight=0.2, hold=14 * DAY), Step(weight=0.5, hold=56 * DAY)],
    judge=[
        Judge(metric="error_rate", negligible=0.02, ceiling=0.05),
        Judge(metric="slow_request", over=timedelta(milliseconds=250), negligible=0.02),
    ],
    warmup=Warmup(requests=20),
    no_data=NoData(after=7 * DAY, deadline=42 * DAY),
)

HEALTHY = [Stratum(0.2, 400, 0, 1600, 0)]
FEW = [Stratum(0.2, 20, 0, 80, 0)]
HARMFUL = [Stratum(0.2, 20, 18, 80, 0)]
WRONG_SHARE = [Stratum(0.2, 900, 0, 1100, 0)]


def counts(error=FEW, slow=None):
    return {"error_rate": error, "slow_request": error if slow is None else slow}


def weights(share=0.2, champion=1, candidate=2):
    return Weights("m", 1, (Arm(CHAMPION, champion, 1 - share), Arm(CANDIDATE, candidate, share)))


def facts(*, day=1, running=None, **changes):
    now = T0 + day * DAY
    given = {
        "canary": CANARY,
        "now": now,
        "driven": True,
        "running": running or Running(2, 1, 0, T0, T0),
        "waiting": None,
        "champion": 1,
        "weights": weights(),
        "counts": counts(),
        "heard": now,
    }
    return Facts(**(given | changes))
