"""What is chosen between: a chain of stages, each a way to move documents with its setting and how far to go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nudge_core.methods.base import Curve, Setting, Steps
from nudge_core.methods.problem import Part, Problem, State


@dataclass(frozen=True, eq=False)
class ValidationCurve:
    """One setting along its path, on the validation questions of all folds.

    Attributes:
        setting: The setting.
        points: (points,) how far the path had gone, in steps or γ; the first is 0, where it began.
        scores: (points, held) the measure of each question.
        may_stay: Whether the first point may be taken.
    """

    setting: Setting
    points: NDArray[np.float64]
    scores: NDArray[np.float64]
    may_stay: bool = True


@dataclass(frozen=True, eq=False)
class Stage:
    """One way to move documents, with its setting and how far to go."""

    steps: Steps
    setting: Setting
    point: float


@dataclass(frozen=True, eq=False)
class Candidate:
    """A chain of stages, and what it is worth.

    Attributes:
        stages: One after the other; none for leaving documents as they are.
        worth: The gain in the measure over no fine-tuning, by `Objective.worth`.
        seen: The mean gain of seen validation questions; NaN where there are none.
        unseen: The mean gain of unseen ones: what the candidate costs them, where it is below zero.
        scores: (held,) the measure of each validation question.
        curve: The mean measure along the last stage's path, of the questions that do not stand for unseen ones; None without stages.
        states: For each fold where it brings the documents.
    """

    stages: tuple[Stage, ...]
    worth: float
    seen: float
    unseen: float
    scores: NDArray[np.float64]
    curve: Curve | None = None
    states: tuple[State, ...] = ()

    @property
    def name(self) -> str:
        """The names of its stages."""
        return " + ".join(stage.steps.name for stage in self.stages) or "none"

    def goes_on_from(self, simpler: Candidate) -> bool:
        """Whether it begins with the stages of another candidate, that has some, and goes on."""
        count = len(simpler.stages)
        return 0 < count < len(self.stages) and self.stages[:count] == simpler.stages


def reach(stages: tuple[Stage, ...], problem: Problem, part: Part) -> State:
    """Where stages, one after the other, bring the documents with these questions."""
    state = State(problem.pool)
    for stage in stages:
        state = stage.steps.reach(problem, part, stage.setting, state, stage.point)
    return state
