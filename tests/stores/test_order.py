"""The order in which vectors are written: each row once, neighbours in turn."""

import numpy as np
import pytest

from nudge_integrations.stores._postgres import CHAINED, neighbours_in_turn


def similarity(vectors: np.ndarray) -> float:
    """Mean cosine of each vector with the next."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return float((unit[1:] * unit[:-1]).sum(1).mean())


@pytest.mark.parametrize("count", [0, 1, 2, CHAINED, CHAINED + 1, 3 * CHAINED])
def test_each_row_comes_once_and_the_same_order_again(count: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(count, 5)).astype(np.float16)
    order = neighbours_in_turn(vectors)
    assert sorted(order.tolist()) == list(range(count))
    assert order.tolist() == neighbours_in_turn(vectors).tolist()
    assert order[:1].tolist() == [0][:count]


def test_vectors_that_are_all_the_same_or_zero() -> None:
    for vectors in (np.zeros((CHAINED + 5, 3)), np.ones((CHAINED + 5, 3))):
        assert sorted(neighbours_in_turn(vectors).tolist()) == list(range(CHAINED + 5))


def test_length_does_not_count() -> None:
    vectors = np.array([[1, 0], [100, 90], [0, 1], [50, 1]], np.float32)
    assert neighbours_in_turn(vectors).tolist() == [0, 3, 1, 2]


@pytest.mark.parametrize("count", [1000, 4 * CHAINED])
def test_neighbours_follow_one_another(count: int) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(50, 32))
    vectors = centres[rng.integers(0, 50, count)] + rng.normal(size=(count, 32)) / 4
    assert similarity(vectors) < 0.2
    assert similarity(vectors[neighbours_in_turn(vectors)]) > 0.9
