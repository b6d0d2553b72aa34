"""QuerySet: embedded questions and the documents that answer them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.arguments import expect
from nudge_core.data.relevance import Relevance
from nudge_core.data.vectors import Vectors, as_matrix, check_finite
from nudge_core.errors import InputError, first_few


class QuerySet:
    """Embedded questions with their relevant documents.

    Attributes:
        embeddings: (queries, dim) float32 tensor, as given: questions are not normalised.
        relevance: relevant documents of each question in CSR form, with grades.
        ids: (queries,) names of the questions; their row numbers where none were given.
        texts: the questions as texts, or None.
        skipped: names of the questions that were left out because nothing is relevant to them.

    Example:
        >>> import numpy as np
        >>> queries = QuerySet(np.eye(3, 4), relevant=[[0], [2, 5], {5: 2.0}])
        >>> queries
        QuerySet(queries=3, dim=4, pairs=4)
        >>> train, rest = queries.split(2 / 3, seed=1)
        >>> len(train), len(rest), len(train + rest)
        (2, 1, 3)
    """

    def __init__(
        self,
        embeddings: Vectors,
        relevant: Sequence[Any] | Relevance,
        *,
        ids: Sequence[Any] | NDArray[Any] | None = None,
        texts: Sequence[str] | None = None,
        on_empty: Literal["error", "skip"] = "error",
    ) -> None:
        """Check and hold a set of questions.

        Args:
            embeddings: (queries, dim) array or tensor of any floating type.
            relevant: For each question the relevant documents: a list of them, or {document: grade}. A document is named by its id, or
                by its row number. Documents graded 0 or below were judged and found not relevant: they are left out.
            ids: Names of the questions, unique.
            texts: The questions as texts.
            on_empty: What to do with a question that no document is relevant to: raise, or leave it out and say so in `skipped`.

        Raises:
            InputError: Lengths or dimensions that differ, NaN, infinity, a zero vector, a grade that is no number, duplicate ids, a question
                without a relevant document.
        """
        if on_empty not in ("error", "skip"):
            raise InputError(f'on_empty is {on_empty!r}; expected "error" or "skip"')
        matrix = as_matrix(embeddings, "question embeddings").to(torch.float32)
        relevance = relevant if isinstance(relevant, Relevance) else Relevance.from_lists(relevant)
        count = len(matrix)
        for name, part in (("relevant", relevance), ("ids", ids), ("texts", texts)):
            if part is not None and len(part) != count:
                raise InputError(f"{name} holds {len(part)} questions, the embeddings {count}: give one for each")
        self.named = ids is not None
        names = np.arange(count) if ids is None else np.asarray(ids)
        _check_unique(names)
        check_finite(matrix, names, "question")
        empty = relevance.counts == 0
        if empty.any() and on_empty == "error":
            raise InputError(
                f"{int(empty.sum())} of {count} questions have no relevant document: {first_few(names[empty].tolist())}. "
                'Label them, or leave them out with on_empty="skip" (nudge … --skip-empty)'
            )
        keep = np.flatnonzero(~empty)
        self.skipped: tuple[Any, ...] = tuple(names[empty].tolist())
        self.embeddings: Tensor = matrix if len(keep) == count else matrix[torch.from_numpy(keep)]
        self.relevance: Relevance = relevance if len(keep) == count else relevance.take(keep)
        self.ids: NDArray[Any] = names[keep]
        self.texts: tuple[str, ...] | None = None if texts is None else tuple([texts[i] for i in keep.tolist()])

    @classmethod
    def from_qrels(
        cls,
        embeddings: Vectors,
        ids: Sequence[Any],
        qrels: Mapping[Any, Mapping[Any, float]],
        *,
        texts: Sequence[str] | None = None,
        on_empty: Literal["error", "skip"] = "error",
    ) -> QuerySet:
        """The questions that `qrels` judges, in its order, out of a larger set of embedded questions.

        Args:
            embeddings: (all questions, dim).
            ids: The name of each embedded question.
            qrels: {question: {document: grade}}.
            texts: The text of each embedded question.
            on_empty: As in the constructor.

        Raises:
            InputError: A judged question is not among `ids`, or `ids` are not one for each embedding and unique.
        """
        expect(qrels, Mapping, "qrels", "{question: {document: grade}}", "mapping")
        matrix = as_matrix(embeddings, "question embeddings")
        if len(ids) != len(matrix):
            raise InputError(f"ids holds {len(ids)} questions, the embeddings {len(matrix)}: give one for each")
        _check_unique(np.asarray(ids))
        place = {name: i for i, name in enumerate(ids)}
        unknown = [name for name in qrels if name not in place]
        if unknown:
            raise InputError(
                f"{len(unknown)} judged questions have no embedding: {first_few(unknown)}. Embed them, or take them out of the judgements"
            )
        rows = [place[name] for name in qrels]
        chosen = None if texts is None else [texts[i] for i in rows]
        asked = matrix[torch.tensor(rows, dtype=torch.int64)]
        return cls(asked, list(qrels.values()), ids=list(qrels), texts=chosen, on_empty=on_empty)

    def __len__(self) -> int:
        return len(self.embeddings)

    def __repr__(self) -> str:
        skipped = f", skipped={len(self.skipped)}" if self.skipped else ""
        return f"QuerySet(queries={len(self)}, dim={self.dim}, pairs={len(self.relevance.documents)}{skipped})"

    @property
    def dim(self) -> int:
        """Dimension of the embeddings."""
        return int(self.embeddings.shape[1])

    def take(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> QuerySet:
        """The questions of these row numbers, in this order.

        Raises:
            InputError: A row number that is no whole number or lies outside the set.
        """
        given = np.asarray(rows).reshape(-1)
        if len(given) and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= len(self)):
            raise InputError(
                f"rows are {first_few(given.tolist(), 3)}; expected row numbers from 0 to {len(self) - 1}: numpy.flatnonzero makes them of a mask"
            )
        index = given.astype(np.int64)
        return QuerySet(
            self.embeddings[torch.from_numpy(index)],
            self.relevance.take(index),
            ids=self.ids[index] if self.named else None,
            texts=None if self.texts is None else [self.texts[i] for i in index],
        )

    @property
    def different(self) -> NDArray[np.int64]:
        """(queries,) a number from 0 up for each question; those whose texts differ in case and white space only have the same."""
        if self.texts is None:
            return np.arange(len(self))
        number = {name: i for i, name in enumerate(dict.fromkeys(map(normal, self.texts)))}
        return np.asarray([number[normal(text)] for text in self.texts], np.int64)

    def split(self, fraction: float = 0.8, *, seed: int = 0) -> tuple[QuerySet, QuerySet]:
        """Two disjoint sets, drawn at random; the same for the same seed. Each keeps the order of the questions.

        Questions whose texts differ in case and white space only stay together.

        Args:
            fraction: Share of the first set, between 0 and 1; both sets get at least one question.
            seed: Seed of the draw.

        Raises:
            InputError: The fraction is not between 0 and 1, or there are fewer than two questions.
        """
        if not isinstance(fraction, int | float) or not 0 < fraction < 1:
            raise InputError(
                f"fraction is {fraction}; it must be one number between 0 and 1, for example 0.8; split the rest again for a third part"
            )
        group = self.different
        sizes = np.bincount(group)
        if len(sizes) < 2:
            raise InputError(f"{len(sizes)} question cannot be split in two: label more questions")
        order = np.random.default_rng(seed).permutation(len(sizes))
        nearest = int(np.abs(np.cumsum(sizes[order]) - round(fraction * len(self))).argmin()) + 1
        first = np.isin(group, order[: min(nearest, len(sizes) - 1)])
        return self.take(np.flatnonzero(first)), self.take(np.flatnonzero(~first))

    def folds(self, count: int = 5, *, seed: int = 0) -> Iterator[tuple[QuerySet, QuerySet]]:
        """Pairs (rest, fold): every question is in exactly one fold; the same for the same seed.

        Questions whose texts differ in case and white space only are in the same fold.

        Raises:
            InputError: Fewer than two folds, or more folds than different questions.
        """
        group = self.different
        most = int(group.max(initial=-1)) + 1
        if not 2 <= count <= most:
            raise InputError(f"count is {count}; with {most} different questions it must lie between 2 and {most}")
        fold_of = (np.random.default_rng(seed).permutation(most) % count)[group]
        parts = ((np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(count))
        return ((self.take(rest), self.take(fold)) for rest, fold in parts)

    @staticmethod
    def concat(sets: Iterable[QuerySet]) -> QuerySet:
        """All questions of several sets, one after the other.

        Raises:
            InputError: No set, dimensions that differ, or a question id that stands in two sets.
        """
        parts: list[QuerySet] = list(sets)
        for part in parts:
            expect(part, QuerySet, "one of the sets", "QuerySet(embeddings, relevant)")
        if not parts:
            raise InputError("no question sets to concatenate: give at least one")
        if len({part.dim for part in parts}) > 1:
            raise InputError(f"the sets have dimensions {[part.dim for part in parts]}: embed all with one model")
        named = all(part.named for part in parts)
        texts = [text for part in parts for text in part.texts or ()]
        return QuerySet(
            torch.cat([part.embeddings for part in parts]),
            Relevance.concat([part.relevance for part in parts]),
            ids=np.concatenate([part.ids for part in parts]) if named else None,
            texts=texts if all(part.texts is not None for part in parts) else None,
        )

    def __add__(self, other: QuerySet) -> QuerySet:
        expect(other, QuerySet, "the other set", "QuerySet(embeddings, relevant)")
        return QuerySet.concat([self, other])


def _check_unique(names: NDArray[Any]) -> None:
    counts = Counter(names.tolist())
    if len(counts) != len(names):
        twice = [name for name, count in counts.items() if count > 1]
        raise InputError(f"question ids that stand more than once: {first_few(twice)}. Give each an id of its own")


def normal(text: str) -> str:
    """A question without what makes no difference: case, white space and Unicode's spellings of the same sign."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
