import numpy as np
import pytest

from headrace.diagnostics import Report
from headrace.hooks import Input, Signature, load_plugins


@pytest.fixture(scope="session")
def plugins():
    return load_plugins(None, Report(), allow=[])


@pytest.fixture
def world():
    """300 rows of two numbers and a category of four values, each missing somewhere, and an answer by all of them."""
    rng = np.random.default_rng(3)
    age, score, region = rng.normal(40, 10, 300), rng.exponential(5, 300), rng.integers(0, 4, 300).astype(float)
    target = (rng.random(300) < 1 / (1 + np.exp(-(age - 40) / 10 - (region == 2)))).astype(float)
    age[::9], region[::7] = np.nan, np.nan
    signature = Signature(
        (Input("age", "number"), Input("score", "number"), Input("region", "category", ("east", "north", "south", "west")))
    )
    return np.column_stack([age, score, region]), target, signature
