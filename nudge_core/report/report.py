"""Report: all that a person needs to decide whether moved vectors shall serve. Text, table, JSON, frame and page are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nudge_core.report.shown import Block, Reported, Texts
from nudge_core.report.verdict import headline, hidden_sentence, warnings
from nudge_core.report.versions import versions

if TYPE_CHECKING:
    from nudge_core.evaluation import Comparison
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

    Example:
        >>> import numpy as np
        >>> from nudge_core import NudgeN, QuerySet, evaluate, finetune
        >>> from nudge_core.report import Report
        >>> X, queries = np.eye(3, dtype="f4"), QuerySet([[0.6, 0.8, 0.0]], [[0]])
        >>> tuned = finetune(X, queries, method=NudgeN(gammas=0.3))
        >>> before, after = evaluate(X, queries, ["RR@3"]), evaluate(X, queries, ["RR@3"], tuned=tuned)
        >>> print(Report(after.compare(before), tuned).verdict)
        RR@3 rises from 50.0 to 100.0 (+50.0, 95 % interval +50.0 … +50.0) on 1 question held out.
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

    def report(self) -> Report:
        """Itself."""
        return self

    @property
    def verdict(self) -> str:
        """What matters most, in a sentence."""
        return headline(self)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against it: questions that lose, or too few of them."""
        return tuple(warnings(self))

    def blocks(self) -> list[Block]:
        """The verdict, the table, and what is to be known of it."""
        blocks: list[Block] = [self.verdict, *([self.held] if self.held else [])]
        if self.comparison is not None:
            blocks.append(self.comparison.rows())
        if self.hidden is not None:
            blocks.append(hidden_sentence(self.hidden))
        return [*blocks, *self.warnings, *self.notes]

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
