"""Relevance: which documents answer each question, in compressed sparse rows (CSR)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError


@dataclass(frozen=True, eq=False, repr=False)
class Relevance:
    """The relevant documents of question i are `documents[offsets[i]:offsets[i + 1]]`.

    Attributes:
        offsets: (queries + 1,) int64.
        documents: (pairs,) int64 row numbers or integer ids, or str ids.
        grades: (pairs,) float32, above zero.
    """

    offsets: NDArray[np.int64]
    documents: NDArray[Any]
    grades: NDArray[np.float32]

    @classmethod
    def from_lists(cls, relevant: Sequence[Any]) -> Relevance:
        """Read [[3, 17], {5: 2.0}, …]; a document that a question names twice counts once.

        Raises:
            InputError: A grade that is not finite or not a number, or a document that is neither an integer nor a string.
        """
        if isinstance(relevant, str | bytes | Mapping) or not hasattr(relevant, "__iter__"):
            raise InputError(
                f"relevant is a {type(relevant).__name__}; expected for each question a list of documents, for example [[3, 17], [5]]; "
                "for {question: {document: grade}} there is QuerySet.from_qrels(embeddings, ids, qrels)"
            )
        relevant = list(relevant)
        offsets = np.zeros(len(relevant) + 1, dtype=np.int64)
        documents: list[Any] = []
        grades: list[Any] = []
        for i, answers in enumerate(relevant):
            if hasattr(answers, "tolist"):
                answers = answers.tolist()
            if isinstance(answers, str | bytes) or not hasattr(answers, "__iter__"):
                raise InputError(
                    f"relevant[{i}] is {answers!r}; expected a list of documents, for example [3, 17], or {{document: grade}}"
                )
            documents += answers if isinstance(answers, Mapping) else (answers := dict.fromkeys(answers, 1.0))
            grades += answers.values()
            offsets[i + 1] = len(documents)
        values = _checked(grades, documents, offsets)
        good = values > 0
        if not good.all():  # what is graded zero or below was judged, and is not relevant
            offsets = np.concatenate([[0], np.cumsum(good)])[offsets]
            documents, values = [name for name, kept in zip(documents, good, strict=True) if kept], values[good]
        return cls(offsets, _as_ids(documents, offsets), values.astype(np.float32))

    @staticmethod
    def concat(parts: Sequence[Relevance]) -> Relevance:
        """The questions of several parts, one after the other."""
        kinds = {part.documents.dtype.kind for part in parts if len(part.documents)}
        if len(kinds) > 1:
            raise InputError("some question sets name documents by integers and others by strings: use one kind")
        counts = np.concatenate([part.counts for part in parts])
        return Relevance(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.concatenate([part.documents for part in parts]),
            np.concatenate([part.grades for part in parts]),
        )

    def __repr__(self) -> str:
        return f"Relevance(queries={len(self)}, pairs={len(self.documents)})"

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, question: int) -> dict[Any, float]:
        """The relevant documents of one question and their grades."""
        if not -len(self) <= question < len(self):
            raise IndexError(f"question {question} of {len(self)}")
        start, stop = self.offsets[question % len(self)], self.offsets[question % len(self) + 1]
        return dict(zip(self.documents[start:stop].tolist(), self.grades[start:stop].tolist(), strict=True))

    @property
    def counts(self) -> NDArray[np.int64]:
        """(queries,) number of relevant documents."""
        return np.diff(self.offsets)

    @property
    def queries(self) -> NDArray[np.int64]:
        """(pairs,) row number of each pair's question."""
        return np.repeat(np.arange(len(self)), self.counts)

    def take(self, rows: NDArray[np.int64]) -> Relevance:
        """The relevance of these questions, in this order."""
        counts = self.counts[rows]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        pairs = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][rows] - offsets[:-1], counts)
        return Relevance(offsets, self.documents[pairs], self.grades[pairs])


def _checked(grades: list[Any], documents: list[Any], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """The grades as numbers."""
    try:
        values = np.asarray(grades, np.float64).reshape(len(grades))
    except (TypeError, ValueError):
        values = np.asarray([_number(grade) for grade in grades])
    odd = np.flatnonzero(~((values <= 0) | ((values > 1e-30) & (values < 1e30))) | np.isinf(values))  # NaN too
    if len(odd):
        at = int(odd[0])
        question = int(np.searchsorted(offsets, at, side="right")) - 1
        raise InputError(
            f"question {question} grades document {documents[at]!r} with {grades[at]!r}; expected a number: 0 and below says not relevant"
        )
    return values


def _number(grade: Any) -> float:
    try:
        return float(grade)
    except (TypeError, ValueError):
        return float("nan")


def _as_ids(documents: list[Any], offsets: NDArray[np.int64]) -> NDArray[Any]:
    if set(map(type, documents)) == {str}:
        return np.asarray(documents, dtype=object)
    kinds = [_kind(document) for document in documents]
    at = next((i for i, kind in enumerate(kinds) if kind is None or kind is not kinds[0]), None)
    if at is not None:
        question = int(np.searchsorted(offsets, at, side="right")) - 1
        hint = (
            "expected integers of 64 bits (row numbers or ids) or strings (ids)"
            if kinds[at] is None
            else "integers and strings are mixed"
        )
        raise InputError(
            f"question {question} names the document {documents[at]!r} of type {type(documents[at]).__name__}: {hint}"
        )
    return np.asarray(documents, dtype=object if kinds and kinds[0] is str else np.int64)


def _kind(document: Any) -> type | None:
    if isinstance(document, str):
        return str
    whole = isinstance(document, int | np.integer) and not isinstance(document, bool)
    return int if whole and -(2**63) <= document < 2**63 else None
