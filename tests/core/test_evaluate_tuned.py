"""`evaluate(corpus, tuned=t)` equals `evaluate(t.apply_to(X))`, without a copy of the corpus."""

import sys

import numpy as np
import pytest

from nudge_core import NudgeM, NudgeN, QuerySet, evaluate, finetune
from nudge_core.errors import InputError

MEASURES = ("nDCG@10", "Success@1", "R@100", "RR@5")
METHODS = [NudgeN(), NudgeM(), NudgeN(gammas=1.0), NudgeM(gammas=3.0), NudgeN(gammas=0.0), NudgeM(gammas=0.0)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(3))
def test_unit_vectors(sample, seed, method):
    drawn = sample(seed)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=method)
    ours = evaluate(drawn.X, drawn.test, MEASURES, tuned=tuned)
    applied = evaluate(tuned.apply_to(drawn.X), drawn.test, MEASURES)
    assert ours.ranking.tolist() == applied.ranking.tolist()
    assert ours.to_dict() == applied.to_dict()


def test_vectors_of_other_lengths_by_cosine(sample):
    drawn = sample(4)
    long = drawn.X * np.linspace(0.3, 4, 60, dtype=np.float32)[:, None]
    tuned = finetune(long, drawn.train, drawn.validation, method=NudgeN(gammas=0.3))
    ours = evaluate(long, drawn.test, MEASURES, tuned=tuned)
    assert (
        ours.ranking.tolist() == evaluate(tuned.apply_to(long), drawn.test, MEASURES, metric="cosine").ranking.tolist()
    )


def test_a_moved_document_ties_by_its_row():
    """Documents 0 and 2 end equal; document 2 moved, and still ranks behind."""
    X = np.asarray([[0.0, 1.0], [-1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    tuned = finetune(X, QuerySet([[0.0, 1.0]], [[2]]), method=NudgeN(gammas=4.0))
    assert tuned.vectors.tolist() == [pytest.approx([0, 1], abs=1e-6)]
    exact = type(tuned)(**{**vars(tuned), "vectors": np.asarray([[0.0, 1.0]], dtype=np.float32)})
    assert evaluate(X, QuerySet([[0.0, 1.0]], [[2]]), ["RR@3"], tuned=exact).ranking.tolist() == [[0, 2, 1]]


def test_all_documents_moved(sample):
    drawn = sample(0, docs=5, questions=20, sizes=(1,))
    tuned = finetune(drawn.X, drawn.train, method=NudgeN(gammas=0.1))
    ours = evaluate(drawn.X, drawn.test, MEASURES, tuned=tuned)
    assert ours.ranking.tolist() == evaluate(tuned.apply_to(drawn.X), drawn.test, MEASURES).ranking.tolist()


def test_small_tiles(sample, monkeypatch):
    drawn = sample(1)
    tuned = finetune(drawn.X, drawn.train, method=NudgeN(gammas=0.3))
    whole = evaluate(drawn.X, drawn.test, tuned=tuned).ranking.tolist()
    monkeypatch.setattr(sys.modules["nudge_core.evaluation.evaluate"], "height", lambda width: 2)
    assert evaluate(drawn.X, drawn.test, tuned=tuned).ranking.tolist() == whole


@pytest.mark.parametrize("X", [np.eye(59, 8), np.eye(60, 8)[:, :7]])
def test_another_corpus_is_refused(sample, X):
    tuned = finetune(sample(0).X, sample(0).train, method=NudgeN(gammas=0.1))
    queries = QuerySet(np.ones((1, X.shape[1])), [[0]])
    with pytest.raises(InputError, match=rf"60 documents of dimension 8, the corpus has {X.shape[0]} of {X.shape[1]}"):
        evaluate(X, queries, tuned=tuned)


@pytest.mark.parametrize(
    ("method", "metric", "right"), [(NudgeM(gammas=0.1), "cosine", "dot"), (NudgeN(gammas=0.1), "dot", "cosine")]
)
def test_another_metric_than_that_of_the_moves_is_refused(sample, method, metric, right):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, method=method)
    with pytest.raises(InputError, match=rf"{method.name} vectors must be searched by {right}, not by {metric}"):
        evaluate(drawn.X, drawn.test, tuned=tuned, metric=metric)
    evaluate(drawn.X, drawn.test, tuned=tuned, metric=right)
