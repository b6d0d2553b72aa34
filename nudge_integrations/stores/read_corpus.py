"""A store as a corpus: walked once and held. `searched` has the other way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from nudge_core.corpus import MemoryCorpus
from nudge_core.errors import InputError
from nudge_integrations.stores.base import StoreAdapter

PAGE = 2000


class WalkedCorpus(MemoryCorpus):
    """All vectors of a store in memory, (docs, dim) float32; those that an earlier run moved as they were before."""

    def __init__(self, adapter: StoreAdapter, originals: Mapping[str, NDArray[Any]], *, progress: bool = True) -> None:
        """Walk the store once.

        Args:
            adapter: The store.
            originals: Vectors that take the place of those in the store.
            progress: Whether a walk that takes longer than two seconds shows a bar.
        """
        self._spelled = adapter.spelled
        ids: list[str] = []
        matrix = np.empty((adapter.count(), adapter.dim), np.float32)
        with tqdm(
            total=len(matrix), unit=" vectors", desc="reading", delay=2, disable=not progress, leave=False
        ) as bar:
            for names, vectors in adapter.walk(PAGE):
                if odd := [name for name in names if not isinstance(name, str)]:
                    raise InputError(
                        f"the {adapter.kind} collection has an id of type {type(odd[0]).__name__}, {odd[0]!r}; expected texts: add "
                        "the documents again with ids such as str(id)"
                    )
                if len(ids) + len(names) > len(matrix):  # somebody adds documents meanwhile
                    matrix = np.concatenate([matrix, np.empty((max(PAGE, len(matrix)), adapter.dim), np.float32)])
                matrix[len(ids) : len(ids) + len(names)] = vectors
                ids += names
                bar.update(len(names))
        matrix = matrix[: len(ids)]
        if originals:
            for row, name in enumerate(ids):
                if name in originals:
                    matrix[row] = originals[name]
        super().__init__(matrix, np.asarray(ids, dtype=object))

    def find(self, documents: NDArray[Any]) -> NDArray[np.int64]:
        """The row of each document; ids are always texts."""
        named = documents.tolist()
        spelled = {name: self._spelled(str(name)) for name in set(named)}  # one document answers many questions
        return super().find(np.asarray([spelled[name] for name in named], dtype=object))
