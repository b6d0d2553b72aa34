"""Trial: fine-tune, and tell how it does on questions held out, from one pass over the corpus.

With validation questions these are held out; without, the questions are cut in folds, each of which is held out once. The pool of labelled
documents and the background of all questions are computed once: folds differ in labels only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nudge_core.arguments import expect, pick_device, whole_number
from nudge_core.corpus import Corpus, open_corpus
from nudge_core.corpus.background import Background
from nudge_core.corpus.opening import CorpusLike
from nudge_core.data.labels import Labels
from nudge_core.data.moves import UNIT
from nudge_core.data.queries import QuerySet
from nudge_core.data.vectors import distinct
from nudge_core.display import Block, Reported
from nudge_core.errors import InputError
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.evaluation.measures import Measure, parse_all
from nudge_core.evaluation.ranking import about_learned, measured, rank
from nudge_core.evaluation.results import Comparison, Evaluation, Lengths
from nudge_core.methods.base import Bounded, Choice, Curve, Learned, Method
from nudge_core.methods.nudge_n import NudgeN
from nudge_core.methods.problem import Problem, pool
from nudge_core.result import Nudge
from nudge_core.selection.checks import check, check_enough
from nudge_core.selection.fit import Lesson, build
from nudge_core.selection.search import Candidate

ENOUGH = 1000
"""How many questions held out choose γ, where they are folds of the training questions; all of them are measured."""


@dataclass(frozen=True, eq=False, repr=False)
class Trial(Reported):
    """A fine-tuning and how it did on questions that it had not learned from.

    Attributes:
        tuned: The new vectors. Without validation questions they learned from all questions, with the γ chosen.
        before: The questions held out, ranked with the original vectors.
        after: The same, each ranked with vectors that learned from the others.
        folds: How many folds of the questions were held out; 1 where validation questions judged. A method that learns cuts few of them in folds
            together with the training questions.
        chosen_by: How many of the questions held out chose γ: 0 where it was given, else all of them or, of folds, about 1,000 drawn at random.
        unseen: Before and after, for questions about documents whose labels were hidden: how questions fare that nothing was learned about. Methods
            that learn measure it; None where no document can be hidden.
        candidates: What a method that learns has tried, the simplest first, with what each is worth.
    """

    tuned: Nudge
    before: Evaluation
    after: Evaluation
    folds: int
    chosen_by: int
    unseen: tuple[Evaluation, Evaluation] | None = None
    candidates: tuple[Candidate, ...] = ()

    @property
    def improves(self) -> bool:
        """Whether documents move, and the measure by which that was chosen is better than without fine-tuning."""
        first = next(iter(self.before.values))
        return bool(len(self.tuned)) and self.after.mean(first) > self.before.mean(first) + 1e-9

    def compare(self) -> Comparison:
        """Before and after on the questions held out: all, seen and unseen."""
        return self.after.compare(self.before)

    def blocks(self) -> list[Block]:
        """Those of its report."""
        return list(self.report().blocks())

    def to_dict(self) -> dict[str, Any]:
        """All figures, for JSON; scores from 0 to 1."""
        return dict(self.report().to_dict())


def trial(
    corpus: CorpusLike,
    train: QuerySet,
    validation: QuerySet | None = None,
    *,
    method: Method | None = None,
    measures: Iterable[str | Measure] = DEFAULT_MEASURES,
    folds: int = 5,
    seed: int = 0,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> Trial:
    """Fine-tune, and measure it on questions held out.

    Args:
        corpus: As for `finetune`.
        train: Training questions.
        validation: Questions that choose γ and are measured. Without them the training questions are cut in folds: each is measured with vectors
            that learned from the others, γ is the best of these measurements (of some 1,000 of them where there are more), and the result
            learns from all questions with it. A method that learns cuts fewer than 300 in folds together with the training questions.
        method: `NudgeN()` if not given.
        measures: What to measure beside the measure that chooses γ, which comes first.
        folds: How many folds; no more than there are questions. Questions that differ in case and white space only are in one.
        seed: Seed of the cut, and of which questions choose γ where there are many.
        device: Where to compute.
        progress: Whether a pass over the corpus that takes longer than two seconds shows a bar.

    Raises:
        InputError: As for `finetune`; or a single question and no validation questions.
        UnknownIdError: Labels that name documents that the corpus does not hold.

    Example:
        >>> import numpy as np
        >>> from nudge_core import QuerySet
        >>> from nudge_core.trial import trial
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(50, 8))
        >>> questions = QuerySet(X[:20] + rng.normal(size=(20, 8)), [[i % 10] for i in range(20)])
        >>> done = trial(X, questions, folds=4)
        >>> len(done.after), done.tuned.method
        (20, 'NUDGE-N')
    """
    method = NudgeN() if method is None else method
    expect(method, Method, "method", "for example method=NudgeN()")
    documents = open_corpus(corpus)
    check(documents, train, validation)
    whole_number(folds, "folds", 2)
    different = int(train.different.max()) + 1
    if validation is None:
        check_enough(documents, train)
    if isinstance(method, Learned):
        lesson = Lesson(
            documents,
            train,
            validation,
            method,
            measures=measures,
            folds=folds,
            seed=seed,
            refit=validation is None,
            device=pick_device(device),
            progress=progress,
        )
        count = len(lesson.folds) if lesson.by_folds else 1
        return Trial(
            lesson.nudge(),
            lesson.before,
            lesson.after,
            count,
            len(lesson.after),
            lesson.unseen,
            tuple(lesson.candidates),
        )
    if not isinstance(method, Bounded):
        raise InputError(f"{method!r} neither bounds moves by γ nor learns: make it a Bounded or a Learned method")
    train = documents.by_row(train)
    validation = None if validation is None else documents.by_row(validation)
    splits = [(train, validation)] if validation is not None else list(train.folds(min(folds, different), seed=seed))
    asked = [*dict.fromkeys([str(method.validation), *(str(measure) for measure in parse_all(measures))])]
    held = _Held(documents, splits, parse_all(asked), pick_device(device), progress)

    problems = [] if method.fixed_gamma is not None else held.problems if validation is not None else held.some(seed)
    sizes = [len(problem.judged()[0]) for problem in problems]
    choice = (
        Choice(method.fixed_gamma)
        if method.fixed_gamma is not None
        else _best([method.choose(problem) for problem in problems], sizes, method)
    )
    before, after = held.evaluate(method, 0.0), held.evaluate(method, choice.gamma)
    chosen_by = str(method.validation)
    choice = replace(choice, before=before.mean(chosen_by), after=after.mean(chosen_by))
    labels = held.problems[0].train if validation is not None else held.labels(train)
    tuned = build(documents, method, held.problems[0], labels, choice, refit=validation is None)
    return Trial(tuned, before, after, len(splits), sum(sizes))


class _Held:
    """The pool, and for each split its labels and its part of the background."""

    def __init__(
        self,
        corpus: Corpus,
        splits: Sequence[tuple[QuerySet, QuerySet]],
        measures: Sequence[Measure],
        device: torch.device,
        progress: bool,
    ) -> None:
        self.corpus, self.splits, self.measures, self.device = corpus, splits, measures, device
        sets = [*splits[0]] if len(splits) == 1 else [held for _, held in splits]
        self.rows: NDArray[np.int64] = distinct(np.concatenate([part.relevance.documents for part in sets]))
        questions = torch.cat([held.embeddings for _, held in splits]).to(device)
        depth = min(max(measure.k for measure in measures), len(corpus))
        vectors, whole = corpus.rows_and_background(self.rows, questions, depth, progress=progress)
        documents, norms = pool(corpus, self.rows, vectors)
        self.depth = depth
        low, high = min(float(norms.min()), whole.lengths[0]), max(float(norms.max()), whole.lengths[1])
        self.lengths: Lengths = "one" if low > 1 - UNIT and high < 1 + UNIT else "scaled"
        self.problems, start = [], 0
        for learned, held in splits:
            part = slice(start, start + len(held))
            start += len(held)
            background = Background(whole.scores[part], whole.rows[part], None, whole.lengths)
            rows = torch.from_numpy(self.rows).to(device)
            self.problems.append(
                Problem(documents.to(device), rows, self.labels(learned), self.labels(held), background)
            )

    def labels(self, queries: QuerySet) -> Labels:
        """The labels of a question set over the pool."""
        return Labels.of(queries, np.searchsorted(self.rows, queries.relevance.documents), self.device)

    def some(self, seed: int) -> list[Problem]:
        """The problems with some of the questions held out, the same share of each split: all where there are few."""
        share = ENOUGH / sum(len(held) for _, held in self.splits)
        if share >= 1:
            return self.problems
        draw, parts = np.random.default_rng(seed), []
        for (_, held), problem in zip(self.splits, self.problems, strict=True):
            rows = np.sort(draw.permutation(len(held))[: max(1, round(share * len(held)))])
            _, whole = problem.judged()
            at = torch.from_numpy(rows).to(self.device)
            background = replace(whole, scores=whole.scores[at], rows=whole.rows[at])
            parts.append(replace(problem, validation=self.labels(held.take(rows)), background=background))
        return parts

    def evaluate(self, method: Bounded, gamma: float) -> Evaluation:
        """Every question held out, ranked with vectors that learned from the others of its split."""
        parts = []
        for (learned, held), problem in zip(self.splits, self.problems, strict=True):
            moved = method.move(problem.documents, problem.train, gamma) if gamma else problem.documents
            _, others = problem.judged()
            ranked = rank(held.embeddings.to(self.device), moved, problem.rows, others, self.depth)
            places = held.relevance.documents
            seen = about_learned(held, places, learned.relevance.documents)
            parts.append(measured(self.corpus, held, places, ranked, self.measures, seen, self.lengths))
        return Evaluation.concat(parts)


def _best(choices: Sequence[Choice], sizes: Sequence[int], method: Bounded) -> Choice:
    """The γ with the best mean score over all questions held out."""
    curves = [choice.curve for choice in choices if choice.curve is not None]
    if len(curves) == 1:
        return choices[0]
    weights = np.asarray(sizes) / sum(sizes)
    same = all(np.array_equal(curve.gamma, curves[0].gamma) for curve in curves)
    gamma = curves[0].gamma if same else _points(curves)
    scores = [curve.score if same else _step(curve, gamma) for curve in curves]
    score = np.sum([weight * part for weight, part in zip(weights, scores, strict=True)], axis=0)
    tried = np.isin(gamma, method.gammas) if isinstance(method.gammas, tuple) else np.ones(len(gamma), dtype=bool)
    good = tried & (score >= score[tried].max() - 1e-9)
    if not same and not good[0]:  # at the end of a stretch two documents tie: stay inside one where that is as good
        inside = good & (np.arange(len(gamma)) % 2 == 1)
        good = inside if inside.any() else good
    best = int(np.flatnonzero(good)[0])
    return Choice(float(gamma[best]), float(score[0]), float(score[best]), Curve(gamma, score, curves[0].measure))


def _points(curves: Sequence[Curve]) -> NDArray[np.float64]:
    """Where one of several step functions may change, at even places, and a point inside each stretch between, at odd ones."""
    ends = np.unique(np.concatenate([curve.gamma[::2] for curve in curves]))
    between = np.append((ends[:-1] + ends[1:]) / 2, ends[-1] + 1e-4)
    return np.stack([ends, between], 1).reshape(-1)


def _step(curve: Curve, gamma: NDArray[np.float64]) -> NDArray[np.float64]:
    """A step function of the exact search at any γ: it has ends at even places, and at odd ones a point that stands for the stretch above."""
    ends = curve.gamma[::2]
    place = np.searchsorted(ends, gamma, side="right") - 1
    return np.where(ends[place] == gamma, curve.score[::2][place], curve.score[1::2][place])
