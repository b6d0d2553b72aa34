"""Contrastive NUDGE: documents turn toward the questions that they answer and away from those that they do not.

NUDGE pulls only, so a document that moves also rises for questions that it does not answer. The gradient of the softmax likelihood of the
relevant documents pulls and pushes: G = (Y − P)ᵀQ, with Y the labels (1 in sum for each question) and P = softmax(q·D / τ) over *all* documents. Its
steps D ← normalise(D + η G / m) move the labelled documents only; m, the mean label mass of a document, keeps the step the same whether a
document answers one question or a hundred.

A second term looks at each question as if it had not been learned from: its own documents where they were at first, the others where they are now.
It pushes documents that have moved out of the way of questions about documents that have not.

Source: ours, on NUDGE (arXiv 2409.02343); the likelihood is that of InfoNCE (arXiv 1807.03748) with all documents as negatives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from nudge_core.background import similarities
from nudge_core.labels import Labels
from nudge_core.learning.folds import Part
from nudge_core.learning.ground import Ground, State
from nudge_core.methods import candidates
from nudge_core.methods.candidates import Candidates
from nudge_core.methods.learned import POINTS, Setting, Single, pair_weights
from nudge_core.methods.options import numbers
from nudge_core.vectors import unit


@dataclass(frozen=True)
class Contrastive(Single):
    """Contrastive steps of the labelled documents on the unit sphere. Of several values given for an option, questions held out choose.

    Attributes:
        temperature: τ of the softmax.
        rate: η, the length of a step for a document of mean label mass.
        guard: Weight of the second term, which protects questions about documents without labels; 0 for none.
        steps: The largest number of steps; questions held out choose how many are gone.
        measure: What is measured on questions held out.
        unseen_weight: What a point that unseen questions lose costs; see `Auto`.

    Example:
        >>> Contrastive(temperature=0.05, guard=0).settings()
        ({'temperature': 0.05, 'rate': 0.1, 'guard': 0.0},)
    """

    temperature: float | Sequence[float] = (0.02, 0.05)
    rate: float | Sequence[float] = 0.1
    guard: float | Sequence[float] = (0.0, 0.5, 1.0)
    steps: int = 36
    measure: str = "nDCG@10"
    unseen_weight: float = 3.0

    name: ClassVar[str] = "contrastive"

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputError: A temperature, rate or number of steps that is not above zero, a guard below zero, or an unknown measure.
        """
        object.__setattr__(self, "temperature", numbers("temperature", self.temperature, 1e-3, 10))
        object.__setattr__(self, "rate", numbers("rate", self.rate, 1e-4, 100))
        object.__setattr__(self, "guard", numbers("guard", self.guard, 0, 100))
        self._check()

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The τ at which softmax is taken over all documents."""
        return numbers("temperature", self.temperature, 0, 10)

    def settings(self) -> tuple[Setting, ...]:
        """Every temperature with every rate and guard."""
        return tuple(
            {"temperature": temperature, "rate": rate, "guard": guard}
            for temperature in self.temperatures
            for rate in numbers("rate", self.rate, 0, 100)
            for guard in numbers("guard", self.guard, 0, 100)
        )

    def path(self, ground: Ground, part: Part, setting: Setting, start: State) -> Iterator[tuple[float, State]]:
        """The documents after some numbers of steps."""
        temperature, guard, labels = setting["temperature"], setting["guard"], part.labels
        weights, who = pair_weights(labels), labels.pair_queries
        others = ground.logsumexp(temperature, start)[part.questions]
        own = torch.full_like(others, -torch.inf)
        if guard:
            first = (labels.queries[who] * start.pool[labels.documents]).sum(1) / temperature
            own = own.scatter_reduce(0, who, first, "amax")
            own += torch.zeros_like(own).index_add_(0, who, torch.exp(first - own[who])).log()
        moved = torch.unique(labels.documents)
        pull = torch.zeros_like(start.pool).index_add_(0, labels.documents, weights[:, None] * labels.queries[who])[
            moved
        ]
        mass = float(weights.sum()) / len(moved)
        pool = start.pool
        sparse = (
            Candidates(labels, others, own, temperature, guard) if len(labels) * len(pool) > candidates.EXACT else None
        )
        for step in range(1, self.steps + 1):
            push = torch.zeros_like(pull) if sparse is None else sparse.push(pool)[moved]
            for block in ground.blocks(len(pool), len(labels)) if sparse is None else ():
                some = labels.slice(block.start, block.stop)
                chances = _chances(some, pool, temperature, others[block], guard, own[block])
                push += (chances if len(moved) == len(pool) else chances[:, moved]).T @ some.queries
            pool = pool.clone()
            pool[moved] = unit(pool[moved] + setting["rate"] / mass * (pull - push))
            if step in POINTS or step == self.steps:
                yield float(step), State(pool, start.matrix)


def _chances(labels: Labels, pool: Tensor, temperature: float, others: Tensor, guard: float, own: Tensor) -> Tensor:
    """(queries, pool) the softmax over all documents; with the guard's own, in which the relevant documents are where they were."""
    scores = similarities(labels.queries, pool).div_(temperature)
    top = torch.maximum(scores.amax(1), others)
    powers = scores.sub_(top[:, None]).exp_()
    behind = torch.exp(others - top)
    if not guard:
        return powers.div_((powers.sum(1) + behind)[:, None])
    who, documents = labels.pair_queries, labels.documents
    relevant = powers[who, documents]
    powers[who, documents] = 0
    rest = powers.sum(1) + behind
    total = torch.zeros_like(rest).index_add_(0, who, relevant) + rest
    powers *= (1 / total + guard / (rest + torch.exp(own - top)))[:, None]
    powers[who, documents] = relevant / total[who]
    return powers
