"""Distinct numbers, as numpy's unique gives them."""

import numpy as np
import pytest

from nudge_core.data.vectors import distinct


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint64])
@pytest.mark.parametrize(("count", "high"), [(0, 1), (1, 1), (9, 1), (500, 40), (500, 2**31 - 1)])
def test_as_unique(kind, count, high):
    numbers = np.random.default_rng(0).integers(0, high, count).astype(kind)
    kept = numbers.copy()
    found = distinct(numbers)
    assert found.dtype == kind
    assert np.array_equal(found, np.unique(numbers))
    assert np.array_equal(numbers, kept)
