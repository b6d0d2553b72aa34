"""NUDGE-N: documents turn toward the questions that they answer and stay on the unit sphere.

For each labelled document: the largest sum of similarities to its questions subject to ‖D'‖ = 1 and ‖D' − D‖² ≤ γ. The solution is a rotation
(paper, section 3.2): θ = min(arccos(1 − γ/2), angle(D, G)), D' = cos θ · D + sin θ · Z, with G the sum of its questions and Z the unit part
of G at right angles to D.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from nudge_core.data.labels import Labels
from nudge_core.evaluation.measures import Measure
from nudge_core.methods.base import Bounded
from nudge_core.methods.gamma_sweep import Directions, Motion
from nudge_core.methods.options import ANGLES, FINE, PAPER, parse_gammas


class Turn:
    """a cos θ + b sin θ, with θ = min(arccos(1 − γ/2), limit)."""

    def scores(self, a: Tensor, b: Tensor, limit: Tensor, gamma: Tensor) -> Tensor:
        """The scores at γ."""
        theta = torch.minimum(torch.arccos(1 - gamma / 2).to(a), limit)
        return a * torch.cos(theta) + b * torch.sin(theta)

    def bounds(self, a: Tensor, b: Tensor, limit: Tensor, first: float, last: float) -> tuple[Tensor, Tensor, float]:
        """The ends of the arc. Between them it lies at most ‖q‖ (1 − cos Δθ/2) above both; and where both are positive never below."""
        turns = [math.acos(1 - gamma / 2) for gamma in (first, last)]
        theta = [limit.clamp(max=turn) for turn in turns]
        start, end = (torch.addcmul(a * torch.cos(one), b, torch.sin(one)) for one in theta)
        low = torch.minimum(start, end)
        low.masked_fill_(low <= 0, -torch.inf)
        return low, torch.maximum(start, end), 1 - math.cos((turns[1] - turns[0]) / 2)


@dataclass(frozen=True)
class NudgeN(Bounded):
    """NUDGE-N of arXiv 2409.02343: a bounded turn of each labelled document, found in closed form.

    A document whose questions point away from it (G·D < 0) stays where it is, as in the authors' code.

    Attributes:
        gammas: γ is a *squared distance* (0 to 4): the bound on ‖D' − D‖². "paper": 0, 0.02, …, 0.48; "fine": 0, 0.005, …, 1; "angles": turns of
            0, 3.75, …, 60 degrees; numbers of your own, of which validation chooses; or one number, which is then used without validation.
        measure: The validation measure, for example "Success@1" as in the paper, or "nDCG@10".

    Example:
        >>> NudgeN(gammas=0.1).fixed_gamma
        0.1
    """

    gammas: float | Sequence[float] | Literal["paper", "fine", "angles"] = "paper"
    measure: str = "Success@1"

    name: ClassVar[str] = "NUDGE-N"
    gamma_unit: ClassVar[str] = "squared distance"
    motion: ClassVar[Motion] = Turn()

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputError: A γ outside 0 to 4, or an unknown measure.
        """
        object.__setattr__(
            self,
            "gammas",
            parse_gammas(self.gammas, {"paper": PAPER, "fine": FINE, "angles": ANGLES}, largest=4.0),
        )
        Measure.parse(self.measure)

    def directions(self, documents: Tensor, labels: Labels) -> Directions:
        """Z and the angle between D and G, in radians, of each document; 0 for those that do not move."""
        sums = labels.query_sums(len(documents))
        length = torch.linalg.vector_norm(sums, dim=1, keepdim=True)
        goal = sums / length.clamp(min=torch.finfo(sums.dtype).tiny)
        cosine = (goal * documents).sum(1, keepdim=True)
        across = goal - cosine * documents
        sine = torch.linalg.vector_norm(across, dim=1, keepdim=True)
        moves = (length > 0) & (cosine >= 0) & (sine > 1e-6)
        toward = torch.where(moves, across / sine.clamp(min=1e-6), 0.0)
        return Directions(toward, torch.where(moves, torch.atan2(sine, cosine), 0.0).squeeze(1))

    def move(self, documents: Tensor, labels: Labels, gamma: float) -> Tensor:
        """The documents turned by min(arccos(1 − γ/2), angle to G); (pool, dim), unit length."""
        directions = self.directions(documents, labels)
        theta = directions.limit.clamp(max=math.acos(1 - gamma / 2)).unsqueeze(1)
        turned = torch.cos(theta) * documents + torch.sin(theta) * directions.toward
        turned = turned / torch.linalg.vector_norm(turned, dim=1, keepdim=True)
        return torch.where(theta > 0, turned, documents)

    @staticmethod
    def angle(gamma: float) -> float:
        """arccos(1 − γ/2) in degrees."""
        return math.degrees(math.acos(1 - gamma / 2))
