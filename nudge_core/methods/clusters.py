"""Groups: the nearest of very many documents to each question, without comparing it with all of them.

Some documents, drawn at random, are centres, and each document stands in the group of the centre next to it. A question is compared with the
documents of the few groups that are next to it: what that costs grows with the questions, and with the root of the documents.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nudge_core.corpus.background import height, similarities
from nudge_core.data.vectors import unit

PROBES = 8
"""With how many groups a question is compared."""

TOGETHER = 8192
"""How many questions to answer at a time: enough of them for each group."""


class Groups:
    """Documents in groups, for one place of theirs."""

    def __init__(self, pool: Tensor, seed: int = 0) -> None:
        """Group them.

        Args:
            pool: (pool, dim) vectors of unit length.
            seed: Seed of the draw of centres.
        """
        count = max(1, round(len(pool) ** 0.5))
        drawn = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))[:count]
        centres = pool[drawn.to(pool.device)]
        rows = height(count)
        parts = [similarities(pool[start : start + rows], centres).argmax(1) for start in range(0, len(pool), rows)]
        of = torch.cat(parts)
        self.pool, self.members = pool, torch.argsort(of, stable=True)
        self.bounds = [0, *torch.bincount(of, minlength=count).cumsum(0).tolist()]
        self.centres = unit(centres + torch.zeros_like(centres).index_add_(0, of, pool))

    def nearest(self, queries: Tensor, count: int) -> Tensor:
        """(queries, count) int64: documents near each question, nearly always the nearest; -1 where its groups hold fewer."""
        probes = min(PROBES, len(self.centres))
        near = torch.topk(similarities(queries, self.centres), probes, dim=1).indices.reshape(-1)
        scores = torch.full((len(queries) * probes, count), -torch.inf, device=queries.device)
        columns = torch.full(scores.shape, -1, device=queries.device)
        order = torch.argsort(near, stable=True)
        asked = [0, *torch.bincount(near, minlength=len(self.centres)).cumsum(0).tolist()]
        for group in range(len(self.centres)):
            places = order[asked[group] : asked[group + 1]]
            members = self.members[self.bounds[group] : self.bounds[group + 1]]
            if len(places) and len(members):
                kept = min(count, len(members))
                best, found = torch.topk(similarities(queries[places // probes], self.pool[members]), kept, dim=1)
                scores[places, :kept], columns[places, :kept] = best, members[found]
        best, found = torch.topk(scores.reshape(len(queries), -1), count, dim=1, sorted=False)
        return columns.reshape(len(queries), -1).gather(1, found)
