"""Ranking: how a store ranks documents of different lengths, where fine-tuning takes all at unit length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nudge_core.corpus.background import height, top_k


@dataclass(frozen=True, eq=False)
class Ranking:
    """Exact search by dot product or distance, in which each document has its own length, moved or not.

    Attributes:
        vectors: (docs, dim) as they are stored.
        metric: "dot": by q·d; "l2": by -|q-d|², which ranks as 2 q·d - |d|² does.
        question: How long questions are in the store's own searches; where they are ranked by dot product it changes nothing.
    """

    vectors: Tensor
    metric: Literal["dot", "l2"]
    question: float = 1.0

    def first(
        self,
        questions: Tensor,
        depth: int,
        rows: Tensor | None = None,
        moved: Tensor | None = None,
        matrix: Tensor | None = None,
    ) -> Tensor:
        """(queries, depth) row numbers, best first; of equal scores the lower row comes first.

        Args:
            questions: (queries, dim); they are taken as long as `question` says.
            depth: How many.
            rows: (moved,) the documents that moved.
            moved: (moved, dim) where to, at unit length.
            matrix: (dim, dim) a map that all others went through.
        """
        vectors = self.vectors.to(questions.device, torch.float32)
        lengths = torch.linalg.vector_norm(vectors, dim=1)
        units = normalize(vectors)
        if matrix is not None:
            units = normalize(units @ matrix)
        if rows is not None and moved is not None:
            units = units.index_copy(0, rows, normalize(moved))
        found = []
        for part in normalize(questions).split(height(len(units))):
            scores = part @ units.T * lengths
            if self.metric == "l2":
                scores = 2 * self.question * scores - lengths**2
            found.append(top_k(scores, min(depth, len(units)))[1])
        return torch.cat(found)
