"""NUDGE-N's closed form is the optimum: max G·D' subject to |D'| = 1 and |D' - D|² ≤ γ, against searches that know no formula."""

import brute_force
import numpy as np
import pytest

from nudge_core import NudgeN, QuerySet, finetune

GAMMAS = (1e-4, 0.02, 0.3, 1.0, 2.0)


def one_document(seed, dim=6):
    """A document and the sum of its three questions, on the same side."""
    rng = np.random.default_rng(seed)
    document = brute_force.unit(rng.normal(size=dim))
    questions = rng.normal(size=(3, dim))
    return document, questions if questions.sum(0) @ document >= 0 else -questions


def moved(document, questions, gamma):
    tuned = finetune(document[None], QuerySet(questions, [[0]] * len(questions)), method=NudgeN(gammas=gamma))
    return tuned.vectors[0].astype(np.float64)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("seed", range(6))
def test_no_point_of_the_arc_is_better(seed, gamma):
    document, questions = one_document(seed)
    goal = questions.sum(0)
    across = brute_force.unit(goal - (goal @ document) * document)
    angles = np.linspace(-1.6, 1.6, 80_001) * np.sqrt(gamma)  # an arc is at most π/2 times its chord
    points = np.cos(angles)[:, None] * document + np.sin(angles)[:, None] * across
    allowed = ((points - document) ** 2).sum(1) <= gamma
    assert moved(document, questions, gamma) @ goal == pytest.approx(
        (points[allowed] @ goal).max(), abs=4e-4 * gamma**0.5
    )


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("seed", range(6))
def test_projected_gradient_ends_at_the_same_point(seed, gamma):
    document, questions = one_document(seed)
    goal, point = questions.sum(0), document
    for _ in range(3000):
        point = brute_force.unit(point + 0.05 * goal)
        if ((point - document) ** 2).sum() > gamma:  # back to the rim of the cap
            cosine = 1 - gamma / 2
            point = cosine * document + np.sqrt(1 - cosine**2) * brute_force.unit(point - (point @ document) * document)
    assert moved(document, questions, gamma) == pytest.approx(point, abs=2e-5)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_random_points_of_the_cap_are_never_better(gamma):
    document, questions = one_document(11)
    rng = np.random.default_rng(0)
    points = brute_force.unit(document + np.sqrt(gamma) * rng.normal(size=(50_000, 6)))
    points = points[((points - document) ** 2).sum(1) <= gamma]
    assert len(points) > 100
    assert moved(document, questions, gamma) @ questions.sum(0) >= (points @ questions.sum(0)).max() - 1e-6


@pytest.mark.parametrize("gamma", [0.0, 0.02, 0.12, 0.48, 1.0, 4.0])
@pytest.mark.parametrize("seed", range(3))
def test_all_documents_equal_the_rotation_in_float64(sample, seed, gamma):
    drawn = sample(seed)
    tuned = finetune(drawn.X, drawn.train, method=NudgeN(gammas=gamma))
    assert tuned.apply_to(drawn.X) == pytest.approx(brute_force.turn(drawn.X, drawn.train, gamma), abs=2e-6)


def test_a_document_whose_questions_point_away_stays():
    document = np.eye(1, 4, dtype=np.float32)
    tuned = finetune(document, QuerySet([[-1.0, 1.0, 0.0, 0.0]], [[0]]), method=NudgeN(gammas=1.0))
    assert len(tuned) == 0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_document_parallel_to_its_question_stays(sign):
    document = np.asarray([[0.6, 0.8, 0.0]], dtype=np.float32)
    tuned = finetune(document, QuerySet(2 * sign * document, [[0]]), method=NudgeN(gammas=1.0))
    assert len(tuned) == 0


def test_a_question_at_a_right_angle_moves_a_document_by_the_whole_bound():
    tuned = finetune(np.eye(2, dtype=np.float32), QuerySet([[0.0, 5.0]], [[0]]), method=NudgeN(gammas=0.5))
    assert ((tuned.vectors[0] - [1, 0]) ** 2).sum() == pytest.approx(0.5, abs=1e-6)
    assert tuned.vectors[0, 1] > 0


def test_opposite_questions_cancel_and_leave_the_document():
    tuned = finetune(
        np.eye(3, dtype=np.float32), QuerySet([[0.0, 1, 0], [0.0, -1, 0]], [[0], [0]]), method=NudgeN(gammas=1.0)
    )
    assert len(tuned) == 0
