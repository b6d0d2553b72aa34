"""Trial: fine-tune, and tell how it does on questions held out, from one pass over the corpus.

With validation questions these are held out; without, the questions are cut in folds, each of which is held out once. The pool of labelled
documents and the background of all questions are computed once: folds differ in labels only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import torch

from nudge_core.arguments import whole_number
from nudge_core.corpus.base import Missing
from nudge_core.corpus.opening import CorpusLike
from nudge_core.data.queries import QuerySet
from nudge_core.display import Block, Reported
from nudge_core.errors import InputError
from nudge_core.evaluation.evaluate import DEFAULT_MEASURES
from nudge_core.evaluation.measures import Measure
from nudge_core.evaluation.results import Comparison, Evaluation
from nudge_core.methods.base import Method
from nudge_core.result import Nudge
from nudge_core.selection.candidate import Candidate
from nudge_core.selection.evidence import Evidence
from nudge_core.selection.fit import Fit


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
        candidates: What was tried, the simplest first, with what each is worth; empty where nothing but γ is chosen.
        notes: Why the candidate was chosen, where there were several, and what was left out.
    """

    tuned: Nudge
    before: Evaluation
    after: Evaluation
    folds: int
    chosen_by: int
    unseen: tuple[Evaluation, Evaluation] | None = None
    candidates: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:  # noqa: ARG002
        """Refused: a trial is a result.

        Raises:
            InputError: Always.
        """
        raise InputError(
            "a Trial is what was found, and cannot be called: leave out the brackets, as in postprocessor.trial.compare(); "
            "nudge_core.trial.trial(corpus, train) makes another one"
        )

    @cached_property
    def evidence(self) -> Evidence:
        """What the questions held out say of the gain, by the measure that chose."""
        first = next(iter(self.before.values))
        tried = len(self.candidates) - 1  # the first leaves documents as they are
        return Evidence.of(first, self.before.values[first], self.after.values[first], tried)

    @property
    def improves(self) -> bool:
        """Whether documents move, and the questions held out support that this is better than the original vectors."""
        return bool(len(self.tuned)) and self.evidence.supports

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
    missing: Missing = "skip",
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
        method: `Auto()` if not given.
        measures: What to measure beside the measure that chooses γ, which comes first.
        folds: How many folds; no more than there are questions. Questions that differ in case and white space only are in one.
        seed: Seed of the cut, and of which questions choose γ where there are many.
        missing: What to do with labels whose document the corpus does not hold: leave them out and log it ("skip"), up to a half of them, or refuse
            them ("error").
        device: Where to compute.
        progress: Whether a pass over the corpus that takes longer than two seconds shows a bar.

    Raises:
        InputError: As for `finetune`; or a single question and no validation questions.
        UnknownIdError: Labels that name documents that the corpus does not hold.

    Example:
        >>> import numpy as np
        >>> from nudge_core import NudgeN, QuerySet
        >>> from nudge_core.trial import trial
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(50, 8))
        >>> questions = QuerySet(X[:20] + rng.normal(size=(20, 8)), [[i % 10] for i in range(20)])
        >>> done = trial(X, questions, folds=4, method=NudgeN())
        >>> len(done.after), done.tuned.method
        (20, 'NUDGE-N')
    """
    whole_number(folds, "folds", 2)
    fit = Fit(
        corpus,
        train,
        validation,
        method,
        measures=measures,
        folds=folds,
        seed=seed,
        refit=validation is None,
        missing=missing,
        device=device,
        progress=progress,
    ).run()
    with fit.clock("measuring"):
        before, after = fit.evaluations
        unseen = fit.unseen
    count = len(fit.folds) if fit.by_folds else 1
    return Trial(fit.tuned(), before, after, count, fit.chosen_by, unseen, tuple(fit.candidates), fit.notes)
