"""`evaluate`: what is measured, on which questions, by which similarity."""

import numpy as np
import pytest

from nudge_core import QuerySet, evaluate, open_corpus
from nudge_core.errors import InputError

X = np.eye(4, dtype=np.float32)


def test_values_stand_in_the_order_of_the_questions():
    queries = QuerySet(X[[2, 0, 1]], [[2], [3], [1]], ids=["c", "a", "b"])
    evaluation = evaluate(X, queries, ["Success@1"])
    assert evaluation.ids.tolist() == ["c", "a", "b"]
    assert evaluation.values["Success@1"].tolist() == [1, 0, 1]


def test_the_ranking_holds_ids_best_first():
    corpus = open_corpus(X, ids=list("wxyz"))
    evaluation = evaluate(corpus, QuerySet([[1.0, 2.0, 4.0, 3.0]], [["w"]]), ["R@3", "P@2"])
    assert evaluation.ranking.tolist() == [["y", "z", "x"]]


def test_the_ranking_is_no_longer_than_the_corpus():
    assert evaluate(X, QuerySet(X, [[0]] * 4), ["R@100"]).ranking.shape == (4, 4)


def test_three_measures_if_none_is_given():
    assert list(evaluate(X, QuerySet(X, [[0]] * 4)).values) == ["nDCG@10", "R@10", "RR@10"]


@pytest.mark.parametrize("given", ["ndcg@10", ["NDCG@10"], [" nDCG@10 ", "ndcg@10"]])
def test_capitals_and_repeats_do_not_matter(given):
    assert list(evaluate(X, QuerySet(X, [[0]] * 4), given).values) == ["nDCG@10"]


def test_means_are_those_of_the_values():
    evaluation = evaluate(X, QuerySet(X[:3], [[0], [3], [2]]), ["Success@1", "RR@4"])
    assert evaluation.mean("Success@1") == pytest.approx(2 / 3)
    assert evaluation.to_dict() == {
        "all": {"questions": 3, "Success@1": pytest.approx(2 / 3), "RR@4": pytest.approx(0.75)}
    }


def test_a_measure_that_was_not_taken_is_refused_with_those_that_were():
    with pytest.raises(InputError, match=r"'P@5' was not measured; there are R@2, RR@3"):
        evaluate(X, QuerySet(X, [[0]] * 4), ["R@2", "RR@3"]).mean("P@5")


@pytest.mark.parametrize(("metric", "first"), [("cosine", 0), ("dot", 1)])
def test_metrics_rank_long_vectors_differently(metric, first):
    documents = np.asarray([[1.0, 0.1], [5.0, 5.0]])
    evaluation = evaluate(documents, QuerySet([[1.0, 0.0]], [[first]]), ["Success@1"], metric=metric)
    assert evaluation.mean("Success@1") == 1


def test_without_a_metric_vectors_of_other_lengths_are_refused():
    with pytest.raises(InputError, match=r"lengths 2 to 3.*metric=\"cosine\" or metric=\"dot\""):
        evaluate(np.asarray([[2.0, 0.0], [0.0, 3.0]]), QuerySet([[1.0, 0.0]], [[0]]))


def test_without_a_metric_unit_vectors_are_taken_as_they_are():
    """Vectors that NUDGE-M lengthened stand beside unit ones: the dot product is right for both."""
    documents = np.asarray([[1.0, 0.0], [1.1, 1.1]])
    assert evaluate(documents, QuerySet([[1.0, 0.01]], [[1]]), ["Success@1"]).mean("Success@1") == 1


@pytest.mark.parametrize("metric", ["euclid", "Cosine", ""])
def test_another_metric_is_refused(metric):
    with pytest.raises(InputError, match=rf"metric is '{metric}'; expected \"cosine\" or \"dot\""):
        evaluate(X, QuerySet(X, [[0]] * 4), metric=metric)


def test_many_questions_in_small_parts(sample, monkeypatch):
    drawn = sample(0)
    whole = evaluate(drawn.X, drawn.test)
    monkeypatch.setattr("nudge_core.corpus.base.TILE", 512)
    assert evaluate(drawn.X, drawn.test).to_dict() == whole.to_dict()


@pytest.mark.parametrize("texts", [None, ("a?", "b?", "c?")])
def test_training_questions_that_are_measured_by_are_told(texts, caplog):
    X = np.eye(6, dtype=np.float32)
    train = QuerySet(X[:3], [[0], [1], [2]], texts=texts)
    evaluate(X, train.take([0, 2]), train=train)
    assert "2 of 2 questions are training questions too: their figures say nothing of other questions" in caplog.text
    caplog.clear()
    evaluate(X, QuerySet(X[3:5], [[3], [4]], texts=texts and ("d?", "e?")), train=train)
    assert "training questions too" not in caplog.text
