"""Target: what safe writing asks of a place that holds vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Target(Protocol):
    """A collection of vectors that can be read and replaced by id.

    Attributes:
        kind: What it is called in messages, for example "Chroma".
        dim: Dimension of the vectors.
        dtype: The number type in which the collection holds them, float16, float32 or float64.
        batch: How many vectors one write takes; None where all are written at once, so that readers see all of them or none.
    """

    kind: str
    dim: int
    dtype: np.dtype[Any]
    batch: int | None

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors, (dim,) of `dtype`, of those of the ids that are there."""

    def replace(self, ids: Sequence[str], vectors: NDArray[Any]) -> None:
        """Put vectors (len(ids), dim) of `dtype` in the place of those of documents that are there. Nothing else changes."""
