"""What must not matter: the size of blocks, the order of questions, of labels and of documents."""

import numpy as np
import pytest

from nudge_core import NudgeM, NudgeN, QuerySet, finetune
from nudge_core.corpus import MemoryCorpus

METHODS = [NudgeN(), NudgeN("fine", "nDCG@10"), NudgeM(), NudgeM([0.1, 0.3], "nDCG@10")]


class InPieces(MemoryCorpus):
    """Blocks of 7 rows, whatever is asked."""

    def blocks(self, size):
        yield from self.vectors.split(7)


@pytest.mark.parametrize("method", METHODS)
def test_block_size(sample, method):
    drawn = sample(3)
    whole, pieces = (finetune(c, drawn.train, drawn.validation, method=method) for c in (drawn.X, InPieces(drawn.X)))
    assert pieces.gamma == pytest.approx(whole.gamma, abs=1e-6)
    assert pieces.vectors == pytest.approx(whole.vectors, abs=1e-6)
    assert (pieces.before, pieces.after) == (whole.before, whole.after)


@pytest.mark.parametrize("method", METHODS)
def test_order_of_questions(sample, method):
    drawn = sample(4)
    mixed = [part.take(np.random.default_rng(0).permutation(len(part))) for part in (drawn.train, drawn.validation)]
    one, other = (
        finetune(drawn.X, drawn.train, drawn.validation, method=method),
        finetune(drawn.X, *mixed, method=method),
    )
    assert other.gamma == pytest.approx(one.gamma, abs=1e-6)
    assert other.vectors == pytest.approx(one.vectors, abs=1e-6)
    assert other.after == pytest.approx(one.after)


@pytest.mark.parametrize("method", METHODS)
def test_order_of_the_labels_of_a_question(sample, method):
    drawn = sample(5)

    def backwards(queries):
        return QuerySet(queries.embeddings, [list(queries.relevance[i])[::-1] for i in range(len(queries))])

    one = finetune(drawn.X, drawn.train, drawn.validation, method=method)
    other = finetune(drawn.X, backwards(drawn.train), backwards(drawn.validation), method=method)
    assert (other.gamma, other.rows.tolist()) == (one.gamma, one.rows.tolist())
    assert other.vectors == pytest.approx(one.vectors, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_order_of_documents(sample, method):
    """Permuting the documents permutes the result."""
    drawn = sample(6)
    order = np.random.default_rng(1).permutation(len(drawn.X))
    place = np.argsort(order)

    def renamed(queries):
        return QuerySet(
            queries.embeddings, [[int(place[d]) for d in queries.relevance[i]] for i in range(len(queries))]
        )

    one = finetune(drawn.X, drawn.train, drawn.validation, method=method)
    other = finetune(drawn.X[order], renamed(drawn.train), renamed(drawn.validation), method=method)
    assert other.gamma == pytest.approx(one.gamma, abs=1e-6)
    assert other.apply_to(drawn.X[order]) == pytest.approx(one.apply_to(drawn.X)[order], abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_lengths_of_documents(sample, method):
    drawn = sample(7)
    long = drawn.X * np.float32(2) ** np.arange(len(drawn.X), dtype=np.float32)[:, None].clip(0, 20)
    one, other = (finetune(X, drawn.train, drawn.validation, method=method) for X in (drawn.X, long))
    assert other.vectors == pytest.approx(one.vectors, abs=1e-6)


def test_documents_that_answer_no_question_change_only_gamma(sample):
    drawn = sample(8)
    rng = np.random.default_rng(0)
    more = np.concatenate([drawn.X, rng.normal(size=(500, drawn.X.shape[1])).astype(np.float32)])
    one, other = (finetune(X, drawn.train, method=NudgeN(gammas=0.2)) for X in (drawn.X, more))
    assert np.array_equal(other.vectors, one.vectors)
    assert other.docs == 560
