"""Hashes of runs of characters, and where a text has them."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_BASE, _MIX = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93


def codes(text: str) -> NDArray[np.uint64]:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)


def hashes(points: NDArray[np.uint64], size: int) -> NDArray[np.uint64]:
    """A 64-bit polynomial hash of every `size` code points in a row, by doubling: four products for 12 of them."""
    if len(points) < size:
        return np.empty(0, np.uint64)
    done, length = np.zeros(len(points) + 1, np.uint64), 0  # of no characters
    power, run = points + np.uint64(1), 1
    rest = size
    while rest:
        if rest & 1:  # what is there, then the run
            count = len(points) - length - run + 1
            done = done[:count] * np.uint64(pow(_BASE, run, 2**64)) + power[length : length + count]
            length += run
        rest >>= 1
        if rest:
            power = power[: len(power) - run] * np.uint64(pow(_BASE, run, 2**64)) + power[run:]
            run *= 2
    return done * np.uint64(_MIX)


class Grams:
    """The hashes of all runs of `size` characters of a text, by the place where they begin."""

    def __init__(self, text: str, size: int) -> None:
        """Hash them."""
        self.size = size
        self.hashes = hashes(codes(text), size)

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.argsort(self.hashes, kind="stable")

    @cached_property
    def _sorted(self) -> NDArray[np.uint64]:
        return self.hashes[self._order]

    def places(self, other: Grams) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where runs begin that the other text has too, and where each stands there first."""
        if not len(other.hashes):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        row = np.minimum(np.searchsorted(other._sorted, self.hashes), len(other.hashes) - 1)
        here = np.flatnonzero(other._sorted[row] == self.hashes)
        return here, other._order[row[here]]
