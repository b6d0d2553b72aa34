"""Results: the background, fine-tuning and evaluation do not depend on where the vectors live."""

import numpy as np
import pytest
import torch

from nudge_core import NudgeM, NudgeN, QuerySet, evaluate, finetune


def questions(case, seed, count=20):
    rng = np.random.default_rng(seed)
    rows = [rng.choice(len(case.X), size=rng.integers(1, 4), replace=False).tolist() for _ in range(count)]
    near = np.stack([(case.X[r] / np.linalg.norm(case.X[r], axis=1, keepdims=True)).mean(0) for r in rows])
    return QuerySet(near + 0.4 * rng.normal(size=near.shape), [case.names(r) for r in rows])


@pytest.mark.parametrize(("k", "cosine"), [(0, True), (1, True), (5, False), (60, True)])
def test_background(case, k, cosine):
    options = {"exclude": np.asarray([50, 0, 7]), "cosine": cosine, "temperature": 0.1, "progress": False}
    Q = questions(case, 0).embeddings
    ours, expected = (corpus.background(Q, k, **options) for corpus in (case.corpus, case.reference))
    assert ours.rows.tolist() == expected.rows.tolist()
    assert ours.scores.numpy() == pytest.approx(expected.scores.numpy(), abs=1e-6)
    assert ours.logsumexp.numpy() == pytest.approx(expected.logsumexp.numpy(), rel=1e-6)


def test_rows_and_background_are_those_read_apart(case):
    rows, Q = np.asarray([0, 7, 30, 52]), questions(case, 4).embeddings
    vectors, background = case.corpus.rows_and_background(rows, Q, 5, progress=False)
    apart = case.corpus.background(Q, 5, exclude=rows, progress=False)
    assert torch.equal(vectors, case.corpus.rows(rows))
    assert torch.equal(background.rows, apart.rows)
    assert torch.equal(background.scores, apart.scores)


@pytest.mark.parametrize("method", [NudgeN(measure="nDCG@10"), NudgeN(gammas=0.3), NudgeM()])
def test_finetune(case, method):
    train, validation = questions(case, 1), questions(case, 2)
    ours, expected = (finetune(corpus, train, validation, method=method) for corpus in (case.corpus, case.reference))
    assert ours.ids.tolist() == expected.ids.tolist() == case.names(ours.rows)
    assert ours.gamma == pytest.approx(expected.gamma, abs=1e-6)
    assert ours.vectors == pytest.approx(expected.vectors, abs=2e-6)
    assert (ours.before, ours.after) == (expected.before, expected.after)


def test_evaluate_before_and_after(case):
    train, test = questions(case, 1), questions(case, 3)
    tuned = finetune(case.corpus, train, method=NudgeN(gammas=0.2))
    for options in ({"metric": "cosine"}, {"metric": "dot"}, {"tuned": tuned}):
        ours, expected = (evaluate(corpus, test, train=train, **options) for corpus in (case.corpus, case.reference))
        assert ours.to_dict() == expected.to_dict()
        assert ours.ranking.tolist() == expected.ranking.tolist()


@pytest.mark.parametrize("fault", [np.nan, np.inf, 0.0])
def test_a_row_that_cannot_be_used_is_named(kind, tmp_path, fault):
    """Document 30 is not labelled, so only the background meets it."""
    X = np.random.default_rng(0).normal(size=(53, 6))
    X[30] = 0 if fault == 0 else X[30]
    X[30, 2] = fault
    corpus = kind.build(tmp_path, X, [f"doc{i}" for i in range(53)])
    says = "is a zero vector" if fault == 0 else f"holds {fault} at position 2"
    with pytest.raises(ValueError, match=rf"document 'doc30' \(row 30\) {says}.*embed it again"):
        corpus.background(torch.ones(2, 6), 3, progress=False)


def test_the_vectors_given_are_never_changed(kind, tmp_path):
    X = np.random.default_rng(0).normal(size=(53, 6))
    corpus = kind.build(tmp_path, X, [f"doc{i}" for i in range(53)])
    files = {file: file.read_bytes() for file in tmp_path.iterdir()}
    train = QuerySet(np.ones((2, 6)), [["doc1"], ["doc5"]])
    evaluate(corpus, train, tuned=finetune(corpus, train, train, method=NudgeM()))
    assert torch.cat([block.float() for block in corpus.blocks(9)]).tolist() == kind.stored(X).tolist()
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == files
