"""`kind: report`: what people read, made on a schedule."""

from __future__ import annotations

from typing import Literal

from headrace.spec.field import Effect, Spec, field
from headrace.spec.name import ChannelRef, CronLine, MemberRef, Name
from headrace.spec.quantity import Duration


class Report(Spec):
    """One report over some models and some time."""

    kind: Literal["report"] = field("A report.", Effect.METADATA, example="report", later=True)
    name: Name = field("The report's name.", Effect.RECONFIGURE, example="monthly")
    description: str = field("Who it is for.", Effect.METADATA, default="", example="for the risk committee")
    models: Literal["all"] | tuple[MemberRef, ...] = field(
        "What it is about.", Effect.RECONFIGURE, default="all", example=["model/employment"]
    )
    sections: tuple[Literal["summary", "performance", "drift", "rollouts", "experiments", "retraining", "governance", "cost"], ...] = field(
        "What it tells, in this order.",
        Effect.RECONFIGURE,
        default=("summary", "performance", "drift"),
        min_length=1,
        example=["summary", "performance", "governance"],
    )
    period: Duration = field("The time that it looks back on.", Effect.RECONFIGURE, default="30d", example="30d", validate_default=True)
    schedule: CronLine | None = field(
        "A cron line, in UTC; only when asked for, without.", Effect.RECONFIGURE, default=None, example="0 6 1 * *"
    )
    formats: tuple[Literal["html", "pdf", "csv", "json"], ...] = field(
        "How it is written.", Effect.RECONFIGURE, default=("html",), min_length=1, example=["html", "csv"]
    )
    template: str | None = field(
        "A Jinja2 template of one's own.", Effect.RECONFIGURE, default=None, example="reports/monthly.html.j2", min_length=1
    )
    notify: tuple[ChannelRef, ...] = field("Who is told that it is there.", Effect.RECONFIGURE, default=(), example=["channel/ml-team"])
