"""Labels that cannot be used: the message names the document or the question, the value, and what to do."""

import numpy as np
import pytest

from nudge_core import NudgeError, NudgeN, QuerySet, evaluate, finetune, open_corpus
from nudge_core.errors import InputError, UnknownIdError

X = np.eye(4, dtype=np.float32)


def ask(*relevant):
    return QuerySet(X[: len(relevant)], list(relevant))


def every_use(corpus, queries, known=0):
    """All calls that resolve labels; `known` names a document that is there."""
    fine = QuerySet(X[:1], [[known]])
    return [
        lambda: finetune(corpus, queries, method=NudgeN(gammas=0.1), missing="error"),
        lambda: finetune(corpus, fine, queries, method=NudgeN(), missing="error"),
        lambda: evaluate(corpus, queries, missing="error"),
        lambda: evaluate(corpus, fine, train=queries, missing="error"),
    ]


@pytest.mark.parametrize(
    ("rows", "named"), [([4], "4"), ([-1], "-1"), ([0, 10**12], "1000000000000"), ([7, 5], "5, 7")]
)
def test_rows_outside_the_corpus(rows, named):
    for call in every_use(X, ask(rows)):
        with pytest.raises(
            UnknownIdError, match=rf"outside the corpus of 4 documents: {named}\. Rows count from 0 to 3"
        ):
            call()


@pytest.mark.parametrize("ids", [list("abcd"), [10, 20, 30, 40]])
def test_ids_that_the_corpus_does_not_hold(ids):
    missing = "nobody" if ids == list("abcd") else 99
    says = rf"1 document named .* corpus of 4: '{missing}'.*look like {ids[0]!r}, {ids[1]!r}"
    for call in every_use(open_corpus(X, ids), ask([ids[0], missing]), ids[0]):
        with pytest.raises(UnknownIdError, match=says):
            call()


@pytest.mark.parametrize("ids", [list("abcd"), [10, 20, 30, 40]])
def test_labels_whose_document_is_gone_are_left_out_and_told(ids, caplog):
    missing = "nobody" if ids == list("abcd") else 99
    corpus = open_corpus(X, ids)
    all_there, some_gone = ask([ids[0]], [ids[1]], [ids[2]]), ask([ids[0]], [ids[1], missing], [ids[2]])
    method = NudgeN(gammas=0.1)
    one, other = (finetune(corpus, asked, method=method) for asked in (all_there, some_gone))
    assert one.ids.tolist() == other.ids.tolist()
    assert np.array_equal(one.vectors, other.vectors)
    assert evaluate(corpus, some_gone).to_dict() == evaluate(corpus, all_there).to_dict()
    assert caplog.messages[0].startswith("1 label names a document that the corpus does not hold, and was left out: ")
    assert str(missing) in caplog.messages[0]


def test_a_question_whose_only_document_is_gone_is_left_out():
    found = evaluate(open_corpus(X, list("abcd")), ask(["a"], ["nobody"], ["b"]))
    assert found.ids.tolist() == [0, 2]


def test_missing_is_one_of_two():
    with pytest.raises(InputError, match="missing is 'drop'; expected \"skip\""):
        evaluate(X, ask([0]), missing="drop")


def test_only_the_first_ten_are_named():
    with pytest.raises(UnknownIdError, match=r"12 documents .* … and 2 more"):
        evaluate(open_corpus(X, list("abcd")), ask([f"no{i}" for i in range(12)]))


def test_strings_where_the_corpus_has_no_ids():
    with pytest.raises(
        UnknownIdError, match=r"by ids \('a'\), but the corpus has none: pass open_corpus\(vectors, ids=…\)"
    ):
        evaluate(X, ask(["a"]))


def test_integers_that_may_be_rows_or_string_ids():
    corpus = open_corpus(X, ids=["3", "1", "x", "y"])
    with pytest.raises(
        UnknownIdError, match=r"label 3 may mean row 3 or the id '3', which is row 0: write ids as strings"
    ):
        evaluate(corpus, ask([3]))


def test_integers_beside_string_ids_that_cannot_be_confused_are_rows():
    corpus = open_corpus(X, ids=["3", "1", "x", "y"])
    assert evaluate(corpus, ask([0], [1], [2]), ["Success@1"]).mean("Success@1") == 1


@pytest.mark.parametrize("grade", [float("nan"), float("inf"), float("-inf"), "much", None])
def test_grades_that_are_no_numbers(grade):
    with pytest.raises(InputError, match=r"question 1 grades document 'd7' with .*; expected a number: 0 and below"):
        ask({"d1": 1}, {"d7": grade})


@pytest.mark.parametrize("grade", [0, -1, -2, -0.5])
def test_what_is_graded_zero_or_below_is_not_relevant(grade):
    asked = ask({"d1": 1, "d7": grade}, {"d7": grade, "d2": 3})
    assert [asked.relevance[place] for place in (0, 1)] == [{"d1": 1.0}, {"d2": 3.0}]


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        ([1, "a"], "str: .*mixed"),
        (["a", 1], "int: .*mixed"),
        ([1.0], "float: expected integers"),
        ([None], "NoneType"),
        ([True], "bool"),
        ([2**63], "int: .*64 bits"),
    ],
)
def test_documents_that_are_neither_integers_nor_strings(documents, says):
    with pytest.raises(InputError, match=rf"question 1 names the document {documents[-1]!r} of type {says}"):
        ask([documents[0]] if len(documents) > 1 else [5], documents)


@pytest.mark.parametrize("relevant", [[3, 1, 0, 2], np.arange(4), ["a", "b", "c", "d"], [[0], [1], 2, [3]]])
def test_a_document_where_a_list_of_documents_is_expected(relevant):
    with pytest.raises(InputError, match=r"relevant\[\d\] is .*; expected a list of documents, for example \["):
        QuerySet(X, relevant)


def test_a_tensor_of_documents_where_lists_are_expected():
    import torch

    with pytest.raises(InputError, match=r"relevant\[0\] is 3; expected a list"):
        QuerySet(X, torch.tensor([3, 1, 0, 2]))


@pytest.mark.parametrize("name", ["relevant", "ids", "texts"])
def test_another_number_of_entries_than_questions(name):
    entries = {"relevant": [[0]] * 4, "ids": list("abcd"), "texts": list("abcd")}
    entries[name] = entries[name][:3]
    with pytest.raises(InputError, match=rf"{name} holds 3 questions, the embeddings 4"):
        QuerySet(X, **entries)


def test_question_ids_that_stand_twice():
    with pytest.raises(InputError, match=r"more than once: 'b', 'a'|more than once: 'a', 'b'"):
        QuerySet(X, [[0]] * 4, ids=["a", "b", "b", "a"])


def test_document_ids_that_stand_twice():
    with pytest.raises(InputError, match=r"more than once: 'b'. Give each an id of its own"):
        open_corpus(X, ids=["a", "b", "b", "b"])


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["a", 1, "b", "c"], r"types \['int', 'str'\], the one of row 1 is 1: use all integers or all strings"),
        ([1, None, 2, 3], r"'int'\], the one of row 1 is None"),
        ([0, 1, 2, 3.5], r"'int'\], the one of row 3 is 3.5"),
        ([True, False, True, False], r"row 0 is True"),
        (["a", "b", "c"], r"3 ids for 4 documents"),
        ([0, 1, 2, 2**63], r"from 0 to 9223372036854775808, beyond 64 bits: use strings"),
    ],
)
def test_document_ids_that_are_of_no_use(ids, says):
    with pytest.raises(InputError, match=says):
        open_corpus(X, ids=ids)


def test_empty_sets():
    empty = QuerySet(np.zeros((0, 4)), [])
    for call, name in (
        (lambda: finetune(X, empty, ask([0])), "the training set holds no questions"),
        (lambda: finetune(X, ask([0]), empty), "the validation set holds no questions"),
        (lambda: evaluate(X, empty), "no questions to evaluate"),
    ):
        with pytest.raises(InputError, match=f"{name}: label at least one"):
            call()


def test_all_of_these_are_caught_by_the_root_of_the_tree():
    with pytest.raises(NudgeError):
        evaluate(X, ask([4]))
    with pytest.raises(KeyError):
        evaluate(X, ask([4]))
    with pytest.raises(ValueError):
        evaluate(X, ask([4]))
