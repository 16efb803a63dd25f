"""Assignment's table: decisions a second in one process, and who moves when 50/50 becomes 60/40."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rows import Row

from headrace.traffic.assignment import assigning
from headrace.traffic.enrolment import Among, enrolling

UNITS, LEAST, MOST = 200_000, 200_000, 0.101
EVEN, UNEVEN = (("champion", 0.5), ("candidate", 0.5)), (("champion", 0.4), ("candidate", 0.6))


def rows(runs: int, seed: int) -> Iterator[Row]:
    del runs
    units = [f"person-{seed}-{number}" for number in range(UNITS)]
    three = (("champion", 0.4), ("candidate", 0.3), ("other", 0.3))
    among = Among(experiment="work/1", coverage=0.5, holdout=0.05)
    for name, assign in (
        ("two arms", assigning("work", EVEN)),
        ("three arms", assigning("work", three)),
        ("two arms, a coverage and a holdout", enrolling("work", EVEN, among)),
    ):
        began = time.process_time()
        for unit in units:
            assign(unit)
        a_second = UNITS / (time.process_time() - began)
        yield Row(f"decisions a second of CPU, {name}", {"a_second": round(a_second), "at_least": LEAST}, kept=a_second >= LEAST)
    before, after = assigning("work", EVEN), assigning("work", UNEVEN)
    moved = [(before(unit), after(unit)) for unit in units]
    gone = sum(one != other for one, other in moved) / UNITS
    back = sum((one, other) == ("candidate", "champion") for one, other in moved)
    found = {"share": gone, "at_most": MOST, "the_other_way": back, "units": UNITS}
    yield Row("units that move where 50/50 becomes 60/40", found, kept=gone <= MOST and not back)
