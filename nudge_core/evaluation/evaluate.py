"""Evaluate: rank documents for questions held out, and measure the ranking per question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.arguments import expect, pick_device
from nudge_core.background import TILE, Background, top_k
from nudge_core.corpus import Corpus, open_corpus
from nudge_core.corpus.opening import CorpusLike
from nudge_core.errors import InputError
from nudge_core.evaluation.measures import Measure, Ranked, parse_all
from nudge_core.evaluation.results import Evaluation, Lengths
from nudge_core.labels import Labels
from nudge_core.queries import QuerySet
from nudge_core.result import UNIT, Nudge

DEFAULT_MEASURES = ("nDCG@10", "R@10", "RR@10")


def evaluate(
    corpus: CorpusLike,
    queries: QuerySet,
    measures: Iterable[str | Measure] = DEFAULT_MEASURES,
    *,
    tuned: Nudge | None = None,
    train: QuerySet | None = None,
    metric: Literal["cosine", "dot"] | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> Evaluation:
    """Exact search of every question over all documents, measured against its labels.

    Args:
        corpus: (docs, dim) array, tensor, path or `Corpus`.
        queries: Questions held out, with their relevant documents.
        measures: Names such as nDCG@10, R@10, RR@10, AP@10, P@10, Success@1, CR@10.
        tuned: Rank with these moved vectors in place of the originals; nothing is copied or written.
        train: The training questions. With them every figure is also given for *seen* questions (a relevant document is relevant to a training
            question too) and *unseen* ones.
        metric: "cosine" or "dot" product. Without it the metric of `tuned`, or the dot product, which is the cosine for vectors of unit length.
        device: Where to compute; without it CUDA if present, else the CPU.
        progress: Whether a pass that takes longer than two seconds shows a bar.

    Returns:
        The value of each measure for each question.

    Raises:
        InputError: Dimensions that differ, an unknown measure, or vectors none of which has unit length where the metric is not given.
        UnknownIdError: Labels that name documents that the corpus does not hold.

    Example:
        >>> import numpy as np
        >>> from nudge_core import QuerySet, evaluate
        >>> X = np.eye(4, dtype="float32")
        >>> evaluation = evaluate(X, QuerySet(X[:2], [[0], [3]]), ["Success@1", "R@4"])
        >>> evaluation.mean("Success@1"), evaluation.mean("R@4")
        (0.5, 1.0)
    """
    expect(queries, QuerySet, "queries", "call evaluate(corpus, queries) with QuerySet(embeddings, relevant)")
    if train is not None:
        expect(train, QuerySet, "train", "add several sets with train + validation")
    if tuned is not None:
        expect(tuned, Nudge, "tuned", "give what finetune returned, or Nudge.load(path)")
    documents = open_corpus(corpus)
    if not len(queries):
        raise InputError("there are no questions to evaluate: label at least one")
    chosen = parse_all(measures)
    depth = max(measure.k for measure in chosen)
    places = documents.find(queries.relevance.documents)
    labels = Labels.of(queries, places, pick_device(device))
    ranked, lengths = _rank(documents, labels, depth, tuned, metric, progress)
    questions = torch.arange(len(labels), device=ranked.device).unsqueeze(1)
    gains = labels.gains(questions.expand_as(ranked), ranked)
    met = Ranked(gains.cpu(), labels.ideal(min(depth, len(documents))).cpu(), labels.counts.cpu())
    seen = None if train is None else _seen(queries, places, documents.find(train.relevance.documents))
    values = {str(measure): measure(met).numpy() for measure in chosen}
    return Evaluation(
        queries.ids, values, seen, documents.names(ranked.cpu().numpy().reshape(-1)).reshape(ranked.shape), lengths
    )


def _rank(
    corpus: Corpus, labels: Labels, depth: int, tuned: Nudge | None, metric: str | None, progress: bool
) -> tuple[Tensor, Lengths]:
    """(queries, min(depth, docs)) row numbers, best first; and how the lengths of documents entered."""
    _check_metric(tuned, metric)
    cosine = (
        metric == "cosine" or tuned is not None
    )  # as in fine-tuning, documents that did not move are taken at unit length
    depth = min(depth, len(corpus))
    if tuned is None or not len(tuned):
        found = corpus.background(labels.queries, depth, cosine=cosine, progress=progress)
        return found.rows, _lengths(found, cosine, metric)
    if (tuned.docs, tuned.dim) != (len(corpus), corpus.dim):
        raise InputError(
            f"the moves were made for {tuned.docs} documents of dimension {tuned.dim}, the corpus has {len(corpus)} "
            f"of {corpus.dim}: evaluate on the corpus that was fine-tuned"
        )
    if corpus.ids is not None and not np.array_equal(tuned.ids, corpus.ids[tuned.rows]):
        row = next(i for i, (a, b) in enumerate(zip(tuned.ids, corpus.ids[tuned.rows], strict=True)) if a != b)
        raise InputError(
            f"row {tuned.rows[row]} is {tuned.ids[row]!r} in the moves and {corpus.ids[tuned.rows[row]]!r} in the corpus: "
            "evaluate on the corpus that was fine-tuned, in the same order"
        )
    tuned.check_origin(corpus.rows(tuned.rows))
    others = corpus.background(labels.queries, depth, exclude=tuned.rows, cosine=cosine, progress=progress)
    moved = torch.from_numpy(tuned.vectors).to(labels.queries.device)
    rows = torch.from_numpy(tuned.rows).to(labels.queries.device)
    parts = []
    height = max(1, TILE // len(rows))
    for start in range(0, len(labels), height):
        part = slice(start, start + height)
        scores, columns = top_k(labels.queries[part] @ moved.T, depth)
        all_rows = torch.cat([rows[columns], others.rows[part]], 1)
        order = torch.argsort(torch.where(all_rows < 0, len(corpus), all_rows), dim=1)
        _, best = top_k(torch.cat([scores, others.scores[part]], 1).gather(1, order), depth)
        parts.append(all_rows.gather(1, order).gather(1, best))
    return torch.cat(parts), _lengths(others, cosine, metric)


def _check_metric(tuned: Nudge | None, metric: str | None) -> None:
    if metric not in (None, "cosine", "dot"):
        raise InputError(f'metric is {metric!r}; expected "cosine" or "dot"')
    if tuned is not None and metric not in (None, tuned.metric):
        raise InputError(
            f"{tuned.method} vectors must be searched by {tuned.metric}, not by {metric}: leave metric out"
        )


def _lengths(found: Background, cosine: bool, metric: str | None) -> Lengths:
    low, high = found.lengths
    if low > 1 - UNIT and high < 1 + UNIT:
        return "one"
    if metric is None and not cosine and (low > 1 + UNIT or high < 1 - UNIT):
        raise InputError(
            f"no document has unit length (lengths {low:.4g} to {high:.4g}), so cosine and dot product rank differently: "
            'say metric="cosine" or metric="dot"'
        )
    return "scaled" if cosine else "given"


def _seen(queries: QuerySet, places: NDArray[np.int64], trained: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(queries,) whether a relevant document is relevant to a training question too."""
    hits = np.bincount(queries.relevance.queries, weights=np.isin(places, trained), minlength=len(queries))
    return hits > 0
