"""Report: everything needed to decide whether to deploy the moved vectors. Text, table, JSON, frame and page are made of it."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from nudge_core.arguments import expect
from nudge_core.display import Block, Reported, Texts, report_of
from nudge_core.errors import InputError, counted
from nudge_core.evaluation.results import Comparison, Difference
from nudge_core.result import Nudge


@dataclass(frozen=True)
class Section:
    """A part of a report that is sentences and a table.

    Attributes:
        title: Its heading.
        lines: Sentences before the table.
        rows: The table; the first row is its head. Empty for none.
    """

    title: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Report(Reported):
    """What fine-tuning did.

    Attributes:
        comparison: Questions held out, before and after; None where none were measured.
        tuned: The moves; None where only two evaluations are compared.
        title: The heading.
        held: Which questions these are, in a sentence.
        hidden: Before and after for questions about documents whose labels were hidden, which stand for unseen ones.
        notes: What makes the figures doubtful or is otherwise worth knowing, a sentence each.
        sections: Further parts: what was tried, how labels were matched.
        facts: How it was made beside what `tuned` tells: name and value.
        seconds: Time spent in each stage; without it that of `tuned`.
        texts: {document id: text}, or what gives such a mapping for a list of ids.
        questions: {question id: text}, where the evaluations do not know the texts.
        done: What was done with the moves, a sentence that goes before the verdict on them.
        wider: How the caller lets every document move, for remedies.

    Example:
        >>> import numpy as np
        >>> from nudge_core import NudgeN, QuerySet, evaluate, finetune
        >>> from nudge_core.report import Report
        >>> X, queries = np.eye(3, dtype="f4"), QuerySet([[0.6, 0.8, 0.0]], [[0]])
        >>> tuned = finetune(X, queries, method=NudgeN(gammas=0.3))
        >>> before, after = evaluate(X, queries, ["RR@3"]), evaluate(X, queries, ["RR@3"], tuned=tuned)
        >>> print(Report(after.compare(before), tuned).verdict)
        RR@3 does not change clearly: from 50.0 to 100.0 (+50.0) on 1 question held out.
    """

    comparison: Comparison | None = None
    tuned: Nudge | None = None
    title: str = "Before and after fine-tuning"
    held: str = ""
    hidden: Comparison | None = None
    notes: tuple[str, ...] = ()
    sections: tuple[Section, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    texts: Texts | None = None
    questions: Mapping[Any, str] | None = None
    done: str = ""
    wider: str = "method=Auto(allow_map=True)"

    def __post_init__(self) -> None:
        """Check what was given.

        Raises:
            InputError: Parts in the place of others, or of another kind.
        """
        call = "Report(after.compare(before), tuned)"
        for name in ("comparison", "hidden"):
            if getattr(self, name) is not None:
                expect(getattr(self, name), Comparison, name, call)
        if self.tuned is not None:
            expect(self.tuned, Nudge, "tuned", call)
        for name, kind, what in (("notes", str, "sentences"), ("sections", Section, "Section objects")):
            given: Any = getattr(self, name)
            if not isinstance(given, list | tuple) or not all(isinstance(one, kind) for one in given):
                raise InputError(f"{name} is {repr(given)[:60]}; expected a list of {what}")
        for name in ("facts", "seconds"):
            expect(getattr(self, name), Mapping, name, "{name: value}")

    def report(self) -> Report:
        """Itself."""
        return self

    @property
    def verdict(self) -> str:
        """What happened to questions held out, by the first measure; or, where none were measured, to documents."""
        line = None if self.comparison is None else main_line(self.comparison)
        if line is None or self.comparison is None:
            return self.done or (repr(self.tuned) if self.tuned is not None else "Nothing was measured.")
        verb = {"better": "rises", "worse": "falls", "unclear": "does not change clearly:"}[direction(line)]
        said = f"{line.measure} {verb} {_change(line, self.comparison.level)} on {_questions(line)} held out."
        return f"{self.done} {said}" if self.done else said

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against it: questions that lose, or too few of them."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        if self.comparison is None:
            return
        level = self.comparison.level
        whole, unseen = (main_line(self.comparison, subset) for subset in ("all", "unseen"))
        hidden = None if self.hidden is None else main_line(self.hidden)
        if whole is not None and direction(whole) == "worse":
            yield "Questions held out are answered worse than before: do not ship these vectors."
        if unseen is not None and unseen.after.mean() < unseen.before.mean() - 1e-12:
            sure = "lose" if direction(unseen) == "worse" else "may lose"
            yield (
                f"Unseen questions {sure}: about documents that no question was learned from, {unseen.measure} goes {_change(unseen, level)} on "
                f"{_questions(unseen)}. {self._remedy()}"
            )
        elif hidden is not None and direction(hidden) == "worse":
            yield (
                f"Unseen questions lose: with the labels of their documents hidden, {hidden.measure} goes {_change(hidden, level)} on "
                f"{_questions(hidden)}. {self._remedy()}"
            )
        elif unseen is None and self.hidden is None:
            seen_only = main_line(self.comparison, "seen") is not None
            why = "all questions held out are seen ones." if seen_only else "evaluate(…, train=…) tells them apart."
            yield f"Nothing here tells how unseen questions fare, about documents that no question was learned from: {why}"
        if whole is not None and len(whole.before) < FEW:
            yield (
                f"Only {counted(len(whole.before), 'question was', 'questions were')} held out: too few to tell how others will fare. "
                "Label some more before you decide."
            )

    def _remedy(self) -> str:
        ways = "label more widely"
        if self.tuned is None or self.tuned.matrix is None:
            ways += f", try {self.wider} if you have not, which may move every document"
        return f"If many questions to come are such, {ways}, or keep the original vectors."

    def blocks(self) -> list[Block]:
        """The verdict, the table, and what is to be known of it."""
        warned = [f"Warning: {said}" for said in self.warnings]
        blocks: list[Block] = [self.verdict, *warned, *([self.held] if self.held else [])]
        if self.comparison is not None:
            blocks.append(self.comparison.rows())
        if self.hidden is not None:
            blocks.append(hidden_sentence(self.hidden))
        return [*blocks, *self.notes]

    def to_dict(self) -> dict[str, Any]:
        """All figures, for JSON; scores from 0 to 1."""
        return {
            "title": self.title,
            "verdict": self.verdict,
            "warnings": list(self.warnings),
            **({} if self.tuned is None else self.tuned.to_dict()),
            "held": self.held,
            "held_out": None if self.comparison is None else self.comparison.to_dict(),
            "hidden": None if self.hidden is None else self.hidden.to_dict(),
            "notes": list(self.notes),
            "facts": dict(self.facts),
            "seconds": self.stages,
            "versions": versions(),
        }

    @property
    def stages(self) -> dict[str, float]:
        """Seconds by stage."""
        return dict(self.seconds or ({} if self.tuned is None else self.tuned.seconds))


_PACKAGES = ("nudge-integrations", "numpy", "torch")


def versions() -> dict[str, str]:
    """Python and the packages that compute, by name."""
    found = {"python": platform.python_version(), **dict.fromkeys(_PACKAGES, "not installed")}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):  # run from its sources
            found[package] = version(package)
    return found


FEW = 30
"""Fewer questions than these say little about those to come."""


def direction(line: Difference) -> Literal["better", "worse", "unclear"]:
    """Whether the interval of the change lies above zero, below it, or around it; unclear where there are too few questions for one."""
    if not line.tells:
        return "unclear"
    return "better" if line.low > 1e-12 else "worse" if line.high < -1e-12 else "unclear"


def main_line(comparison: Comparison, subset: str = "all") -> Difference | None:
    """The first measure on a subset; None where no question belongs to it."""
    first = comparison.lines[0].measure
    found = (line for line in comparison.lines if (line.measure, line.subset) == (first, subset))
    return next((line for line in found if len(line.before)), None)


def hidden_sentence(hidden: Comparison) -> str:
    """How questions fare about documents whose labels were hidden."""
    line = hidden.lines[0]
    return (
        f"{len(line.before)} questions about documents whose labels were hidden: "
        f"{line.measure} {100 * line.before.mean():.2f} -> {100 * line.after.mean():.2f}."
    )


def _questions(line: Difference) -> str:
    return counted(len(line.before), "question", "questions")


def _change(line: Difference, level: float) -> str:
    before, after = 100 * line.before.mean(), 100 * line.after.mean()
    interval = f", {100 * level:g} % interval {100 * line.low:+.1f} … {100 * line.high:+.1f}" if line.tells else ""
    return f"from {before:.1f} to {after:.1f} ({after - before:+.1f}{interval})"


@report_of.register
def _of_comparison(comparison: Comparison) -> Report:
    """The report of these questions; with the moves too it is `Report(comparison, tuned)`."""
    return Report(comparison)


@report_of.register
def _of_moves(tuned: Nudge) -> Report:
    """The report of the moves; with questions held out too it is `Report(after.compare(before), tuned)`."""
    return Report(tuned=tuned)
