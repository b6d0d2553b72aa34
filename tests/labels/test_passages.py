"""Training sets of retrievers, as their libraries write them: what answers, what does not, and what is neither."""

import pytest

from nudge_core.errors import FileFormatError
from nudge_integrations.labels import read_labels

ASKED = "When is green tea picked?"
TEA, SALT, BEES = "Green tea is picked in spring.", "Sea salt is won in shallow ponds.", "A hive of bees sleeps never."


def document(text, number):
    return {"title": "T", "text": text, "score": 3.5, "title_score": 0, "passage_id": str(number)}


FORMS = {
    "FlagEmbedding": {"query": ASKED, "pos": [TEA], "neg": [SALT, BEES]},
    "FlagEmbedding with scores": {
        "query": ASKED,
        "pos": [TEA],
        "neg": [SALT, BEES],
        "pos_scores": [0.9],
        "neg_scores": [0.2, 0.0],
        "prompt": "Represent this",
        "type": "normal",
    },
    "FlagEmbedding, in another order": {"id": 7, "neg": [SALT, BEES], "pos": [TEA], "query": ASKED},
    "DPR": {
        "question": ASKED,
        "answers": ["in spring"],
        "positive_ctxs": [document(TEA, 1)],
        "negative_ctxs": [document(SALT, 2)],
        "hard_negative_ctxs": [document(BEES, 3)],
    },
    "Tevatron": {
        "query_id": "0",
        "query": ASKED,
        "positive_passages": [{"docid": "1", "title": "", "text": TEA}],
        "negative_passages": [{"docid": "2", "text": SALT}, {"docid": "3", "text": BEES}],
    },
    "triplets, mined": {"query": ASKED, "answer": TEA, "negative": SALT, "negative_2": BEES},
    "n-tuples, mined": {"anchor": ASKED, "positive": TEA, "negative_1": SALT, "negative_2": BEES},
    "n-tuples with scores": {
        "anchor": ASKED,
        "positive": TEA,
        "negative_1": SALT,
        "negative_2": BEES,
        "scores": [0.3, 0.9, 0.1],
    },
    "by order": {"a": ASKED, "b": TEA, "c": SALT, "d": BEES, "page": 3, "file": "tea.pdf"},
}


@pytest.mark.parametrize("form", FORMS)
def test_passages_that_answer_and_those_that_do_not(form):
    read = read_labels([FORMS[form]], form="sentence_transformers" if form == "by order" else None)
    (question,) = read
    assert question.text == ASKED
    assert [answer.text for answer in question.answers if answer.relevant] == [TEA]
    assert {answer.text for answer in question.answers if not answer.relevant} == {SALT, BEES}


@pytest.mark.parametrize(
    "rows",
    [
        [{"query": ASKED, "answer": TEA, "label": 1}, {"query": ASKED, "answer": SALT, "label": 0}],
        [{"anchor": ASKED, "positive": TEA, "label": 1}, {"anchor": ASKED, "positive": SALT, "label": 0}],
        [{"query": ASKED, "answer": TEA, "score": 0.8}, {"query": ASKED, "answer": SALT, "score": 0.2}],
        [{"anchor": ASKED, "positive": [TEA, SALT], "labels": [1, 0]}],
        [{"query": ASKED, "answer": [TEA, SALT], "labels": [1, 0]}],
    ],
)
def test_pairs_and_lists_with_labels_as_mining_writes_them(rows):
    answers = read_labels(rows)[0].answers
    assert [(answer.text, answer.relevant) for answer in answers] == [(TEA, True), (SALT, False)]


def test_what_is_neither_is_told_and_never_a_passage():
    read = read_labels([{"anchor": ASKED, "positive": TEA, "page": 3, "source": "tea.pdf", "topic": "how tea is made"}])
    assert [answer.text for answer in read[0].answers] == [TEA]
    assert read.problems == ("columns that are no question, answer or negative were not read: 'topic'",)


def test_a_number_that_may_judge_is_refused():
    rows = [{"query": ASKED, "pos": [TEA], "useful": 1}, {"query": "Why?", "pos": [SALT], "useful": 0}]
    with pytest.raises(FileFormatError, match="the column 'useful' holds 1, 0"):
        read_labels(rows)
    assert len(read_labels(rows, ignore="useful")) == 2
