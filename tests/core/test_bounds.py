"""What every move obeys, whatever the vectors: the bound is met, NUDGE-N keeps unit length, NUDGE-M moves by γ, only labelled rows move."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nudge_core import NudgeM, NudgeN, QuerySet, finetune


@st.composite
def problems(draw):
    """Small whole numbers make parallel, opposite, orthogonal and equal vectors; the factor makes long and short ones."""
    dim = draw(st.integers(1, 4))
    numbers = st.integers(-2, 2).map(float)
    X = draw(arrays.arrays(np.float32, (draw(st.integers(1, 6)), dim), elements=numbers))
    Q = draw(arrays.arrays(np.float32, (draw(st.integers(1, 5)), dim), elements=numbers))
    assume(X.any(1).all() and Q.any(1).all())
    answers = [draw(st.lists(st.integers(0, len(X) - 1), min_size=1, max_size=3)) for _ in Q]
    return X * np.float32(draw(st.sampled_from([1e-4, 0.3, 1, 1e4]))), QuerySet(Q, answers)


def unit(X):
    return X / np.linalg.norm(X.astype(np.float64), axis=1, keepdims=True)


@given(problems(), st.floats(0, 4))
def test_nudge_n_stays_on_the_sphere_and_within_the_bound(problem, gamma):
    X, queries = problem
    tuned = finetune(X, queries, method=NudgeN(gammas=gamma))
    assert np.linalg.norm(tuned.vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert (((tuned.vectors - unit(X)[tuned.rows]) ** 2).sum(1) <= gamma + 1e-6).all()


@given(problems(), st.floats(0, 4))
def test_nudge_n_never_lowers_the_similarity_to_its_questions(problem, gamma):
    X, queries = problem
    tuned = finetune(X, queries, method=NudgeN(gammas=gamma))
    for row, vector in zip(tuned.rows, tuned.vectors, strict=True):
        goal = sum(queries.embeddings[i].numpy() for i in range(len(queries)) if row in queries.relevance[i])
        assert vector @ goal >= unit(X)[row] @ goal - 1e-5


@given(problems(), st.floats(1e-3, 100))
def test_nudge_m_moves_by_exactly_gamma(problem, gamma):
    X, queries = problem
    tuned = finetune(X, queries, method=NudgeM(gammas=gamma))
    assert np.linalg.norm(tuned.vectors - unit(X)[tuned.rows], axis=1) == pytest.approx(gamma, rel=1e-4, abs=1e-6)


@given(problems(), st.sampled_from([NudgeN(gammas=1.0), NudgeM(gammas=0.5)]))
def test_only_labelled_rows_move_and_all_is_finite(problem, method):
    X, queries = problem
    tuned = finetune(X, queries, method=method)
    assert set(tuned.rows) <= set(queries.relevance.documents)
    assert (np.diff(tuned.rows) > 0).all()
    assert np.isfinite(tuned.vectors).all()


@given(problems(), st.sampled_from([NudgeN("fine", "nDCG@10"), NudgeN(measure="CR@3"), NudgeM(), NudgeM([0, 5.0])]))
def test_validation_never_gets_worse_where_zero_is_tried(problem, method):
    X, queries = problem
    tuned = finetune(X, queries, queries, method=method)
    assert tuned.after >= tuned.before
    assert tuned.after == pytest.approx(tuned.curve.score.max())
    assert 0 <= tuned.curve.score.min() <= tuned.curve.score.max() <= 1 + 1e-12


@pytest.mark.parametrize("gamma", [0.0, 0.02, 0.5, 2.0, 4.0])
def test_the_angle_said_is_the_largest_turn(gamma):
    """A document whose question stands at a right angle, or beyond reach of the bound."""
    tuned = finetune(np.eye(2, dtype="f4"), QuerySet([[0.0, 1.0]], [[0]]), method=NudgeN(gammas=gamma))
    turned = np.degrees(np.arccos(tuned.apply_to(np.eye(2, dtype="f4"))[0, 0].clip(-1, 1)))
    assert turned == pytest.approx(min(tuned.angle, 90), abs=0.05)


@pytest.mark.parametrize(("gamma", "degrees"), [(0.5, 30), (0.0, 0), (1.0, 180), (3.0, 180)])
def test_the_angle_of_a_shift_is_its_arcsine(gamma, degrees):
    assert NudgeM.angle(gamma) == pytest.approx(degrees)


def test_the_device_can_be_chosen(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, device=torch.device("cpu"))
    assert finetune(drawn.X, drawn.train, drawn.validation, device="cpu").gamma == tuned.gamma
