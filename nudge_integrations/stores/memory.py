"""Stores that are one dictionary in memory, and LangChain's InMemoryVectorStore: rows with float64 lists, always cosine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError
from nudge_integrations.stores.base import Ids, StoreAdapter, Texts, holding


class DictionaryAdapter(StoreAdapter):
    """The rows of a dictionary, which others may fill and empty meanwhile.

    A write puts another row only in the place of the very row that it has read: between that comparison and the assignment CPython changes
    threads from version 3.11 on not at all, before that hardly ever.
    """

    metric = "cosine"
    dtype = np.dtype(np.float64)
    batch = None
    approximate = False
    fingerprint = None
    key: str | None = None
    """Under which a row holds its vector; None where the row is the vector."""

    @abstractmethod
    def _held(self) -> dict[str, Any]:
        """The dictionary itself."""

    def _rows(self) -> Mapping[str, Any]:
        """The rows of the documents that take part, by id."""
        return self._held()

    def count(self) -> int:
        """Number of documents."""
        return len(self._rows())

    def fetch(self, ids: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The vectors of those of the ids that are there."""
        rows = self._rows()
        there = {name: row for name in ids if (row := rows.get(name)) is not None}
        return dict(zip(there, self._matrix(there), strict=True))

    def replace(self, ids: Ids, vectors: NDArray[Any]) -> None:
        """Put rows with other vectors in the place of these, one after the other; none in that of a row that is another one by now."""
        rows, names = self._rows(), list(ids)
        there = {name: row for name in names if (row := rows.get(name)) is not None}
        kept = holding(ids, dict(zip(there, self._matrix(there), strict=True)))
        new = [(names[i], there[names[i]], self._with(there[names[i]], vectors[i].tolist())) for i in kept]
        held = self._held()
        for name, row, other in new:
            _swap(held, name, row, other)

    def _with(self, row: Any, vector: list[float]) -> Any:
        """A row like this one with another vector."""
        return vector if self.key is None else {**row, self.key: vector}

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


def _swap(held: dict[str, Any], name: str, row: Any, other: Any) -> None:
    """Put another row in the place of this very one."""
    try:
        if held[name] is row:
            held[name] = other
    except KeyError:  # deleted meanwhile
        return


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

    def _held(self) -> dict[str, Any]:
        return self._store.store  # type: ignore[no-any-return]

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
