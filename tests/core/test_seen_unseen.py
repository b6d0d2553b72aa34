"""Seen questions have a relevant document that a training question has too; unseen ones do not."""

import numpy as np
import pytest

from nudge_core import NudgeM, NudgeN, QuerySet, evaluate, finetune, open_corpus
from nudge_core.errors import InputError

X = np.eye(6, dtype=np.float32)
TRAIN = QuerySet(X[:2], [[0, 1], [1, 5]])
TEST = QuerySet(X[[0, 2, 5, 3]], [[0], [2, 3], [4, 5], [1]])  # the third shares 5, the last shares 1 and is missed


def test_one_shared_document_is_enough():
    assert evaluate(X, TEST, train=TRAIN).seen.tolist() == [True, False, True, True]


def test_without_training_questions_there_are_no_subsets():
    evaluation = evaluate(X, TEST)
    assert (evaluation.seen, evaluation.subsets) == (None, ("all",))
    with pytest.raises(InputError, match=r"no subset 'unseen'.*train=training questions"):
        evaluation.mean("R@10", "unseen")


def test_means_of_the_subsets():
    evaluation = evaluate(X, TEST, ["Success@1"], train=TRAIN)
    assert evaluation.mean("Success@1", "seen") == pytest.approx(2 / 3)
    assert evaluation.mean("Success@1", "unseen") == 1
    assert evaluation.mean("Success@1", "all") == pytest.approx(3 / 4)
    assert evaluation.to_dict()["seen"] == {"questions": 3, "Success@1": pytest.approx(2 / 3)}


def test_an_empty_subset_has_no_mean():
    evaluation = evaluate(X, TEST.take([0, 2]), ["Success@1"], train=TRAIN)
    assert np.isnan(evaluation.mean("Success@1", "unseen"))
    assert evaluation.to_dict()["unseen"] == {"questions": 0, "Success@1": None}


def test_an_unknown_subset_is_refused():
    with pytest.raises(InputError, match="no subset 'old': expected one of all, seen, unseen"):
        evaluate(X, TEST, train=TRAIN).mean("R@10", "old")


def test_the_table_names_every_subset_with_its_questions_and_scores():
    table = str(evaluate(X, TEST, ["Success@1", "RR@6"], train=TRAIN))
    for figures in (["all", "4", "75.00"], ["seen", "3", "66.67"], ["unseen", "1", "100.00"]):
        assert any(set(figures) <= set(line.split()) for line in table.splitlines()), figures
    assert len({len(line) for line in table.splitlines()}) == 1, "columns do not line up"


def test_documents_may_be_named_by_id_in_one_set_and_by_row_in_the_other():
    corpus = open_corpus(X, ids=list("abcdef"))
    by_id = QuerySet(X[:2], [["a", "b"], ["b", "f"]])
    assert evaluate(corpus, TEST, train=by_id).seen.tolist() == [True, False, True, True]


@pytest.mark.parametrize("method", [NudgeN(gammas=0.3), NudgeM(gammas=0.3)])
def test_a_seen_question_gains_where_an_unseen_one_cannot(method):
    """Document 0 moves toward the training question; the unseen question's document stays where it is."""
    train = QuerySet([[0.6, 0.8, 0, 0, 0, 0]], [[0]])
    test = QuerySet([[0.6, 0.75, 0, 0, 0, 0], [0, 0, 0, 1.0, 0, 0]], [[0], [3]])
    tuned = finetune(X, train, method=method)
    before, after = evaluate(X, test, ["RR@6"], train=train), evaluate(X, test, ["RR@6"], train=train, tuned=tuned)
    assert (before.mean("RR@6", "seen"), after.mean("RR@6", "seen")) == (0.5, 1)
    assert before.mean("RR@6", "unseen") == after.mean("RR@6", "unseen") == 1
