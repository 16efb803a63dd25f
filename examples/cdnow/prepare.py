"""CDNOW's purchases as CSV, and which customers are asked about: one row a customer and quarter.

Every customer of before is asked about: will they buy nothing in the next 90 days (`lapsed`)?
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import defaultdict
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

ASKED = [datetime(1997, 7, 1), datetime(1997, 10, 1), datetime(1998, 1, 1), datetime(1998, 4, 1)]  # noqa: DTZ001 - the data know no zone
AFTER = timedelta(days=90)


def main() -> None:
    """Write data/purchases.csv and data/questions.csv."""
    spec = find_spec("lifetimes")  # not imported: only its data are wanted
    if spec is None or spec.origin is None:
        message = "type `pip install lifetimes`"
        raise SystemExit(message)
    text = (Path(spec.origin).parent / "datasets" / "CDNOW_master.txt").read_text(encoding="ascii")
    lines = [line.split() for line in text.splitlines()[1:]]
    bought: dict[str, list[datetime]] = defaultdict(list)
    folder = Path(__file__).parent / "data"
    folder.mkdir(exist_ok=True)
    with (folder / "purchases.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["customer_id", "bought_at", "discs", "paid"])
        for customer, date, discs, paid in lines:
            at = datetime.strptime(date, "%Y%m%d")  # noqa: DTZ007
            bought[customer].append(at)
            out.writerow([customer, at.isoformat(), discs, paid])
    rows = [(customer, at, times) for at in ASKED for customer, times in bought.items() if min(times) <= at]
    with (folder / "questions.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["customer_id", "asked_at", "lapsed"])
        for customer, at, times in rows:
            ordered = sorted(times)
            out.writerow([customer, at.isoformat(), int(bisect_right(ordered, at) == bisect_right(ordered, at + AFTER))])
    print(f"{len(lines):,} purchases, {len(rows):,} questions")


if __name__ == "__main__":
    main()
