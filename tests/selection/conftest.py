"""Grounds to learn on: labelled corpora in memory, and the softmax likelihood in float64 to compare with."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nudge_core import Contrastive, QuerySet, open_corpus
from nudge_core.data.labels import Labels
from nudge_core.methods.problem import Part, Problem, State
from nudge_core.selection import fit as learn


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation questions judge, however few they are; the rule for few has tests of its own."""
    monkeypatch.setattr(learn, "FEW", 0)


def ground_of(X: Any, questions: QuerySet, *, temperatures: tuple[float, ...] = (), whole: bool = False) -> Problem:
    """A ground over a corpus; the questions name documents by row."""
    corpus = open_corpus(X)
    places = corpus.by_row(questions).relevance.documents
    rows = np.unique(places)
    labels = Labels.of(questions, np.searchsorted(rows, places), torch.device("cpu"))
    depth = min(10, len(corpus))
    return Problem(
        corpus, rows, labels, depth=depth, temperatures=temperatures, whole=whole, device=torch.device("cpu")
    )


def part_of(ground: Problem, numbers: list[int] | None = None) -> Part:
    """Some of the questions, all without numbers."""
    chosen = torch.arange(len(ground.labels)) if numbers is None else torch.tensor(numbers)
    return Part(chosen, ground.labels.take(chosen))


def shares(questions: QuerySet, docs: int) -> Tensor:
    """Y, (queries, docs) float64: grades, 1 in sum for each question."""
    table = torch.zeros(len(questions), docs, dtype=torch.float64)
    for i in range(len(questions)):
        for row, grade in questions.relevance[i].items():
            table[i, row] = grade
    return table / table.sum(1, keepdim=True)


def likelihood(Q: Tensor, D: Tensor, Y: Tensor, temperature: float, times: Tensor | float = 1.0) -> Tensor:
    """Σ_i Σ_j Y_ij log softmax_j(q_i · D_j / τ), times τ; document j counts `times[j]` times in the softmax."""
    scores = Q @ D.T / temperature + torch.log(torch.as_tensor(times, dtype=Q.dtype))
    return temperature * (Y * torch.log_softmax(scores, 1)).sum()


@pytest.fixture(scope="session")
def plain() -> Any:
    """`ground_of`, `part_of`, `shares` and `likelihood` by name."""

    class Plain:
        ground: Callable[..., Problem] = staticmethod(ground_of)
        part: Callable[..., Part] = staticmethod(part_of)
        shares: Callable[..., Tensor] = staticmethod(shares)
        likelihood: Callable[..., Tensor] = staticmethod(likelihood)

    return Plain


@pytest.fixture
def problem() -> tuple[Any, QuerySet]:
    """A corpus, and questions of one to three relevant documents each."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 12)).astype("f4")
    relevant = [rng.choice(120, size=rng.integers(1, 4), replace=False) for _ in range(150)]
    Q = np.stack([X[rows].mean(0) for rows in relevant]) + rng.normal(size=(150, 12)) / 2
    return X, QuerySet(Q / np.linalg.norm(Q, axis=1, keepdims=True), relevant)


@pytest.fixture
def path() -> Callable[..., list[tuple[float, Tensor]]]:
    """The contrastive steps on a problem: (step, moved documents); some of the pool does not move."""

    def steps_of(
        problem: tuple[Any, QuerySet], guard: float, steps: int = 12, margin: float = 0.0
    ) -> list[tuple[float, Tensor]]:
        ground = ground_of(*problem, temperatures=(0.05,))
        part = part_of(ground, list(range(20, len(problem[1]))))
        method = Contrastive(temperature=0.05, guard=guard, margin=margin, start=0.0, steps=steps)
        start = State(ground.pool)
        return [(point, state.pool) for point, state in method.path(ground, part, method.settings()[0], start)]

    return steps_of
