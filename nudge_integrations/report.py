"""NudgeReport: what a nudge did, and how the store does on questions held out."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from nudge_core.apply import Outcome
from nudge_core.errors import counted, first_few
from nudge_core.evaluation import Comparison, Evaluation
from nudge_core.evaluation.table import number_or_none
from nudge_core.result import Nudge
from nudge_core.trial import Trial
from nudge_integrations.labels.matching.report import MatchReport


@dataclass(frozen=True, eq=False, repr=False)
class NudgeReport:
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

    def to_dict(self) -> dict[str, Any]:
        """All figures, for JSON; scores from 0 to 1."""
        return {
            "applied": self.applied,
            "run": None if self.outcome is None or self.outcome.run is None else self.outcome.run.number,
            "method": self.tuned.method,
            "gamma": self.tuned.gamma,
            "gamma_unit": self.tuned.gamma_unit,
            "documents": self.tuned.docs,
            "moved": len(self.tuned),
            "settings": {name: dict(setting) for name, setting in self.tuned.settings.items()},
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

    def __repr__(self) -> str:
        tuned, how = self.tuned, self._settings()
        if self.applied:
            run = "" if self.outcome is None or self.outcome.run is None else f", run {self.outcome.run.number}"
            first = f"{tuned.method}: {len(tuned)} of {tuned.docs} documents moved, {how}{run}."
        else:
            first = f"{tuned.method}: nothing was written, as no setting beats the original vectors on the questions held out."
        lines = [first, *self._tried(), self._held(), repr(self.comparison)]
        if self.hidden is not None:
            line = self.hidden.lines[0]
            lines.append(
                f"{len(line.before)} questions about documents whose labels were hidden: "
                f"{line.measure} {100 * line.before.mean():.2f} -> {100 * line.after.mean():.2f}."
            )
        if self.outcome is not None:
            for names, one, more in (
                (self.outcome.changed, "document changed meanwhile and was", "documents changed meanwhile and were"),
                (
                    self.outcome.missing,
                    "document was deleted meanwhile and was",
                    "documents were deleted meanwhile and were",
                ),
            ):
                if names:
                    lines.append(f"{counted(len(names), one, more)} left alone: {first_few(names, 3)}.")
        if self.unreachable:
            lines.append(
                f"The store's index no longer finds {len(self.unreachable)} of the documents tried by their own vector: "
                f"{first_few(self.unreachable, 3)}; {self.remedy}."
            )
        if self.skipped:
            what = counted(
                len(self.skipped),
                "question has no relevant document and was",
                "questions have no relevant document and were",
            )
            lines.append(f"{what} left out: {first_few(self.skipped, 3)}.")
        if self.gone:
            what = counted(len(self.gone), "document that is", "documents that are")
            lines.append(f"Feedback on {what} no longer in the store was left out: {first_few(self.gone, 3)}.")
        lines += self.remarks
        if self.match is not None:
            lines.append(f"{self.match.headline()} The rest is in report.match.")
        elif self.problems:
            lines.append(f"The labels have {len(self.problems)} problems, in report.problems: {self.problems[0]}")
        originals = f" Originals: {_shown(self.journal)}" if self.applied else ""
        lines.append(f"Background: {self.background}.{originals}")
        return "\n".join(lines)

    def _settings(self) -> str:
        """How far documents moved, in words."""
        if not self.tuned.settings:
            return f"γ = {self.tuned.gamma:.4g} ({self.tuned.gamma_unit})"
        ways = []
        for name, setting in self.tuned.settings.items():
            point = "steps" if len(setting) > 1 else "γ"
            values = ", ".join(f"{point if key == 'point' else key} {value:.4g}" for key, value in setting.items())
            ways.append(values if len(self.tuned.settings) == 1 else f"{name} with {values}")
        return "; ".join(ways)

    def _held(self) -> str:
        """Which questions were held out."""
        if not self.trial.candidates:
            if self.trial.folds == 1:
                return f"{len(self.after)} validation questions, which chose γ:"
            return f"{len(self.after)} questions, each held out once in {self.trial.folds} folds{self._chosen_by()}:"
        if self.trial.folds == 1:
            return f"{len(self.after)} validation questions, which chose the method:"
        return f"{len(self.after)} questions held out, each once, in {self.trial.folds} folds:"

    def _tried(self) -> list[str]:
        """What a method that learns has tried."""
        if len(self.trial.candidates) < 3:
            return []
        measure = next(iter(self.after.values))
        parts = [f"{one.name} {_gain(one.seen)} / {_gain(one.unseen)}" for one in self.trial.candidates[1:]]
        return [f"Tried, by the gain in {measure} on seen / unseen questions held out: {'; '.join(parts)}."]

    def _chosen_by(self) -> str:
        """How many questions chose γ, where it was not all of them."""
        some = 0 < self.trial.chosen_by < len(self.after)
        return f", of which {self.trial.chosen_by} drawn at random chose γ" if some else ""


def _gain(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:+.1f}"


def _shown(path: str) -> str:
    """A path as short as it can be said here."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path
