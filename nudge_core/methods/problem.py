"""What a method is given: the labelled documents, the questions, and what the other documents look like to them. Read once, whatever is tried."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus import Corpus
from nudge_core.corpus.background import NEAREST, TILE, Background, height, logsumexp_of_all, similarities, top_k
from nudge_core.corpus.base import Mapped
from nudge_core.data.labels import Labels
from nudge_core.data.vectors import check_finite, unit
from nudge_core.errors import InputError
from nudge_core.evaluation.evaluate import rank
from nudge_core.evaluation.measures import Measure, Ranked

HELD = 50_000
"""How many documents a map is learned from at most."""

SUMMED = 1 << 35
"""Up to so many products (questions x documents) softmax sums over all documents; beyond, over those near to validation questions and a sample."""


def blocks(width: int, count: int) -> Iterator[slice]:
    """Slices of `count` questions such that questions x width stays small."""
    rows = height(width, 2 * TILE)
    return (slice(start, min(start + rows, count)) for start in range(0, count, rows))


@dataclass(frozen=True, eq=False)
class Part:
    """Questions to learn from: their numbers, and their labels over the pool."""

    questions: Tensor
    labels: Labels


@dataclass(frozen=True, eq=False)
class Fold:
    """One cut of the questions.

    Attributes:
        train: What is learned from.
        validation: (held,) numbers of the validation questions.
        seen: (held,) whether a document of theirs is learned about.
        hidden: (held,) whether they stand for unseen questions: nothing is learned about their documents, whose labels were hidden.
    """

    train: Part
    validation: Tensor
    seen: Tensor
    hidden: Tensor

    def only(self, chosen: Tensor) -> Fold:
        """The same cut with some of its validation questions: (held,) bool."""
        numbers = self.validation[chosen.to(self.validation.device)]
        return Fold(self.train, numbers, self.seen[chosen], self.hidden[chosen])


@dataclass(frozen=True, eq=False)
class State:
    """Where a method has brought the documents.

    Attributes:
        pool: (pool, dim) the labelled documents as they are searched.
        matrix: (dim, dim) the map that all other documents have gone through; None where they stay.
    """

    pool: Tensor
    matrix: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Validation:
    """Validation questions and all that they rank.

    Attributes:
        documents: (pool, dim) the labelled documents, in row order.
        rows: (pool,) int64 their row numbers, ascending.
        labels: The questions, with their labels over the pool.
        background: The best of all other documents for each question.
    """

    documents: Tensor
    rows: Tensor
    labels: Labels
    background: Background

    def scores(self, measure: Measure, depth: int) -> NDArray[np.float64]:
        """(queries,) the measure of each question, of the best `depth` documents."""
        labels = self.labels
        by_row = replace(labels, documents=self.rows[labels.documents])
        ranked = rank(labels.queries, self.documents, self.rows, self.background, depth)
        questions = torch.arange(len(labels), device=ranked.device).unsqueeze(1)
        gains = by_row.gains(questions.expand_as(ranked), ranked)
        met = Ranked(gains.cpu(), by_row.ideal(depth).cpu(), by_row.counts.cpu())
        found: NDArray[np.float64] = measure(met).numpy()
        return found


@dataclass(frozen=True, eq=False)
class Rest:
    """Documents without labels: all of them, or those nearest to the questions and a sample of the others.

    Attributes:
        vectors: (rest, dim) float32 of unit length.
        rows: (rest,) int64 row numbers, ascending.
        weight: (rest,) the log of how many documents each stands for; None where all are here.
    """

    vectors: Tensor
    rows: Tensor
    weight: Tensor | None

    def mapped(self, matrix: Tensor | None) -> Tensor:
        """The documents after a map; (rest, dim), unit length."""
        return self.vectors if matrix is None else unit(self.vectors @ matrix)

    def best(self, queries: Tensor, matrix: Tensor | None, depth: int) -> Background:
        """The best of the documents after a map for some questions."""
        if not len(self.rows):
            none = torch.zeros(len(queries), 0, device=queries.device)
            return Background(none, none.long())
        vectors = self.mapped(matrix)
        found = [top_k(similarities(queries[part], vectors), depth) for part in blocks(len(vectors), len(queries))]
        columns = torch.cat([place for _, place in found])
        return Background(torch.cat([score for score, _ in found]), self.rows[columns])


class Problem:
    """The labelled documents (the pool), the questions, and what the other documents look like to them.

    Attributes:
        corpus: The corpus.
        rows: (pool,) row numbers of the documents with labels, ascending.
        pool: (pool, dim) float32, the same documents at unit length.
        queries: (queries, dim) all questions.
        labels: Their labels over the pool.
        lengths: The shortest and the longest document met.
    """

    def __init__(
        self,
        corpus: Corpus,
        rows: NDArray[np.int64],
        labels: Labels,
        *,
        depth: int,
        temperatures: tuple[float, ...],
        whole: bool,
        device: torch.device,
        measured: NDArray[np.int64] | None = None,
        progress: bool = True,
    ) -> None:
        """Read what is needed.

        Args:
            corpus: The corpus.
            rows: Row numbers of the documents with labels, ascending.
            labels: Labels of all questions over these rows.
            depth: How many documents of each ranking are to be known.
            temperatures: The τ at which softmax is to be taken over all documents.
            whole: Whether a map is tried, so that documents without labels are needed too.
            device: Where to compute.
            measured: Ascending numbers of the questions that will be ranked; all if not given.
            progress: Whether long passes show a bar.
        """
        self.corpus, self.labels, self.queries = corpus, labels, labels.queries.to(device)
        self.rows, self.depth, self.progress = torch.from_numpy(rows).to(device), depth, progress
        self._ranked = torch.arange(len(labels), device=device)
        self._sums: dict[float, Tensor] = {}
        self.rest: Rest | None = None
        if whole and not corpus.scannable:
            raise InputError(
                "a map moves every document, but this corpus is searched, not read: use background='exact', or a method without a map"
            )
        if not whole and not temperatures:
            vectors, self.others = self._read_nearest(rows, measured)
        elif corpus.scannable and len(corpus) <= HELD:
            vectors = corpus.rows(rows)
            self.rest, self.others = self._read_all(rows)
        else:
            vectors = corpus.rows(rows)
            self.others = self._read_sums(rows, temperatures, measured, whole)
            if whole or not set(temperatures) <= set(self._sums):
                self.rest = self._read_sample(rows)
        norms, met = check_finite(vectors, corpus.names(rows), "document"), self.others.lengths
        self.pool = unit(vectors).to(device)
        self.lengths = (min(float(norms.min()), met[0]), max(float(norms.max()), met[1]))

    def _read_nearest(self, rows: NDArray[np.int64], measured: NDArray[np.int64] | None) -> tuple[Tensor, Background]:
        """The labelled documents and the best others of the validation questions, in one pass; without depth only the former."""
        if measured is not None:
            self._ranked = torch.from_numpy(measured).to(self.queries.device)
        queries = self.queries[self._ranked]
        if not self.depth:
            none = torch.zeros(len(queries), 0, device=queries.device)
            return self.corpus.rows(rows), Background(none, none.long(), None, (math.inf, 0.0))
        return self.corpus.rows_and_background(rows, queries, self.depth, progress=self.progress)

    def _read_all(self, rows: NDArray[np.int64]) -> tuple[Rest, Background]:
        """All documents without labels, and the best of them for every question."""
        left = np.setdiff1d(np.arange(len(self.corpus)), rows)
        vectors = self.corpus.rows(left)
        norms = check_finite(vectors, self.corpus.names(left), "document") if len(left) else torch.ones(1)
        rest = Rest(unit(vectors).to(self.rows.device), torch.from_numpy(left).to(self.rows.device), None)
        best = rest.best(self.queries, None, self.depth)
        return rest, replace(best, lengths=(float(norms.min()), float(norms.max())))

    def _read_sums(
        self, rows: NDArray[np.int64], temperatures: tuple[float, ...], measured: NDArray[np.int64] | None, whole: bool
    ) -> Background:
        """The softmax sums, where there are not too many products, and the best documents; of the `measured` questions where these are enough."""
        ask = partial(self.corpus.background, exclude=rows, progress=self.progress)
        scannable, few, found = self.corpus.scannable, len(self.queries) * len(self.corpus) <= SUMMED, None
        for temperature in temperatures if scannable and few else ():
            found = ask(self.queries, self.depth, temperature=temperature)
            if found.logsumexp is not None:
                self._sums[temperature] = found.logsumexp
        if found is None and temperatures and not scannable:  # only the nearest are shown: the rest is estimated
            found = ask(self.queries, max(self.depth, NEAREST))
            for temperature in temperatures:
                self._sums[temperature] = logsumexp_of_all(found.scores, temperature, len(self.corpus) - len(rows))
        if found is None:
            if measured is not None and not (whole and few):
                self._ranked = torch.from_numpy(measured).to(self.queries.device)
            found = ask(self.queries[self._ranked], self.depth)
        return Background(found.scores[:, : self.depth], found.rows[:, : self.depth], None, found.lengths)

    def _read_sample(self, rows: NDArray[np.int64]) -> Rest:
        """The documents nearest to the questions, and a sample of the others."""
        device = self.rows.device
        hard = np.setdiff1d(self.others.rows.cpu().numpy().reshape(-1), [-1])[:HELD]
        left = len(self.corpus) - len(rows) - len(hard)
        drawn = np.random.default_rng(0).choice(len(self.corpus), min(HELD, len(self.corpus)), replace=False)
        drawn = np.setdiff1d(drawn, np.concatenate([rows, hard]))
        taken = np.sort(np.concatenate([hard, drawn]))
        stands_for = math.log(max(1.0, left / max(1, len(drawn))))
        weight = torch.where(torch.from_numpy(np.isin(taken, drawn)), stands_for, 0.0)
        vectors = unit(self.corpus.rows(taken)).to(device)
        return Rest(vectors, torch.from_numpy(taken).to(device), weight.float().to(device))

    def logsumexp(self, temperature: float, state: State) -> Tensor:
        """(queries,) log of the sum of exp(similarity / τ) over the documents outside the pool, where `state` has brought them."""
        if state.matrix is None and temperature in self._sums:
            return self._sums[temperature]
        if self.rest is None:
            raise InputError(f"the softmax at τ = {temperature} was not prepared: name it among the temperatures")
        vectors, parts = self.rest.mapped(state.matrix), []
        for part in blocks(len(vectors), len(self.queries)):
            scores = similarities(self.queries[part], vectors) / temperature
            parts.append(torch.logsumexp(scores if self.rest.weight is None else scores + self.rest.weight, 1))
        found = torch.cat(parts)
        if state.matrix is None:
            self._sums[temperature] = found
        return found

    def validation(self, state: State, questions: Tensor) -> Validation:
        """Some questions, and all that they rank where `state` has brought the documents."""
        return Validation(state.pool, self.rows, self.labels.take(questions), self.background(state, questions))

    def scores(self, state: State, fold: Fold, measure: Measure) -> NDArray[np.float64]:
        """(held,) the measure of each validation question of a fold where `state` has brought the documents."""
        depth = min(measure.k, len(self.corpus))
        return self.validation(state, fold.validation).scores(measure, depth)

    def background(self, state: State, questions: Tensor) -> Background:
        """The best documents outside the pool for some questions, where `state` has brought them."""
        if state.matrix is None:
            places = torch.searchsorted(self._ranked, questions)
            return Background(self.others.scores[places], self.others.rows[places], None, self.others.lengths)
        assert self.rest is not None  # noqa: S101  # it is read where a way maps
        return self.rest.best(self.queries[questions], state.matrix, self.depth)

    def measured_background(self, state: State, questions: Tensor) -> Background:
        """The same over all documents, also where a map is learned from a sample of them: for figures that are shown."""
        if state.matrix is None or self.rest is None or self.rest.weight is None:
            return self.background(state, questions)
        corpus, rows = Mapped(self.corpus, state.matrix), self.rows.cpu().numpy()
        return replace(
            corpus.background(self.queries[questions], self.depth, exclude=rows, progress=self.progress),
            lengths=self.others.lengths,
        )
