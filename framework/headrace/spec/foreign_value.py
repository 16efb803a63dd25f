"""What people write as values who come from other tools, and what is written here instead."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """What to write for a value of another tool; `word` is one of the field's own words, where it can only be that."""

    help: str
    word: str | None = None


_TYPES = {
    **dict.fromkeys(("string", "str", "varchar", "char", "object", "categorical", "enum", "nominal"), "category"),
    **dict.fromkeys(("datetime", "datetime64", "datetime64[ns]", "date", "timestamptz", "time", "unixtimestamp"), "timestamp"),
    **dict.fromkeys(("float64", "float32", "double", "numeric", "decimal", "number", "real", "numerical", "continuous"), "float"),
    **dict.fromkeys(("int", "integer", "int32", "int16", "int8", "bigint", "smallint", "long", "uint8", "uint32"), "int64"),
}
_GRAVE = {
    **dict.fromkeys(("high", "crit", "error", "fatal", "page", "urgent", "emergency", "sev1", "p1", "major"), "critical"),
    **dict.fromkeys(("medium", "moderate", "warn", "minor", "sev2", "p2"), "warning"),
    **dict.fromkeys(("low", "debug", "notice", "information", "sev3", "p3"), "info"),
}
_MODES = {
    **dict.fromkeys(("error", "fail", "failure", "raise", "hard", "enforce", "abort", "required", "strict", "deny"), "block"),
    **dict.fromkeys(("soft", "info", "log", "audit", "advisory", "ignore", "dry_run", "dryrun"), "warn"),
}
_ENDS = {
    **dict.fromkeys(("abort", "fail", "revert", "undo", "stop", "rollback_on_failure", "reject"), "rollback"),
    **dict.fromkeys(("pause", "wait", "none", "nothing", "continue", "keep_going"), "hold"),
    **dict.fromkeys(("ship", "deploy", "launch", "release", "rollout", "accept"), "promote"),
}
_DESIGNS = {
    **dict.fromkeys(("sequential", "msprt", "always-valid", "anytime"), "always_valid"),
    **dict.fromkeys(("frequentist", "fixed_horizon", "t_test", "ttest", "classic", "z_test"), "fixed"),
    **dict.fromkeys(("bayes", "bayesian_ab"), "bayesian"),
}
_JUDGES = {
    **dict.fromkeys(("latency", "latency_p99", "p99", "p95", "duration", "response_time", "slow_requests"), "slow_request"),
    **dict.fromkeys(("errors", "error", "5xx", "success_rate", "success-rate", "failure_rate", "availability"), "error_rate"),
}
_WORDS: tuple[dict[str, str], ...] = (_TYPES, _GRAVE, _MODES, _ENDS, _DESIGNS, _JUDGES)
_NO_SENSE = {
    ("average", "binary"): "remove `average`: it is for metrics of several classes",
    ("type", "bool"): "write `int64` where it holds 0 and 1, or `category` where it holds words",
    ("type", "boolean"): "write `int64` where it holds 0 and 1, or `category` where it holds words",
    ("type", "json"): "leave the column out: a source has numbers, categories and timestamps",
    ("type", "array"): "leave the column out: a source has numbers, categories and timestamps",
    ("weight", "100%"): "remove the step: after the last one the candidate answers all",
    ("when_undecided", "promote"): "write `rollback` or `hold`: what was not decided is never promoted",
    ("at_end", "promote"): "write `keep` or `rollback`: what was not decided is never promoted",
}
"""Words, each of a key, that say nothing here."""


def word(key: str, text: str, allowed: Collection[object]) -> Said | None:
    """What a word of another tool is among those that a field allows."""
    given = text.strip().casefold()
    if (key, given) in _NO_SENSE:
        return Said(_NO_SENSE[key, given])
    for known in _WORDS:
        meant = known.get(given)
        if meant in allowed:
            return Said(f"write `{meant}`", meant)
    return None


_REF = re.compile(
    r"(?:\{\{\s*)?(?:ref|source|model|feature_view)\(\s*(?:['\"][\w-]+['\"]\s*,\s*)?['\"](?P<name>[\w-]+)['\"]\s*\)(?:\s*\}\})?"
)
_SHELL = re.compile(
    r"\$(?P<bare>[A-Za-z_]\w*)|\$\{(?P<braced>[A-Z_][A-Z0-9_]*)\}"
    r"|\$?\{\{\s*(?:env|secrets|vars)\.(?P<dotted>\w+)\s*\}\}"
    r"|(?:\{\{\s*)?env_var\(\s*['\"](?P<called>\w+)['\"].*?\)(?:\s*\}\})?"
    r"|(?:os\.)?environ\[['\"](?P<python>\w+)['\"]\]"
)


def named(text: str) -> str | None:
    """The name in `ref('asked')`."""
    found = _REF.fullmatch(text.strip()) or re.fullmatch(r"(?:models|runs):/(?P<name>[\w-]+)(?:[/@].*)?", text.strip())
    return found["name"] if found is not None else None


def of_shell(text: str) -> str | None:
    """The variable of the shell in `$URL`, `{{ env.URL }}`, `${{ secrets.URL }}`, `env_var('URL')`."""
    found = _SHELL.fullmatch(text.strip())
    return next((name for name in found.groups() if name), None) if found is not None else None


_SEVERAL = {
    "experiment": "an experiment is the section `experiment:` of a model: write it there",
    **dict.fromkeys(("rollout", "deployment", "canary", "inferenceservice", "seldondeployment", "virtualservice"), "rollout"),
    **dict.fromkeys(("monitor", "monitoring", "alert", "alertrule", "prometheusrule"), "monitoring"),
    **dict.fromkeys(("dag", "pipeline", "workflow", "cronjob", "job", "schedule", "retraining"), "retraining"),
    **dict.fromkeys(("training", "trainer", "trainingjob", "pytorchjob", "run"), "training"),
    **dict.fromkeys(("service", "serving", "endpoint", "ingress"), "serving"),
    **dict.fromkeys(("gate", "gates", "evaluation", "validation"), "gates"),
    **dict.fromkeys(("dataset", "table", "data_source", "datasource", "filesource", "bigquerysource"), "source"),
    **dict.fromkeys(("featureview", "feature_group", "featuregroup", "on_demand_feature_view", "featureservice"), "feature_view"),
    **dict.fromkeys(("webhook", "slack", "notification", "notifier", "receiver", "contactpoint"), "channel"),
    **dict.fromkeys(("feature_flag", "featureflag", "toggle"), "flag"),
    **dict.fromkeys(("registered_model", "model_version", "estimator", "classifier"), "model"),
    **dict.fromkeys(("team", "role", "rolebinding"), "group"),
    **dict.fromkeys(("secret", "configmap", "variable", "variables"), "variables"),
}


def kind(text: str, kinds: Collection[str]) -> Said | None:
    """What a kind of another tool is: another kind, or a section of one."""
    meant = _SEVERAL.get(text.strip().casefold().replace("-", "_"))
    if meant is None:
        return None
    if meant in kinds:
        return Said(f"write `{meant}`", meant)
    if meant == "variables":
        return Said("a secret is written `env:NAME` where it is used; other values stand under `variables:` of the project")
    return Said(meant if " " in meant else f"that is the section `{meant}:` of a model: write it there")


def parameters(words: Mapping[str, object]) -> frozenset[str]:
    """Those of some words that algorithms of other tools call their parameters."""
    return frozenset(words) & _PARAMETERS


_PARAMETERS = frozenset(
    (
        *("learning_rate", "n_estimators", "num_leaves", "max_depth", "max_bin", "min_child_samples", "min_child_weight", "min_split_gain"),
        *(
            "subsample",
            "subsample_freq",
            "colsample_bytree",
            "reg_alpha",
            "reg_lambda",
            "boosting_type",
            "scale_pos_weight",
            "class_weight",
        ),
        *("c", "C", "class_weight", "penalty", "max_iter", "solver", "tol", "l1_ratio", "fit_intercept", "alpha", "gamma", "eta", "lambda"),
        *("criterion", "max_features", "min_samples_leaf", "min_samples_split", "bootstrap", "num_boost_round", "num_iterations"),
        *("early_stopping_rounds", "objective"),
    )
)


_CLASSES = {
    **dict.fromkeys(("lgbm", "lightgbm", "lgb", "gbm", "gradientboosting", "histgradientboosting", "gbdt"), "lightgbm"),
    # Of the same kind, where they themselves are not registered.
    **dict.fromkeys(("randomforest", "extratrees", "decisiontree", "adaboost", "bagging"), "lightgbm"),
    **dict.fromkeys(("xgb", "xgboost"), "xgboost"),
    **dict.fromkeys(("catboost", "cat"), "catboost"),
    **dict.fromkeys(("logistic", "logit", "logreg", "sgd", "ridge", "linearsvc", "perceptron"), "logistic_regression"),
}
"""What libraries call their classes, without the task."""


TRANSFORMERS = {"OneHotEncoder": "one_hot", "StandardScaler": "scale", "SimpleImputer": "impute", "TargetEncoder": "target_encode"}
"""What a transform is called by scikit-learn, and here."""


_METRICS = {
    **dict.fromkeys(("mean_absolute_error", "l1", "mean_abs_error"), "mae"),
    **dict.fromkeys(("root_mean_squared_error", "root_mean_square_error", "l2_root"), "rmse"),
    **dict.fromkeys(("mean_absolute_percentage_error",), "mape"),
    **dict.fromkeys(("r2_score", "r_squared", "coefficient_of_determination"), "r2"),
    **dict.fromkeys(("auc", "auroc", "roc_auc_score", "area_under_roc", "roc"), "roc_auc"),
    **dict.fromkeys(("average_precision_score", "pr_auc", "auprc", "prauc", "ap"), "average_precision"),
    **dict.fromkeys(("logloss", "binary_logloss", "cross_entropy", "binary_crossentropy", "log_loss_score"), "log_loss"),
    **dict.fromkeys(("brier_score", "brier_score_loss"), "brier"),
    **dict.fromkeys(("accuracy_score", "acc"), "accuracy"),
    **dict.fromkeys(("f1_score", "fscore", "f_score"), "f1"),
    **dict.fromkeys(("precision_score", "ppv"), "precision"),
    **dict.fromkeys(("recall_score", "sensitivity", "tpr", "true_positive_rate"), "recall"),
    **dict.fromkeys(("p99", "latency", "latency_p_99", "p99_latency"), "latency_p99"),
    **dict.fromkeys(("demographic_parity", "statistical_parity_difference"), "demographic_parity_difference"),
    **dict.fromkeys(("equalized_odds", "equalised_odds"), "equalized_odds_difference"),
}
"""What metrics are called by other libraries, and here, where both are the same number."""


def of_metric(name: str, known: Collection[str]) -> str | None:
    """The registered name of `mean_absolute_error` or `neg_mean_absolute_error`."""
    meant = _METRICS.get(re.sub(r"[^a-z0-9]+", "_", name.casefold()).removeprefix("neg_"))
    return meant if meant in known else None


def of_class(name: str, known: Collection[str]) -> str | None:
    """The registered name of `LogisticRegression`, `sklearn.linear_model.LogisticRegression` or `LGBMClassifier`."""
    last = name.rpartition(".")[2]
    if TRANSFORMERS.get(last) in known:
        return TRANSFORMERS[last]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).casefold()
    family = _CLASSES.get(re.sub(r"_?(classifier|regressor|ranker)$", "", snake).replace("_", ""))
    found = [other for other in known if other.rpartition(".")[2] == snake and "_" in snake]
    if family is not None and not found:
        found = [other for other in known if family in other.split(".") and task_of(other) in (task_of(name) or task_of(other), None)]
    return found[0] if len(found) == 1 else None


def is_class(name: str) -> bool:
    """Whether a name is that of an algorithm which other libraries have."""
    last = re.sub(r"_?(classifier|regressor|ranker)$", "", name.rpartition(".")[2].casefold())
    return last.replace("_", "") in _CLASSES


def task_of(name: str) -> str | None:
    """The task that a name says."""
    words = {
        "multiclass": "several classes",
        "quantile": "quantiles",
        "regressor": "regression",
        "classifier": "classification",
        "ranker": "ranking",
        "cluster": "clustering",
    }
    return next((task for word, task in words.items() if word in name.casefold()), None)
