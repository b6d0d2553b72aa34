"""NUDGE-M: documents are shifted toward the questions that they answer by a length γ, and leave the unit sphere.

D' = D + γ G / ‖G‖ with G the sum of the document's questions (paper, section 3.1). The result must be searched by dot product. The best γ is
found exactly: for a validation question and one of its answers, each other document allows an interval of γ in which the answer ranks before
it; γ is a point that lies in the most of their intersections.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from nudge_core.data.labels import Labels
from nudge_core.errors import InputError
from nudge_core.evaluation.measures import Measure
from nudge_core.methods.base import Bounded, Curve
from nudge_core.methods.gamma_exact import Intervals, best_gamma, first_place
from nudge_core.methods.gamma_sweep import Directions, Motion
from nudge_core.methods.options import parse_gammas
from nudge_core.methods.problem import Fold, Problem, State


class Shift:
    """a + γ b."""

    def scores(self, a: Tensor, b: Tensor, limit: Tensor, gamma: Tensor) -> Tensor:  # noqa: ARG002
        """The scores at γ."""
        return a + gamma.to(a) * b

    def bounds(self, a: Tensor, b: Tensor, limit: Tensor, first: float, last: float) -> tuple[Tensor, Tensor, float]:  # noqa: ARG002
        """The ends: a line has no peak between them."""
        start, end = a + first * b, a + last * b
        return torch.minimum(start, end), torch.maximum(start, end), 0.0


@dataclass(frozen=True)
class NudgeM(Bounded):
    """NUDGE-M of arXiv 2409.02343: one shift of length γ for all labelled documents, γ found exactly.

    Attributes:
        gammas: γ is a *length*: that of each move. "exact": the best of all γ ≥ 0 for Success@1, without a grid; numbers of your own, of which
            validation chooses; or one number, which is then used without validation.
        measure: The validation measure. "exact" knows Success@1 only.

    Example:
        >>> NudgeM(gammas=[0.1, 0.2], measure="nDCG@10").validation
        Measure(name='nDCG', k=10)
    """

    gammas: float | Sequence[float] | Literal["exact"] = "exact"
    measure: str = "Success@1"

    name: ClassVar[str] = "NUDGE-M"
    gamma_unit: ClassVar[str] = "length"
    metric: ClassVar[Literal["cosine", "dot"]] = "dot"
    motion: ClassVar[Motion] = Shift()

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputError: A γ below zero, an unknown measure, or another measure than Success@1 without γ to try.
        """
        object.__setattr__(self, "gammas", parse_gammas(self.gammas, {"exact": "exact"}, largest=1e6))
        if self.validation != Measure("Success", 1) and self.gammas == "exact":
            raise InputError(
                f"the exact search of γ maximises Success@1, not {self.measure}: give the γ to try, "
                f"for example NudgeM(gammas=[0.1, 0.2, 0.4], measure={self.measure!r})"
            )

    @property
    def tried(self) -> tuple[float, ...]:
        """All γ to try; none where γ is found exactly."""
        return () if self.gammas == "exact" else super().tried

    def exact(self, problem: Problem, folds: Sequence[Fold]) -> tuple[Curve, float] | None:
        """The share of validation questions with an answer in the first place at every γ, and the best γ: the first of equals."""
        if self.gammas != "exact":
            return None
        start = State(problem.pool)
        found = Intervals.concat(
            [
                first_place(
                    problem.validation(start, fold.validation), self.directions(problem.pool, fold.train.labels)
                )
                for fold in folds
            ]
        )
        gamma, score, best = best_gamma(found, sum(len(fold.validation) for fold in folds))
        return Curve(gamma, score, self.measure), best

    def directions(self, documents: Tensor, labels: Labels) -> Directions:
        """G / ‖G‖ of each document; 0 for those that no question is labelled with."""
        sums = labels.query_sums(len(documents))
        length = torch.linalg.vector_norm(sums, dim=1, keepdim=True)
        moves = length > 0
        toward = torch.where(moves, sums / length.clamp(min=torch.finfo(sums.dtype).tiny), 0.0)
        return Directions(toward, torch.where(moves, torch.inf, 0.0).squeeze(1))

    def move(self, documents: Tensor, labels: Labels, gamma: float) -> Tensor:
        """The documents shifted by γ toward G; (pool, dim), not of unit length."""
        directions = self.directions(documents, labels)
        moves = (directions.limit > 0).unsqueeze(1) & (gamma > 0)
        return torch.where(moves, documents + gamma * directions.toward, documents)

    @staticmethod
    def angle(gamma: float) -> float:
        """The largest turn that a shift of length γ can cause, in degrees: arcsin γ, and 180 from γ = 1 on."""
        return math.degrees(math.asin(gamma)) if gamma < 1 else 180.0
