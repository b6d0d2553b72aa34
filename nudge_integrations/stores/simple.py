"""LlamaIndex's SimpleVectorStore: a dictionary of float64 lists, always cosine, in memory unless it is persisted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError
from nudge_integrations.stores.base import LookUp, Texts, node_in, texts_by
from nudge_integrations.stores.memory import DictionaryAdapter

_QUERIES = 64


class SimpleAdapter(DictionaryAdapter):
    """The nodes of one index in a `SimpleVectorStore`."""

    kind = "SimpleVectorStore"

    def __init__(
        self,
        store: Any,
        names: Callable[[], Iterable[str]] | None = None,
        document: LookUp | None = None,
    ) -> None:
        """Take the store itself, which has no other client.

        Args:
            store: The store.
            names: Called for the ids of the nodes that take part, as an index searches its own only; without it all do.
            document: Called for the text and metadata of an id, which the store does not hold.
        """
        self._store, self._names, self._document = store, names, document
        first = next(iter(self._rows().values()), None)
        if first is None:
            raise InputError("the SimpleVectorStore holds no nodes of this index: insert some first")
        self.dim = len(first)

    @classmethod
    def of_llama_index(cls, index: Any) -> SimpleAdapter:
        """The adapter of a `VectorStoreIndex`, which may share its store with others."""
        return cls(index.vector_store, lambda: index.index_struct.nodes_dict.values(), node_in(index.docstore))

    def texts(self, size: int) -> Iterator[Texts]:
        """The texts and metadata of all nodes, in pages, from the docstore."""
        return texts_by(self._document, list(self._rows()), size) if self._document else super().texts(size)

    def nearest(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[list[str]]:
        """What the store's own search finds, which compares the question with every node: here for many questions at once."""
        dropped = set(exclude)
        rows = {name: vector for name, vector in self._rows().items() if name not in dropped}
        if not rows:
            return [[] for _ in vectors]
        names, matrix = np.asarray(list(rows), dtype=object), self._matrix(rows)
        matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        found: list[list[str]] = []
        for start in range(0, len(vectors), _QUERIES):
            scores = vectors[start : start + _QUERIES].astype(np.float64) @ matrix.T
            found += [names[np.argsort(-row, kind="stable")[:k]].tolist() for row in scores]
        return found

    def _held(self) -> dict[str, list[float]]:
        return self._store.data.embedding_dict  # type: ignore[no-any-return]

    def _rows(self) -> dict[str, list[float]]:
        held = dict(self._held())
        return held if self._names is None else {name: held[name] for name in list(self._names()) if name in held}
