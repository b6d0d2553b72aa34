"""LangChain's InMemoryVectorStore: a dictionary of rows, float64 lists, always cosine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError
from nudge_integrations.stores._dictionary import DictionaryAdapter
from nudge_integrations.stores.base import Texts


class InMemoryAdapter(DictionaryAdapter):
    """The rows of an `InMemoryVectorStore`."""

    kind = "InMemory"

    def __init__(self, store: Any) -> None:
        """Take the store itself, which has no other client.

        Raises:
            InputError: It holds no documents, so its dimension is unknown.
        """
        self._store = store
        if not store.store:
            raise InputError("the InMemory store holds no documents: add some first")
        self.dim = len(next(iter(store.store.values()))["vector"])

    @classmethod
    def of_langchain(cls, store: Any) -> InMemoryAdapter:
        """The adapter of a LangChain `InMemoryVectorStore`."""
        return cls(store)

    def _rows(self) -> dict[str, Any]:
        return self._store.store  # type: ignore[no-any-return]

    @staticmethod
    def _vector(row: Any) -> list[float]:
        return row["vector"]  # type: ignore[no-any-return]

    def replace(self, ids: Sequence[str], vectors: NDArray[Any]) -> None:
        """Bind a copy of the dictionary with other vectors in these rows."""
        held = self._store.store
        before = dict(held)
        rows = dict(before)
        for name, vector in zip(ids, vectors, strict=True):
            if name in rows:
                rows[name] = {**rows[name], "vector": vector.tolist()}
        self._store.store = rows
        for name, row in list(held.items()):  # what other threads added to the old one meanwhile
            if name not in before:
                rows.setdefault(name, row)
        for name in before.keys() - held.keys():
            rows.pop(name, None)

    def texts(self, size: int) -> Iterator[Texts]:
        """The texts and metadata of all documents, in pages."""
        rows = iter(list(self._store.store.items()))
        while page := list(islice(rows, size)):
            yield (
                [name for name, _ in page],
                [row.get("text") or "" for _, row in page],
                [row.get("metadata") or {} for _, row in page],
            )

    def nearest(self, vectors: NDArray[np.float32], k: int, exclude: Sequence[str] = ()) -> list[list[str]]:
        """The store's own search, with a filter."""
        dropped = set(exclude)
        keep = (lambda document: document.id not in dropped) if dropped else None
        return [
            [document.id for document in self._store.similarity_search_by_vector(vector.tolist(), k, filter=keep)]
            for vector in vectors
        ]
