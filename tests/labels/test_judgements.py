"""Judgements: 0 and below is not relevant and grades are kept, in every form; what may be read in two ways is refused by name."""

import json

import numpy as np
import pandas as pd
import pytest

from nudge_core.errors import FileFormatError
from nudge_integrations.labels import read_labels
from nudge_integrations.labels.judgements import NAMES

GOOD, BAD = "Green tea is picked in spring, by hand.", "Sea salt is won in shallow ponds."
ASKED = "When is green tea picked?"


def judged(read):
    """{what names the document: its grade, None where it is not relevant} of the first question."""
    return {answer.id or answer.text: answer.grade if answer.relevant else None for answer in read[0].answers}


ROWS = {
    "ids": lambda grade: {"query": ASKED, "doc_id": "good" if grade else "bad"},
    "texts": lambda grade: {"question": ASKED, "context": GOOD if grade else BAD},
    "documents": lambda grade: {"question": ASKED, "document": GOOD if grade else BAD},
    "answers": lambda grade: {"query": ASKED, "answer": GOOD if grade else BAD},
    "pairs": lambda grade: {"anchor": ASKED, "positive": GOOD if grade else BAD},
    "Ragas": lambda grade: {"user_input": ASKED, "reference_contexts": [GOOD if grade else BAD]},
    "LlamaIndex": lambda grade: {"query": ASKED, "query_by": "", "reference_contexts": [GOOD if grade else BAD]},
    "SQuAD": lambda grade: {"question": ASKED, "context": GOOD if grade else BAD, "answers": {"text": ["i"]}},
    "DeepEval": lambda grade: {"input": ASKED, "context": [GOOD if grade else BAD], "actual_output": ""},
}


@pytest.mark.parametrize("value", [0, 0.0, "0", False, "no", "not relevant", "irrelevant", -1], ids=repr)
@pytest.mark.parametrize("form", ROWS)
def test_what_is_judged_wrong_is_not_learned(form, value):
    rows = [{**ROWS[form](1), "label": 1}, {**ROWS[form](0), "label": value}]
    right = "good" if form == "ids" else GOOD
    wrong = "bad" if form == "ids" else BAD
    assert judged(read_labels(rows)) == {right: 1.0, wrong: None}
    assert judged(read_labels(pd.DataFrame(rows))) == {right: 1.0, wrong: None}


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"labels", "scores", "grades", "judgements", "judgments"}))
def test_every_name_of_a_judgement(name, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(f"query,doc_id,{name}\n{ASKED},a,1\n{ASKED},b,0\n", encoding="utf-8")
    assert judged(read_labels(path)) == {"a": 1.0, "b": None}


def test_grades_are_kept():
    rows = [{"query": ASKED, "doc_id": f"d{grade}", "grade": grade} for grade in (-1, 0, 1, 2, 3)]
    assert judged(read_labels(rows)) == {"d-1": None, "d0": None, "d1": 1.0, "d2": 2.0, "d3": 3.0}
    assert judged(read_labels({ASKED: {"a": -1, "b": 2, "c": False}})) == {"a": None, "b": 2.0, "c": None}


def test_one_judgement_for_each_document_of_a_row():
    rows = [{"query": ASKED, "passages": [GOOD, BAD], "labels": np.array([2, 0])}]
    assert judged(read_labels(rows)) == {GOOD: 2.0, BAD: None}
    with pytest.raises(FileFormatError, match="has 3 judgements for 2 documents: give one for each"):
        read_labels([{"query": ASKED, "passages": [GOOD, BAD], "labels": [1, 0, 0]}])


@pytest.mark.parametrize(
    "documents",
    [
        [{"text": GOOD, "has_answer": True}, {"text": BAD, "has_answer": False}],
        {"passage_text": [GOOD, BAD], "is_selected": [1, 0], "url": ["a", "b"]},
        json.dumps([{"text": GOOD, "relevance": 1}, {"text": BAD, "relevance": "not relevant"}]),
        [{"text": GOOD, "label": "tea"}, {"text": BAD, "rel": 0}],
    ],
)
def test_documents_that_say_it_themselves(documents):
    assert judged(read_labels([{"query": ASKED, "passages": documents}])) == {GOOD: 1.0, BAD: None}
    outputs = {"contexts": documents}
    langsmith = [{"inputs": {"question": ASKED}, "outputs": outputs, "metadata": {}, "dataset_id": "x"}]
    assert judged(read_labels(langsmith)) == {GOOD: 1.0, BAD: None}


def test_judgements_beside_the_documents_of_langfuse_and_embedding_qa():
    item = {"input": {"question": ASKED}, "expectedOutput": {"contexts": [GOOD, BAD], "labels": [1, 0]}}
    assert judged(read_labels([item])) == {GOOD: 1.0, BAD: None}
    tree = {"queries": {"q": ASKED}, "corpus": {"a": GOOD, "b": BAD}, "relevant_docs": {"q": {"a": 2, "b": 0}}}
    assert judged(read_labels(tree)) == {"a": 2.0, "b": None}


def test_scores_that_are_no_grades():
    rows = [{"query": ASKED, "doc_id": name, "score": score} for name, score in (("a", 0.9), ("b", 0.1))]
    assert judged(read_labels(rows)) == {"a": 0.9, "b": None}
    rows[0]["score"] = 7.5
    with pytest.raises(
        FileFormatError, match=r"score has numbers beyond -1 to 1 that are no whole grades \(7.5.*threshold="
    ):
        read_labels(rows)
    assert judged(read_labels(rows, threshold=5)) == {"a": 7.5, "b": None}


def test_stars_are_no_grades_without_a_threshold():
    rows = [{"query": ASKED, "doc_id": name, "relevance": stars} for name, stars in (("a", 5), ("b", 1))]
    with pytest.raises(FileFormatError, match="relevance runs from 1 to 5 and is never 0: say from which number"):
        read_labels(rows)
    assert judged(read_labels(rows, threshold=4)) == {"a": 5.0, "b": None}


def test_words_that_are_not_known_are_refused_and_can_be_explained():
    rows = [{"query": ASKED, "doc_id": name, "relevance": word} for name, word in (("a", "relevant"), ("b", "so-so"))]
    with pytest.raises(FileFormatError, match=r"entry 2: the relevance is 'so-so'.*meaning=\{'so-so': True\}"):
        read_labels(rows)
    assert judged(read_labels(rows, meaning={"so-so": False})) == {"a": 1.0, "b": None}


@pytest.mark.parametrize("values", [(1, 0), (True, False), ("1", "0"), (0.0, 1.0), (2, -1)])
def test_a_column_that_may_judge_and_is_not_understood_is_refused_by_name(values):
    rows = [{"query": ASKED, "doc_id": name, "pooled": value} for name, value in zip("ab", values, strict=True)]
    with pytest.raises(FileFormatError, match=r"the column 'pooled' holds .*relevance='pooled'.*ignore=\['pooled'\]"):
        read_labels(rows)
    assert set(judged(read_labels(rows, ignore=["pooled"])).values()) == {1.0}
    assert None in judged(read_labels(rows, relevance="pooled")).values()


def test_columns_that_judge_nothing_are_no_trouble():
    row = {"query": ASKED, "doc_id": "a", "page": 0, "chunk_index": 0, "topic": "tea", "label": "tea", "constant": 1}
    assert judged(read_labels([row, {**row, "doc_id": "b", "page": 1}])) == {"a": 1.0, "b": 1.0}


def test_a_document_without_a_judgement_is_left_out_and_told():
    read = read_labels([{"query": ASKED, "doc_id": "a", "grade": 1}, {"query": ASKED, "doc_id": "b", "grade": None}])
    assert judged(read) == {"a": 1.0}
    assert any("grade is empty" in problem for problem in read.problems)


def test_irrelevant_documents_in_a_column_of_their_own():
    read = read_labels([{"question": ASKED, "relevant": ["a"], "irrelevant": ["b"]}])
    assert judged(read) == {"a": 1.0, "b": None}


def test_a_column_called_relevant_may_hold_judgements_or_ids():
    rows = [{"query": ASKED, "doc_id": "a", "relevant": True}, {"query": ASKED, "doc_id": "b", "relevant": False}]
    assert judged(read_labels(rows)) == {"a": 1.0, "b": None}
    assert judged(read_labels([{"query": ASKED, "relevant": ["a", "b"]}])) == {"a": 1.0, "b": 1.0}
