"""NUDGE-M's shift: D + γ G/‖G‖ maximises the sum of similarities among all moves of length γ."""

import brute_force
import numpy as np
import pytest

from nudge_core import NudgeM, QuerySet, finetune


@pytest.mark.parametrize("gamma", [0.0, 1e-3, 0.25, 1.0, 40.0])
@pytest.mark.parametrize("seed", range(3))
def test_all_documents_equal_the_shift_in_float64(sample, seed, gamma):
    drawn = sample(seed)
    tuned = finetune(drawn.X, drawn.train, method=NudgeM(gammas=gamma))
    assert tuned.apply_to(drawn.X) == pytest.approx(
        brute_force.shift(drawn.X, drawn.train, gamma), abs=4e-6 * max(gamma, 1)
    )


def test_no_move_of_the_same_length_is_better(sample):
    drawn = sample(3)
    tuned = finetune(drawn.X, drawn.train, method=NudgeM(gammas=0.3))
    goals = brute_force.question_sums(len(drawn.X), drawn.train)[tuned.rows]
    gain = ((tuned.vectors - drawn.X[tuned.rows]) * goals).sum(1)
    moves = 0.3 * brute_force.unit(np.random.default_rng(0).normal(size=(20_000, drawn.X.shape[1])))
    assert (gain >= (goals @ moves.T).max(1) - 1e-5).all()


def test_the_shift_is_the_same_for_a_corpus_that_is_not_normalised(sample):
    drawn = sample(1)
    long = drawn.X * np.linspace(0.1, 30, len(drawn.X), dtype=np.float32)[:, None]
    one, other = (finetune(X, drawn.train, method=NudgeM(gammas=0.3)) for X in (drawn.X, long))
    assert other.vectors == pytest.approx(one.vectors, abs=1e-6)


def test_opposite_questions_cancel_and_leave_the_document():
    tuned = finetune(
        np.eye(3, dtype=np.float32), QuerySet([[0.0, 1, 0], [0.0, -1, 0]], [[0], [0]]), method=NudgeM(gammas=1.0)
    )
    assert len(tuned) == 0
