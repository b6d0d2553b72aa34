"""What the documents that do not move look like to each question.

A method needs two things of them, per question: the k largest similarities, and the log-sum-exp of similarity / τ.
Both are computed block by block, and blocks merge, so that nothing of size queries x docs is ever held.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

TILE = 1 << 20
"""How many scores (queries x documents of a block) are held at a time."""

_AT_LEAST = 32
"""Fewer questions than these are never multiplied at once: all documents are read from memory for each block of questions."""

_ONEDNN = torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()


@dataclass(frozen=True)
class Background:
    """The k best documents of each question, best first; equal scores stand in row order.

    Attributes:
        scores: (queries, k) float32, -inf where there are fewer than k documents.
        rows: (queries, k) int64 row numbers in the corpus, -1 where there are fewer than k documents.
        logsumexp: (queries,) float32, the log of the sum over documents of exp(score / τ); None unless asked for.
    """

    scores: Tensor
    rows: Tensor
    logsumexp: Tensor | None = None
    lengths: tuple[float, float] = (1.0, 1.0)
    """Smallest and largest vector norm seen, excluded rows included."""


def height(width: int, tile: int = TILE) -> int:
    """How many questions to compare at a time with so many documents."""
    return max(_AT_LEAST, tile // max(1, width))


def similarities(queries: Tensor, documents: Tensor) -> Tensor:
    """The dot product of each question with each document, (queries, documents) float32.

    Where torch would multiply by MKL, oneDNN does it: twice as fast on the AMD processor of benchmarks/results/speed.json, and equal documents
    get equal scores more often, so that ties stay ties.
    """
    if _ONEDNN and queries.device.type == "cpu" and len(documents):
        return linear(queries.to_mkldnn(), documents).to_dense()
    return queries @ documents.T


def weighted(weights: Tensor, queries: Tensor) -> Tensor:
    """The sum of the questions by their weight for each document, weightsᵀ queries: (queries, documents) and (queries, dim) to (documents, dim).

    By oneDNN too, for the same reason.
    """
    if _ONEDNN and queries.device.type == "cpu" and weights.numel():
        return linear(queries.T.contiguous().to_mkldnn(), weights.T).to_dense().T
    return weights.T @ queries


def top_k(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each line and their columns, each (queries, min(k, columns)), best first; of equal scores the lower column comes first."""
    columns = scores.shape[1]
    if k == 1 and columns:
        best = scores.argmax(1, keepdim=True)  # documented to be the first of equals
        return scores.gather(1, best), best
    values, order = torch.topk(scores, min(k + 1, columns), dim=1)
    tied = ((values[:, 1:] == values[:, :-1]) & torch.isfinite(values[:, 1:])).any(1)
    if bool(tied.any()):  # torch.topk promises no order among equals
        stable = torch.sort(scores[tied], dim=1, descending=True, stable=True)
        values[tied], order[tied] = (part[:, : values.shape[1]] for part in stable)
    return values[:, :k], order[:, :k]


class BackgroundBuilder:
    """Takes blocks of scores in row order and keeps what a `Background` needs of them."""

    def __init__(self, queries: int, k: int, temperature: float | None, device: torch.device) -> None:
        self.k, self.temperature = k, temperature
        self.scores = torch.full((queries, k), -torch.inf, device=device)
        self.rows = torch.full((queries, k), -1, dtype=torch.int64, device=device)
        self.logsumexp = None if temperature is None else torch.full((queries,), -torch.inf, device=device)
        self.lengths = (math.inf, 0.0)

    def meet(self, norms: Tensor) -> None:
        """Note the norms of a block."""
        self.lengths = min(self.lengths[0], float(norms.min())), max(self.lengths[1], float(norms.max()))

    def add(self, part: slice, scores: Tensor, of: Tensor) -> None:
        """Merge the scores (queries of `part`, columns) of these rows, ascending; excluded rows hold -inf.

        Blocks come in row order, so a later row never displaces an equal score.
        """
        if self.logsumexp is not None and self.temperature is not None:
            block = torch.logsumexp(scores / self.temperature, 1)
            self.logsumexp[part] = torch.logaddexp(self.logsumexp[part], block)
        if not self.k or not scores.shape[1]:
            return
        better = torch.nonzero(scores.amax(1) > self.scores[part, -1]).reshape(-1)
        if not len(better):
            return
        values, columns = top_k(scores if len(better) == len(scores) else scores[better], self.k)
        where = better + (part.start or 0)
        merged = torch.cat([self.scores[where], values], 1)
        rows = torch.cat([self.rows[where], of[columns]], 1)
        self.scores[where], order = top_k(merged, self.k)
        self.rows[where] = rows.gather(1, order)

    def build(self) -> Background:
        """The background over all blocks that were added."""
        rows = torch.where(torch.isneginf(self.scores), -1, self.rows)
        return Background(self.scores, rows, self.logsumexp, self.lengths)


NEAREST = 100
"""K: how many documents are asked for where the log-sum-exp is wanted."""


def logsumexp_of_all(scores: Tensor, temperature: float, count: int) -> Tensor:
    """(queries,) float32: the log-sum-exp of score / τ over all n documents, told from the K nearest ones, s₁ ≥ … ≥ s_K; -inf where none was found.

    The others add at least 0 and at most (n − K) · exp(s_K / τ). Between these their sum is estimated: the K are taken as the largest of n draws from
    one normal distribution, whose mean μ and spread σ are fitted to them by least squares over the expected places of such draws,
    z_j = Φ⁻¹(1 − (j − ½) / n). Below the K-th of them that distribution adds n · exp(μ / τ + σ² / 2τ²) · Φ(z − σ / τ), with z = Φ⁻¹(1 − K / n).
    """
    rest = log_of_rest(scores, temperature, count)
    return torch.logaddexp(torch.logsumexp(scores.double() / temperature, 1), rest).float()


def log_of_rest(scores: Tensor, temperature: float, count: int) -> Tensor:
    """(queries,) float64: the log of what the documents that were not found add; -inf where all were, or fewer than two."""
    if not scores.shape[1]:
        return torch.full((len(scores),), -torch.inf, dtype=torch.float64, device=scores.device)
    known = torch.isfinite(scores)
    found = known.sum(1, keepdim=True).double()
    values = torch.where(known, scores, 0.0).double()
    places = torch.arange(1, scores.shape[1] + 1, device=scores.device, dtype=torch.float64) - 0.5
    total = torch.clamp(found, min=float(max(1, count)))
    drawn = torch.where(known, -torch.special.ndtri((places / total).clamp(max=1 - 1e-12)), 0.0)
    mean, middle = values.sum(1, keepdim=True) / found, drawn.sum(1, keepdim=True) / found
    apart = torch.where(known, drawn - middle, 0.0)
    spread = ((apart * values).sum(1, keepdim=True) / (apart**2).sum(1, keepdim=True)).clamp(min=0)
    centre = mean - spread * middle
    edge = -torch.special.ndtri(found / total)
    below = torch.special.log_ndtr(edge - spread / temperature)
    by_fit = total.log() + centre / temperature + (spread / temperature) ** 2 / 2 + below
    last = torch.where(known, values, torch.inf).amin(1, keepdim=True)
    bound = (total - found).log() + last / temperature
    none = (found < 2) | (found >= total)
    return torch.where(none, -torch.inf, torch.minimum(by_fit, bound)).squeeze(1)
