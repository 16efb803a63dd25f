"""How built-ins are found: by the plugin door, without their libraries."""

import subprocess
import sys

from headrace.diagnostics import Report
from headrace.hooks import load_plugins


def test_built_ins_come_through_the_door_of_every_plugin():
    report = Report()
    plugins = load_plugins(None, report, allow=[])
    found = {*plugins.algorithms, *plugins.metrics, *plugins.readers}
    assert (True, []) == (
        {"lightgbm.classifier", "sklearn.logistic_regression", "roc_auc", "latency_p99", "parquet", "csv"} <= found,
        list(report),
    )


def test_collecting_built_ins_loads_no_heavy_library():
    code = """
import sys
from headrace.diagnostics import Report
from headrace.hooks import load_plugins, resolve
plugins = load_plugins(None, Report(), allow=[])
[resolve(item.params) for item in plugins.algorithms.values()]
print(sorted({"numpy", "pandas", "sklearn", "lightgbm", "scipy", "pyarrow", "sqlalchemy"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
