"""An order in which neighbours follow one another, for databases that look up each vector's surroundings as it is written."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

CHAINED = 2048
"""Vectors among which the next is the nearest; more are halved first, so that the cost is linear in the number of vectors."""


def neighbours_in_turn(vectors: NDArray[Any]) -> NDArray[np.int64]:
    """Rows so ordered that vectors of similar directions follow one another: what one touches in an index, the next finds in caches.

    Args:
        vectors: (rows, dim), finite.

    Returns:
        (rows,) each row once, the first one first; the same for the same vectors.
    """
    unit = np.asarray(vectors, np.float32)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    order: list[int] = []
    waiting = [np.arange(len(unit))] if len(unit) else []
    while waiting:
        rows = waiting.pop()
        last = unit[order[-1] if order else 0]
        if len(rows) > CHAINED:  # by what lies between its two ends, the half nearer to the last one first
            one = unit[rows[int((unit[rows] @ last).argmax())]]
            other = unit[rows[int((unit[rows] @ one).argmin())]]
            far, near = np.array_split(rows[np.argsort(unit[rows] @ (one - other), kind="stable")], 2)
            waiting += [far, near]
        else:
            order += rows[_chain(unit[rows], int((unit[rows] @ last).argmax()))].tolist()
    return np.asarray(order, dtype=np.int64)


def _chain(unit: NDArray[np.float32], start: int) -> list[int]:
    """From `start` on always to the nearest that is left."""
    similar = unit @ unit.T
    chain = [start]
    taken = np.zeros(len(unit), np.float32)
    for _ in range(len(unit) - 1):
        taken[chain[-1]] = -np.inf
        chain.append(int((similar[chain[-1]] + taken).argmax()))
    return chain
