"""Search: all candidates of a method, scored on validation questions; `objective` says which of them is chosen.

The first fold tells how far to go along a path, and which settings are worth trying on the other folds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from nudge_core.clock import progress_bar
from nudge_core.evaluation.measures import Measure
from nudge_core.methods.base import Curve, Setting, Steps
from nudge_core.methods.problem import Fold, Problem, State
from nudge_core.selection.candidate import Candidate, Stage, ValidationCurve
from nudge_core.selection.objective import UNCOVERED, UNSEEN, Objective, pick_point

KEPT = 4
"""At least so many settings are tried on the other folds, and half of them: those that did best on the first."""

LIKED = 2
"""How many settings are tried after another stage."""

PATIENCE = 4
"""After how many points without a better one a path is left."""


class Search:
    """All candidates of some chains on some folds.

    Attributes:
        objective: By which they are scored.
    """

    def __init__(
        self,
        problem: Problem,
        folds: Sequence[Fold],
        chains: Sequence[tuple[Steps, ...]],
        measure: Measure,
        *,
        unseen_weight: float,
        share: float,
        growth: float,
        plain: bool,
        progress: bool,
    ) -> None:
        """Score the documents as they are; the last options are those of `Objective`, with `share` and harm as the labels alone would have them."""
        self.problem, self.folds, self.chains, self.measure, self.progress = problem, folds, chains, measure, progress
        first = State(problem.pool)
        self.before = [problem.scores(first, fold, measure) for fold in folds]
        seen = np.concatenate([fold.seen.numpy() for fold in folds])
        exposed = min(1.0, (1 - len(problem.rows) / len(problem.corpus)) / UNCOVERED)
        self.objective = Objective(
            np.concatenate(self.before), seen, max(exposed * UNSEEN, share), exposed * unseen_weight, growth, plain
        )
        self._shown = ~np.concatenate([fold.hidden.numpy() for fold in folds])
        self._liked: dict[Steps, list[Setting]] = {}  # the best settings of each way, for chains that have it again
        none = self._candidate((), self.objective.before, None, (first,) * len(folds))
        self._known: dict[tuple[Steps, ...], Candidate] = {(): none}

    def run(self) -> list[Candidate]:
        """Every candidate, the simplest first; the first leaves documents as they are."""
        ways = {chain[: i + 1] for chain in self.chains for i in range(len(chain))}
        steps = len(ways) * len(self.folds)
        with progress_bar(steps, "choosing", self.progress, unit=" folds", unit_scale=False) as bar:
            return [self._known[()], *(self._chain(chain, bar) for chain in self.chains)]

    def _chain(self, chain: tuple[Steps, ...], bar: tqdm[None]) -> Candidate:
        if chain not in self._known:
            before, steps = self._chain(chain[:-1], bar), chain[-1]
            found = steps.exact(self.problem, self.folds)
            if found is None:
                path, place = pick_point(self._paths(steps, before, bar), self.objective)
                stage, scores = Stage(steps, path.setting, float(path.points[place])), path.scores[place]
                curve = Curve(path.points, path.scores[:, self._shown].mean(1), str(self.measure))
                states = self._reached(stage, before)
            else:
                curve, point = found
                stage = Stage(steps, steps.settings()[0], point)
                states = self._reached(stage, before)
                reached = zip(states, self.folds, strict=True)
                scores = np.concatenate([self.problem.scores(state, fold, self.measure) for state, fold in reached])
            self._known[chain] = self._candidate((*before.stages, stage), scores, curve, states)
        return self._known[chain]

    def _reached(self, stage: Stage, before: Candidate) -> tuple[State, ...]:
        """For each fold where a stage brings the documents from where a candidate has."""
        return tuple(
            stage.steps.reach(self.problem, fold.train, stage.setting, start, stage.point)
            for fold, start in zip(self.folds, before.states, strict=True)
        )

    def _paths(self, steps: Steps, before: Candidate, bar: tqdm[None]) -> list[ValidationCurve]:
        """The settings that were tried on all folds."""
        ends = np.cumsum([len(fold.validation) for fold in self.folds])
        first = np.split(before.scores, ends[:-1])
        tries = [_Try(setting, steps.may_stay) for setting in self._liked.get(steps, steps.settings())]
        for number, (fold, start) in enumerate(zip(self.folds, before.states, strict=True)):
            objective = replace(self.objective, before=self.before[number], seen=fold.seen.numpy())
            for one in tries:
                one.go(first[number], steps.scores(self.problem, fold, one.setting, start, self.measure), objective)
            if number == 0:
                tries = sorted(tries, key=lambda one: -one.worth)[: max(KEPT, len(tries) // 2)]
            bar.update()
        paths = [one.path() for one in tries]
        worth = [-float(self.objective.worth(path.scores).max()) for path in paths]
        self._liked.setdefault(steps, [paths[place].setting for place in np.argsort(worth, kind="stable")[:LIKED]])
        return paths

    def _candidate(
        self, stages: tuple[Stage, ...], scores: NDArray[np.float64], curve: Curve | None, states: tuple[State, ...]
    ) -> Candidate:
        gain, seen = scores - self.objective.before, self.objective.seen
        means = [float(gain[chosen].mean()) if chosen.any() else float("nan") for chosen in (seen, ~seen)]
        return Candidate(stages, float(self.objective.worth(scores)), means[0], means[1], scores, curve, states)


class _Try:
    """One setting on one fold after the other."""

    def __init__(self, setting: Setting, may_stay: bool) -> None:
        self.setting, self.may_stay = setting, may_stay
        self.points: list[float] = [0.0]
        self.scores: list[NDArray[np.float64]] = []
        self.worth = -np.inf

    def go(
        self,
        before: NDArray[np.float64],
        along: Iterator[tuple[float, NDArray[np.float64]]],
        objective: Objective,
    ) -> None:
        """Along the path: on the first fold until it gains no more for a while, whatever harm its few unseen questions take; on others as far."""
        gained = replace(objective, unseen_weight=0.0)
        found, points, gains = [before], [0.0], [float(gained.worth(before))]
        known = len(self.points) if self.scores else None
        for point, scores in along if known is None or known > 1 else ():
            found.append(scores)
            points.append(point)
            gains.append(float(gained.worth(scores)))
            if len(points) == known:
                break
            if known is None and not objective.plain and len(gains) - int(np.argmax(gains)) > PATIENCE:
                break
        if known is None:
            last = (
                len(found) if objective.plain else int(np.argmax(gains)) + 3
            )  # two more, to tell the best from chance
            found, self.points = found[:last], points[:last]
            self.worth = float(objective.worth(np.stack(found)).max())
        self.scores.append(np.stack(found))

    def path(self) -> ValidationCurve:
        """All folds together."""
        return ValidationCurve(
            self.setting, np.asarray(self.points), np.concatenate(self.scores, axis=1), self.may_stay
        )
