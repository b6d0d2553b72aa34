"""The verdict: what the figures say, in sentences, with what speaks against shipping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from nudge_core.errors import counted

if TYPE_CHECKING:
    from nudge_core.evaluation import Comparison
    from nudge_core.evaluation.comparison import Difference
    from nudge_core.report.report import Report

FEW = 30
"""Fewer questions than these say little about those to come."""


def direction(line: Difference) -> Literal["better", "worse", "unclear"]:
    """Whether the interval of the change lies above zero, below it, or around it."""
    return "better" if line.low > 1e-12 else "worse" if line.high < -1e-12 else "unclear"


def main_line(comparison: Comparison, subset: str = "all") -> Difference | None:
    """The first measure on a subset; None where no question belongs to it."""
    first = comparison.lines[0].measure
    found = (line for line in comparison.lines if (line.measure, line.subset) == (first, subset))
    return next((line for line in found if len(line.before)), None)


def headline(report: Report) -> str:
    """What happened to questions held out, by the first measure; or, where none were measured, to documents."""
    line = None if report.comparison is None else main_line(report.comparison)
    if line is None or report.comparison is None:
        return repr(report.tuned) if report.tuned is not None else "Nothing was measured."
    questions = f"{counted(len(line.before), 'question', 'questions')} held out"
    verb = {"better": "rises", "worse": "falls", "unclear": "does not change clearly:"}[direction(line)]
    return f"{line.measure} {verb} {_change(line, report.comparison.level)} on {questions}."


def warnings(report: Report) -> Iterator[str]:
    """What a person should weigh before shipping."""
    if report.comparison is None:
        return
    level = report.comparison.level
    whole, unseen = (main_line(report.comparison, subset) for subset in ("all", "unseen"))
    if whole is not None and direction(whole) == "worse":
        yield "Questions held out are answered worse than before: do not ship these vectors."
    if unseen is not None and unseen.after.mean() < unseen.before.mean() - 1e-12:
        sure = "lose" if direction(unseen) == "worse" else "may lose"
        yield (
            f"Unseen questions {sure}: about documents that no question was learned from, {unseen.measure} goes {_change(unseen, level)} on "
            f"{counted(len(unseen.before), 'question', 'questions')}. {_remedy(report)}"
        )
    elif report.hidden is not None and (line := main_line(report.hidden)) is not None and direction(line) == "worse":
        yield (
            f"Unseen questions lose: with the labels of their documents hidden, {line.measure} goes {_change(line, level)} on "
            f"{counted(len(line.before), 'question', 'questions')}. {_remedy(report)}"
        )
    elif unseen is None and report.hidden is None:
        yield (
            "Nothing here tells how unseen questions fare, about documents that no question was learned from"
            + (
                ": all questions held out are seen ones."
                if main_line(report.comparison, "seen")
                else ": evaluate(…, train=…) tells them apart."
            )
        )
    if whole is not None and len(whole.before) < FEW:
        yield (
            f"Only {counted(len(whole.before), 'question was', 'questions were')} held out: too few to tell how others will fare. "
            "Label some more before you decide."
        )


def _remedy(report: Report) -> str:
    ways = "label more widely"
    if report.tuned is None or report.tuned.matrix is None:
        ways += (
            ", try Auto(allow_map=True) if you have not (nudge tune --method auto-map), which may move every document"
        )
    return f"If many questions to come are such, {ways}, or keep the original vectors."


def hidden_sentence(hidden: Comparison) -> str:
    """How questions fare about documents whose labels were hidden."""
    line = hidden.lines[0]
    return (
        f"{len(line.before)} questions about documents whose labels were hidden: "
        f"{line.measure} {100 * line.before.mean():.2f} -> {100 * line.after.mean():.2f}."
    )


def _change(line: Difference, level: float) -> str:
    before, after = 100 * line.before.mean(), 100 * line.after.mean()
    interval = f"{100 * line.low:+.1f} … {100 * line.high:+.1f}"
    return f"from {before:.1f} to {after:.1f} ({after - before:+.1f}, {100 * level:g} % interval {interval})"
