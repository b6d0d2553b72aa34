"""Trial with the exact search of NUDGE-M: one γ for all folds, and no other is better."""

import numpy as np
import pytest

from nudge_core import NudgeM, evaluate, finetune
from nudge_core.trial import trial


def unit(X):
    X = np.asarray(X, np.float64)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def lines(X, learned, held):
    """The score of each document for each question is the line a + γ b; and which documents answer."""
    D, G = unit(X), np.zeros((len(X), learned.dim))
    for i in range(len(learned)):
        for document in learned.relevance[i]:
            G[document] += learned.embeddings[i].double().numpy()
    length = np.linalg.norm(G, axis=1, keepdims=True)
    U = np.where(length > 0, G / np.maximum(length, 1e-300), 0)
    Q = held.embeddings.double().numpy()
    answers = np.zeros((len(Q), len(X)), dtype=bool)
    for i in range(len(held)):
        answers[i, list(held.relevance[i])] = True
    return Q @ D.T, Q @ U.T, answers


def crossings(a, b):
    """Every γ ≥ 0 at which two documents tie for a question."""
    found = []
    for i, j in zip(*np.triu_indices(a.shape[1], 1), strict=True):
        steeper = b[:, i] != b[:, j]
        found.append((a[steeper, i] - a[steeper, j]) / (b[steeper, j] - b[steeper, i]))
    found = np.concatenate(found)
    return found[found >= 0]


def success(parts, gammas):
    """Success@1 over the questions of all folds, at each γ."""
    hits, count = np.zeros(len(gammas)), 0
    for a, b, answers in parts:
        first = (a[None] + gammas[:, None, None] * b[None]).argmax(2)
        hits += np.take_along_axis(answers[None], first[..., None], 2)[..., 0].sum(1)
        count += len(a)
    return hits / count


@pytest.mark.parametrize("folds", [2, 3, 9])
@pytest.mark.parametrize("seed", range(10))
def test_no_gamma_is_better_over_all_folds(sample, seed, folds):
    """Between two crossings nothing changes, so that the middles are all γ there are."""
    drawn = sample(seed, docs=14, questions=9, sizes=(1, 2))
    parts = [lines(drawn.X, learned, held) for learned, held in drawn.train.folds(folds, seed=0)]
    ends = np.unique(np.concatenate([[0.0], *(crossings(a, b) for a, b, _ in parts)]))
    middles = np.append((ends[:-1] + ends[1:]) / 2, ends[-1] + 1)[
        np.append(np.diff(ends) > 1e-5, True)
    ]  # wider than rounding
    scores = success(parts, middles)

    done = trial(drawn.X, drawn.train, method=NudgeM(), measures=["Success@1"], folds=folds)
    reached = done.after.mean("Success@1")
    at_zero = success(parts, np.zeros(1))[0]
    assert done.before.mean("Success@1") == pytest.approx(at_zero)
    assert reached >= max(scores.max(), at_zero) - 1e-9, "another γ is better"
    assert reached == pytest.approx(success(parts, np.asarray([done.tuned.gamma]))[0]), "and it is reached at this γ"
    assert done.tuned.after == pytest.approx(reached) == done.tuned.curve.score.max()
    if done.tuned.gamma:
        best = scores > reached - 1e-9
        first = middles[best].min()
        assert best[(middles > first) & (middles < done.tuned.gamma)].all(), "an earlier stretch of γ is as good"


@pytest.mark.parametrize("seed", range(4))
def test_a_dense_scan_by_finetune_and_evaluate_finds_nothing_better(sample, seed):
    drawn = sample(seed, docs=30, questions=12)
    done = trial(drawn.X, drawn.train, method=NudgeM(), measures=["Success@1"], folds=3)
    for gamma in [*np.linspace(0, 3, 31), done.tuned.gamma, 10.0, 1000.0]:
        hits = 0.0
        for learned, held in drawn.train.folds(3, seed=0):
            tuned = finetune(drawn.X, learned, method=NudgeM(float(gamma)))
            hits += evaluate(drawn.X, held, ["Success@1"], tuned=tuned).values["Success@1"].sum()
        assert hits / 12 <= done.after.mean("Success@1") + 1e-9, gamma
        if gamma == done.tuned.gamma:
            assert hits / 12 == pytest.approx(done.after.mean("Success@1"))


@pytest.mark.parametrize("seed", range(4))
def test_the_curve_is_the_score_at_every_gamma(sample, seed):
    drawn = sample(seed, docs=20, questions=10)
    parts = [lines(drawn.X, learned, held) for learned, held in drawn.train.folds(3, seed=0)]
    curve = trial(drawn.X, drawn.train, method=NudgeM(), folds=3).tuned.curve
    assert (np.diff(curve.gamma) >= 0).all()
    wide = np.flatnonzero(np.append(np.diff(curve.gamma[::2]) > 1e-5, True)) * 2 + 1  # odd places stand for stretches
    np.testing.assert_allclose(curve.score[wide], success(parts, curve.gamma[wide]))
    assert curve.score[0] == pytest.approx(success(parts, np.zeros(1))[0])
