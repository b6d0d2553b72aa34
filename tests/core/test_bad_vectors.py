"""Vectors that cannot be used: the message names the row or id, what is wrong with it, and what to do."""

import numpy as np
import pytest
import torch

from nudge_core import NudgeN, QuerySet, evaluate, finetune, open_corpus
from nudge_core.compat import NUDGEN
from nudge_core.errors import InputError

FAULTS = {
    "nan": (np.nan, r"holds nan at position 2"),
    "inf": (np.inf, r"holds inf at position 2"),
    "-inf": (-np.inf, r"holds -inf at position 2"),
}
REMEDY = "embed it again, or leave it out"


def spoiled(X, row, value):
    X = X.copy()
    X[row, 2] = value
    return X


@pytest.mark.parametrize(("value", "says"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("ids", [None, [f"d{i}" for i in range(60)]])
def test_a_labelled_document(sample, value, says, ids):
    train = QuerySet(sample(0).train.embeddings[:1], [[7]])
    with pytest.raises(InputError, match=rf"document {'7' if ids is None else repr('d7')} {says}: {REMEDY}"):
        finetune(open_corpus(spoiled(sample(0).X, 7, value), ids), train, method=NudgeN(gammas=0.1))


@pytest.mark.parametrize(("value", "says"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", [finetune, evaluate])
def test_a_document_without_labels(sample, call, value, says):
    queries = QuerySet(sample(0).train.embeddings[:2], [[7], [8]])
    with pytest.raises(InputError, match=rf"document 40 \(row 40\) {says}: {REMEDY}"):
        finetune(spoiled(sample(0).X, 40, value), queries, queries, method=NudgeN()) if call is finetune else evaluate(
            spoiled(sample(0).X, 40, value), queries
        )


@pytest.mark.parametrize(("value", "says"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("ids", [None, list("abcd")])
def test_a_question(value, says, ids):
    with pytest.raises(InputError, match=rf"question {'3' if ids is None else repr('d')} {says}: {REMEDY}"):
        QuerySet(spoiled(np.eye(4, dtype=np.float32), 3, value), [[0]] * 4, ids=ids)


def test_zero_vectors():
    X, labels = np.eye(4, dtype=np.float32), [[0]] * 4
    X[1:3] = 0
    with pytest.raises(InputError, match=rf"question 1 is a zero vector \(2 such rows here\): {REMEDY}"):
        QuerySet(X, labels)
    with pytest.raises(InputError, match=r"document 1 is a zero vector"):
        finetune(X, QuerySet(np.eye(4), [[1]] * 4), method=NudgeN(gammas=0.1))
    with pytest.raises(InputError, match=r"document 1 \(row 1\) is a zero vector"):
        evaluate(X, QuerySet(np.eye(4), labels), metric="cosine")


@pytest.mark.parametrize("length", [1e-30, 1e30, 1e200, 1e-300])
def test_vectors_whose_length_float32_cannot_hold(length):
    X = np.eye(3)
    X[1] *= length
    with pytest.raises(InputError, match=r"document 1 \(row 1\) (is a zero vector|holds inf)"):
        evaluate(X, QuerySet(np.eye(3), [[0]] * 3), metric="cosine")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_nan_in_other_types(dtype):
    X = torch.eye(4, dtype=dtype)
    X[2, 0] = torch.nan
    with pytest.raises(InputError, match=r"document 2 \(row 2\) holds nan at position 0"):
        evaluate(X, QuerySet(np.eye(4), [[0]] * 4))


def test_compat_names_the_row(sample):
    part = {"q_embs": np.eye(2, 8, dtype=np.float32), "q_ans_indx": [[0], [1]]}
    with pytest.raises(InputError, match=r"document 40 holds nan at position 2"):
        NUDGEN("cpu").finetune_embeddings(spoiled(sample(0).X, 40, np.nan), part, part)


@pytest.mark.parametrize(
    ("vectors", "says"),
    [
        (np.eye(3, dtype=int), r"type int64; expected float16, float32 or float64.*astype"),
        (np.eye(3, dtype=bool), r"type bool; expected float16"),
        (np.eye(3, dtype=complex), r"ndarray; expected an array or tensor of floats"),
        (np.full((3, 3), "x"), r"texts; expected an array.*embed texts first"),
        (np.full((3, 3), None), r"ndarray; expected an array or tensor of floats"),
        (torch.eye(3, dtype=torch.int32), r"type torch.int32; expected float16, bfloat16.*\.float\(\)"),
        ([[1, 0], [0, 1]], r"type int64"),
        ([[1.0, 2.0], [1.0]], r"not a matrix.*same number of values"),
        (np.ones(3), r"shape \(3,\); expected \(rows, dim\)"),
        (np.ones((2, 3, 4)), r"shape \(2, 3, 4\); expected \(rows, dim\)"),
        (np.ones((3, 0)), r"shape \(3, 0\)"),
        (np.float64(1), r"shape \(\)"),
    ],
)
def test_what_is_no_matrix_of_floats(vectors, says):
    with pytest.raises(InputError, match=rf"the document vectors are.*{says}|the document vectors have {says}"):
        open_corpus(vectors)
    with pytest.raises(InputError, match=r"the question embeddings (are|have)"):
        QuerySet(vectors, [[0]] * 3)


def test_no_documents():
    with pytest.raises(InputError, match="no documents: give at least one"):
        open_corpus(np.zeros((0, 4), dtype=np.float32))


@pytest.mark.parametrize("dim", [7, 9])
def test_dimensions_that_differ(sample, dim):
    drawn = sample(0)
    other = QuerySet(np.ones((1, dim)), [[0]])
    for name, call in (
        ("the training questions", lambda: finetune(drawn.X, other, drawn.validation)),
        ("the validation questions", lambda: finetune(drawn.X, drawn.train, other)),
        ("the questions", lambda: evaluate(drawn.X, other)),
    ):
        with pytest.raises(
            InputError, match=rf"{name} have dimension {dim}, the documents 8: embed both with one model"
        ):
            call()


def test_dimensions_that_differ_in_compat(sample):
    part = {"q_embs": np.ones((1, 5), dtype=np.float32), "q_ans_indx": [[0]]}
    with pytest.raises(InputError, match="q_embs has dimension 5, embeddings 8"):
        NUDGEN("cpu").finetune_embeddings(sample(0).X, part, part)
