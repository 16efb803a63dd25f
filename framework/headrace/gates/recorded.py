"""What gates said of a model's versions, read back."""

from __future__ import annotations

from sqlmodel import Session, col, select

from headrace.store import tables


def verdicts(session: Session, model: str) -> dict[int, list[tables.Verdict]]:
    """By version, what each gate said when it was last judged, in the order of the gates' names."""
    rows = list(session.exec(select(tables.Verdict).where(tables.Verdict.model == model).order_by(col(tables.Verdict.at))))
    latest = {row.number: row.run_id for row in rows}
    found: dict[int, list[tables.Verdict]] = {}
    for row in sorted(rows, key=lambda row: row.gate):
        if row.run_id == latest[row.number]:
            found.setdefault(row.number, []).append(row)
    return found
