"""Linear map: one dim x dim matrix for every document, D' = normalise(D W), learned from the labelled ones. Questions stay as they are.

It carries what the labels teach over to documents without labels, and to documents that are added later. W maximises the softmax likelihood of the
relevant documents, with *all* documents as the others, by steps from the identity. A step is the ridge regression of the documents' own steps on the
documents, W ← W + η (DᵀD / docs + ρI)⁻¹ DᵀG / questions with G as in contrastive NUDGE: directions in which documents hardly differ do not slow it
down, and ρ keeps those that are noise small. Steps grow until one goes too far, and the map is a running mean of where they led.

Documents without labels are never pulled to a question, so that a map learns to push what is like them away. Where they count less among the others,
unseen questions fare better, and seen ones at times worse.

Source: ours. D is (docs, dim) and W (dim, dim), float32; vectors are taken and left at unit length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import torch
from torch import Tensor

from nudge_core.corpus.background import similarities, weighted
from nudge_core.data.labels import Labels
from nudge_core.data.vectors import unit
from nudge_core.methods.base import POINTS, Setting, Stepwise, pair_weights
from nudge_core.methods.options import one, set_numbers
from nudge_core.methods.problem import Part, Problem, State, blocks

BATCH = 2048
"""How many questions a step is learned from."""

GROWTH, CAP = 1.15, 10.0
"""How much longer each step is than the one before, and how much longer than the first at most."""

OVERSHOT = -0.5
"""A step has gone too far where the slope along it, at its end, is that many times what it was at its start: half of it is taken back."""

NEWEST = 0.25
"""The weight of the newest matrix in the running mean, which swings less from step to step."""


@dataclass(frozen=True)
class LinearMap(Stepwise):
    """A map of all documents. Of several values given for an option other than the temperature, questions held out choose.

    Attributes:
        temperature: τ of the softmax. Of several their softmaxes are averaged, which does as well as to choose between them in half the time.
        ridge: ρ, beside the variance of the documents along a direction: the larger, the fewer directions change.
        rate: η, the length of the first step; each is GROWTH times as long as the one before, up to CAP times the first, and half as long after one
            that went too far.
        unlabelled: As how many documents one without labels counts in the softmax, up to 1.
        steps: The largest number of steps; questions held out choose how many are gone.
        measure: What is measured on questions held out.
        unseen_weight: What a point that unseen questions lose costs; see `Auto`.
        seed: Seed of the batches of questions.

    Example:
        >>> LinearMap(temperature=0.03, unlabelled=1).settings()
        ({'ridge': 0.1, 'rate': 0.75, 'unlabelled': 1.0},)
    """

    temperature: float | Sequence[float] = (0.02, 0.04)
    ridge: float | Sequence[float] = 0.1
    rate: float | Sequence[float] = 0.75
    unlabelled: float | Sequence[float] = (1.0, 0.1)
    steps: int = 40
    measure: str = "nDCG@10"
    unseen_weight: float = 3.0
    seed: int = 0

    name: ClassVar[str] = "linear map"
    maps: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            InputError: An option that is not above zero, an `unlabelled` above 1, a seed that is no whole number, or an unknown measure.
        """
        set_numbers(self, temperature=(1e-3, 10), ridge=(1e-6, 100), rate=(1e-4, 100), unlabelled=(1e-9, 1))
        one("seed", self.seed, 0, 2**63 - 1, whole=True)
        self._check()

    def settings(self) -> tuple[Setting, ...]:
        """Every ridge with every rate and weight of documents without labels."""
        names = ("ridge", "rate", "unlabelled")
        return tuple(dict(zip(names, way, strict=True)) for way in product(*(getattr(self, name) for name in names)))

    def path(self, problem: Problem, part: Part, setting: Setting, start: State) -> Iterator[tuple[float, State]]:
        """The documents after some numbers of steps."""
        assert problem.rest is not None  # noqa: S101  # it is read where a way maps
        documents = torch.cat([start.pool, problem.rest.mapped(start.matrix)])
        weight = torch.full((len(documents),), math.log(setting["unlabelled"]), device=documents.device)
        weight[torch.unique(part.labels.documents)] = 0
        if problem.rest.weight is not None:
            weight[len(start.pool) :] += problem.rest.weight
        identity = torch.eye(documents.shape[1], device=documents.device)
        shrunk = torch.linalg.inv(documents.T @ documents / len(documents) + setting["ridge"] * identity)
        matrix, mean, drawn = identity, identity, _Batches(part.labels, self.seed)
        rate, direction, slope = setting["rate"], identity, math.inf
        for step in range(1, self.steps + 1):
            uphill = _uphill(drawn.next(), documents, matrix, self.temperature, weight)
            if float((uphill * direction).sum()) < OVERSHOT * slope:
                rate /= 2
                matrix = matrix - rate * direction
            else:
                rate = rate if step == 1 else min(GROWTH * rate, CAP * setting["rate"])
                direction = shrunk @ uphill
                slope = float((uphill * direction).sum())
                matrix = matrix + rate * direction
            mean = torch.lerp(mean, matrix, NEWEST)
            if step in POINTS or step == self.steps:
                whole = mean if start.matrix is None else start.matrix @ mean
                yield float(step), State(unit(start.pool @ mean), whole)


class _Batches:
    """Batches of questions in a random order; all of them at once where they are few."""

    def __init__(self, labels: Labels, seed: int) -> None:
        self.labels, self.left = labels, torch.zeros(0, dtype=torch.int64)
        self.random = torch.Generator().manual_seed(seed)

    def next(self) -> Labels:
        if len(self.labels) <= BATCH:
            return self.labels
        if len(self.left) < BATCH:
            self.left = torch.randperm(len(self.labels), generator=self.random)
        taken, self.left = self.left[:BATCH], self.left[BATCH:]
        return self.labels.take(taken.to(self.labels.offsets.device))


def _uphill(labels: Labels, documents: Tensor, matrix: Tensor, temperatures: Any, weight: Tensor) -> Tensor:
    """(dim, dim) the gradient of τ times the mean log likelihood at a matrix, averaged over τ; `weight` is the log of how many each stands for."""
    mapped = similarities(documents, matrix.T)
    norms = torch.linalg.vector_norm(mapped, dim=1, keepdim=True)
    mapped = mapped / norms
    slope = labels.query_sums(len(mapped), pair_weights(labels))
    for block in blocks(len(mapped), len(labels)):
        queries = labels.queries[block]
        scores = similarities(queries, mapped)
        chances = torch.zeros_like(scores)
        for temperature in temperatures:
            chances += torch.softmax(scores / temperature + weight, 1)
        slope -= weighted(chances.div_(len(temperatures)), queries)
    slope /= len(labels)
    return weighted(documents, (slope - (slope * mapped).sum(1, keepdim=True) * mapped) / norms)
