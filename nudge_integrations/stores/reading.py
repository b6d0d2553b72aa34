"""Reading a store for a job: all of it or by search, what it must be, how vectors are written, and whether its index still finds them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.apply import Survey
from nudge_core.clock import progress_bar
from nudge_core.corpus import MemoryCorpus
from nudge_core.corpus.ranking import Ranking
from nudge_core.data.moves import UNIT
from nudge_core.errors import InputError
from nudge_core.methods.base import Method
from nudge_core.result import Nudge
from nudge_integrations.stores.base import StoreAdapter
from nudge_integrations.stores.searched_corpus import SearchedCorpus

LIMIT, PAGE = 200_000, 2_000
"""Up to how many documents the whole collection is read; and how many vectors or texts at once."""

Background: TypeAlias = Literal["exact", "search"]
_log = logging.getLogger(__name__)


class WalkedCorpus(MemoryCorpus):
    """All vectors of a store in memory, (docs, dim) float32; those that an earlier run moved as they were before."""

    def __init__(self, adapter: StoreAdapter, originals: Mapping[str, NDArray[Any]], *, progress: bool = True) -> None:
        """Walk the store once."""
        self._canonical = str if type(adapter).spelled is StoreAdapter.spelled else adapter.spelled
        ids: list[str] = []
        matrix = np.empty((adapter.count(), adapter.dim), np.float32)
        with progress_bar(len(matrix), "reading", progress, unit=" vectors", unit_scale=False) as bar:
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
    """The corpus of a store, and whether every vector of it is read."""
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


def texts_of(adapt: Callable[[], StoreAdapter], ids: Sequence[Any]) -> dict[str, str]:
    """The texts of those of these documents that are there; none where the store holds no texts, or can be asked in coroutines only."""
    wanted = set(ids)
    found: dict[str, str] = {}
    try:
        for names, texts, _ in adapt().texts(PAGE):
            found |= {name: text for name, text in zip(names, texts, strict=True) if name in wanted}
            if len(found) == len(wanted):
                break
    except InputError as error:
        _log.info("a report without texts: %s", error)
    return found


SAMPLE, DEPTH = 200, 10


def check_method(adapter: StoreAdapter, method: Method) -> None:
    """Refuse a method whose vectors the store would rank wrongly."""
    if method.metric == "dot" and adapter.metric != "dot":
        raise InputError(
            f"{method.name} moves vectors off the unit sphere, so they must be searched by dot product; this {adapter.kind} collection "
            f"ranks by {adapter.metric}: use NudgeN(), or make the collection anew with the metric dot product"
        )


def check_lengths(
    adapter: StoreAdapter, corpus: WalkedCorpus | SearchedCorpus, question: Callable[[], float], *, turns: bool = True
) -> str:
    """What is to be said of vectors that are not of unit length where the metric takes length into account; "" where nothing is.

    Figures are then those of the metric, with the length that each document has and keeps: it is set as the ranking of the corpus.

    Args:
        adapter: The store.
        corpus: Its vectors.
        question: How long its questions are.
        turns: Whether the method turns documents, so that they keep their lengths.

    Raises:
        InputError: Not every vector was read, or the method does not turn documents.
    """
    if adapter.metric == "cosine":
        return ""
    vectors = corpus.vectors if isinstance(corpus, WalkedCorpus) else corpus.read_so_far()
    norms = torch.cat([torch.linalg.vector_norm(part, dim=1) for part in vectors.split(1 << 16)])
    low, high = float(norms.min()), float(norms.max())
    if low >= 1 - UNIT and high <= 1 + UNIT:
        return ""
    lengths = f"the vectors of this {adapter.kind} collection have lengths from {low:.4g} to {high:.4g} and are ranked by {adapter.metric}"
    alike = high <= low * (1 + UNIT)  # then the metric ranks as cosine does
    if not turns or not (alike or isinstance(corpus, WalkedCorpus)):
        how = "with NudgeN() or Auto()" if not turns else "with background='exact'"
        raise InputError(
            f"{lengths}, where length counts: nudge {how}; or normalise them (for most models an option, such as normalize_embeddings) and fill the "
            "collection anew, or let it rank by cosine"
        )
    if not alike:
        corpus.ranking = Ranking(vectors, adapter.metric, question())
    return f"{lengths[0].upper()}{lengths[1:]}: documents are turned and keep their lengths, and the figures are those of {adapter.metric} with them."


def scaled(adapter: StoreAdapter, corpus: WalkedCorpus | SearchedCorpus, tuned: Nudge) -> NDArray[Any]:
    """The moved vectors as they are written: each keeps the length that its document had."""
    if tuned.metric == "dot":
        return tuned.vectors
    norms = torch.linalg.vector_norm(corpus.rows(tuned.rows), dim=1, keepdim=True).numpy()
    return np.where(np.abs(norms - 1) < UNIT, tuned.vectors, tuned.vectors * norms).astype(adapter.dtype)


def unreachable(adapter: StoreAdapter, ids: Sequence[str], vectors: NDArray[Any]) -> tuple[str, ...]:
    """Of a sample of documents those that are not among the ten nearest of their own vector: the index has lost them."""
    if not adapter.approximate:
        return ()
    chosen = np.random.default_rng(0).permutation(len(ids))[:SAMPLE]
    found = adapter.nearest(np.asarray(vectors[chosen], np.float32), DEPTH)
    missed = [row for row, names in zip(chosen.tolist(), found, strict=True) if ids[row] not in names]
    return tuple(ids[row] for row in missed)
