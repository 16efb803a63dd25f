"""The process that estimates performance without answers: NannyML's CBPE over a folder of files, and nothing of ours.

`python -m headrace.monitoring.cbpe FOLDER` reads request.json {metric, windows: [{key, version, target}]}, reference-VERSION.parquet
(columns `prediction` and target) and window-KEY.parquet (`prediction`), and writes result.json {key: {value, low, high, sampling_error} or
{reason}}. A process of its own, since NannyML takes seconds and 300 MB to import.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
"""Set before NannyML is imported: it reports its use, with an id made from the network card, unless the first is there."""
UNUSED = ("dask", "distributed")
"""Not imported: LightGBM, which NannyML imports, looks for a cluster's library, a fifth of all the time that NannyML takes to start."""
METRICS = frozenset({"roc_auc", "f1", "precision", "recall", "specificity", "accuracy", "average_precision"})
"""What CBPE can estimate for a binary model."""
_THRESHOLD = 0.5


def main(folder: Path) -> None:
    """Estimate every window of the request; a window that fails says why, and the others go on."""
    os.environ.update(QUIET)
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    estimators: dict[int, Any] = {}
    answers: dict[str, dict[str, Any]] = {}
    for window in request["windows"]:
        version = window["version"]
        try:
            if version not in estimators:
                estimators[version] = _fit(_frame(folder / f"reference-{version}.parquet", window["target"]), request["metric"])
            answers[window["key"]] = _estimate(estimators[version], _frame(folder / f"window-{window['key']}.parquet"), request["metric"])
        except Exception as error:  # noqa: BLE001 - NannyML raises whatever its libraries do; the window says it
            answers[window["key"]] = {"reason": f"{type(error).__name__}: {error}"}
    (folder / "result.json").write_text(json.dumps(answers), encoding="utf-8")


def _frame(path: Path, target: str | None = None) -> pd.DataFrame:
    """Columns `prediction`, `label` (what a probability of 0.5 or more stands for) and, of a reference, `target`."""
    import pandas as pd

    read = pd.read_parquet(path, columns=["prediction"] if target is None else ["prediction", target])
    frame = pd.DataFrame({"prediction": read["prediction"], "label": (read["prediction"] >= _THRESHOLD).astype(int)})
    return frame if target is None else frame.assign(target=read[target].astype(int))


def _fit(reference: pd.DataFrame, metric: str) -> Any:  # noqa: ANN401 - NannyML has no types
    if reference["target"].nunique() != 2:  # noqa: PLR2004 - NannyML would estimate from one answer, and mean nothing by it
        raise ValueError("the held-out rows do not have both answers")
    from nannyml import CBPE

    estimator = CBPE(
        metrics=[metric],
        y_pred_proba="prediction",
        y_pred="label",
        y_true="target",
        problem_type="classification_binary",
        chunk_number=1,
    )
    return estimator.fit(reference)


def _estimate(estimator: Any, window: pd.DataFrame, metric: str) -> dict[str, Any]:  # noqa: ANN401 - NannyML has no types
    row = estimator.estimate(window).filter(period="analysis").to_df()[metric].iloc[0]
    if not math.isfinite(row["value"]):
        return {"reason": f"CBPE found no value of {metric} for it"}
    return {
        "value": float(row["value"]),
        "low": _finite(row["lower_confidence_boundary"]),
        "high": _finite(row["upper_confidence_boundary"]),
        "sampling_error": _finite(row["sampling_error"]),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


if __name__ == "__main__":
    for name in UNUSED:
        sys.modules[name] = None  # type: ignore[assignment]  # None is how Python is told that it is not there
    main(Path(sys.argv[1]))
