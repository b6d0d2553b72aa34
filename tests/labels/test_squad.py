"""Questions in the form of SQuAD: nested as in 1.1 and 2.0, and flat as on the hub."""

import json
from pathlib import Path

from ours import DOCUMENTS, QUESTIONS

from nudge_integrations.labels import Answer, read_labels

FLAT = Path(__file__).parent / "fixtures" / "squad_flat.jsonl"


def nested(version: str) -> dict:
    """Our questions as SQuAD writes them, with one that cannot be answered in 2.0."""
    paragraphs = []
    for name, text in DOCUMENTS.items():
        qas = [
            {"id": key, "question": asked, "answers": [{"text": span, "answer_start": text.find(span)}] * 2}
            for key, (asked, ids, span) in QUESTIONS.items()
            if name in ids and span in text
        ]
        if version == "v2.0":
            qas = [{**one, "is_impossible": False} for one in qas]
            qas.append({"id": f"no-{name}", "question": f"Who paints {name}?", "answers": [], "is_impossible": True})
        paragraphs.append({"context": text, "qas": qas})
    return {"version": version, "data": [{"title": "Tea", "paragraphs": paragraphs}]}


def test_nested(tmp_path):
    for version in ("1.1", "v2.0"):
        path = tmp_path / f"{version}.json"
        path.write_text(json.dumps(nested(version)), encoding="utf-8")
        read = read_labels(path)
        assert read.form == "SQuAD"
        assert {question.id for question in read} == set(QUESTIONS)
        for question in read:
            text, _, span = QUESTIONS[question.id]
            (answer,) = question.answers  # the same span by two people is one answer
            assert (question.text, answer.span) == (text, span)
            assert answer.text[answer.metadata["answer_start"] :].startswith(span)
        assert read.kinds == {"texts": 4, "spans": 4}
        assert [("impossible" in problem, "(4 times)" in problem) for problem in read.problems] == (
            [(True, True)] if version == "v2.0" else []
        )
        assert "data, entry 1, paragraph 1, question 1" in read[0].where


def test_flat_from_the_hub():
    read = read_labels(FLAT)
    assert [(question.id, question.answers) for question in read] == [
        (name, (Answer(None, text, span, {"title": "Tea", "answer_start": text.find(span)}),))
        for name, (_, ids, span) in QUESTIONS.items()
        if span in (text := DOCUMENTS[ids[-1]])
    ]
    assert any("no answer, as impossible ones have it" in problem for problem in read.problems)


def test_flat_rows_with_one_answer_and_one_that_does_not_stand_there():
    read = read_labels([{"question": "When?", "context": "It rained on Monday.", "answer": "on Tuesday"}])
    assert read[0].answers == (Answer(None, "It rained on Monday.", "on Tuesday"),)
    assert "does not stand in its context" in read.problems[0]
