"""Relevance in CSR form: what is read from lists and grades, and how it is taken apart and joined."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nudge_core.data.relevance import Relevance

lists = st.lists(st.lists(st.integers(0, 20), max_size=5), max_size=8)


@given(lists)
def test_each_question_keeps_its_documents_in_order_without_repeats(answers):
    relevance = Relevance.from_lists(answers)
    assert len(relevance) == len(answers)
    assert [list(relevance[i]) for i in range(len(answers))] == [list(dict.fromkeys(rows)) for rows in answers]


@given(lists)
def test_offsets_counts_and_questions_of_pairs_agree(answers):
    relevance = Relevance.from_lists(answers)
    assert relevance.offsets[0] == 0
    assert relevance.offsets[-1] == len(relevance.documents) == len(relevance.grades)
    assert relevance.counts.tolist() == [len(set(rows)) for rows in answers]
    assert np.bincount(relevance.queries, minlength=len(answers)).tolist() == relevance.counts.tolist()


@given(lists.filter(bool), st.data())
def test_take_gives_the_questions_asked_in_that_order(answers, data):
    rows = data.draw(st.lists(st.integers(0, len(answers) - 1), max_size=10))
    relevance = Relevance.from_lists(answers)
    taken = relevance.take(np.asarray(rows, dtype=np.int64))
    assert [taken[i] for i in range(len(taken))] == [relevance[row] for row in rows]


@given(lists, lists)
def test_concat_is_one_after_the_other(first, second):
    joined = Relevance.concat([Relevance.from_lists(first), Relevance.from_lists(second)])
    whole = Relevance.from_lists(first + second)
    assert joined.offsets.tolist() == whole.offsets.tolist()
    assert joined.documents.tolist() == whole.documents.tolist()


def test_grades_are_kept_and_zero_says_not_relevant():
    relevance = Relevance.from_lists([{"a": 2, "b": 0, "c": 0.5}, {"d": 1}])
    assert [relevance[0], relevance[1]] == [{"a": 2.0, "c": 0.5}, {"d": 1.0}]


def test_negative_places_count_from_the_end():
    assert Relevance.from_lists([[1], [2, 3]])[-1] == {2: 1.0, 3: 1.0}


@pytest.mark.parametrize("place", [2, -3])
def test_a_place_outside_raises(place):
    with pytest.raises(IndexError, match=str(place)):
        Relevance.from_lists([[1], [2]])[place]


@pytest.mark.parametrize(
    "answers",
    [
        [(3, 4), {5}],
        [range(3, 5), iter([5])],
        [np.asarray([3, 4]), np.asarray([5], dtype=np.uint8)],
        [torch.tensor([3, 4]), torch.tensor([5])],
        [{3: 1, 4: True}, {5: np.float32(1)}],
    ],
    ids=["tuple and set", "range and iterator", "arrays", "tensors", "grades"],
)
def test_any_collection_of_documents_is_read(answers):
    relevance = Relevance.from_lists(answers)
    assert relevance.documents.tolist() == [3, 4, 5]
    assert relevance.documents.dtype == np.int64
    assert relevance.offsets.tolist() == [0, 2, 3]


def test_a_matrix_of_rows_is_read():
    assert Relevance.from_lists(np.asarray([[1, 2], [3, 3]])).documents.tolist() == [1, 2, 3]
