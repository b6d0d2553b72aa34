"""Making question sets: from lists, grades and judgements, with and without questions that nothing answers."""

import numpy as np
import pytest
import torch

from nudge_core import QuerySet
from nudge_core.errors import InputError

Q = np.eye(4, 5, dtype=np.float32)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_embeddings_of_any_floating_type_become_float32(dtype):
    queries = QuerySet(torch.eye(4, 5).to(dtype), [[0]] * 4)
    assert queries.embeddings.dtype == torch.float32
    assert queries.embeddings.tolist() == Q.tolist()


def test_questions_are_not_normalised():
    assert QuerySet(3 * Q, [[0]] * 4).embeddings.max() == 3


def test_lists_of_numbers_are_read():
    assert QuerySet(Q.tolist(), [[0]] * 4).dim == 5


def test_without_ids_questions_are_named_by_row():
    queries = QuerySet(Q, [[0]] * 4)
    assert (queries.ids.tolist(), queries.named) == ([0, 1, 2, 3], False)


def test_a_question_without_a_relevant_document_is_an_error_that_names_it():
    with pytest.raises(InputError, match=r"2 of 4 questions have no relevant document: 'b', 'd'.*on_empty=\"skip\""):
        QuerySet(Q, [[0], [], [1], {5: 0}], ids=list("abcd"))


def test_without_ids_it_is_named_by_row():
    with pytest.raises(InputError, match=r"1 of 4 questions have no relevant document: 2\."):
        QuerySet(Q, [[0], [1], [], [3]])


def test_skip_leaves_such_questions_out_and_says_so():
    queries = QuerySet(Q, [[0], [], [1], {5: 0}], ids=list("abcd"), texts=list("ABCD"), on_empty="skip")
    assert (queries.ids.tolist(), queries.texts, queries.skipped) == (["a", "c"], ("A", "C"), ("b", "d"))
    assert queries.embeddings.tolist() == Q[[0, 2]].tolist()
    assert [queries.relevance[i] for i in range(2)] == [{0: 1.0}, {1: 1.0}]
    assert "skipped=2" in repr(queries)


def test_skip_may_leave_nothing():
    assert len(QuerySet(Q, [[], [], [], []], on_empty="skip")) == 0


def test_judgements_choose_their_questions_in_their_order():
    qrels = {"c": {"d1": 2, "d2": 0}, "a": {"d3": 1}}
    queries = QuerySet.from_qrels(Q, list("abcd"), qrels, texts=list("ABCD"))
    assert (queries.ids.tolist(), queries.texts) == (["c", "a"], ("C", "A"))
    assert queries.embeddings.tolist() == Q[[2, 0]].tolist()
    assert queries.relevance[0] == {"d1": 2.0}


def test_judgements_without_relevant_documents_can_be_skipped():
    queries = QuerySet.from_qrels(Q, list("abcd"), {"a": {"x": 0}, "b": {"x": 1}}, on_empty="skip")
    assert (queries.ids.tolist(), queries.skipped) == (["b"], ("a",))


def test_a_judged_question_without_embedding_is_named():
    with pytest.raises(InputError, match=r"1 judged questions have no embedding: 'z'. Embed"):
        QuerySet.from_qrels(Q, list("abcd"), {"z": {"x": 1}})


@pytest.mark.parametrize("names", ["abc", "abcde"])
def test_judgements_need_one_name_for_each_embedding(names):
    with pytest.raises(InputError, match=rf"ids holds {len(names)} questions, the embeddings 4"):
        QuerySet.from_qrels(Q, list(names), {"a": {"x": 1}})


def test_judgements_over_names_that_stand_twice_are_refused():
    with pytest.raises(InputError, match="more than once: 'a'"):
        QuerySet.from_qrels(Q, list("abca"), {"a": {"x": 1}})
