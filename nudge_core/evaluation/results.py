"""Evaluation: the values of every measure for each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nudge_core.arguments import expect
from nudge_core.data.relevance import Relevance
from nudge_core.display import Block, Reported, Shown, number_or_none
from nudge_core.errors import InputError, MissingExtraError
from nudge_core.evaluation.measures import Measure

Lengths: TypeAlias = Literal["one", "scaled", "given"]
SUBSETS = ("all", "seen", "unseen")


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Shown):
    """Measures per question.

    Attributes:
        ids: (queries,) names of the questions.
        values: For each measure (queries,) float64, each from 0 to 1.
        seen: (queries,) whether a relevant document is relevant to a training question too; None where no training questions were given.
        ranking: (queries, depth) ids of the documents found, best first.
        lengths: How the lengths of documents entered: all are "one", or they were "scaled" to one, or taken as "given".
        texts: The questions as texts, where they were given.
        relevance: The ids of the documents that answer each question; None where they are not known.
    """

    ids: NDArray[Any]
    values: Mapping[str, NDArray[np.float64]]
    seen: NDArray[np.bool_] | None
    ranking: NDArray[Any]
    lengths: Lengths = "one"
    texts: tuple[str, ...] | None = None
    relevance: Relevance | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @staticmethod
    def concat(parts: Sequence[Evaluation]) -> Evaluation:
        """The questions of several evaluations by the same measures, one after the other."""
        seen = [part.seen for part in parts if part.seen is not None]
        texts = [part.texts for part in parts if part.texts is not None]
        relevance = [part.relevance for part in parts if part.relevance is not None]
        return Evaluation(
            np.concatenate([part.ids for part in parts]),
            {measure: np.concatenate([part.values[measure] for part in parts]) for measure in parts[0].values},
            np.concatenate(seen) if len(seen) == len(parts) else None,
            np.concatenate([part.ranking for part in parts]),
            parts[0].lengths,
            tuple(text for part in texts for text in part) if len(texts) == len(parts) else None,
            Relevance.concat(relevance) if len(relevance) == len(parts) else None,
        )

    def subset(self, name: str) -> NDArray[np.bool_]:
        """(queries,) which questions belong to "all", "seen" or "unseen".

        Raises:
            InputError: Another name, or the training questions were not given.
        """
        if name == "all":
            return np.ones(len(self), dtype=bool)
        if name not in SUBSETS or self.seen is None:
            raise InputError(
                f"no subset {name!r}: expected one of {', '.join(SUBSETS)}, the latter two with evaluate(…, train=training questions)"
            )
        return self.seen if name == "seen" else ~self.seen

    def mean(self, measure: str, subset: str = "all") -> float:
        """Mean over the questions of a subset, from 0 to 1; NaN if it is empty."""
        name = str(Measure.parse(measure))
        if name not in self.values:
            raise InputError(f"{measure!r} was not measured; there are {', '.join(self.values)}")
        chosen = self.values[name][self.subset(subset)]
        return float(chosen.mean()) if len(chosen) else float("nan")

    @property
    def subsets(self) -> tuple[str, ...]:
        """The subsets that can be asked for."""
        return SUBSETS[:1] if self.seen is None else SUBSETS

    def to_dict(self) -> dict[str, Any]:
        """Means of every measure and subset, and the number of questions, for JSON."""
        return {
            name: {
                "questions": int(self.subset(name).sum()),
                **{measure: number_or_none(self.mean(measure, name)) for measure in self.values},
            }
            for name in self.subsets
        }

    def rows(self) -> list[list[str]]:
        """The table as texts, with a head; scores in points from 0 to 100. Empty subsets are left out."""
        rows = [["", "questions", *self.values]]
        for name in self.subsets:
            if count := int(self.subset(name).sum()):
                rows.append([name, str(count), *(f"{100 * self.mean(measure, name):.2f}" for measure in self.values)])
        return rows

    def blocks(self) -> list[Block]:
        """The table."""
        return [self.rows()]

    def compare(self, before: Evaluation, *, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Comparison:
        """This evaluation beside an earlier one of the same questions.

        Args:
            before: The earlier one.
            level: Confidence level of the intervals.
            resamples: How many bootstrap resamples of the questions.
            seed: Seed of the resampling.

        Raises:
            InputError: Other questions, no measure in common, or a level outside 0 to 1.
            MissingExtraError: scipy is not installed.
        """
        expect(before, Evaluation, "before", "evaluate the original vectors first: after.compare(before)")
        if not 0 < level < 1 or resamples < 1:
            raise InputError(f"level is {level} and resamples {resamples}; expected for example 0.95 and 2000")
        if not np.array_equal(self.ids, before.ids):
            raise InputError(f"these are different questions ({len(before)} and {len(self)}): use the same set twice")
        if {self.lengths, before.lengths} == {"given", "scaled"}:
            raise InputError(
                "one evaluation ranks documents of different lengths by dot product, the other by cosine, so they cannot be "
                'compared: evaluate the original vectors with metric="cosine"'
            )
        shared = [measure for measure in self.values if measure in before.values]
        if not shared:
            raise InputError(f"no measure in common: {', '.join(before.values)} and {', '.join(self.values)}")
        lines = []
        for measure in shared:
            for name in self.subsets:
                chosen = self.subset(name)
                pair = before.values[measure][chosen], self.values[measure][chosen]
                interval = bootstrap_interval(pair[1] - pair[0], level, resamples, seed)
                lines.append(Difference(measure, name, *pair, *interval))
        return Comparison(tuple(lines), level, before, self)


LEAST = 10
"""Fewer questions than these say nothing of others: no interval is shown, and no gain is supported by them."""


@dataclass(frozen=True, eq=False)
class Difference:
    """One measure on one subset, before and after; `low` and `high` are the ends of the interval of the mean difference."""

    measure: str
    subset: str
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    low: float
    high: float

    @property
    def tells(self) -> bool:
        """Whether there are enough questions for the interval to mean something."""
        return len(self.after) >= LEAST

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

    def to_dict(self) -> dict[str, Any]:
        """All lines, for JSON; scores from 0 to 1."""
        return {"level": self.level, "lines": [line.to_dict() for line in self.lines]}

    def rows(self) -> list[list[str]]:
        """The table as texts, with a head; scores in points from 0 to 100. Empty subsets are left out."""
        change = f"change ({100 * self.level:g} % interval)"
        rows = [["measure", "questions", "before", "after", change, "better/worse"]]
        for line in self.lines:
            d = line.to_dict()
            if d["questions"]:
                interval = f" ({100 * line.low:+.2f} … {100 * line.high:+.2f})" if line.tells else ""
                change = f"{100 * d['difference']:+.2f}{interval}"
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
