"""Evaluate: rank documents for questions held out, and measure the ranking per question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

from nudge_core.arguments import expect, pick_device
from nudge_core.corpus import Corpus, open_corpus
from nudge_core.corpus.background import Background
from nudge_core.corpus.opening import CorpusLike
from nudge_core.data.moves import UNIT, Moves
from nudge_core.data.queries import QuerySet
from nudge_core.errors import InputError
from nudge_core.evaluation.measures import Measure, parse_all
from nudge_core.evaluation.ranking import about_learned, measured, rank
from nudge_core.evaluation.results import Evaluation, Lengths

DEFAULT_MEASURES = ("nDCG@10", "R@10", "RR@10")


def evaluate(
    corpus: CorpusLike,
    queries: QuerySet,
    measures: Iterable[str | Measure] = DEFAULT_MEASURES,
    *,
    tuned: Moves | None = None,
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
        expect(tuned, Moves, "tuned", "give what finetune returned, or Nudge.load(path)", "Nudge")
    documents = open_corpus(corpus)
    if not len(queries):
        raise InputError("there are no questions to evaluate: label at least one")
    chosen = parse_all(measures)
    depth = max(measure.k for measure in chosen)
    places = documents.find(queries.relevance.documents)
    asked = queries.embeddings.to(pick_device(device))
    ranked, lengths = _rank(documents, asked, depth, tuned, metric, progress)
    seen = None if train is None else about_learned(queries, places, documents.find(train.relevance.documents))
    return measured(documents, queries, places, ranked, chosen, seen, lengths)


def _rank(
    corpus: Corpus, queries: Tensor, depth: int, tuned: Moves | None, metric: str | None, progress: bool
) -> tuple[Tensor, Lengths]:
    """(queries, min(depth, docs)) row numbers, best first; and how the lengths of documents entered."""
    if metric not in (None, "cosine", "dot"):
        raise InputError(f'metric is {metric!r}; expected "cosine" or "dot"')
    if tuned is not None and metric not in (None, tuned.metric):
        raise InputError(f"{tuned.method} vectors must be searched by {tuned.metric}, not by {metric}: leave it out")
    cosine = metric == "cosine" or tuned is not None  # with moves all are taken at unit length, as in fine-tuning
    depth = min(depth, len(corpus))
    if tuned is None or not len(tuned):
        found = corpus.background(queries, depth, cosine=cosine, progress=progress)
        return found.rows, _lengths(found, cosine, metric)
    corpus.check_moves(tuned, "evaluate on")
    tuned.check_origin(corpus.rows(tuned.rows))
    others = corpus.background(queries, depth, exclude=tuned.rows, cosine=cosine, progress=progress)
    moved, rows = (torch.from_numpy(part).to(queries.device) for part in (tuned.vectors, tuned.rows))
    return rank(queries, moved, rows, others, depth), _lengths(others, cosine, metric)


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
