"""Method: an object of hyper-parameters that chooses how far documents move, and moves them. It knows tensors only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nudge_core.background import Background
from nudge_core.errors import InputError
from nudge_core.evaluation.measures import Measure
from nudge_core.labels import Labels


@dataclass(frozen=True, eq=False)
class Problem:
    """All that a method is told: the labelled documents, and what the others look like to the validation questions.

    Attributes:
        documents: (pool, dim) float32 of unit length: every document with a training or validation label, in row order.
        rows: (pool,) int64 row numbers in the corpus, ascending.
        train: labels of the training questions over the pool.
        validation: labels of the validation questions over the pool; None where nothing is to be chosen.
        background: of the validation questions, over the documents outside the pool.
    """

    documents: Tensor
    rows: Tensor
    train: Labels
    validation: Labels | None = None
    background: Background | None = None

    def judged(self) -> tuple[Labels, Background]:
        """The validation questions and their background.

        Raises:
            InputError: The problem has none, so nothing can be chosen.
        """
        if self.validation is None or self.background is None:
            raise InputError("there are no validation questions to choose γ by: give some, or fix γ with gammas=0.1")
        return self.validation, self.background


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
