import numpy as np
import pytest

from headrace.hooks import Input, Signature


@pytest.fixture
def signature():
    return Signature((Input("age", "number"), Input("colour", "category", ("blue", "green", "red"))))


@pytest.fixture
def rows():
    """A matrix of 400 rows with missing values of both kinds, and answers that depend on both inputs."""
    rng = np.random.default_rng(3)
    matrix = np.column_stack([rng.normal(40, 10, 400), rng.integers(0, 3, 400).astype(float)])
    target = (rng.random(400) < 1 / (1 + np.exp(-(matrix[:, 0] - 40) / 10 - (matrix[:, 1] == 2)))).astype(float)
    matrix[::11, 0] = np.nan
    matrix[::7, 1] = np.nan
    return matrix, target
