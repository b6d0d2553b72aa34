"""NudgeReport: what a nudge did, and how the store does on questions held out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from nudge_core.apply.file import now
from nudge_core.apply.records import Outcome
from nudge_core.display import Block, Reported, Texts, number_or_none
from nudge_core.errors import InputError, counted
from nudge_core.evaluation import Comparison, Evaluation
from nudge_core.report import Report
from nudge_core.report.report import hidden_sentence
from nudge_core.report.trials import held, settings, trial_report, tried
from nudge_core.result import Nudge
from nudge_core.trial import Trial
from nudge_integrations.collection.left_out import left_out
from nudge_integrations.collection.plan import Written
from nudge_integrations.collection.words import LANGCHAIN, Words
from nudge_integrations.labels.matching.report import MatchReport


@dataclass(frozen=True, eq=False, repr=False)
class NudgeReport(Reported):
    """What a nudge did, or would do.

    Attributes:
        applied: Whether vectors were written: only where questions held out support a gain (`trial.evidence`), or with force=True.
        trial: The fine-tuning and its evaluations.
        background: "exact" where every vector of the store was read, "search" where the store's own search stood for those without labels.
        journal: The file that holds the originals.
        outcome: The run; None where nothing was written.
        unreachable: Documents out of a sample of those moved that the store's index no longer finds by their own vector.
        remedy: What to do about these.
        skipped: Questions that were left out, as nothing is relevant to them.
        gone: Documents that feedback speaks of, and that are no longer in the store.
        missing: Documents that labels name, and that are not in the store, or do not pass the filter.
        filtered: Whether there was a filter.
        by_key: By which metadata labels by ids were found, one of `problems`; "" where they are ids of documents.
        match: What became of each label that is no id of a stored document; None where all are.
        problems: What the reader of the labels left out or found odd.
        remarks: What makes the figures doubtful.
        given: How many labelled questions were given.
        used: How many questions were learned from or held out.
        from_feedback: How many more questions came from the feedback kept.
        collection: The store, in words.
        date: When, in ISO 8601, UTC.
        seconds: Time spent in each stage.
        words: How the caller's framework calls what remedies name.
        read_texts: What gives the texts of documents of the store, by id, when a page is written; it is not pickled.
        preview: Writes what a dry run found; None where nothing is to be written. It is not pickled.
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
    missing: tuple[str, ...] = ()
    filtered: bool = False
    by_key: str = ""
    match: MatchReport | None = None
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    given: int = 0
    used: int = 0
    from_feedback: int = 0
    collection: str = ""
    date: str = field(default_factory=now)
    seconds: Mapping[str, float] = field(default_factory=dict)
    words: Words = LANGCHAIN
    read_texts: Texts | None = None
    preview: Callable[[], Written] | None = None

    def apply(self) -> NudgeReport:
        """Write what a dry run found, if the store has not changed since.

        Returns:
            The report of what was written.

        Raises:
            InputError: There is nothing to write: it was written already, or the dry run found no supported gain.
            StoreError: The store has changed since the dry run, or failed.
        """
        if self.preview is None:
            why = (
                "this was written already"
                if self.applied
                else "nothing is to be written"
                if self.read_texts
                else "it was pickled"
            )
            raise InputError(
                f"there is nothing to apply: {why}. {self.words.nudge_more.format('dry_run=True')} makes a preview"
            )
        return self.written(self.preview())

    def written(self, done: Written) -> NudgeReport:
        """The report once its vectors were written."""
        return replace(
            self,
            applied=True,
            outcome=done.outcome,
            unreachable=done.unreachable,
            remedy=done.remedy if done.unreachable else "",
            preview=None,
        )

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

    @property
    def verdict(self) -> str:
        """What was done and what it does for questions held out, in a sentence or two; or why nothing was written, and what would help."""
        return self.report().verdict

    def report(self) -> Report:
        """The trial, what was written, and what became of the labels."""
        run = None if self.outcome is None else self.outcome.run
        facts = {
            "written": "yes" if self.applied else "no",
            **({} if run is None else {"run": str(run.number)}),
            "questions": self._questions(),
            "collection": self.collection,
            "date": self.date,
            "background": self.background,
            **({"originals": self.journal} if self.applied else {}),
        }
        report = trial_report(self.trial)
        return replace(
            report,
            done=self._done(),
            wider=self.words.allow_map,
            notes=(*filter(None, [self.by_key]), *left_out(self), *self.remarks, *self._other_problems),
            sections=(*report.sections, *([] if self.match is None else [self.match.section()])),
            facts={**report.facts, **{name: said for name, said in facts.items() if said}},
            seconds=self.seconds,
            texts=self.read_texts,
        )

    def _done(self) -> str:
        """What was done, and why nothing was where nothing was."""
        tuned = self.tuned
        moved = f"{len(tuned):,} of {tuned.docs:,} documents"
        if self.applied:
            run = "" if self.outcome is None or self.outcome.run is None else f" in run {self.outcome.run.number}"
            back = 0 if self.outcome is None else self.outcome.put_back
            took = (
                f", and {counted(back, 'document', 'documents')} that an earlier run had moved got the original back"
                if back
                else ""
            )
            forced = "" if self.trial.improves else f" It was forced: {self.trial.evidence.why_not()}."
            return f"{moved} were moved{run}{took}.{forced}"
        if self.preview is not None:
            return f"A preview, nothing was written yet: {moved} would move. report.apply() writes them."
        if not len(tuned):
            why = (
                f"no setting is better than the original vectors on the {counted(len(self.trial.after), 'question', 'questions')} held out. "
                "More labelled questions about the same documents would help most"
            )
            ways = "" if self.tuned.matrix is not None else f"; or let every document move: {self.words.allow_map}"
        else:
            why, ways = self.trial.evidence.why_not(), f"; {self.words.force} writes it all the same"
        return f"Nothing was written: {why}{ways}."

    def _questions(self) -> str:
        """How many questions were given and used, and why the others were not."""
        if not self.given:
            return ""
        unmatched = 0 if self.match is None else len(self.match.unmatched)
        joined = self.given + self.from_feedback - self.used - unmatched - len(self.skipped)
        why = [
            f"{count} {reason}"
            for count, reason in (
                (unmatched, "whose documents were not found"),
                (len(self.skipped), "without a relevant document in the store"),
                (joined, "that stand more than once and were joined"),
            )
            if count > 0
        ]
        more = f" and {self.from_feedback} from feedback" if self.from_feedback else ""
        return f"{self.given} given{more}, {self.used} used{': left out ' if why else ''}{', '.join(why)}"

    def to_dict(self) -> dict[str, Any]:
        """All figures, for JSON; scores from 0 to 1."""
        return {
            **self.tuned.to_dict(),
            "verdict": self.verdict,
            "warnings": [*self.report().warnings, *self.remarks],
            "applied": self.applied,
            "put_back": 0 if self.outcome is None else self.outcome.put_back,
            "collection": self.collection,
            "date": self.date,
            "questions": {
                "given": self.given,
                "from_feedback": self.from_feedback,
                "used": self.used,
                "left_out": list(self.skipped),
            },
            "missing": list(self.missing),
            "evidence": self.trial.evidence.to_dict(),
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
        """The verdict, what speaks against it, the figures, and what is to be known of them."""
        report, tuned = self.report(), self.tuned
        blocks: list[Block] = [report.verdict, *([f"{self.by_key}."] if self.by_key else [])]
        blocks += [*(f"Warning: {said}" for said in report.warnings)]
        blocks += [f"Warning: {said}" for said in self.remarks]
        moved = f"{tuned.method}, {settings(tuned)}." if len(tuned) else ""
        blocks += [*filter(None, [moved]), *tried(self.trial), held(self.trial), self.comparison.rows()]
        if self.hidden is not None:
            blocks.append(hidden_sentence(self.hidden))
        if asked := self._questions():
            blocks.append(f"Questions: {asked}.")
        blocks += left_out(self)
        if self.match is not None:
            blocks.append(f"{self.match.headline()} The rest is in report.match.")
        elif others := self._other_problems:
            blocks.append(f"The labels have {len(others)} problems, in report.problems: {others[0]}")
        where = f"{self.collection}, {self.date}. " if self.collection else ""
        originals = f" Originals: {_shown(self.journal)}" if self.applied else ""
        return [*blocks, f"{where}Background: {self.background}.{originals}"]

    @property
    def _other_problems(self) -> list[str]:
        return [problem for problem in self.problems if problem != self.by_key]

    def __getstate__(self) -> dict[str, Any]:
        """Without the ways to the store, which another process has not."""
        return {**self.__dict__, "read_texts": None, "preview": None}


def _shown(path: str) -> str:
    """A path as short as it can be said here."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path
