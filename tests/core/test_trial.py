"""Trial against the plain way: fine-tune and evaluate anew for every fold and every γ."""

import numpy as np
import pytest

from nudge_core import NudgeM, NudgeN, QuerySet, evaluate, finetune
from nudge_core.errors import InputError, UnknownIdError
from nudge_core.evaluation import Evaluation
from nudge_core.trial import trial

MEASURES = ["nDCG@10", "R@5", "Success@1"]


def plainly(X, questions, method, folds=4, seed=0):
    """Every question measured with vectors that learned from the other folds, at the one γ of the method."""
    return Evaluation.concat(
        [
            evaluate(X, held, MEASURES, tuned=finetune(X, learned, method=method), train=learned)
            for learned, held in questions.folds(folds, seed=seed)
        ]
    )


def assert_same(ours, expected):
    assert ours.ids.tolist() == expected.ids.tolist()
    for measure in expected.values:
        np.testing.assert_allclose(ours.values[measure], expected.values[measure], atol=1e-12)
    assert ours.seen.tolist() == expected.seen.tolist()
    assert ours.ranking[:, :3].tolist() == expected.ranking[:, :3].tolist()


GRIDS = [
    NudgeN(gammas=[0.0, 0.05, 0.1, 0.3, 0.6, 1.2], measure="nDCG@10"),
    NudgeN(gammas=[0.1, 0.4, 2.0], measure="R@5"),
    NudgeN(gammas=(0.0, 0.02, 0.04)),
    NudgeM(gammas=[0.0, 0.1, 0.3, 1.0, 3.0], measure="nDCG@10"),
    NudgeM(gammas=[0.2, 0.5]),
]


@pytest.mark.parametrize("method", GRIDS, ids=repr)
@pytest.mark.parametrize("seed", range(3))
def test_the_gamma_of_a_grid_is_the_best_over_all_folds(sample, method, seed):
    drawn = sample(seed)
    done = trial(drawn.X, drawn.train, method=method, measures=MEASURES, folds=4)
    tried = {gamma: plainly(drawn.X, drawn.train, type(method)(gamma)) for gamma in method.gammas}
    scores = {gamma: part.mean(method.measure) for gamma, part in tried.items()}
    best = next(gamma for gamma in sorted(scores) if scores[gamma] > max(scores.values()) - 1e-9)
    assert done.tuned.gamma == best
    assert done.tuned.after == pytest.approx(scores[best])
    assert_same(done.after, tried[best])
    assert_same(done.before, plainly(drawn.X, drawn.train, NudgeN(0.0)))
    curve = dict(zip(done.tuned.curve.gamma.tolist(), done.tuned.curve.score.tolist(), strict=True))
    assert {gamma: curve[gamma] for gamma in scores} == pytest.approx(scores)
    assert curve[0.0] == pytest.approx(done.before.mean(method.measure)) == done.tuned.before


@pytest.mark.parametrize("method", [NudgeN([0.1, 0.4], "nDCG@10"), NudgeM([0.2, 0.5]), NudgeM()], ids=repr)
def test_the_result_learns_from_all_questions(sample, method):
    drawn = sample(3)
    done = trial(drawn.X, drawn.train, method=method)
    expected = finetune(drawn.X, drawn.train, method=type(method)(done.tuned.gamma))
    assert done.tuned.ids.tolist() == expected.ids.tolist()
    np.testing.assert_array_equal(done.tuned.vectors, expected.vectors)
    assert (done.tuned.refit, done.folds) == (True, 5)


@pytest.mark.parametrize(
    "method", [NudgeN(), NudgeN("fine", "nDCG@10"), NudgeM(), NudgeM([0.1, 1.0], "R@5"), NudgeN(0.2)], ids=repr
)
def test_with_validation_questions_it_is_finetune_and_evaluate(sample, method):
    drawn = sample(1)
    done = trial(drawn.X, drawn.train, drawn.validation, method=method, measures=MEASURES)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=method)
    assert done.tuned.gamma == pytest.approx(tuned.gamma, abs=1e-6)
    np.testing.assert_allclose(done.tuned.vectors, tuned.vectors, atol=1e-6)
    assert_same(done.after, evaluate(drawn.X, drawn.validation, MEASURES, tuned=tuned, train=drawn.train))
    assert_same(done.before, evaluate(drawn.X, drawn.validation, MEASURES, train=drawn.train))
    assert (done.folds, done.tuned.refit) == (1, False)
    assert done.tuned.after == pytest.approx(
        done.after.mean(done.tuned.curve.measure if done.tuned.curve else "Success@1")
    )


@pytest.mark.parametrize("method", [NudgeN("fine"), NudgeM([0.1, 1.0]), NudgeM()], ids=repr)
def test_of_many_questions_some_choose_and_all_are_measured(sample, monkeypatch, method):
    monkeypatch.setattr("nudge_core.selection.fit.CHOOSING", 12)
    drawn = sample(1)
    done, again, other = (
        trial(drawn.X, drawn.train, method=method, measures=MEASURES, folds=4, seed=s) for s in (0, 0, 1)
    )
    sizes = [len(held) for _, held in drawn.train.folds(4)]
    assert done.chosen_by == sum(round(12 / 30 * size) for size in sizes) == 12
    hits = done.tuned.curve.score * 12
    np.testing.assert_allclose(hits, hits.round(), atol=1e-9, err_msg="the curve is one of 12 questions")
    assert_same(done.after, plainly(drawn.X, drawn.train, type(method)(done.tuned.gamma)))
    assert (done.tuned.before, done.tuned.after) == (done.before.mean("Success@1"), done.after.mean("Success@1"))
    assert np.array_equal(done.tuned.curve.score, again.tuned.curve.score)
    assert not np.array_equal(done.tuned.curve.score, other.tuned.curve.score)


def test_validation_questions_that_are_given_choose_all(sample, monkeypatch):
    monkeypatch.setattr("nudge_core.selection.fit.CHOOSING", 12)
    drawn = sample(1)
    done = trial(drawn.X, drawn.train, drawn.validation, method=NudgeN())
    assert done.chosen_by == 30
    assert done.tuned.gamma == finetune(drawn.X, drawn.train, drawn.validation, method=NudgeN()).gamma
    assert trial(drawn.X, drawn.train, method=NudgeN(0.3)).chosen_by == 0


@pytest.mark.parametrize("method", [NudgeN(0.3), NudgeM(0.3), NudgeN(0.0)], ids=repr)
def test_one_gamma_is_measured_and_not_chosen(sample, method):
    drawn = sample(2)
    done = trial(drawn.X, drawn.train, method=method, measures=MEASURES, folds=4)
    assert (done.tuned.gamma, done.tuned.curve) == (method.gammas, None)
    assert_same(done.after, plainly(drawn.X, drawn.train, method))
    assert done.tuned.after == pytest.approx(done.after.mean("Success@1"))


@pytest.mark.parametrize(("asked", "folds"), [(100, 6), (6, 6), (5, 5), (2, 2)])
def test_no_more_folds_than_questions(sample, asked, folds):
    few = sample(4).train.take(range(6))
    done = trial(sample(4).X, few, folds=asked, method=NudgeN())
    assert (done.folds, len(done.after)) == (folds, 6)
    assert sorted(done.after.ids) == sorted(few.ids)


@pytest.mark.parametrize("folds", [1, 0, -3, "5", True, 2.5])
def test_fewer_than_two_folds_are_refused(sample, folds):
    with pytest.raises(InputError, match=f"folds is {folds!r}; expected a whole number from 2 up"):
        trial(sample(4).X, sample(4).train, folds=folds)


def test_one_question_in_two_spellings_is_in_one_fold(sample):
    few = sample(4).train.take(range(4))
    same = QuerySet(few.embeddings, few.relevance, texts=["Why?", "why?", "WHY?", "How?"])
    done = trial(sample(4).X, same)
    assert done.folds == 2
    with pytest.raises(InputError, match="one question cannot be learned from and held out"):
        trial(sample(4).X, QuerySet(few.embeddings, few.relevance, texts=["Why?", "why?", "WHY?", " why?"]))


def test_another_seed_cuts_other_folds(sample):
    drawn = sample(0)
    for seed in (1, 2):
        expected = plainly(drawn.X, drawn.train, NudgeN(0.3), seed=seed)
        assert_same(
            trial(drawn.X, drawn.train, method=NudgeN(0.3), measures=MEASURES, folds=4, seed=seed).after, expected
        )


def test_two_questions_are_enough_and_one_is_not(sample):
    drawn = sample(0)
    assert trial(drawn.X, drawn.train.take([0, 1]), method=NudgeN()).folds == 2
    with pytest.raises(InputError, match=r"one question cannot be learned from and held out at once: label more"):
        trial(drawn.X, drawn.train.take([0]))
    assert len(trial(drawn.X, drawn.train.take([0]), drawn.validation.take([3]), method=NudgeN()).after) == 1


def test_seen_and_unseen_are_those_of_each_fold(sample):
    """A question is seen if another fold learned of one of its documents."""
    drawn = sample(5, docs=40)
    done = trial(drawn.X, drawn.train, folds=3, method=NudgeN())
    expected = []
    for learned, held in drawn.train.folds(3, seed=0):
        known = {document for i in range(len(learned)) for document in learned.relevance[i]}
        expected += [bool(known & set(held.relevance[i])) for i in range(len(held))]
    assert done.after.seen.tolist() == done.before.seen.tolist() == expected
    assert len(set(expected)) == 2
    unseen = ~np.asarray(expected)
    lines = {(line.measure, line.subset): line for line in done.compare().lines}
    assert len(lines["R@10", "unseen"].after) == unseen.sum()


def test_documents_of_any_length_are_taken_at_unit_length(sample):
    drawn = sample(6)
    X = drawn.X * np.random.default_rng(0).uniform(0.2, 5, size=(len(drawn.X), 1)).astype(np.float32)
    done, expected = (trial(part, drawn.train, measures=MEASURES, folds=4) for part in (X, drawn.X))
    assert done.tuned.gamma == expected.tuned.gamma
    assert_same(done.after, expected.after)
    assert (done.after.lengths, expected.after.lengths) == ("scaled", "one")


def test_the_measure_that_chooses_comes_first_and_once(sample):
    drawn = sample(0)
    done = trial(drawn.X, drawn.train, method=NudgeN(0.1, "R@3"), measures=["nDCG@10", "R@3", "nDCG@10"])
    assert list(done.after.values) == list(done.before.values) == ["R@3", "nDCG@10"]


def test_it_improves_only_if_something_moves_and_the_measure_rises(sample, learnable):
    drawn = sample(0)
    X, questions = learnable
    assert trial(X, questions, method=NudgeN("fine", "nDCG@10")).improves
    assert not trial(drawn.X, drawn.train, method=NudgeN(0.0)).improves
    own = QuerySet(drawn.X[:8], [[i] for i in range(8)])  # each finds its document first as it is
    assert not trial(drawn.X, own, method=NudgeN(2.0, "R@3")).improves


def test_a_question_held_out_never_moves_its_own_documents():
    """A fold for each question: each is measured with vectors of which it knows nothing."""
    X = np.random.default_rng(0).normal(size=(30, 6))
    near = X[:10] + np.random.default_rng(1).normal(size=(10, 6))
    apart = QuerySet(near, [[i] for i in range(10)], ids=np.arange(10))
    done = trial(X, apart, method=NudgeN([0.0, 0.5], "RR@10"), folds=10)
    assert not done.after.seen.any()
    for i, name in enumerate(done.after.ids.tolist()):
        learned = apart.take([row for row in range(10) if row != name])
        alone = evaluate(X, apart.take([name]), ["RR@10"], tuned=finetune(X, learned, method=NudgeN(done.tuned.gamma)))
        assert done.after.values["RR@10"][i] == pytest.approx(alone.values["RR@10"][0])


def test_the_vectors_given_are_not_changed(sample):
    X = sample(0).X.copy()
    trial(X, sample(0).train)
    assert X.tobytes() == sample(0).X.tobytes()


def test_what_cannot_be_used_is_refused(sample):
    drawn = sample(0)
    with pytest.raises(InputError, match=r"method is the class NudgeN itself.*method=NudgeN\(\)"):
        trial(drawn.X, drawn.train, method=NudgeN)
    with pytest.raises(InputError, match="training questions have dimension 5, the documents 8"):
        trial(drawn.X, QuerySet(np.ones((3, 5)), [[0], [1], [2]]))
    with pytest.raises(UnknownIdError, match="60"):
        trial(drawn.X, QuerySet(drawn.X[:2], [[0], [60]]))
    with pytest.raises(InputError, match="the training set holds no questions"):
        trial(drawn.X, drawn.train.take([]))
    with pytest.raises(InputError, match="nDCG"):
        trial(drawn.X, drawn.train, measures=["nDCG"])
