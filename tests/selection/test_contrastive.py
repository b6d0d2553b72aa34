"""Contrastive steps against the gradient of the likelihood in float64, and what they must leave alone."""

import numpy as np
import pytest
import torch

from nudge_core import Contrastive, QuerySet, finetune, open_corpus
from nudge_core.errors import InputError
from nudge_core.methods import problem as grounds
from nudge_core.methods.problem import State
from nudge_core.trial import trial

SETTING = {"temperature": 0.1, "rate": 0.2, "guard": 0.0, "margin": 0.0, "start": 0.0}


def uphill_of(plain, began, questions, setting, D):
    """The gradient on the sphere by autograd in float64, for a document of mean mass; own documents of the guard's term stand where they began."""
    D = D.clone().requires_grad_()
    Q, Y = questions.embeddings.double(), plain.shares(questions, len(began))
    own, temperature = Y > 0, setting["temperature"]
    gain = plain.likelihood(Q, D, Y, temperature, torch.exp(-setting["margin"] / temperature * own))
    there = torch.where(own, Q @ began.T, Q @ D.T) / temperature
    gain = gain - setting["guard"] * temperature * torch.logsumexp(there, 1).sum()
    (slope,) = torch.autograd.grad(gain, D)
    moved = own.any(0)
    slope = slope / float(Y.sum(0)[moved].mean())
    return torch.where(moved[:, None], slope - (slope * D).sum(1, keepdim=True) * D, 0.0).detach()


def nudged(X, questions, gamma):
    """Where NUDGE-N brings the documents at a γ, in float64, by angles: toward the sum of their questions, no further than it."""
    D = torch.from_numpy(np.asarray(X, np.float64))
    D = D / D.norm(dim=1, keepdim=True)
    sums = torch.zeros_like(D)
    for i in range(len(questions)):
        for row in questions.relevance[i]:
            sums[row] += questions.embeddings[i].double()
    for row in torch.nonzero(sums.norm(dim=1) > 0).flatten() if gamma else ():
        goal = sums[row] / sums[row].norm()
        between = torch.arccos((goal * D[row]).sum())
        theta = min(float(torch.arccos(torch.tensor(1 - gamma / 2))), float(between))
        if (goal * D[row]).sum() >= 0:
            D[row] = (torch.sin(between - theta) * D[row] + np.sin(theta) * goal) / torch.sin(between)
    return D


@pytest.mark.parametrize("further", [{}, {"margin": 0.15}, {"start": 0.05}, {"margin": 0.1, "start": 0.02}])
@pytest.mark.parametrize("guard", [0.0, 0.7])
@pytest.mark.parametrize("temperature", [0.03, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_a_step_is_that_of_the_gradient(sample, plain, seed, temperature, guard, further):
    drawn = sample(seed)
    ground = plain.ground(drawn.X, drawn.train, temperatures=(temperature,))
    setting = SETTING | {"temperature": temperature, "guard": guard} | further
    path = Contrastive(steps=4).path(ground, plain.part(ground), setting, State(ground.pool))
    D = began = nudged(drawn.X, drawn.train, setting["start"])
    rate, before = 0.2, None
    for step in (1.0, 2.0, 3.0, 4.0):
        slope = uphill_of(plain, began, drawn.train, setting, D)
        if before is not None:
            turn = float((slope * before).sum())
            assert abs(turn) > 1e-6, "this sample cannot tell"
            rate = rate / 2 if turn < 0 else min(1.15 * rate, 2)
        D, before = D + rate * slope, slope
        D = D / D.norm(dim=1, keepdim=True)
        point, state = next(path)
        assert point == step
        np.testing.assert_allclose(state.pool.numpy(), D[ground.rows].numpy(), atol=1e-4)
        assert state.matrix is None


def test_a_step_that_overshoots_is_followed_by_shorter_ones(plain):
    """Two documents and a first step far too long: the likelihood rises in the end."""
    X, Q = np.asarray([[1, 0.1, 0], [1, -0.1, 0.0]]), np.asarray([[1, 0.5, 0], [1, -0.5, 0.0]])
    questions = QuerySet(Q / np.linalg.norm(Q, axis=1, keepdims=True), [[0], [1]])
    ground = plain.ground(X, questions, temperatures=(0.05,))
    setting = SETTING | {"temperature": 0.05, "rate": 30.0}
    found = [
        float(plain.likelihood(questions.embeddings.double(), state.pool.double(), torch.eye(2).double(), 0.05))
        for _, state in Contrastive(steps=36).path(ground, plain.part(ground), setting, State(ground.pool))
    ]
    assert max(found) == pytest.approx(found[-1], abs=1e-3)


@pytest.mark.parametrize("held", [1, 40])
def test_the_rest_is_one_number_a_question_however_it_is_read(sample, plain, monkeypatch, held):
    """In memory, and in a pass by blocks."""
    drawn = sample(1, docs=200)
    setting = SETTING | {"temperature": 0.05, "guard": 0.5}
    states = []
    for most in (50_000, held):
        monkeypatch.setattr(grounds, "HELD", most)
        ground = plain.ground(drawn.X, drawn.train, temperatures=(0.05,))
        assert (ground.rest is None) == (most < 200)
        states.append(
            [
                state.pool
                for _, state in Contrastive(steps=4).path(ground, plain.part(ground), setting, State(ground.pool))
            ]
        )
    for one, other in zip(*states, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-5)


@pytest.mark.parametrize("grade", [1.0, 3.0])
def test_labels_weigh_by_grade(plain, grade):
    """Of two answers to one question that is as near to both, the better one moves further."""
    X = np.asarray([[1, 0, 0.2], [1, 0, -0.2], [0, 1, 0.0]])
    questions = QuerySet([[1.0, 1.0, 0.0]], [{0: grade, 1: 1.0}])
    ground = plain.ground(X, questions, temperatures=(0.5,))
    setting = SETTING | {"temperature": 0.5}
    _, state = next(Contrastive().path(ground, plain.part(ground), setting, State(ground.pool)))
    gain = ((state.pool - ground.pool) @ questions.embeddings[0]).numpy()
    assert gain[0] == pytest.approx(gain[1]) if grade == 1 else gain[0] > gain[1] + 0.01


def test_documents_without_labels_stay_to_the_bit(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=Contrastive())
    learned = np.unique(drawn.train.relevance.documents)
    assert len(tuned) > 0
    assert set(tuned.rows) <= set(learned.tolist()), "and those that validation questions are about stay too"
    after = tuned.apply_to(drawn.X)
    others = np.setdiff1d(np.arange(60), tuned.rows)
    assert after[others].tobytes() == drawn.X[others].tobytes()
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1, atol=1e-6)


def test_it_pushes_away_what_does_not_answer(plain):
    """Both documents are relevant to a question of their own; each turns away from the other's."""
    X, Q = np.asarray([[1, 0.1, 0], [1, -0.1, 0.0]]), np.asarray([[1, 0.5, 0], [1, -0.5, 0.0]])
    questions = QuerySet(Q / np.linalg.norm(Q, axis=1, keepdims=True), [[0], [1]])
    ground = plain.ground(X, questions, temperatures=(0.1,))
    setting = SETTING | {"rate": 0.1}
    _, state = next(Contrastive().path(ground, plain.part(ground), setting, State(ground.pool)))
    change = (questions.embeddings @ (state.pool - ground.pool).T).numpy()
    assert (np.diag(change) > 0).all()
    assert change[0, 1] < 0 > change[1, 0]


def test_a_hundred_questions_a_document_step_no_further_than_one(plain):
    rng = np.random.default_rng(0)
    X, near = np.eye(4, 8), np.eye(4, 8) + 0.1 * rng.normal(size=(4, 8))
    lengths = []
    for times in (1, 100):
        questions = QuerySet(np.repeat(near, times, axis=0), [[i] for i in range(4) for _ in range(times)])
        ground = plain.ground(X, questions, temperatures=(0.5,))
        setting = SETTING | {"temperature": 0.5, "rate": 0.1}
        _, state = next(Contrastive().path(ground, plain.part(ground), setting, State(ground.pool)))
        lengths.append((state.pool - ground.pool).norm(dim=1).numpy())
    np.testing.assert_allclose(*lengths, rtol=1e-4)


def test_the_same_twice(sample):
    drawn = sample(0)
    one, other = (trial(drawn.X, drawn.train, method=Contrastive(), seed=3) for _ in range(2))
    assert one.tuned.vectors.tobytes() == other.tuned.vectors.tobytes()
    assert one.tuned.settings == other.tuned.settings


@pytest.mark.parametrize("lengths", [0.5, 3.0, "mixed"])
def test_lengths_of_documents_do_not_matter(sample, lengths):
    drawn = sample(0)
    scale = np.linspace(0.5, 4, 60)[:, None] if lengths == "mixed" else lengths
    X = (drawn.X * scale).astype(np.float32)
    one, other = (finetune(part, drawn.train, drawn.validation, method=Contrastive()) for part in (drawn.X, X))
    assert one.settings == other.settings
    np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-4)
    after = other.apply_to(X)
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), np.linalg.norm(X, axis=1), rtol=1e-5)


def test_fixed_options_are_used_as_they_are(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=Contrastive(0.1, 0.3, 0.25, 0.2, 0.01, 5))
    settings = dict(tuned.settings["contrastive"])
    assert settings.pop("point") <= 5
    assert settings == {"temperature": 0.1, "rate": 0.3, "guard": 0.25, "margin": 0.2, "start": 0.01}


def test_of_temperature_margin_and_start_one_at_a_time_is_varied():
    method = Contrastive(temperature=(0.02, 0.05), guard=0.5, margin=(0, 0.1, 0.2), start=(0, 0.03))
    ways = [(way["temperature"], way["margin"], way["start"]) for way in method.settings()]
    assert ways == [(0.02, 0, 0), (0.02, 0, 0.03), (0.02, 0.1, 0), (0.02, 0.2, 0), (0.05, 0, 0)]
    assert [(way["margin"], way["start"]) for way in Contrastive(0.05, guard=0, margin=0.1, start=0.03).settings()] == [
        (0.1, 0.03)
    ]


def test_refit_learns_from_validation_questions_too(sample):
    drawn = sample(0)
    method = Contrastive(0.1, 0.3, 0.0)
    one, other = (
        finetune(drawn.X, drawn.train, drawn.validation, method=method, refit=refit) for refit in (False, True)
    )
    assert one.settings == other.settings
    assert (one.refit, other.refit) == (False, True)
    assert set(one.rows) < set(other.rows)
    assert set(other.rows) - set(one.rows) <= set(drawn.validation.relevance.documents.tolist())


BAD = [
    ({"temperature": 0.0}, r"temperature is 0.0; expected a number from 0.001 to 10"),
    ({"temperature": ()}, r"temperature is empty; expected a number from 0.001 to 10, or several"),
    ({"temperature": [0.1, "0.2"]}, r"temperature is '0.2'; expected a number"),
    ({"temperature": "0.1"}, r"temperature is '0.1'; expected a number"),
    ({"rate": -0.1}, r"rate is -0.1; expected a number from 0.0001 to 100"),
    ({"rate": float("nan")}, r"rate is nan; expected a number"),
    ({"guard": -1}, r"guard is -1; expected a number from 0 to 100"),
    ({"guard": True}, r"guard is True; expected a number"),
    ({"margin": -0.1}, r"margin is -0.1; expected a number from 0 to 2"),
    ({"start": 3}, r"start is 3; expected a number from 0 to 2"),
    ({"steps": 0}, r"steps is 0; expected a whole number from 1 to 10000"),
    ({"steps": 2.5}, r"steps is 2.5; expected a whole number"),
    ({"unseen_weight": -1}, r"unseen_weight is -1; expected a number from 0"),
    ({"measure": "nDCG"}, r"nDCG"),
]


@pytest.mark.parametrize(("options", "said"), BAD)
def test_options_that_cannot_be_used(options, said):
    with pytest.raises(InputError, match=said):
        Contrastive(**options)


def test_numpy_numbers_are_numbers():
    method = Contrastive(temperature=np.asarray([0.1, 0.2], np.float32), rate=np.float32(0.5), steps=np.int64(7))
    assert method.settings()[0] == pytest.approx(
        {"temperature": 0.1, "rate": 0.5, "guard": 0.5, "margin": 0.0, "start": 0.0}
    )
    assert method.steps == 7
    hash(method)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_number_types(sample, dtype):
    drawn = sample(0)
    tuned = finetune(open_corpus(drawn.X.astype(dtype)), drawn.train, drawn.validation, method=Contrastive())
    assert tuned.vectors.dtype == np.float32
    assert tuned.apply_to(drawn.X.astype(dtype)).dtype == dtype
