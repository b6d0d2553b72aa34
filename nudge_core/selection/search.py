"""Search: go every path on every fold, and tell what each way to move documents is worth on the questions held out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from nudge_core.evaluation.measures import Measure
from nudge_core.methods.base import Learned, Setting, Steps
from nudge_core.methods.problem import Ground, Part, State
from nudge_core.selection.objective import FURTHER, UNCOVERED, UNSEEN, Path, Value, best
from nudge_core.selection.split import Fold
from nudge_core.selection.validation import score

KEPT = 4
"""At least so many settings are tried on the other folds, and half of them: those that did best on the first."""

LIKED = 2
"""How many settings are tried after another way."""

PATIENCE = 4
"""After how many points without a better one a path is left."""


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

    def __init__(
        self, ground: Ground, folds: Sequence[Fold], unseen: float, growth: float, method: Learned, progress: bool
    ) -> None:
        """With the share of unseen questions that is to be expected, and how many times the labels of a fold are learned from in the end."""
        self.ground, self.folds, self.method, self.progress = ground, folds, method, progress
        self.measure: Measure = method.validation
        first = State(ground.pool)
        self.before = [score(ground, fold, first, self.measure) for fold in folds]
        self.seen = np.concatenate([fold.seen.numpy() for fold in folds])
        exposed = min(1.0, (1 - len(ground.rows) / len(ground.corpus)) / UNCOVERED)
        weight = exposed * method.unseen_weight
        self.value = Value(np.concatenate(self.before), self.seen, max(exposed * UNSEEN, unseen), weight, growth)
        self._liked: dict[
            Steps, list[Setting]
        ] = {}  # the best settings of each way, for chains that it stands in again
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
        """The first fold tells how far to go along the paths, and which settings are worth the others."""
        ends = np.cumsum([len(fold.held) for fold in self.folds])
        first = np.split(before.scores, ends[:-1])
        tries = [_Try(setting) for setting in self._liked.get(steps, steps.settings())]
        for number, (fold, start) in enumerate(zip(self.folds, before.states, strict=True)):
            value = replace(self.value, before=self.before[number], seen=fold.seen.numpy())
            for one in tries:
                path = steps.path(self.ground, fold.learned, one.setting, start)
                measured = partial(score, self.ground, fold, measure=self.measure)
                one.go(path, first[number], measured, value)
            if number == 0:
                tries = sorted(tries, key=lambda one: -one.worth)[: max(KEPT, len(tries) // 2)]
            bar.update()
        paths = [one.path() for one in tries]
        worth = [-float(self.value.of(path.scores).max()) for path in paths]
        self._liked.setdefault(steps, [paths[place].setting for place in np.argsort(worth, kind="stable")[:LIKED]])
        return paths

    def _candidate(
        self, legs: tuple[Leg, ...], scores: NDArray[np.float64], path: Path | None, states: tuple[State, ...]
    ) -> Candidate:
        gain = scores - self.value.before
        means = [float(gain[chosen].mean()) if chosen.any() else float("nan") for chosen in (self.seen, ~self.seen)]
        return Candidate(legs, float(self.value.of(scores)), means[0], means[1], scores, path, states)

    def choose(self, candidates: Sequence[Candidate]) -> Candidate:
        """The simplest candidate that the best does not surely beat, and that is better than all that are simpler still.

        A method that knows one way only takes that.
        """
        if len(candidates) == 2:
            return candidates[1]
        top = max(candidates, key=lambda candidate: candidate.worth)
        return next(
            candidate
            for place, candidate in enumerate(candidates)
            if top.worth - candidate.worth <= self._doubt(top, candidate) + 1e-12
            and all(candidate.worth > simpler.worth for simpler in candidates[:place])
        )

    def _doubt(self, top: Candidate, simpler: Candidate) -> float:
        """By how much the best has to be better."""
        goes_on = 0 < len(simpler.legs) < len(top.legs) and top.legs[: len(simpler.legs)] == simpler.legs
        return (FURTHER if goes_on else 1.0) * self.value.error(top.scores, simpler.scores)


class _Try:
    """One setting on one fold after the other."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.points: list[float] = [0.0]
        self.scores: list[NDArray[np.float64]] = []
        self.worth = -np.inf

    def go(
        self,
        path: Iterator[tuple[float, State]],
        before: NDArray[np.float64],
        measured: Callable[[State], NDArray[np.float64]],
        value: Value,
    ) -> None:
        """Along the path: on the first fold until it gains no more for a while, whatever harm its few unseen questions take; on others as far."""
        gained = replace(value, unseen_weight=0.0)
        found, points, gains = [before], [0.0], [float(gained.of(before))]
        known = len(self.points) if self.scores else None
        for point, state in path:
            if known is not None and len(points) == known:
                break
            found.append(measured(state))
            points.append(point)
            gains.append(float(gained.of(found[-1])))
            if known is None and len(gains) - int(np.argmax(gains)) > PATIENCE:
                break
        if known is None:
            last = int(np.argmax(gains)) + 3  # two more, so that the best can be told from chance by its neighbours
            found, self.points = found[:last], points[:last]
            self.worth = float(value.of(np.stack(found)).max())
        self.scores.append(np.stack(found))

    def path(self) -> Path:
        """All folds together."""
        return Path(self.setting, np.asarray(self.points), np.concatenate(self.scores, axis=1))
