"""How a store is read: every vector once, or what its own searches find; and its texts."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from nudge_core.apply import Survey
from nudge_core.corpus import MemoryCorpus
from nudge_core.errors import InputError
from nudge_integrations.stores.base import StoreAdapter
from nudge_integrations.stores.searched_corpus import SearchedCorpus

LIMIT, PAGE = 200_000, 2_000
"""Up to how many documents the whole collection is read; and how many vectors or texts at once."""

Background: TypeAlias = Literal["exact", "search"]
_log = logging.getLogger(__name__)


class WalkedCorpus(MemoryCorpus):
    """All vectors of a store in memory, (docs, dim) float32; those that an earlier run moved as they were before."""

    def __init__(self, adapter: StoreAdapter, originals: Mapping[str, NDArray[Any]], *, progress: bool = True) -> None:
        """Walk the store once.

        Args:
            adapter: The store.
            originals: Vectors that take the place of those in the store.
            progress: Whether a walk that takes longer than two seconds shows a bar.
        """
        self._canonical = str if type(adapter).spelled is StoreAdapter.spelled else adapter.spelled
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
        canonical = {name: self._canonical(str(name)) for name in set(named)}  # one document answers many questions
        return super().find(np.asarray([canonical[name] for name in named], dtype=object))


def read_as(
    adapter: StoreAdapter, background: Background | None, found: Survey, progress: bool
) -> tuple[WalkedCorpus | SearchedCorpus, bool]:
    """The corpus of a store, and whether every vector of it is read.

    Args:
        adapter: The store.
        background: What was asked for; None to read up to `LIMIT` documents.
        found: The originals of what was moved.
        progress: Whether a long walk shows a bar.
    """
    if background not in (None, "exact", "search"):
        raise InputError(
            f'background is {background!r}; expected "exact", "search", or None to read up to {LIMIT} documents'
        )
    if background == "exact" or (background is None and adapter.about() <= LIMIT):
        return WalkedCorpus(adapter, found.originals, progress=progress), True
    if not adapter.approximate and adapter.about() > LIMIT:
        _log.warning(
            "this %s collection has no index for searches by %s, so each question is compared with every document: create one, "
            "or use background='exact', which reads each document once",
            adapter.kind,
            adapter.metric,
        )
    return SearchedCorpus(adapter, found.originals), False


def texts_of(adapter: StoreAdapter, ids: Sequence[Any]) -> dict[str, str]:
    """The texts of those of these documents that are there; none where the store holds no texts."""
    wanted = set(ids)
    found: dict[str, str] = {}
    try:
        for names, texts, _ in adapter.texts(PAGE):
            found |= {name: text for name, text in zip(names, texts, strict=True) if name in wanted}
            if len(found) == len(wanted):
                break
    except InputError as error:
        _log.info("a report without texts: %s", error)
    return found
