"""Any questions, written in a form and read back, are the same."""

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from nudge_integrations.labels import Answer, read_labels
from nudge_integrations.labels.files import read_text

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
ITEMS = st.lists(TEXT, min_size=1, max_size=3, unique=True)
LABELLED = st.dictionaries(TEXT, st.tuples(ITEMS, TEXT), min_size=1, max_size=5)


def rows(questions):
    return [
        {"user_input": text, "reference_contexts": contexts, "reference": answer}
        for text, (contexts, answer) in questions.items()
    ]


def same(read, questions):
    assert {one.text: [answer.text for answer in one.answers] for one in read} == {
        text: contexts for text, (contexts, _) in questions.items()
    }


@given(LABELLED)
def test_csv_with_lists_as_python_and_as_json(tmp_path_factory, questions):
    path = tmp_path_factory.mktemp("csv") / "testset.csv"
    for spell in (repr, json.dumps):
        table = io.StringIO()
        writer = csv.DictWriter(table, ["user_input", "reference_contexts", "reference"])
        writer.writeheader()
        for row in rows(questions):
            writer.writerow({**row, "reference_contexts": spell(row["reference_contexts"])})
        path.write_bytes(table.getvalue().encode())
        same(read_labels(path), questions)


@given(LABELLED)
def test_jsonl_and_json(tmp_path_factory, questions):
    folder = tmp_path_factory.mktemp("json")
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows(questions)]
    (folder / "testset.jsonl").write_bytes("".join(lines).encode())
    (folder / "testset.json").write_bytes(json.dumps(rows(questions)).encode())
    same(read_labels(folder / "testset.jsonl"), questions)
    same(read_labels(folder / "testset.json"), questions)


@given(LABELLED)
def test_llama_index(tmp_path_factory, questions):
    path = tmp_path_factory.mktemp("llama") / "set.json"
    examples = [
        {"query": text, "reference_contexts": contexts, "reference_answer": answer, "query_by": {"type": "human"}}
        for text, (contexts, answer) in questions.items()
    ]
    path.write_text(json.dumps({"examples": examples}, indent=4), encoding="utf-8")
    same(read_labels(path), questions)
    corpus = {text: f"n{i}" for i, text in enumerate(dict.fromkeys(c for cs, _ in questions.values() for c in cs))}
    whole = {
        "queries": {str(i): text for i, text in enumerate(questions)},
        "corpus": {name: text for text, name in corpus.items()},
        "relevant_docs": {str(i): [corpus[text] for text in cs] for i, (cs, _) in enumerate(questions.values())},
        "mode": "text",
    }
    path.write_text(json.dumps(whole), encoding="utf-8")
    read = read_labels(path)
    same(read, questions)
    assert all(answer.id == corpus[answer.text] for one in read for answer in one.answers)
    assert read.documents == whole["corpus"]


@given(LABELLED)
def test_squad(tmp_path_factory, questions):
    path = tmp_path_factory.mktemp("squad") / "squad.json"
    data = [
        {
            "title": "t",
            "paragraphs": [
                {
                    "context": f"{contexts[0]} {answer}",
                    "qas": [{"question": text, "answers": [{"text": answer, "answer_start": len(contexts[0]) + 1}]}],
                }
            ],
        }
        for text, (contexts, answer) in questions.items()
    ]
    path.write_text(json.dumps({"version": "1.1", "data": data}), encoding="utf-8")
    for one in read_labels(path):
        contexts, span = questions[one.text]
        meta = {"title": "t", "answer_start": len(contexts[0]) + 1}
        assert one.answers == (Answer(None, f"{contexts[0]} {span}", span, meta),)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_of_a_file_comes_back(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("text") / "any.txt"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_text(path) == text
