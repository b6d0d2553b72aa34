"""Piece: some row groups of one Parquet file, read by one worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.parquet import ParquetCorpus
from nudge_core.corpus.parquet_format import open_file
from nudge_core.corpus.places import Place

BYTES = 128 << 20
"""How many bytes of vectors a piece holds, unless one row group holds more."""


@dataclass(frozen=True)
class Layout:
    """Where a piece lies; small, as it travels.

    Attributes:
        place: The file.
        id_column: Column of its ids.
        column: Column of its vectors.
        dim: Their dimension.
        itemsize: Bytes of a value.
        group: Number of its first row group.
        counts: Rows of each of its row groups.
        first: Row of the corpus with which it begins.
    """

    place: Place
    id_column: str
    column: str
    dim: int
    itemsize: int
    group: int
    counts: tuple[int, ...]
    first: int

    def __len__(self) -> int:
        return sum(self.counts)

    def within(self, rows: NDArray[np.int64]) -> slice:
        """Which of these rows, ascending, lie in the piece."""
        low, high = np.searchsorted(rows, [self.first, self.first + len(self)])
        return slice(int(low), int(high))


class Piece(ParquetCorpus):
    """The documents of a piece, named by the rows that they have in the whole corpus."""

    def __init__(self, layout: Layout) -> None:
        """Open the file; nothing is read."""
        self.layout, self.places, self.resume, self.single = layout, [layout.place], None, True
        layout.place.check()
        self.opened = [open_file(layout.place)]
        self.id_column, self.column = layout.id_column, layout.column
        self.dim, self.itemsize = layout.dim, layout.itemsize
        self._groups = [np.cumsum([0, *layout.counts], dtype=np.int64)]
        self.starts = np.asarray([0, len(layout)], dtype=np.int64)
        self._ids = None

    def names(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids of these rows of the corpus."""
        groups = list(range(self.layout.group, self.layout.group + len(self.layout.counts)))
        ids = self.opened[0].read_row_groups(groups, columns=[self.id_column], use_threads=False).column(0)
        return np.asarray(ids.take(rows - self.layout.first).to_pylist(), dtype=object)

    def _walk(self, size: int, first: int) -> Iterator[Tensor]:
        """Without a thread that reads ahead: other workers compute meanwhile."""
        for piece in self._read(size, first):
            yield from piece.split(size)

    def _batches(self, number: int, size: int, groups: list[int], first: int) -> Iterator[Tensor]:
        return super()._batches(number, size, [group + self.layout.group for group in groups], first)

    def matrix(self, column: Any, first: int) -> Tensor:
        """(rows, dim) without a copy."""
        return super().matrix(column, first + self.layout.first)

    def _norms(self, values: Tensor, first: int) -> Tensor:
        return super()._norms(values, first + self.layout.first)


def pieces(corpus: ParquetCorpus) -> list[Layout]:
    """A corpus cut into pieces of whole row groups; where depends on the files only, so that results do not depend on the cluster."""
    limit = max(1, BYTES // (corpus.dim * corpus.itemsize))
    found = []
    for number, place in enumerate(corpus.places):
        bounds = corpus._groups[number]
        group = 0
        while group < len(bounds) - 1:
            end = max(group + 1, int(np.searchsorted(bounds, bounds[group] + limit, side="right")) - 1)
            counts = tuple(np.diff(bounds[group : end + 1]).tolist())
            first = int(corpus.starts[number] + bounds[group])
            if sum(counts):
                found.append(
                    Layout(place, corpus.id_column, corpus.column, corpus.dim, corpus.itemsize, group, counts, first)
                )
            group = end
    return found
