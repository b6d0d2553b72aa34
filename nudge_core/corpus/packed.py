"""Packed: many texts in two arrays, and where each one stands. Ten million ids take a few hundred megabytes, where a dictionary takes gigabytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nudge_core.data.vectors import distinct

Piece: TypeAlias = "tuple[NDArray[np.uint8], NDArray[np.int64]]"
"""The bytes of some texts one after the other, and how many bytes each has."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ROWS = 1 << 16


class Packed:
    """Texts in UTF-8.

    Example:
        >>> texts = Packed([pack(["a", "bc", "a"])])
        >>> texts[np.asarray([1])], texts.find(["bc", "b"]), texts.twice
        (['bc'], array([ 1, -1]), [(0, 2)])
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        """Take the pieces, which come in order."""
        parts = list(pieces)
        self._data = np.concatenate([data for data, _ in parts]) if parts else np.zeros(0, np.uint8)
        self._ends = np.cumsum(np.concatenate([[0], *(lengths for _, lengths in parts)]), dtype=np.int64)
        del parts
        hashes = np.concatenate([np.zeros(0, np.uint64), *_hashed(self._data, self._ends)])
        self._order = np.argsort(hashes).astype(np.int32 if len(self) < 1 << 31 else np.int64)
        self._sorted = hashes[self._order]
        same = np.flatnonzero(self._sorted[1:] == self._sorted[:-1])
        rows = distinct(np.concatenate([self._order[same], self._order[same + 1]]).astype(np.int64))
        self._clashing: dict[str, int] = {}
        """Texts of one hash, and the first row of each."""
        self.twice: list[tuple[int, int]] = []
        """(first row, later row) of texts that stand twice."""
        for row, text in zip(rows.tolist(), self[rows], strict=True):
            first = self._clashing.setdefault(text, row)
            if first != row:
                self.twice.append((first, row))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, rows: NDArray[np.int64]) -> list[str]:
        """The texts of these rows."""
        data, starts, ends = self._data, self._ends[:-1][rows].tolist(), self._ends[1:][rows].tolist()
        return [
            data[start:end].tobytes().decode("utf-8", "surrogatepass") for start, end in zip(starts, ends, strict=True)
        ]

    def find(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """The row of each text, -1 where there is none."""
        if not len(self):
            return np.full(len(texts), -1, dtype=np.int64)
        data, lengths = pack(texts)
        hashes = np.concatenate([np.zeros(0, np.uint64), *_hashed(data, np.cumsum(np.concatenate([[0], lengths])))])
        at = np.minimum(np.searchsorted(self._sorted, hashes), len(self) - 1)
        rows = np.where(self._sorted[at] == hashes, self._order[at].astype(np.int64), -1)
        hit = np.flatnonzero(rows >= 0)
        for place, text in zip(hit.tolist(), self[rows[hit]], strict=True):
            if text != texts[place] or self._clashing:
                rows[place] = self._clashing.get(texts[place], rows[place] if text == texts[place] else -1)
        return rows


def pack(texts: Sequence[Any]) -> Piece:
    """Texts as one piece."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), lengths


def _hashed(data: NDArray[np.uint8], ends: NDArray[np.int64]) -> Iterator[NDArray[np.uint64]]:
    """(rows,) hashes, some rows at a time: a polynomial of the bytes modulo 2⁶⁴, mixed."""
    for first in range(0, len(ends) - 1, _ROWS):
        bounds = ends[first : first + _ROWS + 1] - ends[first]
        lengths = np.diff(bounds)
        powers = np.cumprod(np.full(int(lengths.max()) + 1, _FACTOR))
        place = np.arange(bounds[-1]) - np.repeat(bounds[:-1], lengths)
        values = (data[ends[first] : ends[first] + bounds[-1]].astype(np.uint64) + np.uint64(1)) * powers[place]
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])
        mixed = sums[bounds[1:]] - sums[bounds[:-1]]
        mixed ^= mixed >> np.uint64(32)
        yield mixed * _FACTOR
