"""Auto: several ways to move documents, of which questions held out choose. A simpler way wins where a better one is not surely better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nudge_core.arguments import expect
from nudge_core.evaluation.measures import Measure
from nudge_core.methods.base import Method, Steps
from nudge_core.methods.contrastive import Contrastive
from nudge_core.methods.linear_map import LinearMap
from nudge_core.methods.nudge_n import NudgeN
from nudge_core.methods.options import one


@dataclass(frozen=True)
class Auto(Method):
    """Leave documents as they are, NUDGE-N, contrastive steps, and with permission a map of all documents and contrastive steps after it.

    What each is worth is measured on questions that it has not learned from: the mean gain of seen and unseen questions, by the shares in which they
    are to be expected, less `unseen_weight` times what unseen questions will lose beyond the first point, when in the end all labels are learned
    from. The best is taken, or a simpler one that it does not surely beat.

    Attributes:
        allow_map: Whether a `LinearMap` may be taken, which moves every document, also those without labels.
        unseen_weight: What a point that unseen questions lose, beyond the first, costs in points of the mean, however few they are: 0 takes
            the best mean over all questions, a large number refuses what harms unseen ones. Where less than a hundredth of the documents
            has no labels it counts less, and nothing where all have some.
        measure: What is measured on questions held out.

    Example:
        >>> [" + ".join(step.name for step in chain) for chain in Auto(allow_map=True).chains]
        ['NUDGE-N', 'contrastive', 'linear map', 'linear map + contrastive']
    """

    allow_map: bool = False
    unseen_weight: float = 3.0
    measure: str = "nDCG@10"

    name: ClassVar[str] = "auto"

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputError: An `allow_map` that is neither True nor False, a negative weight, or an unknown measure.
        """
        expect(self.allow_map, bool, "allow_map", "True lets it move every document")
        one("unseen_weight", self.unseen_weight, 0, 1e6)
        Measure.parse(self.measure)

    @property
    def chains(self) -> tuple[tuple[Steps, ...], ...]:
        """What is tried, the simplest first."""
        moves, contrastive = NudgeN("angles"), Contrastive()
        if not self.allow_map:
            return ((moves,), (contrastive,))
        return ((moves,), (contrastive,), (LinearMap(),), (LinearMap(), contrastive))
