"""A store that holds documents, as the contract uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nudge_integrations.stores import Metric, StoreAdapter

DOCS, DIM = 60, 8


class Maker(Protocol):
    """What makes a store and its adapter: a `StoreContract`."""

    def make(self, folder: Path, metric: Metric, *contents: Any) -> Any: ...
    def adapt(self, store: Any) -> StoreAdapter: ...


class Filled:
    """A store that holds documents, and its adapter."""

    def __init__(
        self, contract: Maker, folder: Path, metric: Metric, ids: list[str], vectors: NDArray[np.float64]
    ) -> None:
        self.folder, self.metric, self.ids, self.vectors = folder, metric, ids, vectors
        folder.mkdir()
        texts = [f"text of {name}" for name in ids]
        metadatas: list[dict[str, Any]] = [{"page": i, "source": f"file-{i % 3}"} for i in range(len(ids))]
        self.store = contract.make(folder, metric, ids, vectors, texts, metadatas)
        self.adapter = contract.adapt(self.store)

    def replace(self, ids: list[str], vectors: NDArray[Any]) -> None:
        """Replace in batches, as a run does."""
        step = self.adapter.batch or len(ids)
        for start in range(0, len(ids), step):
            self.adapter.replace(ids[start : start + step], vectors[start : start + step])


def unit(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, DIM) random directions."""
    vectors = rng.normal(size=(count, DIM))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)  # type: ignore[no-any-return]


def same_bits(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """Whether two arrays are equal to the last bit, the sign of zero included."""
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
