"""Labels over a pool of documents: sums of questions, grades met and ideal grades, against dense matrices."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nudge_core import QuerySet
from nudge_core.data.labels import Labels

POOL = 6


@st.composite
def labels(draw):
    """(labels, their dense matrix of grades (queries, POOL))."""
    grades = draw(
        st.lists(st.dictionaries(st.integers(0, POOL - 1), st.integers(1, 3), min_size=1), min_size=1, max_size=6)
    )
    dense = np.zeros((len(grades), POOL), dtype=np.float32)
    for i, of_question in enumerate(grades):
        dense[i, list(of_question)] = list(of_question.values())
    queries = QuerySet(np.random.default_rng(0).normal(size=(len(grades), 3)), grades)
    return Labels.of(queries, queries.relevance.documents, torch.device("cpu")), dense


@given(labels())
def test_sums_of_questions(drawn):
    found, dense = drawn
    expected = (dense > 0).T @ found.queries.numpy()
    assert found.query_sums(POOL).numpy() == pytest.approx(expected, abs=1e-5)


@given(labels())
def test_grades_met(drawn):
    found, dense = drawn
    questions, documents = torch.meshgrid(torch.arange(len(dense)), torch.arange(POOL), indexing="ij")
    assert found.gains(questions, documents).tolist() == dense.tolist()


@given(labels())
def test_no_document_and_documents_beyond_have_no_grade(drawn):
    found, dense = drawn
    for nowhere in (-1, POOL, POOL + 1, 10**9):
        places = torch.full((len(dense), 1), nowhere)
        assert not found.gains(torch.arange(len(dense))[:, None], places).any()


@given(labels(), st.integers(1, 9))
def test_ideal_grades(drawn, depth):
    found, dense = drawn
    best = -np.sort(-np.pad(dense, ((0, 0), (0, 9))), axis=1)[:, :depth]
    assert found.ideal(depth).tolist() == best.tolist()


@given(labels(), st.data())
def test_a_slice_holds_its_questions(drawn, data):
    found, dense = drawn
    start = data.draw(st.integers(0, len(dense) - 1))
    stop = data.draw(st.integers(start + 1, len(dense)))
    part = found.slice(start, stop)
    questions, documents = torch.meshgrid(torch.arange(stop - start), torch.arange(POOL), indexing="ij")
    assert part.gains(questions, documents).tolist() == dense[start:stop].tolist()
    assert torch.equal(part.queries, found.queries[start:stop])
    assert part.counts.tolist() == (dense[start:stop] > 0).sum(1).tolist()


@given(labels(), labels())
def test_concat_holds_the_questions_of_both(first, second):
    joined = Labels.concat(first[0], second[0])
    dense = np.concatenate([first[1], second[1]])
    questions, documents = torch.meshgrid(torch.arange(len(dense)), torch.arange(POOL), indexing="ij")
    assert joined.gains(questions, documents).tolist() == dense.tolist()
    assert joined.pair_queries.tolist() == np.repeat(np.arange(len(dense)), (dense > 0).sum(1)).tolist()
