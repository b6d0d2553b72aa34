"""Ground: all that a method which learns is told of the corpus and of the questions. Made once, whatever is tried on it."""

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
from nudge_core.corpus.background import TILE, Background, height, similarities, top_k
from nudge_core.corpus.base import Mapped
from nudge_core.corpus.tail import NEAREST, logsumexp_of_all
from nudge_core.data.labels import Labels
from nudge_core.data.queries import QuerySet
from nudge_core.data.vectors import check_finite, distinct, unit
from nudge_core.errors import InputError

HELD = 50_000
"""How many documents a map is learned from at most."""

SUMMED = 1 << 35
"""Up to so many products (questions x documents) softmax sums over all documents; beyond, over those near to questions held out and a sample."""


@dataclass(frozen=True, eq=False)
class Problem:
    """All that a method is told: the labelled documents, and what the others look like to the validation questions.

    Attributes:
        documents: (pool, dim) float32 of unit length: every document with a training or validation label, in row order.
        rows: (pool,) int64 row numbers in the corpus, ascending.
        train: labels of the training questions over the pool.
        validation: labels of the validation questions over the pool; None where nothing is to be chosen.
        background: of the validation questions, over the documents outside the pool.
    """

    documents: Tensor
    rows: Tensor
    train: Labels
    validation: Labels | None = None
    background: Background | None = None

    def judged(self) -> tuple[Labels, Background]:
        """The validation questions and their background.

        Raises:
            InputError: The problem has none, so nothing can be chosen.
        """
        if self.validation is None or self.background is None:
            raise InputError("there are no validation questions to choose γ by: give some, or fix γ with gammas=0.1")
        return self.validation, self.background


@dataclass(frozen=True, eq=False)
class Part:
    """Questions to learn from: their numbers, and their labels over the pool."""

    questions: Tensor
    labels: Labels


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


class Ground:
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
        seed: int = 0,
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
            seed: Seed of the sample.
            progress: Whether long passes show a bar.
        """
        self.corpus, self.labels, self.queries = corpus, labels, labels.queries.to(device)
        vectors = corpus.rows(rows)
        norms = check_finite(vectors, corpus.names(rows), "document")
        self.pool, self.rows = unit(vectors).to(device), torch.from_numpy(rows).to(device)
        self.depth, self.progress = depth, progress
        self._ranked = torch.arange(len(labels), device=device)
        self._sums: dict[float, Tensor] = {}
        if whole and not corpus.scannable:
            raise InputError(
                "a map moves every document, but this corpus is searched, not read: use background='exact', or a method without a map"
            )
        self.rest = self._read_all(rows, device) if corpus.scannable and len(corpus) <= HELD else None
        if self.rest is None:
            self.others = self._background(rows, temperatures, measured, whole)
            if whole or not set(temperatures) <= set(self._sums):
                self.rest = self._sampled(rows, device, seed)
        else:
            self.others = self._top(self.queries, None, depth)
        self.lengths = (
            min(float(norms.min()), self.others.lengths[0]),
            max(float(norms.max()), self.others.lengths[1]),
        )

    def _read_all(self, rows: NDArray[np.int64], device: torch.device) -> Rest:
        left = np.setdiff1d(np.arange(len(self.corpus)), rows)
        vectors = self.corpus.rows(left)
        norms = check_finite(vectors, self.corpus.names(left), "document") if len(left) else torch.ones(1)
        self._met = (float(norms.min()), float(norms.max()))
        return Rest(unit(vectors).to(device), torch.from_numpy(left).to(device), None)

    def _background(
        self, rows: NDArray[np.int64], temperatures: tuple[float, ...], measured: NDArray[np.int64] | None, whole: bool
    ) -> Background:
        ask, scannable, found = (
            partial(self.corpus.background, exclude=rows, progress=self.progress),
            self.corpus.scannable,
            None,
        )
        few = len(self.queries) * len(self.corpus) <= SUMMED
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
                self._ranked = torch.from_numpy(measured).to(self.pool.device)
            found = ask(self.queries[self._ranked], self.depth)
        self._met = found.lengths
        return Background(found.scores[:, : self.depth], found.rows[:, : self.depth], None, found.lengths)

    def _sampled(self, rows: NDArray[np.int64], device: torch.device, seed: int) -> Rest:
        hard = np.setdiff1d(self.others.rows.cpu().numpy().reshape(-1), [-1])[:HELD]
        left = len(self.corpus) - len(rows) - len(hard)
        drawn = np.random.default_rng(seed).choice(len(self.corpus), min(HELD, len(self.corpus)), replace=False)
        drawn = np.setdiff1d(drawn, np.concatenate([rows, hard]))
        taken = np.sort(np.concatenate([hard, drawn]))
        stands_for = math.log(max(1.0, left / max(1, len(drawn))))
        weight = torch.where(torch.from_numpy(np.isin(taken, drawn)), stands_for, 0.0)
        return Rest(
            unit(self.corpus.rows(taken)).to(device), torch.from_numpy(taken).to(device), weight.float().to(device)
        )

    def logsumexp(self, temperature: float, state: State) -> Tensor:
        """(queries,) log of the sum of exp(similarity / τ) over the documents outside the pool, where `state` has brought them."""
        if state.matrix is None and temperature in self._sums:
            return self._sums[temperature]
        if self.rest is None:
            raise InputError(f"the softmax at τ = {temperature} was not prepared: name it among the temperatures")
        vectors = self.rest.mapped(state.matrix)
        parts = []
        for part in self.blocks(len(vectors)):
            scores = similarities(self.queries[part], vectors) / temperature
            parts.append(torch.logsumexp(scores if self.rest.weight is None else scores + self.rest.weight, 1))
        found = torch.cat(parts)
        if state.matrix is None:
            self._sums[temperature] = found
        return found

    def background(self, state: State, questions: Tensor) -> Background:
        """The best documents outside the pool for some questions, where `state` has brought them."""
        if state.matrix is None:
            places = torch.searchsorted(self._ranked, questions)
            return Background(self.others.scores[places], self.others.rows[places], None, self._met)
        return self._top(self.queries[questions], state.matrix, self.depth)

    def measured_background(self, state: State, questions: Tensor) -> Background:
        """The same over all documents, also where a map is learned from a sample of them: for figures that are shown."""
        if state.matrix is None or self.rest is None or self.rest.weight is None:
            return self.background(state, questions)
        corpus, rows = Mapped(self.corpus, state.matrix), self.rows.cpu().numpy()
        return replace(
            corpus.background(self.queries[questions], self.depth, exclude=rows, progress=self.progress),
            lengths=self._met,
        )

    def _top(self, queries: Tensor, matrix: Tensor | None, depth: int) -> Background:
        if self.rest is None or not len(self.rest.rows):
            none = torch.zeros(len(queries), 0, device=queries.device)
            return Background(none, none.long(), None, (1.0, 1.0))
        vectors = self.rest.mapped(matrix)
        found = [top_k(similarities(queries[part], vectors), depth) for part in self.blocks(len(vectors), len(queries))]
        columns = torch.cat([place for _, place in found])
        return Background(torch.cat([score for score, _ in found]), self.rest.rows[columns], None, self._met)

    def blocks(self, width: int, count: int | None = None) -> Iterator[slice]:
        """Slices of questions such that questions x width stays small."""
        rows = height(width, 2 * TILE)
        count = len(self.queries) if count is None else count
        return (slice(start, min(start + rows, count)) for start in range(0, count, rows))


def labelled_problem(corpus: Corpus, train: QuerySet, validation: QuerySet | None, device: torch.device) -> Problem:
    """The labels over the pool of all labelled documents, which are not read yet."""
    sets = [train] if validation is None else [train, validation]
    found = [corpus.find(queries.relevance.documents) for queries in sets]
    rows = distinct(np.concatenate(found))
    labels = [Labels.of(queries, np.searchsorted(rows, at), device) for queries, at in zip(sets, found, strict=True)]
    return Problem(
        torch.empty(0, corpus.dim, device=device),
        torch.from_numpy(rows).to(device),
        labels[0],
        labels[1] if validation is not None else None,
    )


def read_problem(corpus: Corpus, problem: Problem, k: int | None, progress: bool) -> Problem:
    """The same problem with its documents, and with the k nearest others of each validation question if k is given."""
    rows, background = problem.rows.cpu().numpy(), None
    if k is None or problem.validation is None:
        vectors = corpus.rows(rows)
    else:
        vectors, background = corpus.rows_and_background(rows, problem.validation.queries, k, progress=progress)
    documents, _ = pool(corpus, rows, vectors)
    return replace(problem, documents=documents.to(problem.rows.device), background=background)


def pool(corpus: Corpus, rows: NDArray[np.int64], vectors: Tensor) -> tuple[Tensor, Tensor]:
    """The labelled documents at unit length, and the lengths that they have."""
    return unit(vectors), check_finite(vectors, corpus.names(rows), "document")
