"""NudgeReport: what a nudge did, and how the store does on questions held out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch.nn.functional import embedding_bag, normalize

from nudge_core import QuerySet
from nudge_core.apply import Outcome
from nudge_core.corpus import Corpus
from nudge_core.data.queries import normal
from nudge_core.display import Block, Reported, Texts, number_or_none
from nudge_core.errors import counted, first_few
from nudge_core.evaluation import Comparison, Evaluation
from nudge_core.report import Report
from nudge_core.report.report import hidden_sentence
from nudge_core.report.trials import held, settings, trial_report, tried
from nudge_core.result import Nudge
from nudge_core.trial import Trial
from nudge_integrations.labels.matching.report import MatchReport


@dataclass(frozen=True, eq=False, repr=False)
class NudgeReport(Reported):
    """What a nudge did.

    Attributes:
        applied: Whether vectors were written: only if they are better than the originals on questions held out.
        trial: The fine-tuning and its evaluations.
        background: "exact" where every vector of the store was read, "search" where the store's own search stood for those without labels.
        journal: The file that holds the originals.
        outcome: The run; None where nothing was written.
        unreachable: Documents out of a sample of those moved that the store's index no longer finds by their own vector.
        remedy: What to do about these.
        skipped: Questions that were left out, as nothing is relevant to them.
        gone: Documents that feedback speaks of, and that are no longer in the store.
        match: What became of each label that is no id of a stored document; None where all are.
        problems: What the reader of the labels left out or found odd.
        remarks: What makes the figures doubtful.
        seconds: Time spent in each stage.
        read_texts: What gives the texts of documents of the store, by id, when a page is written; it is not pickled.
    """

    applied: bool
    trial: Trial
    background: Literal["exact", "search"]
    journal: str
    outcome: Outcome | None = None
    unreachable: tuple[str, ...] = ()
    remedy: str = ""
    skipped: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    match: MatchReport | None = None
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    read_texts: Texts | None = None

    @property
    def tuned(self) -> Nudge:
        """The moves."""
        return self.trial.tuned

    @property
    def before(self) -> Evaluation:
        """Questions held out, with the original vectors."""
        return self.trial.before

    @property
    def after(self) -> Evaluation:
        """Questions held out, with moved vectors that had not learned from them."""
        return self.trial.after

    @cached_property
    def comparison(self) -> Comparison:
        """Before and after on questions held out: all, seen and unseen."""
        return self.trial.compare()

    @cached_property
    def hidden(self) -> Comparison | None:
        """Before and after on questions about documents whose labels were hidden, which stand for unseen ones; None for methods that do not hide."""
        return None if self.trial.unseen is None else self.trial.unseen[1].compare(self.trial.unseen[0])

    def report(self) -> Report:
        """The trial, what was written, and what became of the labels."""
        run = None if self.outcome is None else self.outcome.run
        facts = {
            "written": "yes" if self.applied else "no: no setting beats the original vectors on the questions held out",
            **({} if run is None else {"run": str(run.number)}),
            "background": self.background,
            **({"originals": self.journal} if self.applied else {}),
        }
        report = trial_report(self.trial)
        return replace(
            report,
            notes=(*self._left_out(), *self.remarks, *self.problems),
            sections=(*report.sections, *([] if self.match is None else [self.match.section()])),
            facts={**report.facts, **facts},
            seconds=self.seconds,
            texts=self.read_texts,
        )

    def to_dict(self) -> dict[str, Any]:
        """All figures, for JSON; scores from 0 to 1."""
        return {
            **self.tuned.to_dict(),
            "applied": self.applied,
            "run": None if self.outcome is None or self.outcome.run is None else self.outcome.run.number,
            "tried": [
                {
                    "method": one.name,
                    "worth": one.worth,
                    "seen": number_or_none(one.seen),
                    "unseen": number_or_none(one.unseen),
                }
                for one in self.trial.candidates
            ],
            "background": self.background,
            "folds": self.trial.folds,
            "chosen_by": self.trial.chosen_by,
            "unreachable": list(self.unreachable),
            "match": None if self.match is None else self.match.counts(),
            "problems": list(self.problems),
            "remarks": list(self.remarks),
            "journal": self.journal,
            "seconds": dict(self.seconds),
            "held_out": self.comparison.to_dict(),
            "hidden": None if self.hidden is None else self.hidden.to_dict(),
        }

    def blocks(self) -> list[Block]:
        """What was done, the figures, and what is to be known of them."""
        tuned = self.tuned
        if self.applied:
            run = "" if self.outcome is None or self.outcome.run is None else f", run {self.outcome.run.number}"
            first = f"{tuned.method}: {len(tuned)} of {tuned.docs} documents moved, {settings(tuned)}{run}."
        else:
            first = f"{tuned.method}: nothing was written, as no setting beats the original vectors on the questions held out."
        blocks: list[Block] = [first, *tried(self.trial), held(self.trial), self.comparison.rows()]
        if self.hidden is not None:
            blocks.append(hidden_sentence(self.hidden))
        blocks += [*self._left_out(), *self.remarks]
        if self.match is not None:
            blocks.append(f"{self.match.headline()} The rest is in report.match.")
        elif self.problems:
            blocks.append(f"The labels have {len(self.problems)} problems, in report.problems: {self.problems[0]}")
        originals = f" Originals: {_shown(self.journal)}" if self.applied else ""
        return [*blocks, f"Background: {self.background}.{originals}"]

    def _left_out(self) -> Iterator[str]:
        """What was not written, not found or not learned from, a sentence each."""
        done = Outcome(None, 0) if self.outcome is None else self.outcome
        for names, one, more in (
            (
                done.changed,
                "document changed meanwhile and was left alone",
                "documents changed meanwhile and were left alone",
            ),
            (
                done.missing,
                "document was deleted meanwhile and was left alone",
                "documents were deleted meanwhile and were left alone",
            ),
            (
                done.overwritten,
                "document was changed in the very moment of writing and may hold a vector of its text before: add it again",
                "documents were changed in the very moment of writing and may hold vectors of their texts before: add them again",
            ),
            (
                self.skipped,
                "question has no relevant document and was left out",
                "questions have no relevant document and were left out",
            ),
        ):
            if names:
                yield f"{counted(len(names), one, more)}: {first_few(names, 3)}."
        if self.unreachable:
            yield (
                f"The store's index no longer finds {len(self.unreachable)} of the documents tried by their own vector: "
                f"{first_few(self.unreachable, 3)}; {self.remedy}."
            )
        if self.gone:
            what = counted(len(self.gone), "document that is", "documents that are")
            yield f"Feedback on {what} no longer in the store was left out: {first_few(self.gone, 3)}."

    def __getstate__(self) -> dict[str, Any]:
        """Without the way to the store, which another process has not."""
        return {**self.__dict__, "read_texts": None}


def _shown(path: str) -> str:
    """A path as short as it can be said here."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path


FEWEST, CLEAR = 20, 3.0
"""From how many questions, and how many standard errors, it can be told whether their documents are near them."""


def remarks(corpus: Corpus, train: QuerySet, validation: QuerySet | None) -> tuple[str, ...]:
    """What a person should know before believing the figures."""
    return (*_both(train, validation), *_far(corpus, train))


def _both(train: QuerySet, validation: QuerySet | None) -> Iterator[str]:
    if validation is None or not train.texts or not validation.texts:
        return
    learned = set(map(normal, train.texts))
    both = [text for text in validation.texts if normal(text) in learned]
    if both:
        yield (
            f"{len(both)} of {len(validation)} validation questions were learned from too: {first_few(both, 3)}. "
            "Their figures say nothing of other questions."
        )


def _far(corpus: Corpus, train: QuerySet) -> Iterator[str]:
    """Whether questions are nearer to their own documents than to those of others, in the mean: else model or labels are wrong."""
    relevance = train.relevance
    rows, place = torch.unique(torch.as_tensor(corpus.find(relevance.documents)), return_inverse=True)
    if len(train) < FEWEST or len(rows) < FEWEST / 4:
        return
    documents = normalize(corpus.rows(rows.numpy()).to(torch.float32))
    questions = normalize(train.embeddings)
    answers = embedding_bag(
        place, documents, torch.as_tensor(relevance.offsets[:-1]), mode="mean"
    )  # each pair once, none held
    own = (questions * answers).sum(1)
    nearer = own - questions @ documents.mean(0)
    if float(nearer.mean()) < CLEAR * float(nearer.std()) / len(train) ** 0.5:
        yield (
            "Questions are no nearer to the documents that answer them than to others: they are embedded by another model than the documents, "
            "or the labels are wrong."
        )
