"""Method: an object of hyper-parameters that chooses how far documents move, and moves them. It knows tensors only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.data.labels import Labels
from nudge_core.evaluation.measures import Measure
from nudge_core.methods.options import one
from nudge_core.methods.problem import Ground, Part, Problem, State


@dataclass(frozen=True, eq=False)
class Curve:
    """The validation score over γ.

    Attributes:
        gamma: (points,) float64, ascending; the unit is that of the method.
        score: (points,) float64, from 0 to 1.
        measure: name of the validation measure.
    """

    gamma: NDArray[np.float64]
    score: NDArray[np.float64]
    measure: str


@dataclass(frozen=True, eq=False)
class Choice:
    """The γ that validation chose, with the scores at γ = 0 and at that γ, and the curve between them."""

    gamma: float
    before: float | None = None
    after: float | None = None
    curve: Curve | None = None


class Method(ABC):
    """How documents move. Subclasses are frozen dataclasses of hyper-parameters: they neither hold data nor compute when made."""

    name: ClassVar[str]
    metric: ClassVar[Literal["cosine", "dot"]]
    """How the result must be searched."""

    measure: str

    @property
    def validation(self) -> Measure:
        """The measure by which hyper-parameters are chosen."""
        return Measure.parse(self.measure)

    @property
    def fixed_gamma(self) -> float | None:
        """γ where one number was given, so that nothing is to be chosen."""
        return None


class Bounded(Method):
    """A method that bounds every move by one number γ, and has a closed form for each γ."""

    gamma_unit: ClassVar[str]
    gammas: Any

    @property
    def fixed_gamma(self) -> float | None:
        """γ where one number was given, so that nothing is to be chosen."""
        return self.gammas if isinstance(self.gammas, float) else None

    @abstractmethod
    def choose(self, problem: Problem) -> Choice:
        """The best γ on the validation questions."""

    @abstractmethod
    def move(self, documents: Tensor, labels: Labels, gamma: float) -> Tensor:
        """(pool, dim) float32: the documents after the move; bit-equal where a document does not move."""

    @staticmethod
    @abstractmethod
    def angle(gamma: float) -> float:
        """The largest angle in degrees by which γ can turn a document."""


Setting: TypeAlias = Mapping[str, float]

POINTS = (1, 2, 3, 4, 6, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 48, 64)
"""After how many steps the documents are tried on the questions held out."""


class Steps(ABC):
    """One way to move documents: some settings, and for each a path."""

    name: ClassVar[str]
    maps: ClassVar[bool] = False
    """Whether documents without labels move too."""

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The τ at which softmax is taken over all documents."""
        return ()

    @abstractmethod
    def settings(self) -> tuple[Setting, ...]:
        """What is tried."""

    @abstractmethod
    def path(self, ground: Ground, part: Part, setting: Setting, start: State) -> Iterator[tuple[float, State]]:
        """Where the documents are as the method goes on, with what says how far: steps, or γ."""


class Learned(Method):
    """A method whose hyper-parameters are chosen on questions held out, by cross-validation where no validation questions are given."""

    metric = "cosine"
    unseen_weight: float

    @property
    @abstractmethod
    def chains(self) -> tuple[tuple[Steps, ...], ...]:
        """What is tried, the simplest first; of several ways in one chain each begins where the one before it ended."""


class Single(Learned, Steps):
    """A method that is one way to move documents."""

    steps: int

    def _check(self) -> None:
        """Refuse numbers of steps, weights and measures that are none."""
        one("steps", self.steps, 1, 10_000, whole=True)
        one("unseen_weight", self.unseen_weight, 0, 1e6)
        Measure.parse(self.measure)

    @property
    def chains(self) -> tuple[tuple[Steps, ...], ...]:
        """Only itself."""
        return ((self,),)


def pair_weights(labels: Labels) -> Tensor:
    """(pairs,) float32: the share of each document in its question, by grade; 1 in sum over a question."""
    who = labels.pair_queries
    total = labels.grades.new_zeros(len(labels)).index_add_(0, who, labels.grades)
    return labels.grades / total[who]
