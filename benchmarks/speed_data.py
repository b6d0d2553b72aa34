"""Made-up documents and questions in which fine-tuning has something to learn.

A question is its document, plus how people ask about that document (a direction of its own, the same in every question about it), plus how people
ask at all (one direction for all questions), plus noise. The first lets moved documents gain, the second makes them steal first places from others if
they move too far: the best γ is above zero, and the curve falls behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nudge_core import QuerySet

DIM, TRAIN, VALIDATION = 384, 2000, 500
_ASKED, _SHARED = (
    1500,
    300,
)  # documents of training questions; validation questions about these. The others are about new documents.
_OWN, _COMMON, _NOISE = 2.5, 1.5, 2.5  # lengths, beside that of the document, which is 1


@dataclass(frozen=True, eq=False)
class Questions:
    """Questions as plain arrays: each has one relevant document, a row number."""

    train: NDArray[np.float32]
    train_rows: NDArray[np.int64]
    validation: NDArray[np.float32]
    validation_rows: NDArray[np.int64]

    def sets(self) -> tuple[QuerySet, QuerySet]:
        """For nudge_core."""
        return QuerySet(self.train, self.train_rows[:, None]), QuerySet(self.validation, self.validation_rows[:, None])

    def dicts(self) -> tuple[dict[str, object], dict[str, object]]:
        """For nudge-ft."""
        return (
            {"q_embs": self.train, "q_ans_indx": self.train_rows[:, None].tolist()},
            {"q_embs": self.validation, "q_ans_indx": self.validation_rows[:, None].tolist()},
        )

    def save(self, path: Path) -> None:
        """As `.npz`."""
        np.savez(path, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Questions:
        """What `save` wrote."""
        with np.load(path) as arrays:
            return cls(**arrays)


def documents(count: int, seed: int = 0) -> NDArray[np.float32]:
    """(count, DIM) of unit length."""
    vectors = np.random.default_rng(seed).standard_normal((count, DIM), dtype=np.float32)
    for part in np.array_split(vectors, max(1, count // 65536)):
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def questions(vectors: NDArray[np.float32], seed: int = 1) -> Questions:
    """2,000 training and 500 validation questions about these documents."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(vectors), _ASKED + VALIDATION - _SHARED, replace=False)
    own, common = _normal(rng, len(rows)), _normal(rng, 1)

    def ask(places: NDArray[np.int64]) -> NDArray[np.float32]:
        texts = vectors[rows[places]] + _OWN * own[places] + _COMMON * common + _NOISE * _normal(rng, len(places))
        return (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)

    train = rng.integers(0, _ASKED, TRAIN)
    validation = np.concatenate([rng.choice(train, _SHARED), np.arange(_ASKED, len(rows))])
    return Questions(ask(train), rows[train], ask(validation), rows[validation])


def _normal(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Directions at random, of length one on average."""
    return rng.standard_normal((count, DIM)) / np.sqrt(DIM)
