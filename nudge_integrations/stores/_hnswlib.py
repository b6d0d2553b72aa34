"""What to write to a cosine index of hnswlib so that it gives back certain vectors, bit for bit.

Chroma's hnswlib keeps w / ‖w‖ and ‖w‖ in float32 and gives back their product. So most vectors that are read and written back come out one unit in
the last place beside in some numbers, and drift on with every round. But what was read is the image of some vector a few units away: `preimage`
finds one by the same arithmetic.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# How far to seek, in units in the last place. What was written lay within 2 of what is read in its numbers, and within 4 in its length.
_NUMBERS, _LENGTHS = 3, 7
_ORDERS = 64  # seldom more than the first is needed


def preimage(vectors: NDArray[np.float32], fused: bool = False) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Vectors that the index gives back as `vectors`.

    Args:
        vectors: (rows, dim), what shall be read.
        fused: Whether the index was compiled to multiply and add in one rounding, as compilers may where the processor can.

    Returns:
        What to write, (rows, dim), and which rows are solved, (rows,). What was read from such an index has a solution; of other vectors some
        have none, and are returned as they are.
    """
    with np.errstate(all="ignore"):
        found, lengths = vectors.copy(), _length(vectors, fused)
        solved = np.asarray(_same(_image(vectors, lengths), vectors).all(1))
        for off in sorted(range(-_LENGTHS, _LENGTHS + 1), key=abs):
            todo = np.flatnonzero(~solved)
            there = _units(lengths[todo], off)
            low, high, possible = _range(vectors[todo], there)
            possible &= (_length(low, fused) <= there) & (there <= _length(high, fused))
            todo, there, low, high = todo[possible], there[possible], low[possible], high[possible]
            for seed in range(_ORDERS):
                if not len(todo):
                    break
                rank = np.random.default_rng(seed).permutation(vectors.shape[1])
                tried, hit = _of_length(low, high, there, rank, fused)
                found[todo[hit]], solved[todo[hit]] = tried[hit], True
                todo, there, low, high = todo[~hit], there[~hit], low[~hit], high[~hit]
    return found, solved


def _range(
    vectors: NDArray[np.float32], lengths: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """What is given back as each number if the length is this: the least and the greatest; and in which rows there is one for every number."""
    low, high, some = vectors.copy(), vectors.copy(), np.zeros(vectors.shape, bool)
    for off in range(-_NUMBERS, _NUMBERS + 1):
        tried = np.where(vectors == 0, vectors, _units(vectors, off))
        right = _same(_image(tried, lengths), vectors)
        low = np.where(right & ~some, tried, low)
        high = np.where(right, tried, high)
        some |= right
    return low, high, np.asarray(some.all(1))


def _of_length(
    low: NDArray[np.float32], high: NDArray[np.float32], lengths: NDArray[np.float32], rank: NDArray[Any], fused: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Vectors of exactly these lengths with each number at its low or its high, sought by halving; and which rows have been found."""
    found, hit = low.copy(), np.zeros(len(low), bool)
    least, most = np.zeros(len(low), int), np.full(len(low), low.shape[1])
    for _ in range(low.shape[1].bit_length() + 1):
        middle = (least + most) // 2  # so many numbers are high: the first by rank
        tried = np.where(rank < middle[:, None], high, low)
        reached = _length(tried, fused)
        fits = reached == lengths
        found, hit = np.where(fits[:, None], tried, found), hit | fits
        least = np.where(reached < lengths, np.minimum(middle + 1, most), least)
        most = np.where(reached > lengths, np.maximum(middle - 1, least), most)
    return found, hit


def _length(vectors: NDArray[np.float32], fused: bool) -> NDArray[np.float32]:
    """The length as hnswlib adds it up in float32, one number after the other."""
    wide = np.float64 if fused else np.float32
    total = np.zeros(len(vectors), np.float32)
    for column in np.ascontiguousarray(vectors.T, wide):
        total = (total + column * column).astype(np.float32)
    return np.sqrt(total)


def _image(vectors: NDArray[np.float32], lengths: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is given back of vectors that have these lengths."""
    return (vectors * (np.float32(1) / (lengths + np.float32(1e-30)))[:, None]) * lengths[:, None]


def _units(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Float32 numbers so many units in the last place farther from zero."""
    return (values.view(np.int32) + np.int32(count)).view(np.float32)


def _same(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which numbers are equal in every bit."""
    return np.asarray(a.view(np.int32) == b.view(np.int32))
