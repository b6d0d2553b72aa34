"""Mapped: a corpus as it is after a map of all its documents, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.base import Corpus
from nudge_core.vectors import unit


class Mapped(Corpus):
    """Every document d of a corpus as d W, of unit length."""

    def __init__(self, corpus: Corpus, matrix: Tensor) -> None:
        """Take the corpus and W, (dim, dim)."""
        self.corpus, self.matrix, self.dim, self.walks, self._ids = corpus, matrix.cpu(), corpus.dim, corpus.walks, None

    def __len__(self) -> int:
        return len(self.corpus)

    def names(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids that the corpus gives."""
        return self.corpus.names(rows)

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows."""
        return unit(unit(self.corpus.rows(rows)) @ self.matrix)

    def blocks(self, size: int) -> Iterator[Tensor]:
        """All vectors in row order."""
        return (unit(unit(block) @ self.matrix) for block in self.corpus.blocks(size))
