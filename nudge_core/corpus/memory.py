"""A corpus in memory: a numpy array, a torch tensor or a memory map of one file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.base import Corpus
from nudge_core.corpus.ids import Ids
from nudge_core.data.vectors import Vectors, as_matrix
from nudge_core.errors import InputError


class MemoryCorpus(Corpus):
    """Document vectors in one array or tensor; the exact reference for every other corpus.

    Example:
        >>> corpus = MemoryCorpus([[3.0, 0.0], [0.0, 2.0]], ids=["a", "b"])
        >>> corpus
        MemoryCorpus(docs=2, dim=2, ids=object)
        >>> corpus.find(np.asarray(["b"], dtype=object))
        array([1])
    """

    def __init__(self, vectors: Vectors, ids: Sequence[Any] | NDArray[Any] | None = None) -> None:
        """Hold the vectors without copying them.

        Args:
            vectors: (docs, dim) array or tensor of float16, bfloat16, float32 or float64.
            ids: (docs,) integer or string ids, unique. Without them documents are named by row number.

        Raises:
            InputError: Not a matrix of floats, no documents, or ids that are not unique or of another length.
        """
        self.vectors = as_matrix(vectors, "document vectors")
        if not len(self.vectors):
            raise InputError("the corpus holds no documents: give at least one vector")
        self.dim = int(self.vectors.shape[1])
        self._ids = None if ids is None else Ids(ids, len(self.vectors))

    def __len__(self) -> int:
        return len(self.vectors)

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows, (len(rows), dim) float32, as stored."""
        places = torch.from_numpy(np.asarray(rows, dtype=np.int64))
        return self.vectors[places.to(self.vectors.device)].to(torch.float32)

    def blocks(self, size: int) -> Iterator[Tensor]:
        """All vectors in row order, at most `size` rows at a time."""
        yield from self.vectors.split(size)
