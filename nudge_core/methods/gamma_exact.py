"""The exact search of γ for NUDGE-M: the γ that lies in the most intervals, by sorting their ends (paper, section 3.1).

With a = q·D and b = q·G/‖G‖ the score of a document is the line a + γb. An answer ranks first where its line lies above all others: an interval
of γ ≥ 0, empty for most answers. Where two lines cross their documents tie, and the one of the lower row ranks first: so an interval holds its end
only if every document that bounds it there has a higher row. Two answers of one question therefore never count twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.corpus.background import TILE
from nudge_core.methods.gamma_sweep import Directions
from nudge_core.methods.problem import Validation


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals of γ from `low` to `high`; `holds_low` and `holds_high` say whether the ends belong to them."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    holds_low: NDArray[np.bool_]
    holds_high: NDArray[np.bool_]

    @staticmethod
    def concat(parts: Sequence[Intervals]) -> Intervals:
        """Those of several splits."""
        names = ("low", "high", "holds_low", "holds_high")
        return Intervals(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def best_gamma(intervals: Intervals, questions: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The first γ at which the most validation questions have an answer in the first place.

    At an end of an interval two documents tie and rounding would decide: so γ is taken from the stretch above it if that is as good.

    Returns:
        γ ascending from 0 on; the share of the questions at each; and the best γ.
    """
    gamma, covered = cover(intervals)
    best = int(np.argmax(covered))
    if best and covered[best + 1 - best % 2] == covered[best]:  # ends are at even places, stretches at odd ones
        best += 1 - best % 2
    return gamma, covered / questions, float(gamma[best])


def cover(intervals: Intervals) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How many intervals hold each γ, at 0 and wherever that number may change, in O(m log m).

    Returns:
        γ ascending, from 0 on: each end of an interval, and a point above it that stands for all up to the next end; and the counts.
    """
    ends = np.unique(np.concatenate([[0.0], intervals.low, intervals.high]))
    ends = ends[np.isfinite(ends)]
    # per end, in the order of γ: what ends before the point, begins at it, ends after it, begins after it
    change = np.zeros((len(ends), 4), dtype=np.int64)
    for values, sign, at_point, holds in (
        (intervals.low, 1, 1, intervals.holds_low),
        (intervals.high, -1, 2, intervals.holds_high),
    ):
        finite = np.isfinite(values)
        column = np.where(holds, at_point, 3 if sign > 0 else 0)[finite]
        np.add.at(change, (np.searchsorted(ends, values[finite]), column), sign)
    count = change.reshape(-1).cumsum().reshape(-1, 4)
    above = ends + np.minimum(1e-4 * np.maximum(1.0, ends), np.diff(ends, append=np.inf) / 2)
    return np.stack([ends, above], 1).reshape(-1), count[:, [1, 3]].reshape(-1)


def first_place(validation: Validation, directions: Directions, *, offset: float = 0.0) -> Intervals:
    """For each validation question and answer the interval of γ in which the answer ranks first; empty ones are left out."""
    documents, background, parts = validation.documents, validation.background, []
    height = max(1, TILE // len(documents))
    for start in range(0, len(validation.labels), height):
        stop = min(start + height, len(validation.labels))
        labels = validation.labels.slice(start, stop)
        a = torch.cat([labels.queries @ documents.T, background.scores[start:stop, :1]], 1)
        b = torch.cat([labels.queries @ directions.toward.T, torch.zeros_like(a[:, :1])], 1)
        rows = torch.cat([validation.rows.expand(len(labels), -1), background.rows[start:stop, :1]], 1)
        for question, answer in zip(labels.pair_queries.split(height), labels.documents.split(height), strict=True):
            parts.append(_intervals(a, b, rows, question, answer, offset))
    low, high, holds_low, holds_high = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Intervals(low.astype(np.float64), high.astype(np.float64), holds_low, holds_high)


def _intervals(
    a: Tensor, b: Tensor, rows: Tensor, question: Tensor, answer: Tensor, offset: float
) -> tuple[NDArray[Any], ...]:
    low, high = _ends(a, b, question, answer, offset)
    kept = torch.nonzero(low <= high).reshape(-1)
    question, answer, low, high = question[kept], answer[kept], low[kept], high[kept]
    crossing, slope = _crossings(a, b, question, answer, offset)
    earlier = rows[question] < rows[question, answer].unsqueeze(1)
    holds_low = ~((crossing == low.unsqueeze(1)) & (slope < 0) & earlier).any(1)
    holds_high = ~((crossing == high.unsqueeze(1)) & (slope > 0) & earlier).any(1)
    parallel = (slope == 0) & (a[question] == a[question, answer].unsqueeze(1)) & earlier
    some = ((low < high) | (holds_low & holds_high)) & ~parallel.any(1)
    return tuple(part[some].cpu().numpy() for part in (low, high, holds_low, holds_high))


def _crossings(a: Tensor, b: Tensor, question: Tensor, answer: Tensor, offset: float) -> tuple[Tensor, Tensor]:
    """(pairs, pool) the γ at which each document's line crosses the answer's, and how much steeper it is."""
    slope = b[question] - b[question, answer].unsqueeze(1)
    return (a[question, answer].unsqueeze(1) - a[question]) / (slope - offset), slope


def _ends(a: Tensor, b: Tensor, question: Tensor, answer: Tensor, offset: float) -> tuple[Tensor, Tensor]:
    """(pairs,) from the last crossing with a flatter line above to the first with a steeper one; low > high where there is none."""
    crossing, slope = _crossings(a, b, question, answer, offset)
    low = torch.where(slope < 0, crossing, 0.0).amax(1).clamp(min=0)
    high = torch.where(slope > 0, crossing, torch.inf).amin(1)
    above = (slope == 0) & (a[question] > a[question, answer].unsqueeze(1))
    return low, torch.where(above.any(1), -torch.inf, high)
