"""For tests of what must hold on both databases: `on_both` asks the fixture `store` for each."""

import pytest

EITHER = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
on_both = pytest.mark.parametrize("store", EITHER, indirect=True)
