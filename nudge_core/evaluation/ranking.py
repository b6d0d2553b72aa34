"""Ranking: merge documents that are held with the background of all others, and measure what stands where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus import Corpus
from nudge_core.corpus.background import Background, height, similarities, top_k
from nudge_core.data.labels import Labels
from nudge_core.data.queries import QuerySet
from nudge_core.evaluation.measures import Measure, Ranked
from nudge_core.evaluation.results import Evaluation, Lengths


def rank(queries: Tensor, documents: Tensor, rows: Tensor, others: Background, depth: int) -> Tensor:
    """(queries, depth) row numbers of the best documents, best first; of equal scores the lower row comes first.

    They are taken from (held, dim) documents, as they are searched, of these rows, ascending, and from the background of all others.
    """
    if not len(rows):
        return others.rows[:, :depth]
    last = torch.iinfo(torch.int64).max
    parts = []
    together = height(len(rows))
    for start in range(0, len(queries), together):
        part = slice(start, start + together)
        scores, columns = top_k(similarities(queries[part], documents), depth)
        all_rows = torch.cat([rows[columns], others.rows[part]], 1)
        order = torch.argsort(torch.where(all_rows < 0, last, all_rows), dim=1)
        _, best = top_k(torch.cat([scores, others.scores[part]], 1).gather(1, order), depth)
        parts.append(all_rows.gather(1, order).gather(1, best))
    return torch.cat(parts)


def measured(
    corpus: Corpus,
    queries: QuerySet,
    places: NDArray[np.int64],
    ranked: Tensor,
    measures: Sequence[Measure],
    seen: NDArray[np.bool_] | None,
    lengths: Lengths,
) -> Evaluation:
    """The value of each measure for each question: its relevant documents are the rows in (pairs,) places, (queries, depth) rows were found."""
    labels = Labels.of(queries, places, ranked.device)
    depth = max(measure.k for measure in measures)
    questions = torch.arange(len(labels), device=ranked.device).unsqueeze(1)
    gains = labels.gains(questions.expand_as(ranked), ranked)
    met = Ranked(gains.cpu(), labels.ideal(min(depth, len(corpus))).cpu(), labels.counts.cpu())
    values = {str(measure): measure(met).numpy() for measure in measures}
    names = corpus.names(ranked.cpu().numpy().reshape(-1)).reshape(ranked.shape)
    rows, place = np.unique(places, return_inverse=True)  # one document answers many questions
    relevance = replace(queries.relevance, documents=corpus.names(rows)[place])
    return Evaluation(queries.ids, values, seen, names, lengths, queries.texts, relevance)


def about_learned(queries: QuerySet, places: NDArray[np.int64], learned: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(queries,) whether a relevant document is among the rows learned from."""
    hits = np.bincount(queries.relevance.queries, weights=np.isin(places, learned), minlength=len(queries))
    return hits > 0
