"""Comparison: two evaluations of the same questions, side by side, with intervals of the difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import MissingExtraError
from nudge_core.evaluation.table import number_or_none
from nudge_core.report.shown import Block, Reported

if TYPE_CHECKING:
    from nudge_core.evaluation.results import Evaluation
    from nudge_core.report import Report


@dataclass(frozen=True, eq=False)
class Difference:
    """One measure on one subset, before and after; `low` and `high` are the ends of the interval of the mean difference."""

    measure: str
    subset: str
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """Means, the difference with its interval, and how many questions got better, stayed, got worse."""
        change = self.after - self.before
        return {
            "measure": self.measure,
            "subset": self.subset,
            "questions": len(change),
            "before": _mean(self.before),
            "after": _mean(self.after),
            "difference": _mean(change),
            "low": number_or_none(self.low),
            "high": number_or_none(self.high),
            "better": int((change > 1e-12).sum()),
            "same": int((abs(change) <= 1e-12).sum()),
            "worse": int((change < -1e-12).sum()),
        }


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Reported):
    """Before and after, measure by measure: all questions, seen ones and unseen ones.

    Attributes:
        lines: One for each measure and subset.
        level: Confidence level of the intervals.
        before: The earlier evaluation.
        after: The later one, of the same questions in the same order.
    """

    lines: tuple[Difference, ...]
    level: float
    before: Evaluation
    after: Evaluation

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that both evaluations have."""
        return tuple(dict.fromkeys(line.measure for line in self.lines))

    def report(self) -> Report:
        """The report of these questions; with the moves too it is `Report(comparison, tuned)`."""
        from nudge_core.report import Report

        return Report(self)

    def to_dict(self) -> dict[str, Any]:
        """All lines, for JSON; scores from 0 to 1."""
        return {"level": self.level, "lines": [line.to_dict() for line in self.lines]}

    def rows(self) -> list[list[str]]:
        """The table as texts, with a head; scores in points from 0 to 100. Empty subsets are left out."""
        rows = [
            ["measure", "questions", "before", "after", f"change ({100 * self.level:g} % interval)", "better/worse"]
        ]
        for line in self.lines:
            d = line.to_dict()
            if d["questions"]:
                change = f"{100 * d['difference']:+.2f} ({100 * line.low:+.2f} … {100 * line.high:+.2f})"
                scores = (f"{100 * d['before']:.2f}", f"{100 * d['after']:.2f}", change)
                rows.append([line.measure, f"{line.subset} {d['questions']}", *scores, f"{d['better']}/{d['worse']}"])
        return rows

    def blocks(self) -> list[Block]:
        """The table."""
        return [self.rows()]


def bootstrap_interval(
    change: NDArray[np.float64], level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of paired differences (Efron & Tibshirani 1993, chapter 13).

    Args:
        change: (queries,) after minus before.
        level: Confidence level.
        resamples: How many resamples.
        seed: Seed of the resampling.

    Returns:
        Low and high end; both the mean itself where all differences are equal or there is one only, NaN where there is none.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    if not len(change):
        return float("nan"), float("nan")
    if np.ptp(change) == 0:
        return float(change[0]), float(change[0])
    try:
        from scipy.stats import bootstrap
    except ImportError as error:
        raise MissingExtraError("scipy", "evaluation", "the bootstrap interval") from error
    batch = max(1, (1 << 22) // len(change))
    found = bootstrap(
        (change,),
        np.mean,
        n_resamples=resamples,
        confidence_level=level,
        method="percentile",
        batch=batch,
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None
