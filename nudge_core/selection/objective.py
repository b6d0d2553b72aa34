"""Why a candidate is chosen, and what harm to unseen questions costs. Nothing else decides.

Every candidate is scored on validation questions, which it has not learned from. A question is *seen* if one of its documents is relevant to a
training question too. It is *unseen* if none is: nothing was learned for it, and moves of other documents can push its answer down.

1. **Gain.** The gain of a question is its score less its score without fine-tuning.
2. **Worth** (`Objective.worth`). The mean gain of seen and the mean gain of unseen questions, weighted by the shares in which they are expected, less
   the cost of harm. At least `UNSEEN` of the questions to come are taken to be unseen.
3. **Harm.** Each point that unseen questions lose beyond `FREE` costs `unseen_weight` points (3 in `Auto`). Harm grows with the labels: the final
   run learns from more of them than a fold does, so harm is first multiplied by `growth`. Few unseen questions say little: `DOUBT` questions
   without gain or loss are added to them. Where fewer than `UNCOVERED` of the documents have no label, there is less to protect, and harm costs less.
4. **Point** (`pick_point`). Along a path the worth is smoothed over neighbours, so that one lucky point is not taken. The first point that is within
   `EARLIER` standard errors of the best is taken.
5. **Candidate** (`pick_candidate`). The simplest candidate is taken that the best does not beat by more than one standard error; by more than
   `FURTHER` where the best only goes on from the simpler one. It must be worth more than all that are simpler still. "None" is the simplest.

NudgeN and NudgeM on their own do what the paper does: the first γ with the best plain mean over all validation questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nudge_core.selection.candidate import Candidate, ValidationCurve

UNSEEN = 0.1
"""At least this share of the questions to come is expected to be unseen, whatever the validation questions are about."""

UNCOVERED = 0.01
"""Where a smaller share of the documents than this has no labels, the share of unseen questions and the cost of harm shrink with it."""

FREE = 0.01
"""So much may unseen questions lose in the mean before it costs more than their share."""

DOUBT = 10
"""So many unseen questions without gain or loss are added to those held out."""

EARLIER = 0.1
"""An earlier point is taken where the later one is better by less than so many standard errors."""

FURTHER = 2.0
"""A candidate that goes on from a simpler one has to be better than it by so many standard errors; any other candidate by one."""


@dataclass(frozen=True, eq=False)
class Objective:
    """What scores on validation questions are worth.

    Attributes:
        before: (held,) the measure of each question without fine-tuning.
        seen: (held,) whether a document of the question was learned about.
        share: The share of unseen questions that is expected.
        unseen_weight: What a point that unseen questions lose costs, beyond `FREE`, however few they are.
        growth: How many times the labels of a fold the final run learns from.
        plain: Whether the worth is the plain mean of all gains.
    """

    before: NDArray[np.float64]
    seen: NDArray[np.bool_]
    share: float
    unseen_weight: float
    growth: float = 1.0
    plain: bool = False

    def worth(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(…,) the worth of (…, held) scores, as a gain over no fine-tuning."""
        gain = scores - self.before
        if self.plain:
            return np.asarray(gain.mean(-1))
        seen, unseen = _mean(gain, self.seen), self._trust * _mean(gain, ~self.seen)
        harm = np.maximum(0, -FREE - self.growth * unseen)
        return np.asarray((1 - self.share) * seen + self.share * unseen - self.unseen_weight * harm)

    def error(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
        """The standard error of the difference in worth between (held,) scores, question by question."""
        apart = first - second
        total = 0.0
        for chosen, weight in ((self.seen, 1 - self.share), (~self.seen, self._trust * self.share)):
            if chosen.sum() > 1:
                total += weight**2 * float(apart[chosen].var(ddof=1)) / int(chosen.sum())
        return float(np.sqrt(total))

    @property
    def _trust(self) -> float:
        """What a mean over few unseen questions counts: one question alone would decide."""
        count = int((~self.seen).sum())
        return count / (count + DOUBT)

    def explained(self) -> str:
        """The objective in a sentence, for reports."""
        return (
            f"The worth is the mean gain of seen and unseen questions, of which {100 * self.share:.0f} % are expected to be unseen, less "
            f"{self.unseen_weight:g} times what unseen questions lose beyond {100 * FREE:g} point. The simplest candidate is taken that the best "
            f"does not beat by more than one standard error, or {FURTHER:g} where the best goes on from it."
        )


def pick_point(curves: Sequence[ValidationCurve], objective: Objective) -> tuple[ValidationCurve, int]:
    """The setting and point to take: the best after smoothing, then the first on the same path that is as good within its error."""
    if objective.plain:
        return _first_best(curves, objective)
    smooth = [_smoothed(objective.worth(curve.scores)) for curve in curves]
    chosen = max(range(len(curves)), key=lambda i: float(smooth[i].max()))
    curve, worth = curves[chosen], smooth[chosen]
    top = int(worth.argmax())
    for point in range(top):
        if worth[top] - worth[point] <= EARLIER * objective.error(curve.scores[top], curve.scores[point]):
            return curve, point
    return curve, top


def pick_candidate(candidates: Sequence[Candidate], objective: Objective) -> Candidate:
    """The simplest candidate that the best does not surely beat, and that is better than all that are simpler still.

    Args:
        candidates: The simplest first; the first leaves documents as they are. A method that knows one way only takes that.
        objective: By which they were scored.
    """
    if len(candidates) == 2:
        return candidates[1]
    best = max(candidates, key=lambda candidate: candidate.worth)
    return next(
        candidate
        for place, candidate in enumerate(candidates)
        if best.worth - candidate.worth <= margin(best, candidate, objective) + 1e-12
        and all(candidate.worth > simpler.worth for simpler in candidates[:place])
    )


def margin(best: Candidate, simpler: Candidate, objective: Objective) -> float:
    """By how much the best candidate has to be better than a simpler one to be taken in its place."""
    errors = FURTHER if best.goes_on_from(simpler) else 1.0
    return errors * objective.error(best.scores, simpler.scores)


def reason(candidates: Sequence[Candidate], chosen: Candidate, objective: Objective) -> str:
    """Why a candidate was chosen, and what unseen questions lose or gain by it, in a sentence."""
    best = max(candidates, key=lambda candidate: candidate.worth)
    unseen = (
        "no unseen questions were held out"
        if np.isnan(chosen.unseen)
        else f"unseen questions {100 * chosen.unseen:+.1f}"
    )
    told = f"{chosen.name} was taken: it is worth {100 * chosen.worth:+.1f} points, {unseen}"
    if chosen is best:
        return f"{told}. Nothing that is simpler is as good within its error."
    needed = 100 * margin(best, chosen, objective)
    return f"{told}. {best.name} is worth {100 * best.worth:+.1f}, which is not more by the {needed:.1f} points that it would need to be taken."


def _first_best(curves: Sequence[ValidationCurve], objective: Objective) -> tuple[ValidationCurve, int]:
    """The first point with the best plain mean, among those that may be taken."""
    worth = [
        objective.worth(curve.scores) + np.where(curve.points > 0, 0.0, 0.0 if curve.may_stay else -np.inf)
        for curve in curves
    ]
    top = max(float(values.max()) for values in worth)
    return next(
        (curve, int(np.flatnonzero(values >= top - 1e-9)[0]))
        for curve, values in zip(curves, worth, strict=True)
        if values.max() >= top - 1e-9
    )


def _mean(gain: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(gain[..., chosen].mean(-1) if chosen.any() else np.zeros(gain.shape[:-1]))


def _smoothed(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each point with half the weight of its neighbours; where a path begins stays as it is."""
    if len(worth) < 3:
        return worth
    ends = np.append(worth, worth[-1])
    inner = (ends[:-2] + 2 * ends[1:-1] + ends[2:]) / 4
    return np.concatenate([worth[:1], inner])
