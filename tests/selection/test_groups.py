"""Groups: of very many documents the nearest are found without comparing all, and steps lead nearly as far."""

import numpy as np
import pytest
import torch

from nudge_core import Contrastive, LinearMap, finetune
from nudge_core.methods import clusters as groups
from nudge_core.methods import problem as ground
from nudge_core.methods import sampled_softmax as candidates
from nudge_core.methods import sampled_softmax as looking


def clustered(documents=3000, questions=200, dim=16):
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(40, dim))

    def near(count):
        some = topics[rng.integers(0, len(topics), count)] + rng.normal(size=(count, dim)) / 2
        return torch.from_numpy((some / np.linalg.norm(some, axis=1, keepdims=True)).astype("f4"))

    return near(documents), near(questions)


def recall(count):
    documents, questions = clustered()
    true = torch.topk(questions @ documents.T, count).indices
    found = groups.Groups(documents).nearest(questions, count)
    assert all(len(set(line.tolist())) == count for line in found)  # none twice
    return float((true[:, :, None] == found[:, None, :]).any(2).float().mean())


def test_nearly_all_of_the_nearest_are_found():
    assert recall(10) > 0.9


def test_all_groups_hold_all_documents(monkeypatch):
    monkeypatch.setattr(groups, "PROBES", 10**6)
    assert recall(10) == 1


def test_a_question_whose_groups_hold_fewer_is_told(monkeypatch):
    documents, questions = clustered(documents=100)
    monkeypatch.setattr(groups, "PROBES", 1)
    found = groups.Groups(documents).nearest(questions, 60)
    assert (found < 0).any()
    assert (found.max(1).values >= 0).all()


def test_all_groups_and_all_documents_as_sample_are_the_exact_steps(path, problem, monkeypatch):
    exact = path(problem, 0.5)
    for module, name, value in (
        (candidates, "EXACT", 0),
        (candidates, "CANDIDATES", 10**6),
        (looking, "ALL", 0),
        (looking, "SAMPLE", 10**6),
        (groups, "PROBES", 10**6),
    ):
        monkeypatch.setattr(module, name, value)
    for (point, pool), (other, ours) in zip(exact, path(problem, 0.5), strict=True):
        assert point == other
        assert ours.numpy() == pytest.approx(pool.numpy(), abs=1e-5)


def test_a_sample_leads_nearly_as_far(path, problem, monkeypatch):
    exact, first = path(problem, 0.5)[-1][1], path(problem, 0.5, 1)[-1][1]
    monkeypatch.setattr(candidates, "EXACT", 0)
    monkeypatch.setattr(looking, "ALL", 0)
    monkeypatch.setattr(looking, "SAMPLE", 40)
    apart = path(problem, 0.5)[-1][1] - exact
    assert float(torch.linalg.vector_norm(apart)) < 0.1 * float(torch.linalg.vector_norm(exact - first))


@pytest.mark.parametrize("method", [Contrastive(temperature=0.05, steps=6), LinearMap(temperature=0.04, steps=4)])
def test_sums_over_a_sample_lead_nearly_as_far(problem, monkeypatch, method):
    """The whole way, where questions times documents are too many to compare all."""
    X, questions = problem
    train, validation = questions.split(0.7)
    exact = finetune(X, train, validation, method=method)
    monkeypatch.setattr(ground, "HELD", 250)  # of 300
    monkeypatch.setattr(ground, "SUMMED", 0)
    ours = finetune(X, train, validation, method=method)
    rows = np.intersect1d(exact.rows, ours.rows)
    first, second = (one.vectors[np.searchsorted(one.rows, rows)] for one in (exact, ours))
    assert np.median((first * second).sum(1)) > 0.99
    assert ours.after == pytest.approx(exact.after, abs=0.03)
