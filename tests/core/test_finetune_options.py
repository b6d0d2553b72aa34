"""The options of `finetune`: fixed γ, refit, and what a result says of itself."""

import numpy as np
import pytest

from nudge_core import Auto, NudgeM, NudgeN, QuerySet, finetune, open_corpus
from nudge_core.corpus import MemoryCorpus


def test_the_method_is_auto_if_not_given(sample):
    drawn = sample(0)
    tuned, expected = (finetune(drawn.X, drawn.train, drawn.validation, method=method) for method in (None, Auto()))
    assert (tuned.method, tuned.settings) == (expected.method, expected.settings)
    assert np.array_equal(tuned.vectors, expected.vectors)


@pytest.mark.parametrize("method", [NudgeN(gammas=0.2), NudgeM(gammas=0.2)])
def test_a_fixed_gamma_needs_no_validation(sample, method, monkeypatch):
    for name in ("background", "rows_and_background", "blocks"):
        monkeypatch.setattr(MemoryCorpus, name, lambda *_, **__: pytest.fail("only the labelled documents are read"))
    tuned = finetune(sample(0).X, sample(0).train, method=method)
    assert tuned.gamma == 0.2
    assert (tuned.before, tuned.after, tuned.curve) == (None, None, None)


@pytest.mark.parametrize("method", [NudgeN(gammas=0.2), NudgeM(gammas=0.2)])
def test_with_a_fixed_gamma_validation_changes_nothing(sample, method):
    drawn = sample(0)
    one, other = (finetune(drawn.X, drawn.train, v, method=method) for v in (None, drawn.validation))
    assert np.array_equal(one.vectors, other.vectors)


@pytest.mark.parametrize("method", [NudgeN("fine", "nDCG@10"), NudgeM()])
def test_refit_solves_again_with_both_sets_at_the_gamma_chosen(sample, method):
    drawn = sample(2)
    chosen = finetune(drawn.X, drawn.train, drawn.validation, method=method)
    refitted = finetune(drawn.X, drawn.train, drawn.validation, method=method, refit=True)
    fixed = type(method)(gammas=chosen.gamma)
    expected = finetune(drawn.X, drawn.train + drawn.validation, method=fixed)
    assert (refitted.refit, chosen.refit) == (True, False)
    assert (refitted.gamma, refitted.after) == (chosen.gamma, chosen.after)
    assert refitted.rows.tolist() == expected.rows.tolist()
    assert refitted.vectors == pytest.approx(expected.vectors, abs=1e-6)


def test_refit_without_validation_questions_has_nothing_to_add(sample):
    method = NudgeN(gammas=0.2)
    refitted = finetune(sample(0).X, sample(0).train, method=method, refit=True)
    assert not refitted.refit
    assert np.array_equal(refitted.vectors, finetune(sample(0).X, sample(0).train, method=method).vectors)


@pytest.mark.parametrize("gammas", [[0.1, 0.3], (0.3, 0.1), np.asarray([0.1, 0.3]), iter([0.3, 0.1])])
def test_only_gammas_of_the_list_are_chosen(sample, gammas):
    tuned = finetune(sample(0).X, sample(0).train, sample(0).validation, method=NudgeN(gammas=gammas))
    assert tuned.gamma in (0.1, 0.3)
    assert tuned.curve.gamma.tolist() == [0.0, 0.1, 0.3], "γ = 0 is measured beside them, for `before`"


def test_of_equal_gammas_the_first_is_chosen(sample):
    """Questions that are the documents themselves: no γ up to 0.4 changes who is first."""
    X = np.eye(6, dtype=np.float32)
    same = QuerySet(X, [[i] for i in range(6)])
    assert finetune(X, same, same, method=NudgeN(gammas=[0.4, 0.2])).gamma == 0.2


def test_grades_of_training_questions_do_not_weigh(sample):
    drawn = sample(0)
    graded = QuerySet(drawn.train.embeddings, [dict.fromkeys(drawn.train.relevance[i], 3.0) for i in range(30)])
    one, other = (finetune(drawn.X, train, method=NudgeN(gammas=0.2)) for train in (drawn.train, graded))
    assert np.array_equal(one.vectors, other.vectors)


@pytest.mark.parametrize("ids", [None, [100 + i for i in range(60)], [f"d{i}" for i in range(60)]])
def test_the_result_names_documents_as_the_corpus_does(sample, ids):
    drawn = sample(0)
    labels = [[row if ids is None else ids[row] for row in drawn.train.relevance[i]] for i in range(30)]
    tuned = finetune(open_corpus(drawn.X, ids), QuerySet(drawn.train.embeddings, labels), method=NudgeN(gammas=0.2))
    assert tuned.ids.tolist() == [row if ids is None else ids[row] for row in tuned.rows]


def test_a_result_says_what_it_is(sample):
    drawn = sample(0)
    tuned = finetune(drawn.X, drawn.train, drawn.validation, method=NudgeM())
    assert f"NUDGE-M: {len(tuned)} of 60 documents moved" in repr(tuned)
    assert "(length)" in repr(tuned)
    assert f"Success@1 {100 * tuned.before:.2f} -> {100 * tuned.after:.2f}" in repr(tuned)
    assert (len(tuned), tuned.dim, tuned.docs) == (len(tuned.rows), 8, 60)
    assert list(tuned.seconds) == ["reading", "choosing", "move"]


def test_one_document_one_question():
    X = np.asarray([[1.0, 0.0]], dtype=np.float32)
    one = QuerySet([[0.6, 0.8]], [[0]])
    tuned = finetune(X, one, one)
    assert (tuned.gamma, tuned.before, tuned.after, len(tuned)) == (0.0, 1.0, 1.0, 0)


def test_a_progress_bar_is_quiet_for_short_work(sample, capfd):
    finetune(sample(0).X, sample(0).train, sample(0).validation)
    assert capfd.readouterr() == ("", "")
