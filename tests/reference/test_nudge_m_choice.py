"""The γ that NUDGE-M chooses on real-valued vectors: the best of all, and attained by the vectors that are returned."""

import brute_force
import numpy as np
import pytest

from nudge_core import NudgeM, finetune


def success(D, queries):
    first = (queries.embeddings.double().numpy() @ np.asarray(D, dtype=np.float64).T).argmax(1)
    return sum(int(row) in queries.relevance[i] for i, row in enumerate(first)) / len(queries)


def crossings(X, train, validation):
    """Every γ at which two documents tie for a validation question, and the middle between neighbours."""
    D, G = brute_force.unit(X), brute_force.question_sums(len(X), train)
    U = np.where(G.any(1, keepdims=True), G / np.maximum(np.linalg.norm(G, axis=1, keepdims=True), 1e-300), 0)
    Q = validation.embeddings.double().numpy()
    found = [0.0]
    for a, b in zip(Q @ D.T, Q @ U.T, strict=True):
        for j in range(len(D)):
            others = b != b[j]
            found += ((a[others] - a[j]) / (b[j] - b[others])).tolist()
    found = np.unique([gamma for gamma in found if gamma >= 0])
    return np.concatenate([found, (found[1:] + found[:-1]) / 2, [found[-1] + 1]])


@pytest.mark.parametrize("seed", range(8))
def test_no_gamma_is_better_than_the_one_chosen(sample, seed):
    drawn = sample(seed, docs=14, questions=9, sizes=(1, 2))
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeM())
    gammas = crossings(drawn.X, drawn.train, drawn.validation)
    scores = np.asarray([success(brute_force.shift(drawn.X, drawn.train, g), drawn.validation) for g in gammas])
    assert tuned.after == pytest.approx(scores.max())
    assert gammas[scores == scores.max()].min() >= tuned.gamma - 2e-4, "an earlier γ is as good"


@pytest.mark.parametrize("seed", range(25))
def test_the_vectors_returned_reach_the_score_promised(sample, seed):
    """γ must not lie on the crossing itself: there two documents tie, and rounding would decide."""
    drawn = sample(seed, docs=50)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeM())
    assert success(tuned.apply_to(drawn.X), drawn.validation) == pytest.approx(tuned.after)


def test_every_point_of_the_curve_is_the_score_there(sample):
    drawn = sample(2, docs=20, questions=12)
    curve = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeM()).curve
    assert len(curve.gamma) >= 8, "a few stretches, or the loop below says nothing"
    assert len(set(curve.score.tolist())) > 2
    inside = slice(1, None, 2)  # odd places stand for stretches, even ones for their ends
    for gamma, score in zip(curve.gamma[inside], curve.score[inside], strict=True):
        assert success(brute_force.shift(drawn.X, drawn.train, gamma), drawn.validation) == pytest.approx(score)


def test_zero_is_chosen_when_no_move_helps(sample):
    drawn = sample(0)
    own = type(drawn.train)(
        drawn.X[:5], [[i] for i in range(5)]
    )  # already first, each with its own document as question
    tuned = finetune(drawn.X, drawn.train, own, method=NudgeM())
    assert (tuned.gamma, tuned.before, len(tuned)) == (0.0, 1.0, 0)


def test_small_tiles_give_the_same_choice(sample, monkeypatch):
    drawn = sample(4)
    whole = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeM())
    monkeypatch.setattr("nudge_core.methods.gamma_exact.TILE", 200)
    assert finetune(drawn.X, drawn.train, drawn.validation, method=NudgeM()).gamma == pytest.approx(
        whole.gamma, abs=1e-6
    )
