"""Contrastive NUDGE: documents turn toward the questions that they answer and away from those that they do not.

NUDGE pulls only, so a document that moves also rises for questions that it does not answer. The gradient of the softmax likelihood of the
relevant documents pulls and pushes: G = (Y − P)ᵀQ, with Y the labels (1 in sum for each question) and P = softmax(q·D / τ) over *all* documents. Its
steps D ← normalise(D + η G / m) move the labelled documents only; m, the mean label mass of a document, keeps the step the same whether a
document answers one question or a hundred. G is taken along the sphere; η grows from step to step until G turns, and is halved then.

A second term looks at each question as if it had not been learned from: its own documents where the steps began, the others where they are now.
It pushes documents that have moved out of the way of questions about documents that have not.

The pull ends where a question finds its documents, though other questions about them will be worded otherwise. Two options go further: a margin by
which relevant documents have to lead (additive margin softmax, arXiv 1801.05599), and NUDGE-N as a start, of which the steps keep what does no harm.

Source: ours, on NUDGE (arXiv 2409.02343); the likelihood is that of InfoNCE (arXiv 1807.03748) with all documents as negatives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import torch
from torch import Tensor

from nudge_core.corpus.background import similarities, weighted
from nudge_core.data.labels import Labels
from nudge_core.data.vectors import unit
from nudge_core.methods import sampled_softmax
from nudge_core.methods.base import POINTS, Setting, Stepwise, pair_weights
from nudge_core.methods.nudge_n import NudgeN
from nudge_core.methods.options import set_numbers
from nudge_core.methods.problem import Part, Problem, State, blocks

GROWTH = 1.15
"""By how much steps grow as long as the gradient does not turn; where it turns they are halved."""

CAP = 10
"""How many times as long as the first a step becomes at most."""


@dataclass(frozen=True)
class Contrastive(Stepwise):
    """Contrastive steps of the labelled documents on the unit sphere. Of several values given for an option, questions held out choose.

    Attributes:
        temperature: τ of the softmax.
        rate: η, the length of the first step for a document of mean label mass.
        guard: Weight of the second term, which protects questions about documents without labels; 0 for none.
        margin: By how much similarity a relevant document has to lead; 0 for none.
        start: γ of NUDGE-N, the squared distance that documents go toward their questions before the first step; 0 for none.
        steps: The largest number of steps; questions held out choose how many are gone.
        measure: What is measured on questions held out.
        unseen_weight: What a point that unseen questions lose costs; see `Auto`.

    Example:
        >>> Contrastive(temperature=0.05, guard=0, margin=0, start=0.04).settings()
        ({'temperature': 0.05, 'rate': 0.1, 'guard': 0.0, 'margin': 0.0, 'start': 0.04},)
    """

    temperature: float | Sequence[float] = (0.02, 0.05)
    rate: float | Sequence[float] = 0.1
    guard: float | Sequence[float] = (0.5, 1.0)
    margin: float | Sequence[float] = (0.0, 0.1)
    start: float | Sequence[float] = (0.0, 0.03)
    steps: int = 36
    measure: str = "nDCG@10"
    unseen_weight: float = 3.0

    name: ClassVar[str] = "contrastive"

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputError: A temperature, rate or number of steps that is not above zero, a guard, margin or start below zero, or an unknown measure.
        """
        set_numbers(self, temperature=(1e-3, 10), rate=(1e-4, 100), guard=(0, 100), margin=(0, 2), start=(0, 2))
        self._check()

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The τ at which softmax is taken over all documents."""
        return tuple(self.temperature)  # type: ignore[arg-type]  # made a tuple

    def too_large(self, questions: int, documents: int) -> str | None:
        """Beyond `sampled_softmax.ALL` products the nearest documents cannot be looked for."""
        if questions * documents <= sampled_softmax.ALL:
            return None
        return (
            f"contrastive steps compare every question with every labelled document, here {questions:,} with {documents:,}, which is more than they "
            "can in reasonable time: use NudgeN(), or fewer questions"
        )

    def settings(self) -> tuple[Setting, ...]:
        """Every rate and guard, with every temperature, margin and start; of several of these one at a time is other than the first."""
        names = ("temperature", "margin", "start", "rate", "guard")
        first, found = [getattr(self, name)[0] for name in names[:3]], []
        for way in product(*(getattr(self, name) for name in names)):
            if sum(value != usual for value, usual in zip(way, first, strict=False)) < 2:
                setting = dict(zip(names, way, strict=True))
                found.append({name: setting[name] for name in ("temperature", "rate", "guard", "margin", "start")})
        return tuple(found)

    def path(self, problem: Problem, part: Part, setting: Setting, start: State) -> Iterator[tuple[float, State]]:
        """The documents after some numbers of steps."""
        temperature, guard, margin, labels = setting["temperature"], setting["guard"], setting["margin"], part.labels
        weights, who = pair_weights(labels), labels.pair_queries
        others = problem.logsumexp(temperature, start)[part.questions]
        pool = NudgeN("angles").move(start.pool, labels, setting["start"]) if setting["start"] else start.pool
        own = torch.full_like(others, -torch.inf)
        if guard:
            first = labels.pair_scores(pool) / temperature
            own = own.scatter_reduce(0, who, first, "amax")
            own += torch.zeros_like(own).index_add_(0, who, torch.exp(first - own[who])).log()
        moved = torch.unique(labels.documents)
        rate, before = setting["rate"], torch.zeros(())
        pull = labels.query_sums(len(pool), weights)[moved]
        mass = float(weights.sum()) / len(moved)
        many = len(labels) * len(pool) > sampled_softmax.EXACT
        sparse = sampled_softmax.SampledSoftmax(labels, others, own, temperature, guard, margin) if many else None
        for step in range(1, self.steps + 1):
            push = torch.zeros_like(pull) if sparse is None else sparse.push(pool)[moved]
            for block in blocks(len(pool), len(labels)) if sparse is None else ():
                some = labels.slice(block.start, block.stop)
                chances = _chances(some, pool, others[block], own[block], temperature, guard, margin)
                push += weighted(chances if len(moved) == len(pool) else chances[:, moved], some.queries)
            uphill = (pull - push) / mass
            uphill -= (uphill * pool[moved]).sum(1, keepdim=True) * pool[moved]
            turned = float((uphill * before).sum()) < 0
            rate, before = (
                rate / 2 if turned else min((GROWTH if step > 1 else 1) * rate, CAP * setting["rate"]),
                uphill,
            )
            pool = pool.clone()
            pool[moved] = unit(pool[moved] + rate * uphill)
            if step in POINTS or step == self.steps:
                yield float(step), State(pool, start.matrix)


def _chances(
    labels: Labels, pool: Tensor, others: Tensor, own: Tensor, temperature: float, guard: float, margin: float
) -> Tensor:
    """(queries, pool) the softmax over all documents; with the guard's own, in which the relevant documents are where they were."""
    who, documents = labels.pair_queries, labels.documents
    scores = similarities(labels.queries, pool)
    if margin:
        scores[who, documents] -= margin
    scores.div_(temperature)
    top = torch.maximum(scores.amax(1), others)
    powers = scores.sub_(top[:, None]).exp_()
    behind = torch.exp(others - top)
    if not guard:
        return powers.div_((powers.sum(1) + behind)[:, None])
    relevant = powers[who, documents]
    powers[who, documents] = 0
    rest = powers.sum(1) + behind
    total = torch.zeros_like(rest).index_add_(0, who, relevant) + rest
    powers *= (1 / total + guard / (rest + torch.exp(own - top)))[:, None]
    powers[who, documents] = relevant / total[who]
    return powers
