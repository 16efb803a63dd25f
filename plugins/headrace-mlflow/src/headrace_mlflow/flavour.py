"""A version as a folder that MLflow loads: a model of LightGBM's own text in MLflow's flavour, any other with its bytes alone."""

from __future__ import annotations

import json

from headrace.hooks import VersionRecord

MODEL, MANIFEST, ABOUT = "model", "manifest.json", "headrace.json"
_LIGHTGBM = b"tree\n"
"""How LightGBM's text begins; with transforms or a calibration, it stands within a container of ours that begins otherwise."""


def files(version: VersionRecord, data: bytes) -> dict[str, bytes]:
    """The folder's files by name."""
    about = {
        "model": version.model,
        "number": version.number,
        "run_id": version.run_id,
        "algorithm": version.algorithm,
        "format": version.format,
        "model_digest": version.model_digest,
        "manifest_digest": version.manifest_digest,
        "created_at": version.created_at.isoformat(),
    }
    plain = {MODEL: data, MANIFEST: version.manifest, ABOUT: json.dumps(about, indent=1, sort_keys=True).encode()}
    return {**plain, **_lightgbm(version)} if loads(version, data) else plain


def loads(version: VersionRecord, data: bytes) -> bool:
    """Whether MLflow can load it."""
    return version.format == "lightgbm-text" and data.startswith(_LIGHTGBM)


def _lightgbm(version: VersionRecord) -> dict[str, bytes]:
    """`MLmodel`, in JSON, which is YAML. Inputs are numbers: a category is its position among the signature's `categories`."""
    inputs = [{"type": "double", "name": item["name"], "required": False} for item in json.loads(version.manifest).get("signature", ())]
    outputs = [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]
    told = {
        "flavors": {
            "lightgbm": {"data": MODEL, "model_class": "lightgbm.basic.Booster", "code": None},
            "python_function": {"loader_module": "mlflow.lightgbm", "data": MODEL, "env": {"virtualenv": "python_env.yaml"}},
        },
        "metadata": {"headrace": f"model/{version.model} v{version.number}"},
        "signature": {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None},
        "utc_time_created": version.created_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    environment = {"python": "3.11", "dependencies": ["-r requirements.txt"]}
    return {
        "MLmodel": json.dumps(told, indent=1).encode(),
        "python_env.yaml": json.dumps(environment, indent=1).encode(),
        "requirements.txt": b"lightgbm>=4.5,<4.6\nmlflow\nnumpy\npandas\n",
    }
