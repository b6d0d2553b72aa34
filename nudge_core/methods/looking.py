"""Looking: the moved documents that each question has to reckon with, and what all others add to its softmax."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nudge_core.background import height, similarities
from nudge_core.labels import Labels
from nudge_core.methods.groups import TOGETHER, Groups

ALL = 1 << 32
"""Up to so many products (questions x moved documents) a look computes all; beyond, it goes by groups and by a sample."""

SAMPLE = 1024
"""How many moved documents are drawn to tell the sum over those that are not near."""


def look(labels: Labels, pool: Tensor, count: int, temperature: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The nearest moved documents of each question that are not relevant to it, and the rest.

    Args:
        labels: Questions and their labels over the pool.
        pool: (pool, dim) the documents as they are now.
        count: How many; at most the number of documents.
        temperature: τ.
        seed: Seed of the sample, where there are too many to compare.

    Returns:
        (queries, count) int32 places in the pool, -1 for none; (queries,) the log-sum-exp of similarity / τ over all others that are not relevant.
    """
    rows, draw, groups = height(len(pool)), None, None
    if len(labels) * len(pool) > ALL:
        draw = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))[:SAMPLE].to(pool.device)
        rows, groups = TOGETHER, Groups(pool, seed)
    found = []
    for start in range(0, len(labels), rows):
        part = labels.slice(start, min(start + rows, len(labels)))
        if draw is None or groups is None:
            found.append(_at_all(part, pool, count, temperature))
        else:
            found.append(_by_groups(part, pool, count, temperature, groups, draw))
    return torch.cat([columns for columns, _ in found]).int(), torch.cat([left for _, left in found])


def _at_all(labels: Labels, pool: Tensor, count: int, temperature: float) -> tuple[Tensor, Tensor]:
    scores = similarities(labels.queries, pool)
    scores[labels.pair_queries, labels.documents] = -torch.inf
    best, columns = torch.topk(scores, count, dim=1, sorted=False)
    scores.scatter_(1, columns, -torch.inf)
    return torch.where(torch.isneginf(best), -1, columns), torch.logsumexp(scores.div_(temperature), 1)


def _by_groups(
    labels: Labels, pool: Tensor, count: int, temperature: float, groups: Groups, draw: Tensor
) -> tuple[Tensor, Tensor]:
    questions = torch.arange(len(labels), device=pool.device)
    columns = groups.nearest(labels.queries, count)
    columns = torch.where(labels.gains(questions[:, None].expand_as(columns), columns) > 0, -1, columns)
    place = torch.full(
        (len(pool) + 1,), len(draw), device=pool.device
    )  # in the sample; that of no document, -1, is outside too
    place[draw] = torch.arange(len(draw), device=pool.device)
    scores = torch.nn.functional.pad(similarities(labels.queries, pool[draw]), (0, 1))
    scores.scatter_(1, place[columns], -torch.inf)
    scores[labels.pair_queries, place[labels.documents]] = -torch.inf
    stands_for = math.log(len(pool) / len(draw))
    return columns, torch.logsumexp(scores[:, :-1].div_(temperature), 1) + stands_for
