"""Candidates: with all of them the steps are those of all documents; with few they lead nearly as far."""

import numpy as np
import pytest
import torch

from nudge_core import Auto, Contrastive, LinearMap, finetune
from nudge_core.errors import InputError
from nudge_core.methods import problem as problems
from nudge_core.methods import sampled_softmax as candidates
from nudge_core.trial import trial


@pytest.mark.parametrize("guard", [0.0, 0.5])
@pytest.mark.parametrize("margin", [0.0, 0.2])
@pytest.mark.parametrize("together", [1, 1 << 22])
def test_all_documents_as_candidates_are_the_exact_steps(path, problem, monkeypatch, guard, margin, together):
    exact = path(problem, guard, margin=margin)
    monkeypatch.setattr(candidates, "EXACT", 0)
    monkeypatch.setattr(candidates, "CANDIDATES", 10**6)
    monkeypatch.setattr(candidates, "_TOGETHER", together)
    for (point, pool), (other, ours) in zip(exact, path(problem, guard, margin=margin), strict=True):
        assert point == other
        assert ours.numpy() == pytest.approx(pool.numpy(), abs=1e-5)


@pytest.mark.parametrize("guard", [0.0, 0.5])
def test_few_candidates_lead_nearly_as_far(path, problem, monkeypatch, guard):
    exact, first = path(problem, guard)[-1][1], path(problem, guard, 1)[-1][1]
    monkeypatch.setattr(candidates, "EXACT", 0)
    apart = []
    for count in (1, 16, 64):
        monkeypatch.setattr(candidates, "CANDIDATES", count)
        apart.append(float(torch.linalg.vector_norm(path(problem, guard)[-1][1] - exact)))
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 0.02 * float(torch.linalg.vector_norm(exact - first))


def test_the_nearest_are_looked_for_again(path, problem, monkeypatch):
    monkeypatch.setattr(candidates, "EXACT", 0)
    looked = []
    look = candidates.SampledSoftmax._look
    monkeypatch.setattr(
        candidates.SampledSoftmax, "_look", lambda self, pool: (looked.append(len(pool)), look(self, pool))
    )
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


@pytest.mark.parametrize("method", [Contrastive(temperature=0.05, steps=6), LinearMap(temperature=0.04, steps=4)])
def test_sums_over_a_sample_lead_nearly_as_far(problem, monkeypatch, method):
    """The whole way, where questions times documents are too many to compare all."""
    X, questions = problem
    train, validation = questions.split(0.7)
    exact = finetune(X, train, validation, method=method)
    monkeypatch.setattr(problems, "HELD", 250)  # of 300
    monkeypatch.setattr(problems, "SUMMED", 0)
    ours = finetune(X, train, validation, method=method)
    rows = np.intersect1d(exact.rows, ours.rows)
    first, second = (one.vectors[np.searchsorted(one.rows, rows)] for one in (exact, ours))
    assert np.median((first * second).sum(1)) > 0.99
    assert ours.after == pytest.approx(exact.after, abs=0.03)


def test_too_many_to_compare_are_refused_before_anything_is_read(problem, monkeypatch):
    X, questions = problem
    monkeypatch.setattr(candidates, "ALL", 1000)
    with pytest.raises(
        InputError, match=r"contrastive steps compare .* 150 with .*: use NudgeN\(\), or fewer questions"
    ):
        finetune(X, questions, method=Contrastive())


def test_auto_leaves_out_what_is_too_large_and_says_so(problem, monkeypatch, caplog):
    X, questions = problem
    monkeypatch.setattr(candidates, "ALL", 1000)
    done = trial(X, questions, method=Auto())
    assert [one.name for one in done.candidates] == ["none", "NUDGE-N"]
    assert "contrastive was left out: contrastive steps compare" in " ".join(done.notes)
    assert "contrastive was left out" in caplog.text
    assert "contrastive was left out" in str(done.report().sections)
