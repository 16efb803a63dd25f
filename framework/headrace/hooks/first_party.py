"""What the packages beside this one register, so that whoever writes a name of theirs is told what to install."""

from __future__ import annotations

from collections.abc import Mapping

_FAIRNESS = (
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "equal_opportunity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
    "worst_group_accuracy",
)
PACKAGES: Mapping[tuple[str, str], str] = {
    **{("metric", f"fairlearn.{name}"): "headrace-fairlearn" for name in _FAIRNESS},
    ("channel", "slack"): "headrace-slack",
    **{("algorithm", f"torch.{name}"): "headrace-torch" for name in ("classifier", "multiclass", "regressor")},
    ("algorithm", "xgboost.classifier"): "headrace-xgboost",
    ("tracker", "mlflow"): "headrace-mlflow",
}
"""By axis and name, the package that registers it."""
CHANNELS: Mapping[str, tuple[str, ...]] = {"slack": ("url", "mention", "timeout_seconds")}
"""The parameters of the channel types among them, which are judged before the package is installed."""
HABITS: Mapping[str, str] = {
    **dict.fromkeys(("webhook_url", "webhook", "hook_url"), "write `url`"),
    **dict.fromkeys(("channel", "username", "icon_emoji"), "remove it: an incoming webhook has a channel and a name of its own"),
}
"""What is written for their parameters elsewhere, and what to do about it."""
