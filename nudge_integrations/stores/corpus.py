"""A store as a corpus: walked once and held, or asked by its own search so that the cost does not grow with the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm.auto import tqdm

from nudge_core.background import TILE, Background, top_k
from nudge_core.corpus import Corpus, MemoryCorpus
from nudge_core.errors import InputError, UnknownIdError, counted, first_few
from nudge_core.vectors import check_finite
from nudge_integrations.stores.base import StoreAdapter

PAGE = 2000
BATCH = 256


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


class SearchedCorpus(Corpus):
    """A store that is asked, never walked: labelled documents by id, the background by its own search.

    Only documents that were asked for or found have a row. What the store's index misses is missed here too; scores are computed anew from the
    vectors, so that they are exact.
    """

    walks = False

    def __init__(self, adapter: StoreAdapter, originals: Mapping[str, NDArray[Any]]) -> None:
        """Take the store.

        Args:
            adapter: The store.
            originals: Vectors that take the place of those in the store, whose own are left out of searches.
        """
        self.dim, self._ids = adapter.dim, None
        self._adapter, self._originals = adapter, {name: v.astype(np.float32) for name, v in originals.items()}
        self._names: list[str] = []
        self._vectors: list[NDArray[np.float32]] = []
        self._row: dict[str, int] = {}

    def __len__(self) -> int:
        return self._adapter.count()

    @property
    def ids(self) -> NDArray[Any]:
        """The ids of the documents that have a row so far."""
        return np.asarray(self._names, dtype=object)

    def names(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids of these rows; "" where there is no document."""
        return np.asarray([self._names[row] if row >= 0 else "" for row in rows.tolist()], dtype=object)

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows."""
        return (
            torch.from_numpy(np.stack([self._vectors[row] for row in rows.tolist()]))
            if len(rows)
            else torch.zeros(0, self.dim)
        )

    def blocks(self, size: int) -> Iterator[Tensor]:  # noqa: ARG002
        """A store that is searched is never walked."""
        raise InputError(
            f"this {self._adapter.kind} store is searched, not walked: use background='exact' for what needs every vector"
        )

    def find(self, documents: NDArray[Any]) -> NDArray[np.int64]:
        """The row of each document; those met for the first time are read."""
        wanted = [self._adapter.spelled(str(name)) for name in documents.tolist()]
        self._learn(wanted)
        unknown = list(dict.fromkeys(name for name in wanted if name not in self._row))
        if unknown:
            what = counted(len(unknown), "document named in the labels is", "documents named in the labels are")
            raise UnknownIdError(
                f"{what} not in the {self._adapter.kind} collection of {len(self)}: {first_few(unknown)}. "
                "Label with ids that the store holds, or add the missing documents"
            )
        return np.asarray([self._row[name] for name in wanted], dtype=np.int64)

    def _learn(self, names: list[str]) -> None:
        new = [name for name in dict.fromkeys(names) if name not in self._row]
        found = self._adapter.fetch([name for name in new if name not in self._originals])
        for name in new:
            vector = self._originals.get(name, found.get(name))
            if vector is not None:
                self._row[name] = len(self._names)
                self._names.append(name)
                self._vectors.append(np.asarray(vector, np.float32))

    def background(
        self,
        queries: Tensor,
        k: int,
        *,
        exclude: NDArray[np.int64] | None = None,
        temperature: float | None = None,
        cosine: bool = True,
        progress: bool = True,
    ) -> Background:
        """The k most similar documents of each question, as the store finds them; see `Corpus.background`.

        Raises:
            InputError: The log-sum-exp is asked for, which needs every vector.
        """
        if temperature is not None:
            raise InputError("the log-sum-exp over all documents needs every vector: use background='exact'")
        dropped = [] if exclude is None else [self._names[row] for row in exclude.tolist()]
        moved = [name for name in self._originals if name not in set(dropped)]
        found: list[list[str]] = []
        with tqdm(
            total=len(queries), unit=" questions", desc="searching", delay=2, disable=not progress, leave=False
        ) as bar:
            for part in queries.split(BATCH):
                hidden = list(dict.fromkeys([*dropped, *self._originals]))
                found += self._adapter.nearest(part.cpu().numpy(), k, hidden)
                bar.update(len(part))
        self._learn([*moved, *(name for names in found for name in names)])
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        for place, names in enumerate(found):
            near = [self._row[name] for name in names if name in self._row]
            rows[place, : len(near)] = near
        always = torch.tensor([self._row[name] for name in moved], dtype=torch.int64)
        return self._scored(queries.cpu(), torch.from_numpy(rows), always, cosine).to(queries.device, k)

    def _scored(self, queries: Tensor, found: Tensor, always: Tensor, cosine: bool) -> _Candidates:
        """The exact scores of what each question found, and of documents that every question is compared with."""
        vectors = torch.from_numpy(np.stack(self._vectors)) if self._vectors else torch.zeros(1, self.dim)
        norms = check_finite(vectors, self.ids, "document") if self._vectors else torch.ones(1)
        near = found.clamp(min=0)
        scores = torch.empty(found.shape)
        height = max(1, TILE // (max(1, found.shape[1]) * self.dim))
        for start in range(0, len(queries), height):
            part = slice(start, start + height)
            scores[part] = torch.einsum("qd,qkd->qk", queries[part], vectors[near[part]])
        scores = torch.cat([scores, queries @ vectors[always].T], 1)
        rows = torch.cat([found, always.expand(len(queries), -1)], 1)
        if cosine:
            scores /= norms[rows.clamp(min=0)]
        scores[rows < 0] = -torch.inf
        met = norms[rows[rows >= 0]] if bool((rows >= 0).any()) else norms
        order = torch.argsort(rows, dim=1, stable=True)
        return _Candidates(scores.gather(1, order), rows.gather(1, order), (float(met.min()), float(met.max())))


@dataclass(frozen=True)
class _Candidates:
    """Scores and rows of the documents that may be the best of each question, (queries, candidates), in row order."""

    scores: Tensor
    rows: Tensor
    lengths: tuple[float, float]

    def to(self, device: torch.device, k: int) -> Background:
        best, order = top_k(self.scores, k)
        rows = self.rows.gather(1, order).where(~torch.isneginf(best), torch.tensor(-1))
        return Background(best.to(device), rows.to(device), None, self.lengths)
