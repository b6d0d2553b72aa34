"""Mapped: a corpus as it is after a map of all its documents, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.background import Background
from nudge_core.corpus.base import Corpus
from nudge_core.data.vectors import unit


class Mapped(Corpus):
    """Every document d of a corpus as d W, of unit length."""

    def __init__(self, corpus: Corpus, matrix: Tensor) -> None:
        """Take the corpus and W, (dim, dim)."""
        self.corpus, self.matrix, self._ids = corpus, matrix.cpu(), None
        self.dim, self.scannable = corpus.dim, corpus.scannable

    def __len__(self) -> int:
        return len(self.corpus)

    def names(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids that the corpus gives."""
        return self.corpus.names(rows)

    def background(self, queries: Tensor, k: int, **options: Any) -> Background:
        """As that of the corpus; one whose workers map on their own does so."""
        on_its_own = getattr(self.corpus, "mapped_background", None)
        found: Background = (
            on_its_own(queries, k, self.matrix, **options) if on_its_own else super().background(queries, k, **options)
        )
        return found

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows."""
        return unit(unit(self.corpus.rows(rows)) @ self.matrix)

    def blocks(self, size: int) -> Iterator[Tensor]:
        """All vectors in row order."""
        return (unit(unit(block) @ self.matrix) for block in self.corpus.blocks(size))
