"""Labels: the relevance of questions, resolved to places in a pool of documents. What methods and measures compute with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

from nudge_core.data.queries import QuerySet

PAIRS = 1024
"""How many pairs' vectors are held at a time: more fall out of the processor's cache."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Questions and, for each, the places of its relevant documents in a pool.

    Attributes:
        queries: (queries, dim) float32.
        offsets: (queries + 1,) int64; question i has the pairs from offsets[i] up to offsets[i + 1].
        documents: (pairs,) int64 places in the pool.
        grades: (pairs,) float32, above zero.
    """

    queries: Tensor
    offsets: Tensor
    documents: Tensor
    grades: Tensor

    @classmethod
    def of(cls, queries: QuerySet, places: NDArray[np.int64], device: torch.device) -> Labels:
        """Labels of a question set whose pairs stand at these places."""
        relevance = queries.relevance
        arrays = map(np.ascontiguousarray, (relevance.offsets, places, relevance.grades))
        return cls(queries.embeddings.to(device), *(torch.from_numpy(array).to(device) for array in arrays))

    @staticmethod
    def concat(first: Labels, second: Labels) -> Labels:
        """The questions of both, over the same pool."""
        return Labels(
            torch.cat([first.queries, second.queries]),
            torch.cat([first.offsets, second.offsets[1:] + first.offsets[-1]]),
            torch.cat([first.documents, second.documents]),
            torch.cat([first.grades, second.grades]),
        )

    def __len__(self) -> int:
        return len(self.queries)

    @cached_property
    def counts(self) -> Tensor:
        """(queries,) number of relevant documents."""
        return self.offsets.diff()

    @cached_property
    def pair_queries(self) -> Tensor:
        """(pairs,) the question of each pair."""
        return torch.repeat_interleave(torch.arange(len(self), device=self.queries.device), self.counts)

    def take(self, questions: Tensor, kept: Tensor | None = None) -> Labels:
        """The questions of these numbers, in this order, with those pairs that are `kept`: (pairs,) bool."""
        counts = self.counts[questions]
        starts = torch.repeat_interleave(self.offsets[:-1][questions] - (counts.cumsum(0) - counts), counts)
        pairs = starts + torch.arange(len(starts), device=starts.device)
        if kept is not None:
            who = torch.repeat_interleave(torch.arange(len(questions), device=starts.device), counts)
            counts = torch.bincount(who[kept[pairs]], minlength=len(questions))
            pairs = pairs[kept[pairs]]
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        return Labels(self.queries[questions], offsets, self.documents[pairs], self.grades[pairs])

    def slice(self, start: int, stop: int) -> Labels:
        """Some consecutive questions."""
        offsets = self.offsets[start : stop + 1]
        pairs = slice(int(offsets[0]), int(offsets[-1]))
        return Labels(self.queries[start:stop], offsets - pairs.start, self.documents[pairs], self.grades[pairs])

    def query_sums(self, pool: int, weights: Tensor | None = None) -> Tensor:
        """(pool, dim) float32: for each document the sum of the questions that it answers (G of the paper), by (pairs,) weights if given."""
        order = torch.argsort(self.documents, stable=True)
        starts = torch.searchsorted(self.documents[order], torch.arange(pool, device=order.device))
        by = None if weights is None else weights[order]
        return embedding_bag(self.pair_queries[order], self.queries, starts, mode="sum", per_sample_weights=by)

    def pair_scores(self, documents: Tensor) -> Tensor:
        """(pairs,) the dot product of question and document of each pair; `documents` is the (pool, dim) pool."""
        parts = zip(self.pair_queries.split(PAIRS), self.documents.split(PAIRS), strict=True)
        return torch.cat([(self.queries[who] * documents[relevant]).sum(1) for who, relevant in parts])

    def ideal(self, depth: int) -> Tensor:
        """(queries, depth) float32: the grades of each question in falling order, 0 beyond the last."""
        by_grade = torch.argsort(self.grades, descending=True, stable=True)
        order = by_grade[torch.argsort(self.pair_queries[by_grade], stable=True)]
        rank = torch.arange(len(order), device=order.device) - self.offsets[self.pair_queries[order]]
        kept = rank < depth
        table = torch.zeros(len(self), depth, device=order.device)
        table[self.pair_queries[order][kept], rank[kept]] = self.grades[order][kept]
        return table

    @cached_property
    def _sorted_pairs(self) -> tuple[Tensor, Tensor, int]:
        span = int(self.documents.max()) + 1
        keys, order = torch.sort(self.pair_queries * span + self.documents)
        return keys, self.grades[order], span

    def gains(self, questions: Tensor, documents: Tensor) -> Tensor:
        """The grade of (question, document), 0 where the document is not relevant; any shape. Documents below 0 are no documents."""
        keys, grades, span = self._sorted_pairs
        wanted = torch.where((documents >= 0) & (documents < span), questions * span + documents, -1)
        found = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
        return torch.where(keys[found] == wanted, grades[found], 0.0)
