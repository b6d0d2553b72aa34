"""Method: an object of hyper-parameters that says in which ways documents may move.

Which way is taken, and how far, is decided in `nudge_core.selection`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.data.labels import Labels
from nudge_core.evaluation.measures import Measure
from nudge_core.methods.gamma_sweep import Directions, Motion, sweep
from nudge_core.methods.options import one
from nudge_core.methods.problem import Fold, Part, Problem, State

Setting: TypeAlias = Mapping[str, float]

POINTS = (1, 2, 3, 4, 6, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 48, 64)
"""After how many steps the documents are tried on validation questions."""


@dataclass(frozen=True, eq=False)
class Curve:
    """The validation score over γ, or over the number of steps.

    Attributes:
        gamma: (points,) float64, ascending; the unit is that of the method.
        score: (points,) float64, from 0 to 1.
        measure: name of the validation measure.
    """

    gamma: NDArray[np.float64]
    score: NDArray[np.float64]
    measure: str


class Steps(ABC):
    """One way to move documents: some settings, and for each a path of points, from where the documents begin."""

    name: ClassVar[str]
    maps: ClassVar[bool] = False
    """Whether documents without labels move too."""

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The τ at which softmax is taken over all documents."""
        return ()

    @property
    def may_stay(self) -> bool:
        """Whether the point 0, where the documents begin, may be taken."""
        return True

    def too_large(self, questions: int, documents: int) -> str | None:  # noqa: ARG002
        """Why so many questions about so many documents are refused, with the remedy; None where they are not."""
        return None

    @abstractmethod
    def settings(self) -> tuple[Setting, ...]:
        """What is tried."""

    @abstractmethod
    def path(self, problem: Problem, part: Part, setting: Setting, start: State) -> Iterator[tuple[float, State]]:
        """Where the documents are as the method goes on, with what says how far: steps, or γ."""

    def reach(self, problem: Problem, part: Part, setting: Setting, start: State, point: float) -> State:
        """Where the documents are at one point of the path."""
        for gone, state in self.path(problem, part, setting, start) if point else ():
            if gone >= point:
                return state
        return start

    def scores(
        self, problem: Problem, fold: Fold, setting: Setting, start: State, measure: Measure
    ) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """Along the path: how far it has gone, and (held,) the measure of each validation question of the fold."""
        for point, state in self.path(problem, fold.train, setting, start):
            yield point, problem.scores(state, fold, measure)

    def exact(self, problem: Problem, folds: Sequence[Fold]) -> tuple[Curve, float] | None:  # noqa: ARG002
        """The whole curve and its best point, where they are found without trying points; None where points are tried."""
        return None


class Method(ABC):
    """How documents may move. Subclasses are frozen dataclasses of hyper-parameters: they neither hold data nor compute when made."""

    name: ClassVar[str]
    metric: ClassVar[Literal["cosine", "dot"]] = "cosine"
    """How the result must be searched."""
    weighs_unseen: ClassVar[bool] = True
    """Whether folds also hide documents, so that harm to unseen questions is measured and weighed; else the plain mean is maximised."""

    measure: str
    unseen_weight: float

    @property
    def validation(self) -> Measure:
        """The measure by which hyper-parameters are chosen."""
        return Measure.parse(self.measure)

    @property
    def fixed_gamma(self) -> float | None:
        """γ where one number was given, so that nothing is to be chosen."""
        return None

    @property
    @abstractmethod
    def chains(self) -> tuple[tuple[Steps, ...], ...]:
        """What is tried, the simplest first; of several ways in one chain each begins where the one before it ended."""

    def bound(self, point: float, largest: float) -> dict[str, Any]:  # noqa: ARG002
        """What a `Nudge` says of how far documents went."""
        angle = math.degrees(math.acos(max(-1.0, 1 - largest / 2)))
        return {"gamma": largest, "gamma_unit": "squared distance", "angle": angle}


class Single(Method, Steps):
    """A method that is one way to move documents."""

    @property
    def chains(self) -> tuple[tuple[Steps, ...], ...]:
        """Only itself."""
        return ((self,),)


class Bounded(Single):
    """A single way that bounds every move by one number γ, and has a closed form for each γ: the methods of the paper."""

    weighs_unseen = False
    unseen_weight = 0.0
    gamma_unit: ClassVar[str]
    motion: ClassVar[Motion]
    gammas: Any

    @property
    def fixed_gamma(self) -> float | None:
        """γ where one number was given, so that nothing is to be chosen."""
        return self.gammas if isinstance(self.gammas, float) else None

    @property
    def tried(self) -> tuple[float, ...]:
        """All γ to try."""
        return (self.gammas,) if isinstance(self.gammas, float) else tuple(self.gammas)

    @property
    def may_stay(self) -> bool:
        """Whether γ = 0 is among those to try."""
        return 0.0 in self.tried

    @abstractmethod
    def directions(self, documents: Tensor, labels: Labels) -> Directions:
        """Where each document of the (pool, dim) pool moves."""

    @abstractmethod
    def move(self, documents: Tensor, labels: Labels, gamma: float) -> Tensor:
        """(pool, dim) float32: the documents after the move; bit-equal where a document does not move."""

    @staticmethod
    @abstractmethod
    def angle(gamma: float) -> float:
        """The largest angle in degrees by which γ can turn a document."""

    def settings(self) -> tuple[Setting, ...]:
        """Only one: γ is the path."""
        return ({},)

    def path(self, problem: Problem, part: Part, setting: Setting, start: State) -> Iterator[tuple[float, State]]:
        """The documents at each γ above 0."""
        for gamma in sorted({*self.tried} - {0.0}):
            yield gamma, self.reach(problem, part, setting, start, gamma)

    def reach(self, problem: Problem, part: Part, setting: Setting, start: State, point: float) -> State:  # noqa: ARG002
        """The documents at one γ."""
        return State(self.move(start.pool, part.labels, point), start.matrix) if point else start

    def scores(
        self,
        problem: Problem,
        fold: Fold,
        setting: Setting,  # noqa: ARG002
        start: State,
        measure: Measure,
    ) -> Iterator[tuple[float, NDArray[np.float64]]]:
        """The scores at each γ above 0, from one sweep over all of them."""
        gammas = sorted({*self.tried} - {0.0})
        directions = self.directions(start.pool, fold.train.labels)
        blocks = sweep(problem.validation(start, fold.validation), directions, self.motion, gammas, measure)
        yield from zip(gammas, torch.cat(list(blocks), 1).numpy() if gammas else (), strict=True)

    def bound(self, point: float, largest: float) -> dict[str, Any]:  # noqa: ARG002
        """γ itself."""
        return {"gamma": point, "gamma_unit": self.gamma_unit, "angle": self.angle(point)}


class Stepwise(Single):
    """A single way that goes step by step."""

    steps: int

    def _check(self) -> None:
        """Refuse numbers of steps, weights and measures that are none."""
        one("steps", self.steps, 1, 10_000, whole=True)
        one("unseen_weight", self.unseen_weight, 0, 1e6)
        Measure.parse(self.measure)


def pair_weights(labels: Labels) -> Tensor:
    """(pairs,) float32: the share of each document in its question, by grade; 1 in sum over a question."""
    who = labels.pair_queries
    total = labels.grades.new_zeros(len(labels)).index_add_(0, who, labels.grades)
    return labels.grades / total[who]
