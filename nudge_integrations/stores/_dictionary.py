"""What stores share that hold their vectors as float64 lists in one dictionary, in memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError
from nudge_integrations.stores.base import StoreAdapter


class DictionaryAdapter(StoreAdapter):
    """The rows of a dictionary. A write binds a new one, so readers see all of it or nothing."""

    sees = "all vectors of before or all of after"
    metric = "cosine"
    dtype = np.dtype(np.float64)
    batch = None
    approximate = False
    fingerprint = None

    @abstractmethod
    def _rows(self) -> Mapping[str, Any]:
        """The rows by id."""

    @staticmethod
    def _vector(row: Any) -> Sequence[float]:
        """The vector of a row; override where a row is not the vector itself."""
        return row  # type: ignore[no-any-return]

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
        vectors = {name: self._vector(row) for name, row in rows.items()}
        for name, vector in vectors.items():
            if len(vector) != self.dim:
                raise InputError(
                    f"vectors of {self.dim} and of {len(vector)} dimensions, as of {name!r}, are mixed in {self.kind}: "
                    "embed all of them with one model"
                )
        return np.asarray(list(vectors.values()), self.dtype).reshape(len(vectors), self.dim)
