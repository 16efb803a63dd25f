"""What a report recommends: a table of rules over measured values, so that nothing is advised that nobody measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: where a measured value of one of these metrics lies beyond a limit, something is advised."""

    id: str
    metrics: tuple[str, ...]
    beyond: Literal["below", "above"]
    limit: float
    says: str

    def met(self, value: float) -> bool:
        """Whether a value lies beyond the limit."""
        return value < self.limit if self.beyond == "below" else value > self.limit


RULES = (
    Rule("accuracy", ("accuracy",), "below", 0.9, "look for better features, more rows or another algorithm"),
    Rule(
        "bias",
        (
            "demographic_parity_difference",
            "equal_opportunity_difference",
            "equalized_odds_difference",
            "group_calibration_difference",
        ),
        "above",
        0.05,
        "look at the groups that differ: their rows, their labels, and a threshold or weights that treat them alike",
    ),
    Rule("disparate-impact", ("demographic_parity_ratio",), "below", 0.8, "have the difference between groups justified, or mend it"),
    Rule("robustness", ("robustness", "noise_robustness"), "below", 0.8, "train with noise and missing values, or bound the inputs"),
    Rule("calibration", ("expected_calibration_error",), "above", 0.05, "calibrate the probabilities (`training.calibrate`)"),
    Rule("latency", ("latency_p99",), "above", 0.05, "make the model smaller, or give its servers more room"),
)
"""In the order in which they are told. Latency is in seconds."""


def recommended(gates: Sequence[Mapping[str, Any]], metrics: Mapping[str, float | None]) -> Iterator[dict[str, Any]]:
    """What the rules say of a report's gates, and of the version's own metrics where no gate measured one.

    A rule says it once, of the values that lie farthest beyond its limit first; `metric` and `value` are the first's.
    """
    for rule in RULES:
        found = sorted((one for one in _values(rule, gates, metrics) if rule.met(one[2])), key=lambda one: -abs(one[2] - rule.limit))
        if found:
            wheres, (_, metric, value) = list(dict.fromkeys(where for where, _, _ in found)), found[0]
            told = ", ".join(f"{name} is {much:.4g}{f' ({where})' if len(found) > 1 else ''}" for where, name, much in found)
            said = f"{told}, {rule.beyond} {rule.limit:g}: {rule.says}"
            yield {"rule": rule.id, "where": ", ".join(wheres), "metric": metric, "value": value, "limit": rule.limit, "says": said}
    for gate in gates:
        few = [item["slice"] for item in (gate["evidence"] or {}).get("slices", ()) if item.get("status") == "insufficient"]
        if few:
            said = f"gate {gate['gate']} judged nothing of {len(few)} slices for want of rows: gather more of {', '.join(few[:5])}"
            yield {
                "rule": "few-rows",
                "where": f"gate {gate['gate']}",
                "metric": gate["metric"],
                "value": len(few),
                "limit": 0,
                "says": said,
            }
        if gate["waived"] is not None:
            said = f"gate {gate['gate']} is waived until {gate['waived']['until']}: mend it before, since it blocks again"
            yield {
                "rule": "waived",
                "where": f"gate {gate['gate']}",
                "metric": gate["metric"],
                "value": gate["value"],
                "limit": None,
                "says": said,
            }


def _values(rule: Rule, gates: Sequence[Mapping[str, Any]], metrics: Mapping[str, float | None]) -> Iterator[tuple[str, str, float]]:
    """Where a rule's metrics were measured; a difference from another model is no value of a metric."""
    for metric in rule.metrics:
        asked = [
            gate for gate in gates if gate["metric"] == metric and gate["value"] is not None and "versus" not in (gate["evidence"] or {})
        ]
        yield from ((f"gate {gate['gate']}", metric, gate["value"]) for gate in asked)
        own = metrics.get(metric)
        if not asked and own is not None:
            yield "held-out rows", metric, own
