"""Stores that are one dictionary in memory, and LangChain's InMemoryVectorStore: rows with float64 lists, always cosine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError
from nudge_integrations.stores.base import StoreAdapter, Texts


class DictionaryAdapter(StoreAdapter):
    """The rows of a dictionary. A write binds a new one, so readers see all of it or nothing."""

    metric = "cosine"
    dtype = np.dtype(np.float64)
    batch = None
    approximate = False
    fingerprint = None
    key: str | None = None
    """Under which a row holds its vector; None where the row is the vector."""

    @abstractmethod
    def _rows(self) -> Mapping[str, Any]:
        """The rows by id."""

    def count(self) -> int:
        """Number of documents."""
        return len(self._rows())

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors of those of the ids that are there."""
        rows = self._rows()
        there = {name: rows[name] for name in ids if name in rows}
        return dict(zip(there, self._matrix(there), strict=True))

    def walk(self, size: int) -> Iterator[tuple[list[str], NDArray[Any]]]:
        """Every document once, in pages."""
        rows = iter(list(self._rows().items()))
        while page := dict(islice(rows, size)):
            yield list(page), self._matrix(page)

    def _matrix(self, rows: Mapping[str, Any]) -> NDArray[Any]:
        """The vectors of these rows, (rows, dim)."""
        vectors = rows if self.key is None else {name: row[self.key] for name, row in rows.items()}
        for name, vector in vectors.items():
            if len(vector) != self.dim:
                raise InputError(
                    f"vectors of {self.dim} and of {len(vector)} dimensions, as of {name!r}, are mixed in {self.kind}: "
                    "embed all of them with one model"
                )
        return np.asarray(list(vectors.values()), self.dtype).reshape(len(vectors), self.dim)


class InMemoryAdapter(DictionaryAdapter):
    """The rows of an `InMemoryVectorStore`."""

    kind = "InMemory"
    key = "vector"

    def __init__(self, store: Any) -> None:
        """Take the store itself, which has no other client."""
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
