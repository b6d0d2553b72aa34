"""A store that is asked by its own search, so that the cost does not grow with the collection."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.clock import progress_bar
from nudge_core.corpus import Corpus
from nudge_core.corpus.background import NEAREST, Background, logsumexp_of_all, similarities, top_k
from nudge_core.data.vectors import check_finite
from nudge_core.errors import InputError, NudgeError, StoreError, UnknownIdError, counted, first_few
from nudge_integrations.stores.base import StoreAdapter
from nudge_integrations.stores.searching import Hits

BATCH = 100
"""Questions in one search."""

LOOKED_AT = 1000
"""Of how many documents that were found the vectors are read, to see that they are in order."""


class SearchedCorpus(Corpus):
    """A store that is asked, never walked: labelled documents by id, the background by its own search.

    Only documents that were asked for or found have a row. What the store's index misses is missed here too.
    """

    scannable = False

    def __init__(self, adapter: StoreAdapter, originals: Mapping[str, NDArray[Any]]) -> None:
        """Take the store."""
        self.dim, self._ids = adapter.dim, None
        self._adapter, self._originals = adapter, {name: v.astype(np.float32) for name, v in originals.items()}
        self._names: list[str] = []
        self._row: dict[str, int] = {}
        self._vectors: dict[int, NDArray[np.float32]] = {}
        self._count: int | None = None

    def __len__(self) -> int:
        if self._count is None:
            self._count = max(self._adapter.about(), len(self._originals))
        return max(self._count, len(self._names))

    @property
    def ids(self) -> NDArray[Any]:
        """The ids of the documents that have a row so far."""
        return np.asarray(self._names, dtype=object)

    def names(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids of these rows; "" where there is no document."""
        return np.asarray([self._names[row] if row >= 0 else "" for row in rows.tolist()], dtype=object)

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows."""
        wanted = rows.tolist()
        self._read([self._names[row] for row in wanted if row not in self._vectors])
        return (
            torch.from_numpy(np.stack([self._vectors[row] for row in wanted])) if wanted else torch.zeros(0, self.dim)
        )

    def read_so_far(self) -> Tensor:
        """The vectors that have been read: of labelled documents, and of some of those found."""
        return self.rows(np.asarray(sorted(self._vectors), dtype=np.int64))

    def blocks(self, size: int) -> Iterator[Tensor]:  # noqa: ARG002
        """A store that is searched is never walked."""
        raise InputError(
            f"this {self._adapter.kind} store is searched, not walked: use background='exact' for what needs every vector"
        )

    def find(self, documents: NDArray[Any]) -> NDArray[np.int64]:
        """The row of each document; those met for the first time are read."""
        spelled = {name: self._adapter.spelled(str(name)) for name in dict.fromkeys(documents.tolist())}
        wanted = [spelled[name] for name in documents.tolist()]
        self._read([name for name in spelled.values() if self._row.get(name, -1) not in self._vectors])
        if unknown := list(dict.fromkeys(name for name in wanted if name not in self._row)):
            what = counted(len(unknown), "document named in the labels is", "documents named in the labels are")
            raise UnknownIdError(
                f"{what} not in the {self._adapter.kind} collection of {self._adapter.count()}: {first_few(unknown)}. "
                "Label with ids that the store holds, or add the missing documents"
            )
        return np.asarray([self._row[name] for name in wanted], dtype=np.int64)

    def _read(self, names: list[str]) -> None:
        """Read vectors by id. What is not there gets no row."""
        new = [name for name in dict.fromkeys(names) if name not in self._originals]
        found = reached(self._adapter, "read", partial(self._adapter.fetch, new)) if new else {}
        for name in dict.fromkeys(names):
            vector = self._originals.get(name, found.get(name))
            if vector is not None:
                self._vectors[self._row_of(name)] = np.asarray(vector, np.float32)

    def _row_of(self, name: str) -> int:
        row = self._row.setdefault(name, len(self._names))
        if row == len(self._names):
            self._names.append(name)
        return row

    def background(
        self,
        queries: Tensor,
        k: int,
        *,
        exclude: NDArray[np.int64] | None = None,
        temperature: float | None = None,
        cosine: bool = True,
        progress: bool = True,
        passed: Tensor | None = None,
    ) -> Background:
        """The k most similar documents of each question, as the store finds them; see `Corpus.background`.

        The log-sum-exp is that of the `NEAREST` and an estimate of the rest; see `nudge_core.corpus.background`.
        """
        if passed is not None and exclude is not None:
            passed[:] = self.rows(np.sort(exclude))
        dropped = [] if exclude is None else [self._names[row] for row in exclude.tolist()]
        moved = [name for name in self._originals if name not in set(dropped)]
        hidden = list(dict.fromkeys([*dropped, *self._originals]))
        depth = k if temperature is None else max(k, NEAREST)
        self._read(moved)
        always = np.asarray(sorted(self._row[name] for name in moved), dtype=np.int64)
        originals = self.rows(always)
        if cosine and len(always):
            originals = originals / check_finite(originals, self.names(always), "document")[:, None]
        parts, best = queries.cpu().split(BATCH), []
        looked_at: dict[str, None] = {}
        for part, hits in zip(parts, self._search(parts, depth, hidden, progress), strict=True):
            best.append(self._best(part, hits, originals, torch.from_numpy(always), depth))
            for found in hits if len(looked_at) < LOOKED_AT else ():
                looked_at |= dict.fromkeys(found.ids[:k])
        scores = torch.cat([one for one, _ in best]) if best else torch.zeros(0, 0)
        rows = torch.cat([one for _, one in best]) if best else torch.zeros(0, 0, dtype=torch.int64)
        whole = None
        if temperature is not None:
            whole = logsumexp_of_all(scores, temperature, max(0, len(self) - len(dropped))).to(queries.device)
        lengths = self._lengths([*looked_at][:LOOKED_AT], moved)
        return Background(scores[:, :k].to(queries.device), rows[:, :k].to(queries.device), whole, lengths)

    def _search(self, parts: tuple[Tensor, ...], k: int, hidden: list[str], progress: bool) -> Iterator[list[Hits]]:
        """What the store finds for each batch, several of which are under way at a time where it can do that."""
        total, done, ahead = sum(map(len, parts)), 0, 2 * self._adapter.workers
        pool = ThreadPoolExecutor(self._adapter.workers, "nudge-search")
        asked: deque[Future[list[Hits]]] = deque()
        try:
            with progress_bar(total, "searching", progress, unit=" questions", unit_scale=False) as bar:
                for number, part in enumerate(parts):
                    for other in parts[number + len(asked) : number + ahead]:
                        asked.append(pool.submit(self._adapter.hits, other.numpy(), k, hidden))
                    answer = asked.popleft().result
                    yield reached(self._adapter, f"searched, after {done} of {total} questions", answer)
                    done += len(part)
                    bar.update(len(part))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _best(
        self, queries: Tensor, hits: list[Hits], originals: Tensor, always: Tensor, k: int
    ) -> tuple[Tensor, Tensor]:
        """The k best of what each question found and of the documents that every question is compared with: scores and rows."""
        scores = torch.full((len(queries), k), -torch.inf)
        rows = torch.full((len(queries), k), -1, dtype=torch.int64)
        for place, found in enumerate(hits):
            names = found.ids[:k]
            scores[place, : len(names)] = torch.from_numpy(np.asarray(found.scores[:k], np.float32))
            rows[place, : len(names)] = torch.tensor([self._row_of(name) for name in names], dtype=torch.int64)
        if len(always):
            scores = torch.cat([scores, similarities(queries, originals)], 1)
            rows = torch.cat([rows, always.expand(len(queries), -1)], 1)
        order = torch.argsort(rows, dim=1, stable=True)  # of equal scores the lower row comes first
        scores, rows = scores.gather(1, order), rows.gather(1, order)
        best, order = top_k(scores, k)
        return best, rows.gather(1, order)

    def _lengths(self, found: list[str], moved: list[str]) -> tuple[float, float]:
        """The shortest and the longest of some documents found, and of those moved."""
        self._read([name for name in found if self._row[name] not in self._vectors])
        rows = [row for name in (*found, *moved) if (row := self._row[name]) in self._vectors]
        if not rows:
            return 1.0, 1.0
        norms = check_finite(self.rows(np.asarray(rows)), self.names(np.asarray(rows)), "document")
        return float(norms.min()), float(norms.max())


def reached(adapter: StoreAdapter, doing: str, call: Callable[[], Any]) -> Any:
    """What a call to the store returns."""
    try:
        return call()
    except NudgeError:
        raise
    except Exception as error:
        raise StoreError(
            f"the {adapter.kind} store failed while it was {doing} ({type(error).__name__}: {error}): nothing was written; "
            "try again when the store answers"
        ) from error
