"""Search: go every path on every fold, and tell what each way to move documents is worth on the questions held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from nudge_core.evaluation.measures import Measure
from nudge_core.learning.folds import Fold, Part
from nudge_core.learning.ground import Ground, State
from nudge_core.learning.tried import Path, Value, best, score
from nudge_core.methods.learned import Learned, Setting, Steps

KEPT = 2
"""How many settings are tried on the other folds, after the first."""


@dataclass(frozen=True, eq=False)
class Leg:
    """One way to move documents, with its setting and how far to go."""

    steps: Steps
    setting: Setting
    point: float

    def reach(self, ground: Ground, part: Part, start: State) -> State:
        """Go as far with other questions."""
        for point, state in self.steps.path(ground, part, self.setting, start) if self.point else ():
            if point >= self.point:
                return state
        return start


@dataclass(frozen=True, eq=False)
class Candidate:
    """A chain of legs, and what it is worth.

    Attributes:
        legs: One after the other; none for leaving documents as they are.
        worth: The gain in the measure over no fine-tuning, by `Value`.
        seen: The mean gain of seen questions held out; NaN where there are none.
        unseen: The mean gain of unseen ones.
        scores: (held,) the measure of each question held out.
        path: The last leg's measure along its path.
        states: For each fold where it brings the documents.
    """

    legs: tuple[Leg, ...]
    worth: float
    seen: float
    unseen: float
    scores: NDArray[np.float64]
    path: Path | None = None
    states: tuple[State, ...] = ()

    @property
    def name(self) -> str:
        """The names of its legs."""
        return " + ".join(leg.steps.name for leg in self.legs) or "none"

    def reach(self, ground: Ground, part: Part) -> State:
        """Where it brings the documents with these questions."""
        state = State(ground.pool)
        for leg in self.legs:
            state = leg.reach(ground, part, state)
        return state


class Search:
    """All candidates of a method on some folds."""

    def __init__(self, ground: Ground, folds: Sequence[Fold], method: Learned, progress: bool) -> None:
        self.ground, self.folds, self.method, self.progress = ground, folds, method, progress
        self.measure: Measure = method.validation
        first = State(ground.pool)
        self.before = [score(ground, fold, first, self.measure) for fold in folds]
        self.seen = np.concatenate([fold.seen.numpy() for fold in folds])
        drawn = np.concatenate([fold.drawn.numpy() for fold in folds])
        share = float((~self.seen[drawn]).mean()) if drawn.any() else 0.0
        self.value = Value(np.concatenate(self.before), self.seen, share, method.unseen_weight)
        self._known: dict[tuple[Steps, ...], Candidate] = {
            (): self._candidate((), self.value.before, None, (first,) * len(folds))
        }

    def run(self) -> list[Candidate]:
        """Every candidate, the simplest first; the first leaves documents as they are."""
        with tqdm(
            total=len({chain[: i + 1] for chain in self.method.chains for i in range(len(chain))}) * len(self.folds),
            desc="choosing",
            unit=" folds",
            delay=2,
            disable=not self.progress,
            leave=False,
        ) as bar:
            return [self._known[()], *(self._chain(chain, bar) for chain in self.method.chains)]

    def _chain(self, chain: tuple[Steps, ...], bar: tqdm[None]) -> Candidate:
        if chain in self._known:
            return self._known[chain]
        before = self._chain(chain[:-1], bar)
        paths = self._paths(chain[-1], before, bar)
        path, point = best(paths, self.value)
        leg = Leg(chain[-1], path.setting, float(path.points[point]))
        states = tuple(
            leg.reach(self.ground, fold.learned, start) for fold, start in zip(self.folds, before.states, strict=True)
        )
        self._known[chain] = self._candidate((*before.legs, leg), path.scores[point], path, states)
        return self._known[chain]

    def _paths(self, steps: Steps, before: Candidate, bar: tqdm[None]) -> list[Path]:
        ends = np.cumsum([len(fold.held) for fold in self.folds])
        first = np.split(before.scores, ends[:-1])
        settings = list(steps.settings())
        scores: list[list[NDArray[np.float64]]] = [[] for _ in settings]
        points: list[float] = []
        for number, (fold, start) in enumerate(zip(self.folds, before.states, strict=True)):
            for place, setting in enumerate(settings):
                found, points = [first[number]], [0.0]
                for point, state in steps.path(self.ground, fold.learned, setting, start):
                    found.append(score(self.ground, fold, state, self.measure))
                    points.append(point)
                scores[place].append(np.stack(found))
            if number == 0 and len(settings) > KEPT and len(self.folds) > 1:
                value = Value(self.before[0], fold.seen.numpy(), self.value.share, self.value.unseen_weight)
                worth = [float(value.of(part[0]).max()) for part in scores]
                kept = sorted(np.argsort(worth)[::-1][:KEPT].tolist())
                settings, scores = [settings[i] for i in kept], [scores[i] for i in kept]
            bar.update()
        return [
            Path(setting, np.asarray(points), np.concatenate(part, axis=1))
            for setting, part in zip(settings, scores, strict=True)
        ]

    def _candidate(
        self, legs: tuple[Leg, ...], scores: NDArray[np.float64], path: Path | None, states: tuple[State, ...]
    ) -> Candidate:
        gain = scores - self.value.before
        means = [float(gain[chosen].mean()) if chosen.any() else float("nan") for chosen in (self.seen, ~self.seen)]
        return Candidate(legs, float(self.value.of(scores)), means[0], means[1], scores, path, states)

    def choose(self, candidates: Sequence[Candidate]) -> Candidate:
        """The simplest candidate that is within one standard error of the best, and better than all that are simpler still.

        A method that knows one way only takes that.
        """
        if len(candidates) == 2:
            return candidates[1]
        top = max(candidates, key=lambda candidate: candidate.worth)
        return next(
            candidate
            for place, candidate in enumerate(candidates)
            if top.worth - candidate.worth <= self.value.error(top.scores, candidate.scores) + 1e-12
            and all(candidate.worth > simpler.worth for simpler in candidates[:place])
        )
