"""Learn: a corpus and questions in, the moves that a method of steps has learned out, with how they do on questions held out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.clock import Clock
from nudge_core.corpus import Corpus
from nudge_core.data.labels import Labels
from nudge_core.data.moves import UNIT
from nudge_core.data.queries import QuerySet
from nudge_core.data.relevance import Relevance
from nudge_core.data.vectors import check_finite, distinct, turned, unit
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.evaluation.measures import Measure, parse_all
from nudge_core.evaluation.ranking import about_learned, measured, rank
from nudge_core.evaluation.results import Evaluation, Lengths
from nudge_core.methods.base import Bounded, Choice, Curve, Learned
from nudge_core.methods.problem import Ground, Part, Problem, State
from nudge_core.result import Nudge
from nudge_core.selection.search import Candidate, Search
from nudge_core.selection.split import Fold, cut, growth, unseen_share

BLOCK = 8192

FEW = 300
"""Fewer validation questions than these cannot tell one setting from another: they and the training questions are cut in folds instead."""


class Lesson:
    """What was learned from some questions, and all that is needed to measure it."""

    def __init__(
        self,
        corpus: Corpus,
        train: QuerySet,
        validation: QuerySet | None,
        method: Learned,
        *,
        measures: Iterable[str | Measure] = DEFAULT_MEASURES,
        folds: int = 5,
        seed: int = 0,
        refit: bool = False,
        device: torch.device,
        progress: bool,
    ) -> None:
        """Choose on questions held out, then learn from all that may be learned from."""
        asked_for = [str(method.validation), *(str(measure) for measure in parse_all(measures))]
        self.corpus, self.measures, self.clock = corpus, parse_all(dict.fromkeys(asked_for)), Clock()
        self.questions = corpus.by_row(train) if validation is None else _both(train, validation, corpus)
        few = validation is None or len(validation) < FEW
        asked = None if few else np.arange(len(self.questions)) >= len(train)
        self.by_folds = few
        places = self.questions.relevance.documents
        rows = distinct(places)
        labels = Labels.of(self.questions, np.searchsorted(rows, places), device)
        depth = min(max(measure.k for measure in self.measures), len(corpus))
        ways = {steps for chain in method.chains for steps in chain}
        kinds = int(self.questions.different.max()) + 1
        cuts = cut(labels, self.questions.different, folds=max(2, min(folds, kinds)), validation=asked, seed=seed)
        self.folds = [fold for fold in cuts if len(fold.held)]
        with self.clock("reading"):
            self.ground = Ground(
                corpus,
                rows,
                labels,
                depth=depth,
                temperatures=tuple(sorted({temperature for steps in ways for temperature in steps.temperatures})),
                whole=any(steps.maps for steps in ways),
                device=device,
                measured=distinct(torch.cat([fold.held for fold in self.folds]).cpu().numpy()),
                progress=progress,
            )
        all_of_it = torch.arange(len(labels), device=device)
        kept = all_of_it if refit or validation is None else all_of_it[: len(train)]
        last = Part(kept, labels.take(kept))
        with self.clock("choosing"):
            unseen = unseen_share(labels, self.questions.different, asked)
            search = Search(self.ground, self.folds, unseen, growth(self.folds, last), method, progress)
            self.candidates = search.run()
            self.chosen: Candidate = search.choose(self.candidates)
        with self.clock("move"):
            self.state = self.chosen.reach(self.ground, last)
        with self.clock("measuring"):
            first = [State(self.ground.pool)] * len(self.folds)
            reached = self.chosen.states
            self.before = self._evaluated(first, True)
            self.after = self._evaluated(reached, True)
            hidden = any(not bool(fold.drawn.all()) for fold in self.folds)
            self.unseen = (self._evaluated(first, False), self._evaluated(reached, False)) if hidden else None
        self.refit = refit and validation is not None
        self.method = method

    def nudge(self) -> Nudge:
        """The documents that moved."""
        with self.clock("move"):
            rows, vectors, distance = self._moved()
        measure = str(self.method.validation)
        path = self.chosen.path
        curve = None
        if path is not None:
            drawn = np.concatenate([fold.drawn.numpy() for fold in self.folds])
            curve = Curve(path.points, path.scores[:, drawn].mean(1), measure)
        gamma = float((distance**2).max(initial=0.0))
        matrix = self.state.matrix
        return Nudge(
            ids=self.corpus.names(rows),
            rows=rows,
            vectors=vectors,
            docs=len(self.corpus),
            method=self.chosen.name,
            gamma=gamma,
            gamma_unit="squared distance",
            angle=math.degrees(math.acos(max(-1.0, 1 - gamma / 2))),
            metric="cosine",
            before=self.before.mean(measure),
            after=self.after.mean(measure),
            curve=curve,
            refit=self.refit,
            seconds=self.clock.seconds,
            settings={leg.steps.name: {**leg.setting, "point": leg.point} for leg in self.chosen.legs},
            matrix=None if matrix is None else matrix.cpu().numpy(),
            angles=np.degrees(2 * np.arcsin(np.minimum(1, distance / 2))).astype(np.float32),
        )

    def _moved(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
        pool, rows = self.state.pool, self.ground.rows
        changed = (pool != self.ground.pool).any(1)
        distance = torch.linalg.vector_norm(pool - self.ground.pool, dim=1)[changed].double().cpu().numpy()
        found = rows[changed].cpu().numpy(), pool[changed].cpu().numpy()
        if self.state.matrix is None:
            return (*found, distance)
        others = np.setdiff1d(np.arange(len(self.corpus)), rows.cpu().numpy())
        vectors = np.empty((len(others), self.corpus.dim), np.float32)
        apart = np.empty(len(others))
        for start in range(0, len(others), BLOCK):
            part = slice(start, start + BLOCK)
            first = self.corpus.rows(others[part])
            check_finite(first, self.corpus.names(others[part]), "document")
            first = unit(first).to(pool.device)
            mapped = unit(first @ self.state.matrix)
            vectors[part] = mapped.cpu().numpy()
            apart[part] = torch.linalg.vector_norm(mapped - first, dim=1).cpu().numpy()
        every = np.concatenate([found[0], others])
        order = np.argsort(every)
        return every[order], np.concatenate([found[1], vectors])[order], np.concatenate([distance, apart])[order]

    def _evaluated(self, states: Sequence[State], drawn: bool) -> Evaluation:
        parts = [
            self._measured(fold, state, fold.held[(fold.drawn if drawn else ~fold.drawn).to(fold.held.device)])
            for fold, state in zip(self.folds, states, strict=True)
            if bool((fold.drawn if drawn else ~fold.drawn).any())
        ]
        return Evaluation.concat(parts)

    def _measured(self, fold: Fold, state: State, numbers: torch.Tensor) -> Evaluation:
        asked = self.questions.take(numbers.cpu().numpy())
        places = asked.relevance.documents
        learned = self.ground.rows[fold.learned.labels.documents].cpu().numpy()
        embeddings = self.ground.queries[numbers]
        background = self.ground.measured_background(state, numbers)
        depth = min(max(measure.k for measure in self.measures), len(self.corpus))
        ranked = rank(embeddings, state.pool, self.ground.rows, background, depth)
        low, high = self.ground.lengths
        lengths: Lengths = "one" if low > 1 - UNIT and high < 1 + UNIT else "scaled"
        seen = about_learned(asked, places, learned)
        return measured(self.corpus, asked, places, ranked, self.measures, seen, lengths)


def _both(train: QuerySet, validation: QuerySet, corpus: Corpus) -> QuerySet:
    """The questions of both sets; by number where their names clash."""
    train, validation = corpus.by_row(train), corpus.by_row(validation)
    named = train.named and validation.named and not set(train.ids.tolist()) & set(validation.ids.tolist())
    texts = [*(train.texts or ()), *(validation.texts or ())]
    return QuerySet(
        torch.cat([train.embeddings, validation.embeddings]),
        Relevance.concat([train.relevance, validation.relevance]),
        ids=np.concatenate([train.ids, validation.ids]) if named else None,
        texts=texts if train.texts is not None and validation.texts is not None else None,
    )


def build(corpus: Corpus, method: Bounded, problem: Problem, labels: Labels, choice: Choice, *, refit: bool) -> Nudge:
    """Move the pool by the γ chosen, and keep what changed."""
    moved = method.move(problem.documents, labels, choice.gamma)
    changed = torch.nonzero((moved != problem.documents).any(1)).reshape(-1)
    rows = problem.rows[changed].cpu().numpy()
    return Nudge(
        ids=corpus.names(rows),
        rows=rows,
        vectors=moved[changed].cpu().numpy(),
        docs=len(corpus),
        method=method.name,
        gamma=choice.gamma,
        gamma_unit=method.gamma_unit,
        angle=method.angle(choice.gamma),
        metric=method.metric,
        before=choice.before,
        after=choice.after,
        curve=choice.curve,
        refit=refit,
        angles=turned(problem.documents[changed], moved[changed]),
    )
