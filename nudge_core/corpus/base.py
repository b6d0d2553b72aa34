"""Corpus: where the document vectors live. All that fine-tuning asks of one is look-up by id, rows, and the background."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.clock import progress_bar
from nudge_core.corpus.background import TILE, Background, BackgroundBuilder, similarities
from nudge_core.corpus.ids import Ids
from nudge_core.corpus.ranking import Ranking
from nudge_core.data.moves import Moves
from nudge_core.data.queries import QuerySet
from nudge_core.data.relevance import Relevance
from nudge_core.data.vectors import describe_bad_row, distinct, unit
from nudge_core.errors import InputError, UnknownIdError, counted, first_few

Missing: TypeAlias = Literal["error", "skip"]
"""What becomes of labels whose document is gone."""


class Corpus(ABC):
    """Document vectors of one dimension, in a fixed row order, with or without ids.

    A subclass says its length, dimension and ids, and reads rows and all vectors in blocks; the rest is shared.
    Without ids of its own a corpus names its documents by row number.
    """

    dim: int
    scannable: bool = True
    """Whether all vectors can be read; a store that is only searched shows the nearest of each question."""
    _ids: Ids | None
    ranking: Ranking | None = None
    """How questions held out are ranked, where that is not by cosine at unit length."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of documents."""

    @abstractmethod
    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows in the order asked, (len(rows), dim) float32, as stored: not normalised."""

    @abstractmethod
    def blocks(self, size: int) -> Iterator[Tensor]:
        """All vectors in row order, in blocks of at most `size` rows, of the type stored."""

    @property
    def ids(self) -> NDArray[Any] | None:
        """(docs,) int64 or str ids, or None where documents are named by row number."""
        return None if self._ids is None else self._ids.names

    def __repr__(self) -> str:
        kind = "rows" if self._ids is None else "int64" if self._ids.integers else "object"
        return f"{type(self).__name__}(docs={len(self)}, dim={self.dim}, ids={kind})"

    @property
    def named(self) -> bool:
        """Whether the corpus has ids of its own."""
        return self._ids is not None

    def names(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids of these rows; the row numbers themselves where the corpus has no ids."""
        return rows if self._ids is None else self._ids.take(rows)

    def find(self, documents: NDArray[Any]) -> NDArray[np.int64]:
        """The row of each document.

        Strings are ids. Integers are ids where the corpus has integer ids, and row numbers elsewhere.

        Raises:
            UnknownIdError: Ids or rows that the corpus does not hold; the first ten are named.
        """
        if self._ids is None or (documents.dtype.kind in "iu" and not self._ids.integers):
            return self._check_rows(documents)
        rows = self._ids.find(documents)
        unknown = np.unique(documents[rows < 0].astype(str))
        if len(unknown):
            example = self._ids.take(np.arange(min(2, len(self._ids)))).tolist()
            what = counted(len(unknown), "document named in the labels is", "documents named in the labels are")
            raise UnknownIdError(
                f"{what} not in the corpus of {len(self)}: {first_few(map(str, unknown))}. "
                f"Its ids, {'integers' if self._ids.integers else 'texts'}, look like {first_few(example)}: "
                "label with these, or add the missing documents"
            )
        return rows

    def _check_rows(self, documents: NDArray[Any]) -> NDArray[np.int64]:
        if documents.dtype.kind not in "iu":
            raise UnknownIdError(
                f"the labels name documents by ids ({first_few(documents[:2].tolist())}), but the corpus has none: "
                "pass open_corpus(vectors, ids=…), or label with row numbers"
            )
        labelled = distinct(documents)
        outside = labelled[(labelled < 0) | (labelled >= len(self))]
        if len(outside):
            raise UnknownIdError(
                f"row numbers outside the corpus of {len(self)} documents: {first_few(outside.tolist())}. Rows count from 0 to {len(self) - 1}"
            )
        if self._ids is not None:  # integers beside string ids: right only if no id reads like another row's number
            rows = self._ids.find(labelled.astype(str).astype(object))
            clash = np.flatnonzero((rows >= 0) & (rows != labelled))
            if len(clash):
                name = int(labelled[clash[0]])
                raise UnknownIdError(
                    f"the label {name} may mean row {name} or the id '{name}', which is row {rows[clash[0]]}: write ids as strings"
                )
        return documents.astype(np.int64)

    def by_row(self, queries: QuerySet) -> QuerySet:
        """The same questions, whose documents are named by their row numbers in this corpus.

        Raises:
            UnknownIdError: Labels that name documents that the corpus does not hold.
        """
        relevance = replace(queries.relevance, documents=self.find(queries.relevance.documents))
        return QuerySet(queries.embeddings, relevance, ids=queries.ids if queries.named else None, texts=queries.texts)

    def present(self, queries: QuerySet, missing: Missing) -> tuple[QuerySet, str]:
        """The questions without labels whose document is gone, and a sentence on these; questions with no label left are `skipped`.

        More than half of the labels are never left out: `find` refuses them by name. Row numbers are no names that can be gone.

        Raises:
            InputError: `missing` is neither "error" nor "skip".
        """
        if missing not in ("error", "skip"):
            raise InputError(
                f'missing is {missing!r}; expected "skip" to leave out labels whose document is gone, or "error" to refuse them'
            )
        relevance = queries.relevance
        if missing == "error" or self._ids is None or self._ids.integers != (relevance.documents.dtype.kind in "iu"):
            return queries, ""
        gone = self._ids.find(relevance.documents) < 0
        if not gone.any() or 2 * gone.sum() > len(gone):
            return queries, ""
        kept = np.concatenate([[0], np.cumsum(~gone)])[relevance.offsets]
        rest = Relevance(kept, relevance.documents[~gone], relevance.grades[~gone])
        names = queries.ids if queries.named else None
        found = QuerySet(queries.embeddings, rest, ids=names, texts=queries.texts, on_empty="skip")
        lost = first_few(map(str, dict.fromkeys(relevance.documents[gone].tolist())), 5)
        what = counted(int(gone.sum()), "label names a document", "labels name documents")
        return (
            found,
            f"{what} that the corpus does not hold, and {'was' if gone.sum() == 1 else 'were'} left out: {lost}.",
        )

    def check_moves(self, tuned: Moves, remedy: str) -> None:
        """Refuse moves that were made for another corpus, or for this one in another order; the remedy is such as "write"."""
        if (tuned.docs, tuned.dim) != (len(self), self.dim):
            raise InputError(
                f"the moves were made for {tuned.docs} documents of dimension {tuned.dim}, the corpus has {len(self)} of {self.dim}: "
                f"{remedy} the corpus that was fine-tuned"
            )
        names = self.names(tuned.rows)
        other = np.flatnonzero((tuned.ids != names) & self.named)
        if len(other):
            row, here, there = (part[other[:1]].tolist()[0] for part in (tuned.rows, tuned.ids, names))
            raise InputError(
                f"row {row} is {here!r} in the moves and {there!r} in the corpus: {remedy} the corpus that was fine-tuned, in the same order"
            )

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
        """The k most similar documents of each question, in one pass over the vectors in blocks.

        Args:
            queries: (queries, dim) float32, on the device that shall compute.
            k: How many documents for each question; 0 for none.
            exclude: (rows,) row numbers that do not take part.
            temperature: τ; if given, the log-sum-exp over documents of similarity / τ is computed too.
            cosine: Whether documents are scaled to unit length. Questions are used as given.
            progress: Whether a pass that takes longer than two seconds shows a bar.
            passed: (excluded rows, dim) takes the vectors of the excluded rows, in ascending order, as they come by.

        Returns:
            A `Background` on the device of the queries.

        Raises:
            InputError: Dimensions that differ, or a row that holds NaN, infinity or zeros only.
        """
        if queries.shape[1] != self.dim:
            raise InputError(
                f"the questions have dimension {queries.shape[1]}, the documents {self.dim}: embed both with one model"
            )
        builder = BackgroundBuilder(len(queries), k, temperature, queries.device)
        left_out = np.zeros(0, dtype=np.int64) if exclude is None else distinct(exclude)
        width = max(1024, min(8192, TILE // max(1, len(queries))))
        height = max(1, TILE // width)
        first = 0
        with progress_bar(len(self), "background", progress) as bar:
            for block in self.blocks(width):
                if not len(block):
                    continue
                values = block.to(torch.float32).to(queries.device)
                norms = self._norms(values, first)
                builder.meet(norms)
                low, high = np.searchsorted(left_out, [first, first + len(values)])
                inside = left_out[low:high] - first
                if passed is not None:
                    passed[low:high] = values[torch.from_numpy(inside).to(values.device)].to(passed.device)
                rows = torch.arange(first, first + len(values), device=queries.device)
                if 2 * len(inside) > len(values):  # what takes no part need not be multiplied
                    kept = torch.from_numpy(np.delete(np.arange(len(values)), inside)).to(queries.device)
                    values, norms, rows, inside = values[kept], norms[kept], rows[kept], inside[:0]
                columns = torch.from_numpy(inside).to(queries.device)
                for start in range(0, len(queries) if len(values) else 0, height):
                    part = slice(start, min(start + height, len(queries)))
                    scores = similarities(queries[part], values)
                    if cosine:
                        scores *= 1 / norms
                    if len(inside):
                        scores[:, columns] = -torch.inf
                    builder.add(part, scores, rows)
                first += len(block)
                bar.update(len(block))
        return builder.build()

    def rows_and_background(
        self, rows: NDArray[np.int64], queries: Tensor, k: int, *, progress: bool = True
    ) -> tuple[Tensor, Background]:
        """The vectors of some rows, as `rows` gives them, and the background of the questions over all other documents.

        A corpus that has to read everything to find a row does both in one pass.

        Args:
            rows: Ascending row numbers.
            queries: As for `background`, as are the others.
            k: How many documents for each question.
            progress: Whether a long pass shows a bar.
        """
        return self.rows(rows), self.background(queries, k, exclude=rows, progress=progress)

    def _norms(self, values: Tensor, first: int) -> Tensor:
        """The length of each row of a block."""
        norms: Tensor = torch.linalg.vector_norm(values, dim=1)
        usable = torch.isfinite(norms) & (norms > 0)
        if not bool(usable.all()):
            row = int(torch.nonzero(~usable)[0])
            name = self.names(np.asarray([first + row])).tolist()[0]
            raise InputError(describe_bad_row(values[row], f"document {name!r} (row {first + row})"))
        return norms


class Mapped(Corpus):
    """Every document d of a corpus as d W, of unit length."""

    def __init__(self, corpus: Corpus, matrix: Tensor) -> None:
        """Take the corpus and W, (dim, dim)."""
        self.corpus, self.matrix, self._ids = corpus, matrix.cpu(), None
        self.dim, self.scannable = corpus.dim, corpus.scannable

    def __len__(self) -> int:
        return len(self.corpus)

    def names(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The ids that the corpus gives."""
        return self.corpus.names(rows)

    def background(self, queries: Tensor, k: int, **options: Any) -> Background:
        """As that of the corpus; one whose workers map on their own does so."""
        if on_its_own := getattr(self.corpus, "mapped_background", None):
            found: Background = on_its_own(queries, k, self.matrix, **options)
            return found
        return super().background(queries, k, **options)

    def rows(self, rows: NDArray[np.int64]) -> Tensor:
        """The vectors of these rows."""
        return unit(unit(self.corpus.rows(rows)) @ self.matrix)

    def blocks(self, size: int) -> Iterator[Tensor]:
        """All vectors in row order."""
        return (unit(unit(block) @ self.matrix) for block in self.corpus.blocks(size))
