"""Evaluate: rank documents for labelled questions, and measure the ranking of each question."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.arguments import expect, pick_device, yes_or_no
from nudge_core.corpus import Corpus, open_corpus
from nudge_core.corpus.background import Background, height, similarities, top_k
from nudge_core.corpus.base import Missing
from nudge_core.corpus.opening import CorpusLike
from nudge_core.data.labels import Labels
from nudge_core.data.moves import UNIT, Moves
from nudge_core.data.queries import QuerySet, normal
from nudge_core.errors import InputError
from nudge_core.evaluation.measures import Measure, Ranked, parse_all
from nudge_core.evaluation.results import Evaluation, Lengths

_log = logging.getLogger(__name__)
DEFAULT_MEASURES = ("nDCG@10", "R@10", "RR@10")


def evaluate(
    corpus: CorpusLike,
    queries: QuerySet,
    measures: Iterable[str | Measure] = DEFAULT_MEASURES,
    *,
    tuned: Moves | None = None,
    train: QuerySet | None = None,
    metric: Literal["cosine", "dot"] | None = None,
    missing: Missing = "skip",
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
        missing: What to do with labels whose document the corpus does not hold: leave them out and log it ("skip"), up to a half of them, or refuse
            them ("error").
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
    yes_or_no(progress=progress)
    expect(queries, QuerySet, "queries", "call evaluate(corpus, queries) with QuerySet(embeddings, relevant)")
    if train is not None:
        expect(train, QuerySet, "train", "add several sets with train + validation")
    if tuned is not None:
        expect(tuned, Moves, "tuned", "give what finetune returned, or Nudge.load(path)", "Nudge")
    documents = open_corpus(corpus)
    queries, note = documents.present(queries, missing)
    if train is not None:
        train, _ = documents.present(train, missing)
        _warn_of_learned(queries, train)
    if note:
        _log.warning("%s", note)
    if not len(queries):
        raise InputError("there are no questions to evaluate: label at least one")
    chosen = parse_all(measures)
    depth = max(measure.k for measure in chosen)
    places = documents.find(queries.relevance.documents)
    asked = queries.embeddings.to(pick_device(device))
    ranked, lengths = _rank(documents, asked, depth, tuned, metric, progress)
    seen = None if train is None else about_learned(queries, places, documents.find(train.relevance.documents))
    return measured(documents, queries, places, ranked, chosen, seen, lengths)


def _warn_of_learned(queries: QuerySet, train: QuerySet) -> None:
    """Log how many questions are training questions too: by their texts, or by their vectors where either has no texts."""
    if queries.texts is not None and train.texts is not None:
        asked, learned = (list(map(normal, part.texts or ())) for part in (queries, train))
    else:
        asked, learned = ([row.tobytes() for row in part.embeddings.numpy()] for part in (queries, train))
    if known := sum(map(set(learned).__contains__, asked)):
        _log.warning(
            "%d of %d questions are training questions too: their figures say nothing of other questions",
            known,
            len(queries),
        )


def _rank(
    corpus: Corpus, queries: Tensor, depth: int, tuned: Moves | None, metric: str | None, progress: bool
) -> tuple[Tensor, Lengths]:
    """(queries, min(depth, docs)) row numbers, best first; and how the lengths of documents entered."""
    if metric not in (None, "cosine", "dot"):
        raise InputError(f'metric is {metric!r}; expected "cosine" or "dot"')
    if tuned is not None and metric not in (None, tuned.metric):
        raise InputError(f"{tuned.method} vectors must be searched by {tuned.metric}, not by {metric}: leave it out")
    if corpus.ranking is not None and tuned is None:
        return corpus.ranking.first(queries, depth), "given"
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
