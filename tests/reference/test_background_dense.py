"""The background against dense numpy: top-k with ties, the lower row first, and log-sum-exp, over blocks of any size."""

import brute_force
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nudge_core.corpus import MemoryCorpus
from nudge_core.corpus.background import top_k


class InPieces(MemoryCorpus):
    """Blocks of a size of its own, so that small corpora have many and the last is short."""

    piece = 1

    def blocks(self, size):
        yield from self.vectors.split(self.piece)


def in_pieces(vectors, piece):
    corpus = InPieces(vectors)
    corpus.piece = piece
    return corpus


@st.composite
def searches(draw):
    """Whole numbers, so that scores are exact and many tie."""
    docs, dim, queries = draw(st.integers(1, 12)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    numbers = st.integers(-2, 2).map(float)
    D = draw(arrays.arrays(np.float32, (docs, dim), elements=numbers))
    D[~D.any(1), 0] = 1  # zero vectors are refused
    Q = draw(arrays.arrays(np.float32, (queries, dim), elements=numbers))
    exclude = np.asarray(draw(st.lists(st.integers(0, docs - 1), max_size=docs)), dtype=np.int64)
    return D, Q, exclude, draw(st.integers(0, docs + 3)), draw(st.integers(1, docs))


@given(searches())
def test_dot_product_equals_a_sort_of_all_documents(search):
    D, Q, exclude, k, piece = search
    found = in_pieces(D, piece).background(torch.from_numpy(Q), k, exclude=exclude, cosine=False, progress=False)
    assert found.rows.shape == found.scores.shape == (len(Q), k)
    for question, rows, scores in zip(Q, found.rows.tolist(), found.scores.tolist(), strict=True):
        dense = D @ question
        best = [row for row in brute_force.ranking(dense.tolist()) if row not in exclude][:k]
        assert rows == best + [-1] * (k - len(best))
        assert scores == [dense[row] for row in best] + [-np.inf] * (k - len(best))


@given(searches())
def test_cosine_equals_a_sort_of_unit_documents(search):
    D, Q, exclude, k, piece = search
    D[~D.any(1)] = 1
    found = in_pieces(D, piece).background(torch.from_numpy(Q), k, exclude=exclude, progress=False)
    for question, rows, scores in zip(Q, found.rows.tolist(), found.scores.tolist(), strict=True):
        dense = brute_force.unit(D) @ question.astype(np.float64)
        left = [row for row in range(len(D)) if row not in exclude]
        count = min(k, len(left))
        assert scores[:count] == pytest.approx(sorted(dense[left], reverse=True)[:count], abs=1e-6)
        assert scores[:count] == pytest.approx(dense[rows[:count]].tolist(), abs=1e-6)
        assert len(set(rows[:count])) == count
        assert rows[count:] == [-1] * (k - count)


@given(searches(), st.sampled_from([0.02, 0.1, 1.0]), st.booleans())
def test_logsumexp_in_float64(search, temperature, cosine):
    D, Q, exclude, k, piece = search
    D[~D.any(1)] = 1
    found = in_pieces(D, piece).background(
        torch.from_numpy(Q), k, exclude=exclude, temperature=temperature, cosine=cosine, progress=False
    )
    left = np.setdiff1d(np.arange(len(D)), exclude)
    dense = Q.astype(np.float64) @ (brute_force.unit(D) if cosine else D.astype(np.float64))[left].T / temperature
    with np.errstate(divide="ignore"):
        highest = dense.max(1, initial=-1e300, keepdims=True)
        expected = np.log(np.exp(dense - highest).sum(1)) + highest[:, 0] if len(left) else np.full(len(Q), -np.inf)
    assert found.logsumexp.numpy() == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("k", [1, 5, 300, 800])
def test_blocks_and_parts_of_questions_of_the_smallest_size(monkeypatch, k):
    """700 rows in blocks of 256, so the last is short; 23 questions in parts of 2; whole numbers, so that scores are exact."""
    rng = np.random.default_rng(0)
    D, Q = rng.integers(-9, 9, size=(700, 5)).astype(float), rng.integers(-9, 9, size=(23, 5)).astype(float)
    monkeypatch.setattr("nudge_core.corpus.base.TILE", 512)
    found = MemoryCorpus(D).background(torch.from_numpy(Q).float(), k, cosine=False, progress=False)
    order = np.argsort(-Q @ D.T, axis=1, kind="stable")[:, :k]
    assert found.rows[:, :700].tolist() == order.tolist()
    assert found.scores[:, :700].tolist() == np.take_along_axis(Q @ D.T, order, 1).tolist()
    assert (found.rows[:, 700:] == -1).all()


def test_a_later_block_never_displaces_an_equal_score():
    D = np.ones((9, 2), dtype=np.float32)
    found = in_pieces(D, 2).background(torch.ones(1, 2), 4, exclude=np.asarray([1]), progress=False)
    assert found.rows.tolist() == [[0, 2, 3, 4]]


def test_without_temperature_there_is_no_logsumexp():
    assert MemoryCorpus(np.eye(3)).background(torch.ones(1, 3), 1, progress=False).logsumexp is None


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 4), st.integers(0, 40)), elements=st.sampled_from([0, 1, 2, -np.inf])
    ),
    st.integers(0, 45),
)
def test_top_k_of_equal_scores_keeps_the_lower_column_first(scores, k):
    values, columns = top_k(torch.from_numpy(scores), k)
    assert values.shape == columns.shape == (len(scores), min(k, scores.shape[1]))
    for line, value, column in zip(scores, values.tolist(), columns.tolist(), strict=True):
        expected = [c for c in brute_force.ranking(line.tolist()) if np.isfinite(line[c])][:k]
        assert column[: len(expected)] == expected
        assert value == sorted(line.tolist(), reverse=True)[:k]
