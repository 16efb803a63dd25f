"""An algorithm of a project's own whose trials take, fail, kill themselves or wait as their parameters say."""

MODEL = """
import json, os, signal, sys, time
from pathlib import Path
import numpy as np
from pydantic import BaseModel, ConfigDict
from headrace.hooks import Algorithm, hookimpl

class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    level: float = 0.5
    do: str = "answer"
    mark: str = ""

class Model:
    def __init__(self, level):
        self.level = level
    def predict(self, matrix):
        age = np.nan_to_num(matrix[:, 0], nan=40.0)
        noise = np.random.default_rng(0).normal(0, 40, len(age))
        return 1 / (1 + np.exp(-(self.level * (age - 40) + (1 - self.level) * noise) / 20))

def fit(matrix, target, *, signature, params, seed):
    print("a plugin may print")
    if params.mark:
        with open(params.mark, "a") as file:
            file.write(f"{os.getpid()} {params.level} {params.do}\\n")
    if params.do == "fail":
        raise ValueError("no convergence")
    if params.do == "kill" or (params.do == "kill-once" and Path(params.mark).read_text().count("kill-once") == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if params.do == "wait" or (params.do == "wait-once" and Path(params.mark).read_text().count("wait-once") == 1):
        time.sleep(600)
    return Model(params.level)

def save(model):
    return json.dumps(model.level).encode()

def load(data, *, signature):
    return Model(json.loads(data))

@hookimpl
def headrace_algorithms():
    return [Algorithm("odd", "binary", f"{__name__}:Params", f"{__name__}:fit", f"{__name__}:save", f"{__name__}:load", "json")]
"""


def install(root):
    """Put it into a project's folder."""
    (root / "plugins").mkdir(exist_ok=True)
    (root / "plugins" / "odd.py").write_text(MODEL, encoding="utf-8")
