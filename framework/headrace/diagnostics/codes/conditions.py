"""Faults of what acts by itself: rollouts, alerts, retraining."""

from __future__ import annotations

from headrace.diagnostics.codes.code import Code

CODES = (
    Code(
        "rollout-weights",
        "a rollout's weights do not rise",
        "Each step gives the candidate more than the one before.",
        "steps: [{weight: 20%, hold: 6h}, {weight: 5%, hold: 6h}]",
        "steps: [{weight: 5%, hold: 6h}, {weight: 20%, hold: 6h}]",
    ),
    Code(
        "rollout-steps",
        "a rollout's steps stand where its strategy does not look for them",
        "`canary` goes by `steps`; another strategy makes the steps of its `params`, and two lists could differ.",
        "strategy: linear\nparams: {from: 10%, to: 50%, by: 20%, hold: 6h}\nsteps: [{weight: 10%, hold: 6h}]",
        "strategy: linear\nparams: {from: 10%, to: 50%, by: 20%, hold: 6h}",
    ),
    Code(
        "short-hold",
        "a step is over before it has been looked at",
        "A live rollout is looked at every five minutes, so a step lasts until the first look after its `hold`. Under three looks, that is "
        "another length than the one written. A warning: a backtest drives its own clock.",
        "steps: [{weight: 5%, hold: 2m}]",
        "steps: [{weight: 5%, hold: 15m}]",
    ),
    Code(
        "judge-without-over",
        "`slow_request` does not say what is slow",
        "It counts requests slower than `over`.",
        "- {metric: slow_request}",
        "- {metric: slow_request, over: 250ms}",
    ),
    Code(
        "judge-without-limit",
        "a metric of the journal does not say which rows it counts",
        "`output_shift` counts answers of `limit` or more, `prediction_disagreement` answers further apart than `limit`, and `quality` "
        "of a registered metric rows that are worse than `limit`.",
        "- {metric: output_shift}",
        "- {metric: output_shift, limit: 0.5, promote_below: 1.5x}",
    ),
    Code(
        "judge-without-pairs",
        "a rollout is judged by disagreement, and no request is answered by both versions",
        "Who answers otherwise is seen of a request that both answer. On split traffic each is answered by one; a shadow answers it, too.",
        "rollout: {judge: [{metric: prediction_disagreement, limit: 0.1}]}",
        "serving: {shadow: {version: candidate}}\nrollout: {judge: [{metric: prediction_disagreement, limit: 0.1}]}",
    ),
    Code(
        "judge-metric",
        "a rollout's `quality` is of a metric that has no value for a row",
        "Rollouts are judged while rows come in, each counted as bad or not. An area under a curve is a number of many rows together. "
        "A metric that is a mean of rows says so by `rows`.",
        "- {metric: quality, of: roc_auc, limit: 0.8}",
        "- {metric: quality, of: brier, limit: 0.25}",
    ),
    Code(
        "judge-never-promotes",
        "every metric of a rollout only aborts",
        "Without a metric that promotion waits for, no evidence would ever promote a candidate, and silence is no pass.",
        "judge: [{metric: error_rate, decides: abort}]",
        "judge: [{metric: error_rate}]",
    ),
    Code(
        "judge-units",
        "units are counted that the journal does not know",
        "With `count: units` the flow reads from the journal how many units each arm answered, and the journal names the model's entity.",
        "unit: plan\njudge: [{metric: error_rate, count: units}]",
        "unit: person_id\njudge: [{metric: error_rate, count: units}]",
    ),
    Code(
        "judge-bounds",
        "a rate is both negligible and too high",
        "Below `negligible` a candidate may be promoted, above `ceiling` it is aborted.",
        "- {metric: error_rate, negligible: 5%, ceiling: 2%}",
        "- {metric: error_rate, negligible: 1%, ceiling: 2%}",
    ),
    Code(
        "undecidable-rollout",
        "a rollout can never promote",
        "Even without a single failure, evidence that the candidate is sound needs a number of its requests, computed from `negligible` "
        "and `false_promotion`; the declared traffic brings fewer within all steps together.",
        "serving: {traffic: 100/d}\nrollout: {steps: [{weight: 5%, hold: 6h}]}",
        "serving: {traffic: 12000/d}\nrollout: {steps: [{weight: 5%, hold: 6h}, {weight: 50%, hold: 2d}]}",
    ),
    Code(
        "bad-condition",
        "a condition cannot be read",
        "A condition compares names with numbers, percentages or durations, joined by `and`, `or`, `not`.",
        'when: "drift.share = 5%"',
        'when: "drift.share > 5%"',
    ),
    Code(
        "unknown-quantity",
        "a condition reads what does not exist",
        "Windows have `drift.share`, `drift.max`, `drift.critical`, `unseen.share`, `performance.METRIC` and `estimate.METRIC`.",
        'when: "drfit.share > 5%"',
        'when: "drift.share > 5%"',
    ),
    Code(
        "alert-never-fires",
        "an alert can never fire",
        "It reads what nothing computes, or compares a share with more than 1.",
        'performance: {metric: roc_auc}\nalerts: [{id: a, when: "performance.brier > 0.2"}]',
        'performance: {metric: brier}\nalerts: [{id: a, when: "performance.brier > 0.2"}]',
    ),
    Code(
        "wrong-metric",
        "a metric cannot be computed here",
        "A metric is made for the answers of some tasks: a yes or no, several classes, a number, quantiles, a ranking. Monitoring has"
        " answers and what turned out to be true, neither groups nor times.",
        "training: {algorithm: lightgbm.regressor}\ngates: [{id: quality, metric: roc_auc, min: 0.8}]",
        "training: {algorithm: lightgbm.regressor}\ngates: [{id: quality, metric: rmse, max: 10}]",
    ),
    Code(
        "trigger-cause",
        "a retraining has no cause, or two",
        "One trigger has either an alert or a schedule.",
        "- {id: weekly}",
        '- {id: weekly, schedule: "0 3 * * 1"}',
    ),
    Code(
        "bad-cron",
        "a schedule is no cron line",
        "Five fields: minute, hour, day of the month, month, day of the week, in UTC.",
        'schedule: "0 3 * *"',
        'schedule: "0 3 * * 1"',
    ),
    Code(
        "unknown-alert",
        "a retraining waits for an alert that does not exist",
        "The alerts of the same model are meant.",
        'when: "alert.degarded"',
        'when: "alert.degraded"',
    ),
    Code(
        "retraining-without-monitoring",
        "a retraining waits for an alert, and nothing is monitored",
        "Alerts are those of `monitoring`; a schedule needs none.",
        "retraining: [{id: degraded, when: alert.degraded}]",
        'retraining: [{id: weekly, schedule: "0 3 * * 1"}]',
    ),
)
