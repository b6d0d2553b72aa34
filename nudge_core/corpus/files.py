"""Files: what corpora in `.npy` and in Parquet have in common. They are streamed: a block is computed while a thread reads the next."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.base import Corpus
from nudge_core.corpus.places import Place

Item = TypeVar("Item")
Places: TypeAlias = "NDArray[np.int64] | slice"

READ = 16 << 20
"""How many bytes of vectors are read at a time."""


class FileCorpus(Corpus):
    """Vectors in files that are read from the first row to the last, each checked before and after to be what it was when it was opened.

    Attributes:
        places: The files.
        starts: (files + 1,) the row with which each begins; the last is the number of documents.
        single: Whether it is one file, rather than the files of a folder.
        beside: Files of the folder that hold ids.
    """

    places: Sequence[Place]
    starts: NDArray[np.int64]
    itemsize: int
    single: bool
    beside: Sequence[Place] = ()

    def __len__(self) -> int:
        return int(self.starts[-1])

    @abstractmethod
    def _pieces(self, number: int, size: int) -> Iterator[Tensor]:
        """The vectors of a file, about `size` rows at a time."""

    @abstractmethod
    def _rows_of(self, number: int, at: NDArray[np.int64]) -> Iterator[tuple[Places, Tensor]]:
        """The vectors of some rows of a file, ascending: which of them, and their vectors."""

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows, (len(rows), dim) float32, as stored; only what holds them is read."""
        found = torch.empty((len(rows), self.dim), dtype=torch.float32)
        order = np.argsort(rows, kind="stable")
        file_of = np.searchsorted(self.starts, rows[order], side="right") - 1
        for number in np.unique(file_of).tolist():
            wanted = order[file_of == number]
            self.places[number].check()
            for part, vectors in self._rows_of(number, rows[wanted] - self.starts[number]):
                found[torch.from_numpy(wanted[part])] = vectors.to(torch.float32)
            self.places[number].check()
        return found

    def blocks(self, size: int) -> Iterator[Tensor]:
        """All vectors in row order: blocks of `size` rows each but the last of a file."""
        for piece in prefetched(self._read(size)):
            yield from piece.split(size)

    def _read(self, size: int) -> Generator[Tensor, None, None]:
        """Pieces of several blocks."""
        rows = size * max(1, READ // (size * self.dim * self.itemsize))
        for number, place in enumerate(self.places):
            if self.starts[number] == self.starts[number + 1]:
                continue
            place.check()
            left = torch.empty(0)
            for piece in self._pieces(number, rows):
                left = torch.cat([left, piece]) if len(left) else piece
                whole = len(left) - len(left) % rows
                if whole:
                    yield from left[:whole].split(rows)
                    left = left[whole:]
            place.check()
            if len(left):
                yield left

    def _where(self, row: int) -> str:
        """The file that holds a row."""
        return self.places[int(np.searchsorted(self.starts, row, side="right")) - 1].name


def prefetched(items: Generator[Item, None, None]) -> Iterator[Item]:
    """The same items in the same order, never more than one ahead. An error comes where its item would have come."""
    done = object()
    with ThreadPoolExecutor(1, "nudge-read") as thread:
        try:
            following = thread.submit(next, items, done)
            while (item := following.result()) is not done:
                following = thread.submit(next, items, done)
                yield item  # type: ignore[misc]
        finally:
            following.cancel()
            thread.submit(items.close).result()
