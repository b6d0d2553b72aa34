"""The softmax of contrastive steps where questions x moved documents are too many to compute at every step.

For each question only its nearest moved documents and its relevant ones are followed step by step; the sum over all other moved documents is taken as
constant until the nearest are looked for again. A step costs questions x CANDIDATES products in place of questions x moved documents.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nudge_core.corpus.background import height, similarities
from nudge_core.data.labels import Labels

ALL = 1 << 32
"""Up to so many products (questions x moved documents) the nearest are looked for; beyond, contrastive steps are refused."""

EXACT = 1 << 28
"""Up to so many products (questions x moved documents) a step computes all."""

CANDIDATES = 64
"""How many of the nearest moved documents of a question are followed."""

REFRESH = 8
"""After how many steps the nearest are looked for again."""

_TOGETHER = 1 << 22
"""How many numbers of candidates' vectors are held at a time."""


class SampledSoftmax:
    """The push of contrastive steps: Pᵀ Q over the candidates of each question.

    With as many candidates as there are moved documents it is that of all documents.
    """

    def __init__(
        self, labels: Labels, others: Tensor, own: Tensor, temperature: float, guard: float, margin: float = 0.0
    ) -> None:
        """Take the questions.

        Args:
            labels: Training questions and their labels over the pool.
            others: (queries,) log-sum-exp of similarity / τ over the documents outside the pool.
            own: (queries,) the same over the relevant documents where they were at first; -inf without a guard.
            temperature: τ.
            guard: Weight of the second term.
            margin: By how much similarity relevant documents have to lead.
        """
        self.labels, self.others, self.own, self.temperature, self.guard = labels, others, own, temperature, guard
        self.margin, self._steps = margin, 0
        self.columns = torch.zeros(len(labels), 0, dtype=torch.int32)
        self.beyond = others

    def push(self, pool: Tensor) -> Tensor:
        """(pool, dim) the sum over questions of P(document | question) · question, for the documents as they are now."""
        if self._steps % REFRESH == 0:
            self._look(pool)
        self._steps += 1
        push = torch.zeros_like(pool)
        rows = max(1, _TOGETHER // (self.columns.shape[1] * pool.shape[1]))
        for start in range(0, len(self.labels), rows):
            self._add(push, pool, slice(start, min(start + rows, len(self.labels))))
        return push

    def _add(self, push: Tensor, pool: Tensor, block: slice) -> None:
        labels, columns = self.labels.slice(block.start, block.stop), self.columns[block].long()
        queries, who, relevant = labels.queries, labels.pair_queries, labels.documents
        near = torch.bmm(pool[columns.clamp(min=0)], queries.unsqueeze(2)).squeeze(2) / self.temperature
        near = torch.where(columns < 0, -torch.inf, near)
        own = ((queries[who] * pool[relevant]).sum(1) - self.margin) / self.temperature
        top = torch.maximum(near.amax(1), self.beyond[block]).scatter_reduce(0, who, own, "amax")
        near, own = near.sub_(top[:, None]).exp_(), torch.exp(own - top[who])
        rest = near.sum(1) + torch.exp(self.beyond[block] - top)
        total = rest.index_add(0, who, own)
        near *= (1 / total + self.guard / (rest + torch.exp(self.own[block] - top)))[:, None]
        push.index_add_(0, relevant, (own / total[who])[:, None] * queries[who])
        push.index_add_(0, columns.clamp(min=0).reshape(-1), (near[:, :, None] * queries[:, None, :]).flatten(0, 1))

    def _look(self, pool: Tensor) -> None:
        """Find the nearest moved documents that are not relevant, and sum up the others."""
        count = min(CANDIDATES, len(pool))
        self.columns, left = hard_negatives(self.labels, pool, count, self.temperature)
        self.beyond = torch.logaddexp(self.others, left)


def hard_negatives(labels: Labels, pool: Tensor, count: int, temperature: float) -> tuple[Tensor, Tensor]:
    """The nearest moved documents of each question that are not relevant to it, and the rest.

    Returns:
        (queries, count) int32 places in the pool, -1 for none; (queries,) the log-sum-exp of similarity / τ over all others that are not relevant.
    """
    found, rows = [], height(len(pool))
    for start in range(0, len(labels), rows):
        part = labels.slice(start, min(start + rows, len(labels)))
        scores = similarities(part.queries, pool)
        scores[part.pair_queries, part.documents] = -torch.inf
        best, columns = torch.topk(scores, count, dim=1, sorted=False)
        scores.scatter_(1, columns, -torch.inf)
        left = torch.logsumexp(scores.div_(temperature), 1)
        found.append((torch.where(torch.isneginf(best), -1, columns), left))
    return torch.cat([columns for columns, _ in found]).int(), torch.cat([left for _, left in found])
