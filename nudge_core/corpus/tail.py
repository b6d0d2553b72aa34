"""The log-sum-exp over all documents, told from the nearest ones only.

A database that is searched shows the K nearest of n documents, with similarities s₁ ≥ … ≥ s_K. What the other n − K add to the sum of exp(s / τ) is

    at least 0,    at most (n − K) · exp(s_K / τ).

Between these it is estimated: the K are taken as the largest of n draws from one normal distribution, whose mean μ and spread σ are fitted to them by
least squares over the expected places of such draws, z_j = Φ⁻¹(1 − (j − ½) / n). Below the K-th of them that distribution adds

    n · exp(μ / τ + σ² / 2τ²) · Φ(z − σ / τ),    z = Φ⁻¹(1 − K / n).
"""

from __future__ import annotations

import torch
from torch import Tensor

NEAREST = 100
"""K: how many documents are asked for where the log-sum-exp is wanted."""


def logsumexp_of_all(scores: Tensor, temperature: float, count: int) -> Tensor:
    """(queries,) float32: the log of the sum of exp(score / τ) over all documents, of which the nearest are known and the rest is estimated.

    Args:
        scores: (queries, K) similarities, best first; -inf where fewer were found.
        temperature: τ.
        count: n, how many documents there are.
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
