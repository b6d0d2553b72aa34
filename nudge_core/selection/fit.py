"""Fit: one fine-tuning. The corpus is read once; then questions are split, a candidate is chosen, documents move, and what they do is measured."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.arguments import expect, pick_device
from nudge_core.clock import Clock
from nudge_core.corpus import Corpus, open_corpus
from nudge_core.corpus.base import Missing
from nudge_core.corpus.opening import CorpusLike
from nudge_core.data.labels import Labels
from nudge_core.data.moves import UNIT
from nudge_core.data.queries import QuerySet
from nudge_core.data.vectors import check_finite, distinct, turned, unit
from nudge_core.errors import InputError
from nudge_core.evaluation.evaluate import about_learned, measured, rank
from nudge_core.evaluation.measures import Measure, parse_all
from nudge_core.evaluation.results import Evaluation, Lengths
from nudge_core.methods.auto import Auto
from nudge_core.methods.base import Curve, Method, Steps
from nudge_core.methods.problem import Fold, Part, Problem, State
from nudge_core.result import Nudge
from nudge_core.selection.candidate import Candidate, Stage, reach
from nudge_core.selection.objective import pick_candidate, reason
from nudge_core.selection.search import Search
from nudge_core.selection.split import check, check_enough, cut, growth, some, unseen_share

BLOCK = 8192
"""How many documents go through a map at a time."""

FEW = 300
"""Fewer validation questions than these cannot tell one setting from another: they and the training questions are cut in folds instead."""

CHOOSING = 1000
"""How many validation questions choose γ for a method of the paper, where they are folds of the training questions; all of them are measured."""

_log = logging.getLogger(__name__)


class Fit:
    """One fine-tuning, and all that is needed to measure it.

    Attributes:
        folds: What is learned from and held out; none where γ is fixed and nothing is measured.
        by_folds: Whether questions were cut in folds; else the validation questions are held out.
        candidates: What was tried, the simplest first; empty where nothing but γ is chosen.
        chosen: The stages that were taken.
        chosen_by: How many validation questions chose, those that stand for unseen ones not counted; 0 where γ is fixed.
        notes: Why the candidate was chosen, and what was left out.
    """

    def __init__(
        self,
        corpus: CorpusLike,
        train: QuerySet,
        validation: QuerySet | None,
        method: Method | None,
        *,
        measures: Iterable[str | Measure] = (),
        folds: int | None = None,
        seed: int = 0,
        refit: bool = False,
        missing: Missing = "skip",
        device: str | torch.device | None = None,
        progress: bool = True,
    ) -> None:
        """Check what is given, as for `finetune` and `trial`; `folds` is None where nothing is to be measured."""
        self.method = Auto() if method is None else method
        expect(self.method, Method, "method", "for example method=NudgeN()")
        expect(train, QuerySet, "train", "call finetune(corpus, train, validation) with QuerySet(embeddings, relevant)")
        self.corpus = open_corpus(corpus)
        check(self.corpus, train, validation)
        self.notes: tuple[str, ...] = ()
        train, validation = self._present(train, missing), validation and self._present(validation, missing)
        check(self.corpus, train, validation)
        self.fixed, self.measuring = self.method.fixed_gamma, folds is not None
        if validation is None and (self.measuring or self.method.weighs_unseen):
            check_enough(self.corpus, train)
        elif validation is None and self.fixed is None:
            raise InputError(
                f"{self.method.name} needs validation questions to choose γ: split them off with "
                "train, validation = questions.split(0.8), or fix γ with gammas=0.1"
            )
        self.train, self.validation, self.seed, self.progress = train, validation, seed, progress
        self.count, self.device = folds or 5, pick_device(device)
        asked = map(str, parse_all(measures)) if self.measuring else ()
        self.measures = parse_all(dict.fromkeys([str(self.method.validation), *asked]))
        self.all = refit or validation is None
        self.refit = refit and (validation is not None or self.measuring)
        self.clock = Clock()

    def _present(self, queries: QuerySet, missing: Missing) -> QuerySet:
        """The questions whose documents are there; what is left out is noted and logged."""
        found, note = self.corpus.present(queries, missing)
        if note:
            _log.warning("%s", note)
            self.notes += (note,)
        return found

    def run(self) -> Fit:
        """Read, split, choose and move."""
        with self.clock("reading"):
            self._read()
        with self.clock("choosing"):
            self._choose()
        with self.clock("move"):
            self.state = reach(self.chosen, self.problem, self._last)
        return self

    def _read(self) -> None:
        corpus, train, validation = self.corpus, self.train, self.validation
        self.questions = corpus.by_row(train) if validation is None else _both(train, validation, corpus)
        self.by_folds = validation is None or (self.method.weighs_unseen and len(validation) < FEW)
        places = self.questions.relevance.documents
        rows = distinct(places)
        labels = Labels.of(self.questions, np.searchsorted(rows, places), self.device)
        self.given = None if self.by_folds else np.arange(len(self.questions)) >= len(train)
        self.folds: list[Fold] = []
        if self.fixed is None or self.measuring:
            groups = self.questions.different
            count = max(2, min(self.count, int(groups.max()) + 1))
            hide = self.method.weighs_unseen
            cuts = cut(labels, groups, folds=count, validation=self.given, seed=self.seed, hide=hide)
            self.folds = [fold for fold in cuts if len(fold.validation)]
        numbers = torch.arange(len(labels), device=self.device)[: None if self.all else len(train)]
        self._last = Part(numbers, labels.take(numbers))
        self.chains = self._possible(len(labels), len(rows))
        ways = {steps for chain in self.chains for steps in chain}
        held = [fold.validation for fold in self.folds]
        self.problem = Problem(
            corpus,
            rows,
            labels,
            depth=min(max(measure.k for measure in self.measures), len(corpus)) if self.folds else 0,
            temperatures=tuple(sorted({temperature for steps in ways for temperature in steps.temperatures})),
            whole=any(steps.maps for steps in ways),
            device=self.device,
            measured=distinct(torch.cat(held).cpu().numpy()) if held else np.zeros(0, np.int64),
            progress=self.progress,
        )

    def _possible(self, questions: int, documents: int) -> list[tuple[Steps, ...]]:
        """The chains of the method, without those that are too large for so many questions and documents."""
        refused = {
            steps: why
            for steps in dict.fromkeys(steps for chain in self.method.chains for steps in chain)
            if (why := steps.too_large(questions, documents))
        }
        chains = [chain for chain in self.method.chains if not refused.keys() & set(chain)]
        if not chains:
            raise InputError(next(iter(refused.values())))
        for steps, why in refused.items():
            self.notes += (f"{steps.name} was left out: {why}.",)
            _log.warning("%s", self.notes[-1])
        return chains

    def _choose(self) -> None:
        self.candidates: list[Candidate] = []
        self.curve: Curve | None = None
        if self.fixed is not None:
            ((steps,),) = self.chains
            self.chosen: tuple[Stage, ...] = (Stage(steps, steps.settings()[0], self.fixed),)
            self.states: Sequence[State] = [reach(self.chosen, self.problem, fold.train) for fold in self.folds]
            self.chosen_by = 0
            return
        plain, labels = not self.method.weighs_unseen, self.problem.labels
        choosing = some(self.folds, CHOOSING, self.seed) if plain and self.by_folds else self.folds
        search = Search(
            self.problem,
            choosing,
            self.chains,
            self.method.validation,
            unseen_weight=self.method.unseen_weight,
            share=0.0 if plain else unseen_share(labels, self.questions.different, self.given),
            growth=1.0 if plain else growth(self.folds, self._last),
            plain=plain,
            progress=self.progress,
        )
        tried, objective = search.run(), search.objective
        taken = pick_candidate(tried, objective)
        self.candidates = [] if plain else tried
        if len(tried) > 2:
            self.notes += (objective.explained(), reason(tried, taken, objective))
        shown = ~np.concatenate([fold.hidden.numpy() for fold in choosing])
        self.chosen, self.curve, self.states = taken.stages, taken.curve, taken.states
        self.chosen_by = int(shown.sum())
        self._scores = float(objective.before[shown].mean()), float(taken.scores[shown].mean())

    @cached_property
    def evaluations(self) -> tuple[Evaluation, Evaluation]:
        """The validation questions, ranked by the original vectors and by vectors that did not learn from them."""
        first = [State(self.problem.pool)] * len(self.folds)
        return self._evaluated(first, False), self._evaluated(self.states, False)

    @cached_property
    def unseen(self) -> tuple[Evaluation, Evaluation] | None:
        """The same for questions about documents whose labels were hidden; None where none were."""
        if not any(bool(fold.hidden.any()) for fold in self.folds):
            return None
        first = [State(self.problem.pool)] * len(self.folds)
        return self._evaluated(first, True), self._evaluated(self.states, True)

    def tuned(self) -> Nudge:
        """The documents that moved."""
        with self.clock("move"):
            rows, vectors, angles, largest = self._moved()
        before, after = self._figures()
        matrix, single = self.state.matrix, not self.method.weighs_unseen
        return Nudge(
            ids=self.corpus.names(rows),
            rows=rows,
            vectors=vectors,
            docs=len(self.corpus),
            method=" + ".join(stage.steps.name for stage in self.chosen) or "none",
            metric=self.method.metric,
            before=before,
            after=after,
            curve=self.curve,
            refit=self.refit,
            seconds=self.clock.seconds,
            settings={} if single else {one.steps.name: {**one.setting, "point": one.point} for one in self.chosen},
            matrix=None if matrix is None else matrix.cpu().numpy(),
            angles=angles,
            **self.method.bound(self.chosen[-1].point if self.chosen else 0.0, largest),
        )

    def _figures(self) -> tuple[float | None, float | None]:
        """The measure of the method on validation questions; as measured, where a map was chosen by a sample of the documents."""
        sampled = self.problem.rest is not None and self.problem.rest.weight is not None
        if self.folds and (self.measuring or sampled):
            with self.clock("measuring"):
                before, after = (each.mean(str(self.method.validation)) for each in self.evaluations)
            return before, after
        return (None, None) if self.fixed is not None else self._scores

    def _moved(self) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], float]:
        """Rows, vectors and angles of the documents that moved, and the largest squared distance that one went."""
        pool, first = self.state.pool, self.problem.pool
        changed = torch.nonzero((pool != first).any(1)).reshape(-1)
        rows, vectors = [self.problem.rows[changed].cpu().numpy()], [pool[changed].cpu().numpy()]
        angles = [turned(first[changed], pool[changed])]
        distances = [torch.linalg.vector_norm(pool - first, dim=1).cpu().numpy()]
        if self.state.matrix is not None:
            others = np.setdiff1d(np.arange(len(self.corpus)), self.problem.rows.cpu().numpy())
            for start in range(0, len(others), BLOCK):
                block = others[start : start + BLOCK]
                given = self.corpus.rows(block)
                check_finite(given, self.corpus.names(block), "document")
                given = unit(given).to(pool.device)
                mapped = unit(given @ self.state.matrix)
                rows.append(block)
                vectors.append(mapped.cpu().numpy())
                angles.append(turned(given, mapped))
                distances.append(torch.linalg.vector_norm(mapped - given, dim=1).cpu().numpy())
        every = np.concatenate(rows)
        order = np.argsort(every)
        largest = float((np.concatenate(distances).astype(np.float64) ** 2).max(initial=0.0))
        return every[order], np.concatenate(vectors)[order], np.concatenate(angles)[order], largest

    def _evaluated(self, states: Sequence[State], hidden: bool) -> Evaluation:
        parts = [(fold.only(fold.hidden == hidden), state) for fold, state in zip(self.folds, states, strict=True)]
        return Evaluation.concat([self._measured(fold, state) for fold, state in parts if len(fold.validation)])

    def _measured(self, fold: Fold, state: State) -> Evaluation:
        problem, numbers = self.problem, fold.validation.cpu().numpy()
        if (
            self.validation is not None and len(numbers) and numbers[0] >= len(self.train)
        ):  # by the names they were given
            asked = self.corpus.by_row(self.validation).take(numbers - len(self.train))
        else:
            asked = self.questions.take(numbers)
        places = asked.relevance.documents
        given, ranking = problem.queries[fold.validation], self.corpus.ranking
        if ranking is None:
            background = problem.measured_background(state, fold.validation)
            ranked = rank(given, state.pool, problem.rows, background, problem.depth)
        else:
            ranked = ranking.first(given, problem.depth, problem.rows, state.pool, state.matrix)
        low, high = problem.lengths
        lengths: Lengths = "one" if low > 1 - UNIT and high < 1 + UNIT else "scaled"
        seen = about_learned(asked, places, problem.rows[fold.train.labels.documents].cpu().numpy())
        return measured(self.corpus, asked, places, ranked, self.measures, seen, lengths)


def _both(train: QuerySet, validation: QuerySet, corpus: Corpus) -> QuerySet:
    """The questions of both sets; by number where their names clash."""
    parts = [corpus.by_row(train), corpus.by_row(validation)]
    if set(parts[0].ids.tolist()) & set(parts[1].ids.tolist()):
        parts = [QuerySet(part.embeddings, part.relevance, texts=part.texts) for part in parts]
    return QuerySet.concat(parts)
