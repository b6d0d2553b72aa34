"""Objective: what a score on questions held out is worth, and which point of a path is taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nudge_core.methods.base import Setting

UNSEEN = 0.1
"""At least so large a share of the questions to come is taken to be about documents that no label names, whatever those held out are about."""

UNCOVERED = 0.01
"""Where a smaller share of the documents than this has no labels, there is less to protect: that share and the weight of harm shrink with it."""

FURTHER = 2.0
"""One way after another has to be better than the first alone by so many standard errors; other ways, by one."""


@dataclass(frozen=True, eq=False)
class Path:
    """One setting along its path, on the questions held out by the folds.

    Attributes:
        setting: The setting.
        points: (points,) how far the path had gone, in steps or γ; the first is 0, where it began.
        scores: (points, held) the measure of each question.
    """

    setting: Setting
    points: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Value:
    """What a score is worth: the mean gain over the questions to come, and what harm to unseen ones costs beyond that.

    Attributes:
        before: (held,) the measure of each question without fine-tuning.
        seen: (held,) whether a document of the question was learned about.
        share: The share of unseen questions that is to be expected.
        unseen_weight: What a point that unseen questions lose costs, beyond `FREE`, however few they are.
        growth: How many times the labels of a fold are learned from in the end. What unseen questions lose grows with that: more documents move.
    """

    before: NDArray[np.float64]
    seen: NDArray[np.bool_]
    share: float
    unseen_weight: float
    growth: float = 1.0

    def of(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(…,) the worth of (…, held) scores, as a gain over no fine-tuning."""
        gain = scores - self.before
        seen, unseen = self._mean(gain, self.seen), self._unseen(gain)
        harm = np.maximum(0, -FREE - self.growth * unseen)
        worth: NDArray[np.float64] = (1 - self.share) * seen + self.share * unseen - self.unseen_weight * harm
        return worth

    def error(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
        """The standard error of the difference in worth between (held,) scores, question by question."""
        apart = first - second
        total = 0.0
        for chosen, weight in ((self.seen, 1 - self.share), (~self.seen, self._trusted * self.share)):
            if chosen.sum() > 1:
                total += weight**2 * float(apart[chosen].var(ddof=1)) / int(chosen.sum())
        return float(np.sqrt(total))

    @property
    def _trusted(self) -> float:
        """A mean over few unseen questions is drawn to zero: one question alone would decide."""
        count = int((~self.seen).sum())
        return count / (count + DOUBT)

    def _unseen(self, gain: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._trusted * self._mean(gain, ~self.seen)

    @staticmethod
    def _mean(gain: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        mean: NDArray[np.float64] = gain[..., chosen].mean(-1) if chosen.any() else np.zeros(gain.shape[:-1])
        return mean


FREE = 0.01
"""So much may unseen questions lose in the mean before it costs more than their share."""

DOUBT = 10
"""So many unseen questions without gain or loss are added to those held out."""


def best(paths: list[Path], value: Value) -> tuple[Path, int]:
    """The setting and point to take: the best of the paths after smoothing, then the first on the same path that is as good within its error."""
    smooth = [_smoothed(value.of(path.scores)) for path in paths]
    chosen = max(range(len(paths)), key=lambda i: float(smooth[i].max()))
    path, worth = paths[chosen], smooth[chosen]
    top = int(worth.argmax())
    for point in range(top):
        if worth[top] - worth[point] <= EARLIER * value.error(path.scores[top], path.scores[point]):
            return path, point
    return path, top


EARLIER = 0.1
"""An earlier point is taken where the later one is better by less than so many standard errors."""


def _smoothed(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each point with half the weight of its neighbours; where a path begins stays as it is."""
    if len(worth) < 3:
        return worth
    ends = np.append(worth, worth[-1])
    inner = (ends[:-2] + 2 * ends[1:-1] + ends[2:]) / 4
    return np.concatenate([worth[:1], inner])
