"""Candidates: with all of them the steps are those of all documents; with few they lead nearly as far."""

import numpy as np
import pytest
import torch

from nudge_core import Contrastive, QuerySet, finetune
from nudge_core.corpus import open_corpus
from nudge_core.labels import Labels
from nudge_core.learning.folds import Part
from nudge_core.learning.ground import Ground, State
from nudge_core.methods import candidates

DOCS, DIM, QUERIES = 300, 12, 150


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(DOCS, DIM)).astype("f4")
    relevant = [rng.choice(120, size=rng.integers(1, 4), replace=False) for _ in range(QUERIES)]
    Q = np.stack([X[rows].mean(0) for rows in relevant]) + rng.normal(size=(QUERIES, DIM)) / 2
    return X, QuerySet(Q / np.linalg.norm(Q, axis=1, keepdims=True), relevant)


def path(problem, guard, steps=12):
    X, questions = problem
    device, rows = torch.device("cpu"), np.unique(questions.relevance.documents)
    labels = Labels.of(questions, np.searchsorted(rows, questions.relevance.documents), device)
    ground = Ground(open_corpus(X), rows, labels, depth=10, temperatures=(0.05,), whole=False, device=device)
    part = Part(torch.arange(20, QUERIES), labels.take(torch.arange(20, QUERIES)))  # some of the pool does not move
    method = Contrastive(temperature=0.05, guard=guard, steps=steps)
    return [(point, state.pool) for point, state in method.path(ground, part, method.settings()[0], State(ground.pool))]


@pytest.mark.parametrize("guard", [0.0, 0.5])
@pytest.mark.parametrize("together", [1, 1 << 22])
def test_all_documents_as_candidates_are_the_exact_steps(problem, monkeypatch, guard, together):
    exact = path(problem, guard)
    monkeypatch.setattr(candidates, "EXACT", 0)
    monkeypatch.setattr(candidates, "CANDIDATES", 10**6)
    monkeypatch.setattr(candidates, "_TOGETHER", together)
    for (point, pool), (other, ours) in zip(exact, path(problem, guard), strict=True):
        assert point == other
        assert ours.numpy() == pytest.approx(pool.numpy(), abs=1e-5)


@pytest.mark.parametrize("guard", [0.0, 0.5])
def test_few_candidates_lead_nearly_as_far(problem, monkeypatch, guard):
    exact, first = path(problem, guard)[-1][1], path(problem, guard, 1)[-1][1]
    monkeypatch.setattr(candidates, "EXACT", 0)
    apart = []
    for count in (1, 16, 64):
        monkeypatch.setattr(candidates, "CANDIDATES", count)
        apart.append(float(torch.linalg.vector_norm(path(problem, guard)[-1][1] - exact)))
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.02 * float(torch.linalg.vector_norm(exact - first))


def test_the_nearest_are_looked_for_again(problem, monkeypatch):
    monkeypatch.setattr(candidates, "EXACT", 0)
    looked = []
    look = candidates.Candidates._look
    monkeypatch.setattr(candidates.Candidates, "_look", lambda self, pool: (looked.append(len(pool)), look(self, pool)))
    path(problem, 0.5, steps=17)
    assert len(looked) == 3


def test_more_labels_than_a_step_can_compare_are_learned_from(problem, monkeypatch):
    """The whole way: from the corpus to the moves."""
    X, questions = problem
    train, validation = questions.split(0.7)
    method = Contrastive(temperature=0.05, steps=6)
    exact = finetune(X, train, validation, method=method)
    monkeypatch.setattr(candidates, "EXACT", 0)
    ours = finetune(X, train, validation, method=method)
    assert ours.settings == exact.settings
    assert ours.vectors == pytest.approx(exact.vectors, abs=5e-3)
