"""Learned: methods that go step by step, and whose settings and number of steps are chosen on questions held out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar, TypeAlias

from torch import Tensor

from nudge_core.evaluation.measures import Measure
from nudge_core.labels import Labels
from nudge_core.learning.folds import Part
from nudge_core.learning.ground import Ground, State
from nudge_core.methods.base import Method
from nudge_core.methods.options import one

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
