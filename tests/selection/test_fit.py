"""Fit: what is measured by which names and lengths, what the candidates say of gains, and what is kept of the moves."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nudge_core import Auto, Contrastive, LinearMap, NudgeM, NudgeN, QuerySet, finetune
from nudge_core.clock import Clock
from nudge_core.data.labels import Labels
from nudge_core.methods import problem as problems
from nudge_core.methods.nudge_m import Shift
from nudge_core.methods.nudge_n import Turn
from nudge_core.selection import split
from nudge_core.selection.candidate import ValidationCurve
from nudge_core.selection.objective import Objective, pick_point
from nudge_core.selection.split import cut, some, unseen_share
from nudge_core.trial import trial


def labels_of(answers):
    questions = QuerySet(np.ones((len(answers), 2)), answers)
    rows = np.unique(questions.relevance.documents)
    return Labels.of(questions, np.searchsorted(rows, questions.relevance.documents), torch.device("cpu"))


def test_the_gains_of_a_candidate_are_those_that_are_measured(problem):
    X, questions = problem
    done = trial(X, questions, method=Auto(), folds=3)
    chosen = next(one for one in done.candidates if one.name == done.tuned.method)
    gain = done.after.values["nDCG@10"] - done.before.values["nDCG@10"]
    assert done.after.seen.any()
    assert chosen.seen == pytest.approx(gain[done.after.seen].mean(), abs=1e-6)
    hidden = done.unseen[1].values["nDCG@10"] - done.unseen[0].values["nDCG@10"]
    unseen = np.concatenate([gain[~done.after.seen], hidden])
    assert chosen.unseen == pytest.approx(unseen.mean(), abs=1e-6)
    assert done.candidates[0].seen == 0


def test_one_way_needs_no_reason(problem):
    X, questions = problem
    assert trial(X, questions, method=Contrastive(0.05, steps=2), folds=3).notes == ()


def test_questions_keep_the_names_that_they_were_given_by(sample):
    drawn = sample(0)
    named = QuerySet(
        drawn.validation.embeddings, drawn.validation.relevance, ids=[f"v{i}" for i in range(len(drawn.validation))]
    )
    assert trial(drawn.X, drawn.train, named, method=NudgeN()).after.ids.tolist() == named.ids.tolist()
    texts = QuerySet(drawn.train.embeddings, drawn.train.relevance, texts=[f"q{i}" for i in range(len(drawn.train))])
    assert trial(drawn.X, texts, named, method=NudgeN()).after.texts is None


def test_all_validation_questions_choose_where_they_are_given(sample, monkeypatch):
    monkeypatch.setattr("nudge_core.selection.fit.CHOOSING", 5)
    drawn = sample(0)
    assert trial(drawn.X, drawn.train, drawn.validation, method=NudgeN()).chosen_by == len(drawn.validation)


@pytest.mark.parametrize(("scale", "lengths"), [(1.0, "one"), (0.5, "scaled"), (2.0, "scaled")])
def test_lengths_of_documents_are_told(sample, scale, lengths):
    drawn = sample(0)
    X = drawn.X / np.linalg.norm(drawn.X, axis=1, keepdims=True)
    X[7] *= scale
    assert trial(X, drawn.train, drawn.validation, method=NudgeN()).after.lengths == lengths


def test_a_map_is_told_in_full():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8)).astype("f4")
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    turn = np.kron(
        np.eye(4), [[np.cos(1.4), np.sin(1.4)], [-np.sin(1.4), np.cos(1.4)]]
    )  # where questions lie of their documents
    questions = QuerySet(X[:150] @ turn + rng.normal(size=(150, 8)) / 20, [[i] for i in range(150)])
    tuned = finetune(X, questions, method=LinearMap(temperature=0.05, steps=6))
    assert tuned.rows.tolist() == list(range(len(X))), "every document, in the order of rows"
    mapped = X @ tuned.matrix
    np.testing.assert_allclose(tuned.vectors, mapped / np.linalg.norm(mapped, axis=1, keepdims=True), atol=1e-5)
    distances = ((tuned.vectors - X) ** 2).sum(1)
    assert tuned.gamma == pytest.approx(distances.max(), rel=1e-4)
    np.testing.assert_allclose(tuned.angles, np.degrees(2 * np.arcsin(np.sqrt(distances) / 2)), atol=0.05)


def test_a_sample_stands_for_all_documents_without_labels(problem, plain, monkeypatch):
    X, questions = problem
    monkeypatch.setattr(problems, "HELD", 40)
    monkeypatch.setattr(problems, "SUMMED", 0)
    ground = plain.ground(X, questions, temperatures=(0.05,))
    weights = torch.exp(ground.rest.weight)
    assert float(weights.sum()) == pytest.approx(len(X) - len(ground.rows), rel=1e-4)
    near = np.unique(ground.others.rows.numpy())
    assert set(near[near >= 0][:40].tolist()) <= set(ground.rest.rows.tolist()), "the nearest are among them"
    assert not set(ground.rest.rows.tolist()) & set(ground.rows.tolist())


def test_steps_are_counted_from_one(path, problem):
    assert [point for point, _ in path(problem, 0.5, 5)] == [1, 2, 3, 4, 5]


def test_a_document_of_two_questions_is_not_alone():
    labels = labels_of([[0], [0], [1], [2, 1], [3]])
    assert unseen_share(labels, np.arange(5)) == pytest.approx(1 / 5)
    assert unseen_share(labels, np.arange(5), np.asarray([False, False, False, True, True])) == pytest.approx(1 / 2)
    assert unseen_share(labels, np.asarray([0, 0, 1, 2, 3])) == pytest.approx(3 / 5), "one question asked twice"


def test_very_many_questions_are_cut_in_more_folds(monkeypatch):
    monkeypatch.setattr(split, "ENOUGH", 10)
    folds = cut(labels_of([[i] for i in range(200)]), np.arange(200), folds=2, validation=None, seed=0)
    assert max(len(fold.validation) for fold in folds) <= 2 * (2 * 10), (
        "none holds out more than twice as many, and the hidden ones"
    )
    plainly = cut(labels_of([[i] for i in range(200)]), np.arange(200), folds=2, validation=None, seed=0, hide=False)
    assert [len(fold.validation) for fold in plainly] == [100, 100]
    assert sum(len(fold.validation) for fold in some(plainly, 50, 0)) == 50


def test_a_point_is_smoothed_by_its_neighbours():
    objective = Objective(np.zeros(4), np.ones(4, bool), 0.0, 0.0)

    def curve(*worth):
        return ValidationCurve({}, np.arange(len(worth), dtype=float), np.repeat(np.asarray(worth)[:, None], 4, axis=1))

    for lucky, even in (
        ((0, 0.0, 0.4, 0.0), 0.21),
        ((0, 0.0, 0.0, 0.4), 0.31),
    ):  # a half of it, and at the end three quarters
        one, other = curve(*lucky), curve(0, even, even, even)
        assert pick_point([one, other], objective)[0] is other
        assert pick_point([one, curve(0, even - 0.02, even - 0.02, even - 0.02)], objective)[0] is one


@given(st.integers(0, 10_000))
def test_the_bounds_of_a_motion_hold_between_two_gammas(seed):
    rng = np.random.default_rng(seed)
    a, b = (torch.from_numpy(rng.uniform(-1, 1, 64).astype("f4")) for _ in range(2))
    limit = torch.from_numpy(rng.uniform(0, 1.5, 64).astype("f4"))
    for motion, most in ((Shift(), 2.0), (Turn(), 4.0)):
        first, last = sorted(rng.uniform(0, most, 2).tolist())
        low, high, slack = motion.bounds(a, b, limit, first, last)
        for gamma in np.linspace(first, last, 9):
            found = motion.scores(a, b, limit, torch.tensor(gamma, dtype=torch.float64))
            assert bool((found >= low - 1e-5).all())
            norms = torch.sqrt(a**2 + b**2)
            assert bool((found <= high + slack * norms.clamp(min=1) + 1e-5).all())
        ends = [motion.scores(a, b, limit, torch.tensor(end, dtype=torch.float64)) for end in (first, last)]
        assert torch.allclose(high, torch.maximum(*ends).float(), atol=1e-5)


def test_documents_that_do_not_move_are_bit_equal(sample):
    drawn = sample(1)
    labels = labels_of([[0], [1]])
    documents = torch.nn.functional.normalize(torch.from_numpy(drawn.X[:5].astype("f4")))
    labels = Labels(
        torch.stack([documents[0] + documents[4], documents[1]]), labels.offsets, labels.documents, labels.grades
    )  # the second asks for itself
    for method in (NudgeN(gammas=0.3), NudgeM(gammas=0.3)):
        moved = method.move(documents, labels, 0.3)
        assert torch.equal(moved[2:], documents[2:])
        assert not torch.equal(moved[0], documents[0])
    assert torch.equal(NudgeN(gammas=0.3).move(documents, labels, 0.3)[1], documents[1])


def test_half_of_the_settings_are_tried_on_the_other_folds(problem, monkeypatch):
    X, questions = problem
    gone = []
    scores = Contrastive.scores

    def counted(self, problem, fold, setting, start, measure):
        gone.append((id(fold), tuple(setting.items())))
        return scores(self, problem, fold, setting, start, measure)

    monkeypatch.setattr(Contrastive, "scores", counted)
    method = Contrastive(steps=1)
    trial(X, questions, method=method, folds=3)
    folds = list(dict.fromkeys(fold for fold, _ in gone))
    tried = [sum(fold == one for fold, _ in gone) for one in folds]
    assert tried == [len(method.settings()), *[len(method.settings()) // 2] * (len(folds) - 1)]


def test_the_seconds_of_a_stage_are_added_up():
    clock = Clock()
    for _ in range(2):
        with clock("move"):
            time.sleep(0.01)
    assert clock.seconds["move"] >= 0.02
