"""Try many γ at the price of one: the score of every document as a function of γ, for the documents that can reach the top k.

With a = q·D and b = q·Z (Z the unit direction in which a document moves), a question's score at γ is a combination of a and b alone. Both
products are computed once. A document takes part only if its best score over all γ reaches the k-th best of the worst scores: few do, and fewer
still over a part of the γ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from nudge_core.corpus.background import TILE, height, similarities, top_k
from nudge_core.data.labels import Labels
from nudge_core.evaluation.measures import Measure, Ranked
from nudge_core.methods.problem import Validation

_LAST = torch.iinfo(torch.int64).max


class Motion(Protocol):
    """How scores depend on γ; a, b and `limit` broadcast."""

    def scores(self, a: Tensor, b: Tensor, limit: Tensor, gamma: Tensor) -> Tensor:
        """The scores at γ."""

    def bounds(self, a: Tensor, b: Tensor, limit: Tensor, first: float, last: float) -> tuple[Tensor, Tensor, float]:
        """A lower and an upper bound of the scores over first ≤ γ ≤ last; to the upper one goes the third times the length of the question."""


@dataclass(frozen=True)
class Directions:
    """Where each document of the pool moves.

    Attributes:
        toward: (pool, dim) unit directions, 0 where a document does not move.
        limit: (pool,) how far it may go at most, in the unit of the motion; 0 where it does not move.
    """

    toward: Tensor
    limit: Tensor


def sweep(
    validation: Validation, directions: Directions, motion: Motion, gammas: list[float], measure: Measure
) -> Iterator[Tensor]:
    """(gammas, questions) float64: the measure of each validation question at each γ, block of questions by block."""
    documents, background = validation.documents, validation.background
    rows = height(len(documents))
    depth = min(measure.k, len(documents) + background.scores.shape[1])
    for start in range(0, len(validation.labels), rows):
        stop = min(start + rows, len(validation.labels))
        labels = validation.labels.slice(start, stop)
        block = _Block(
            validation.rows,
            directions.limit,
            labels,
            background.scores[start:stop, :depth],
            background.rows[start:stop, :depth],
            similarities(labels.queries, documents),
            similarities(labels.queries, directions.toward),
        )
        yield block.values(motion, gammas, measure, depth)


@dataclass(frozen=True)
class _Block:
    """Some questions and the whole pool, whose row numbers are `places`: (queries, pool) products, and the (queries, k) background."""

    places: Tensor
    limit: Tensor
    labels: Labels
    scores: Tensor
    rows: Tensor
    a: Tensor
    b: Tensor

    def values(self, motion: Motion, gammas: list[float], measure: Measure, depth: int) -> Tensor:
        """(gammas, queries) float64, on the CPU. Where most documents can reach the top k the γ are halved, as over a part of them few can."""
        if len(gammas) > 4:
            some = self.kept(motion, gammas, depth, slice(0, 16))
            if 8 * int(some.sum()) > some.numel():
                middle = len(gammas) // 2
                halves = (gammas[:middle], gammas[middle:])
                return torch.cat([self.values(motion, half, measure, depth) for half in halves])
        return self.table(self.kept(motion, gammas, depth, slice(None)), depth).values(motion, gammas, measure)

    def kept(self, motion: Motion, gammas: list[float], k: int, part: slice) -> Tensor:
        """(questions of the part, pool) whether a document can reach the top k at one of these γ."""
        low, high, slack = motion.bounds(self.a[part], self.b[part], self.limit, min(gammas), max(gammas))
        return _can_reach(torch.cat([low, self.scores[part]], 1), high, slack, k, self.labels.queries[part])

    def table(self, kept: Tensor, k: int) -> _Table:
        """The documents kept and the background, in row order."""
        question, document = torch.nonzero(kept, as_tuple=True)
        counts = torch.bincount(question, minlength=len(self.labels))
        place = torch.arange(len(question), device=kept.device) - (counts.cumsum(0) - counts)[question]
        shape = (len(self.labels), int(counts.max()))

        def table(values: Tensor, fill: float, behind: Tensor) -> Tensor:
            full = torch.full(shape, fill, dtype=values.dtype, device=kept.device)
            full[question, place] = values
            return torch.cat([full, behind], 1)

        still = torch.zeros_like(self.scores)
        rows = table(self.places[document], _LAST, torch.where(self.rows < 0, _LAST, self.rows))
        order = torch.argsort(rows, dim=1, stable=True)
        return _Table(
            a=table(self.a[question, document], -torch.inf, self.scores).gather(1, order),
            b=table(self.b[question, document], 0.0, still).gather(1, order),
            limit=table(self.limit[document], 0.0, still).gather(1, order),
            grades=table(self.labels.gains(question, document), 0.0, still).gather(1, order),
            labels=self.labels,
            ideal=self.labels.ideal(k).cpu(),
        )


@dataclass(frozen=True)
class _Table:
    """Per question the documents that can reach the top k, in row order: (queries, width) each."""

    a: Tensor
    b: Tensor
    limit: Tensor
    grades: Tensor
    labels: Labels
    ideal: Tensor

    def values(self, motion: Motion, gammas: list[float], measure: Measure) -> Tensor:
        """(gammas, queries) float64, on the CPU."""
        if len(gammas) > max(1, TILE // self.a.numel()):
            middle = len(gammas) // 2
            halves = (gammas[:middle], gammas[middle:])
            return torch.cat([self.narrowed(motion, half, measure.k).values(motion, half, measure) for half in halves])
        at = torch.tensor(gammas, dtype=torch.float64).reshape(-1, 1, 1)
        scores = motion.scores(self.a, self.b, self.limit, at)
        _, columns = top_k(scores.flatten(0, 1), measure.k)
        gains = self.grades.expand(len(gammas), -1, -1).flatten(0, 1).gather(1, columns)
        return measure(
            Ranked(gains.reshape(len(gammas), len(self.labels), -1).cpu(), self.ideal, self.labels.counts.cpu())
        )

    def narrowed(self, motion: Motion, gammas: list[float], k: int) -> _Table:
        """Without the documents that cannot reach the top k at these γ."""
        low, high, slack = motion.bounds(self.a, self.b, self.limit, min(gammas), max(gammas))
        kept = _can_reach(low, high, slack, k, self.labels.queries)
        columns = torch.argsort(~kept, dim=1, stable=True)[:, : int(kept.sum(1).max())]
        return replace(self, **{name: getattr(self, name).gather(1, columns) for name in ("a", "b", "limit", "grades")})


def _can_reach(low: Tensor, high: Tensor, slack: float, k: int, queries: Tensor) -> Tensor:
    """Whether the upper bound of a document, `high` and the slack, reaches the k-th best of all lower bounds `low` of its question."""
    norms: Tensor = torch.linalg.vector_norm(queries, dim=1, keepdim=True)
    return high >= _kth_best(low, k) - (slack + 1e-5) * norms  # rounding must not lose a document


def _kth_best(scores: Tensor, k: int) -> Tensor:
    """(queries, 1); -inf where there are fewer than k scores."""
    if k == 1:
        return scores.amax(1, keepdim=True)
    if scores.shape[1] < k:
        return torch.full_like(scores[:, :1], -torch.inf)
    return torch.topk(scores, k, dim=1).values[:, -1:]
