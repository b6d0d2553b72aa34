"""Files that are broken: refused with the place, or read with what was left out listed; never a crash in the middle."""

import json
import time

import numpy as np
import pytest

from nudge_core import QuerySet
from nudge_core.errors import FileFormatError, InputError, NudgeError
from nudge_integrations.labels import read_labels

GOOD = '{"question": "Why?", "ids": ["a"]}\n'
BROKEN = {
    "cut off JSON": ("f.json", '[{"question": "Why?",\n "ids": ["a"', ["line 2", "column 13"]),
    "cut off JSONL": ("f.jsonl", GOOD + '{"question": "Wh', ["line 2", "column 14"]),
    "a word in JSONL": ("f.jsonl", GOOD + "null\n", ["line 2", "'None'", "object"]),
    "a text in JSON": ("f.json", '"Why?"', ["'Why?'", "expected a list of objects"]),
    "two keys": ("f.json", '[{"question": "Why?", "question": "How?", "ids": "a"}]', ["'question' twice"]),
    "nested by the thousand": ("f.json", "[" * 100_000, ["line 1"]),
    "a number of 5,000 digits": ("f.json", f'[{{"question": "q", "ids": {"9" * 5000}}}]', ["line 1", "digits"]),
    "too few cells": ("f.csv", "question,ids\nWhy?,a\nHow?\n", ["line 3", "1 cells", "2 columns (question, ids)"]),
    "too many cells": ("f.csv", "question,ids\nWhy, now?,a\n", ["line 2", "3 cells", "'a'"]),
    "quote not closed": ("f.csv", 'question,ids\nWhy?,a\nHow?,"b\nMore?,c\n', ["line 3, 'How?,\"b'", "not closed"]),
    "quote amid a cell": ("f.csv", 'question,ids\n"Why"so?,a\n', ["line 2, '\"Why\"so?,a'", "inside a cell"]),
    "header twice": ("f.csv", "question,ids,ids\nWhy?,a,b\n", ["line 1", "['ids']", "more than once"]),
    "list breaks off": ("f.csv", "question,ids\nWhy?,\"['a', 'b\"\n", ["line 2", "breaks off"]),
    "header only": ("f.csv", "question,ids\n", ["holds no rows"]),
    "empty": ("f.json", " \n", ["is empty"]),
    "unknown ending": ("f.docx", "x", ["'.docx'", ".jsonl"]),
    "a spreadsheet": ("f.xlsx", "PK", ["'.xlsx'", "data frame"]),
    "only what was retrieved": (
        "f.jsonl",
        '{"user_input": "Why?", "retrieved_contexts": ["Since."]}\n',
        ["only retrieved_contexts", "holds 1 rows with the columns 'user_input'"],
    ),
    "a part is missing": ("f.json", '{"queries": {"q": "Why?"}, "corpus": {"a": "x"}}', ["'relevant_docs' is missing"]),
    "a list without entries": ("f.json", '{"examples": []}', ["holds no rows"]),
    "NUL": ("f.csv", "question,ids\nWhy?,a\0\n", ["line 2, column 7", "NUL"]),
    "no questions": ("f.jsonl", '{"question": "", "ids": "a"}\n', ["no question with labels", "empty text", "line 1"]),
}


@pytest.mark.parametrize(("file", "content", "parts"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named_by_place(tmp_path, file, content, parts):
    path = tmp_path / file
    path.write_text(content, encoding="utf-8")
    with pytest.raises(FileFormatError) as caught:
        read_labels(path)
    assert all(part in str(caught.value) for part in [file, *parts]), str(caught.value)


def test_encodings(tmp_path):
    path = tmp_path / "f.csv"
    text = "question,ids\nWarum fällt Schnee?,a\n"
    path.write_bytes(text.encode("utf-8-sig"))
    assert read_labels(path)[0].text == "Warum fällt Schnee?"
    path.write_bytes(text.encode("utf-16"))
    with pytest.raises(FileFormatError, match="UTF-16"):
        read_labels(path)
    assert read_labels(path, encoding="utf-16")[0].text == "Warum fällt Schnee?"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FileFormatError, match=r"line 2, byte 8 \(0xe4\), is not in UTF-8"):
        read_labels(path)
    assert read_labels(path, encoding="latin-1")[0].text == "Warum fällt Schnee?"
    path.write_bytes(text.encode() + "How?,é\n".encode("latin-1"))  # two encodings in one file
    with pytest.raises(FileFormatError, match=r"line 3, byte 6 \(0xe9\)"):
        read_labels(path)
    with pytest.raises(FileFormatError, match="encoding is 'klingon'"):
        read_labels(path, encoding="klingon")


def test_utf8_is_not_read_as_something_else(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text("question,ids\nWarum fällt Schnee?,a\n", encoding="utf-8")
    for encoding in ("latin-1", "cp1252"):
        with pytest.raises(FileFormatError, match=f"'{encoding}' would garble it: leave encoding out"):
            read_labels(path, encoding=encoding)
    path.write_text("question,ids\nWhy?,a\n", encoding="utf-8")
    assert read_labels(path, encoding="latin-1")[0].text == "Why?"


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ("", {}, "the path is ''; expected that of a file"),
        ("a\0b.csv", {}, "the path is"),
        ('[{"question": "Why?", "ids": ["a"]}]', {}, "a text is given.*json.loads"),
        ("question,ids\nWhy?,a\n", {}, "a text is given"),
        ([{"question": "Why?", "ids": "a"}], {"spanss": "x"}, "there is no option 'spanss'"),
        (
            [{"span_id": "s", "document_position": 0}],
            {"spans": "nothing"},
            "spans is 'nothing'; expected the retriever",
        ),
    ],
)
def test_what_is_no_path_is_told(given, options, message):
    with pytest.raises(NudgeError, match=message):
        read_labels(given, **options)


def test_missing_files_of_several_and_of_spans_are_named(tmp_path):
    with pytest.raises(FileFormatError, match=r"there is no file 'a\.csv'"):
        read_labels(["a.csv", "b.csv"])
    with pytest.raises(FileFormatError, match=r"there is no file 'spans\.json'"):
        read_labels([{"span_id": "s", "document_position": 0}], spans="spans.json")
    (tmp_path / "f.csv").write_text("question/ids\nWhy?/a\n", encoding="utf-8")
    with pytest.raises(NudgeError, match="delimiter is '//'; expected one character"):
        read_labels(tmp_path / "f.csv", delimiter="//")


@pytest.mark.parametrize("form", ["deepeval", "phoenix", "embedding_qa", "ragas", "langsmith", "labelled_rag"])
def test_a_form_that_it_is_not_lists_what_is_there(form):
    with pytest.raises(NudgeError, match="1 rows with the columns 'question', 'ids'"):
        read_labels([{"question": "Why?", "ids": "a"}], form=form)


def test_line_ends_of_windows_and_of_old(tmp_path):
    path = tmp_path / "f.csv"
    for end in (b"\r\n", b"\r"):
        path.write_bytes(end.join([b"question,ids", b"Why?,a", b""]))
        assert read_labels(path)[0].answers[0].id == "a"
    path.write_bytes(b'question,ids\r\n"two\r\nlines",a\r\n"x"y,b\r\n')
    with pytest.raises(FileFormatError, match='line 4, \'"x"y,b'):
        read_labels(path)


def test_what_cannot_be_used_is_listed_and_the_rest_is_read():
    rows = [
        {"question": "Why?", "ids": ["a"]},
        {"question": "  ", "ids": ["a"]},
        {"question": 7, "ids": ["a"]},
        {"question": "How?", "ids": []},
        {"question": "When?", "ids": [None, ""]},
        {"question": "Nul\0?", "ids": ["a"]},
        {"question": "Half \ud83d?", "ids": ["a"]},
        {"ids": ["a"]},
    ]
    read = read_labels(rows)
    assert [question.text for question in read] == ["Why?", "Nul?", "Half \N{REPLACEMENT CHARACTER}?"]
    told = " ".join(read.problems)
    for part in ("empty text and was left out (2 times)", "no text but a int", "no labels and was left out (2 times)"):
        assert part in told
    assert all(part in told for part in ("NUL", "surrogate", "entry 7", "entry 8"))


def test_a_context_of_a_million_characters_is_read_at_once(tmp_path):
    context = "The sea is salt. " * 60_000
    row = {"question": "Why?", "contexts": [context, 'x"y']}
    (tmp_path / "f.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    cell = repr(row["contexts"]).replace('"', '""')
    (tmp_path / "f.csv").write_text(f'question,contexts\nWhy?,"{cell}"\n', encoding="utf-8")
    for file in ("f.jsonl", "f.csv"):
        start = time.perf_counter()
        (question,) = read_labels(tmp_path / file)
        assert [answer.text for answer in question.answers] == row["contexts"]
        assert time.perf_counter() - start < 2


def test_a_question_labelled_twice_is_joined_and_contradictions_are_told():
    rows = [
        {"question": "Why?", "ids": {"a": 1}, "id": "1"},
        {"question": "Why?", "ids": {"b": 1, "a": 3}, "id": "2"},
        {"question": "How?", "ids": {"a": 0}, "id": "3"},
        {"question": "How?", "ids": {"a": 1}, "id": "3"},
    ]
    read = read_labels(rows)
    assert [[(one.id, one.relevant, one.grade) for one in question.answers] for question in read] == [
        [("a", True, 3.0), ("b", True, 1.0)],
        [("a", False, 1.0)],
    ]
    assert "several ids; their answers were joined: the list, entry 2" in read.problems[0]
    assert "relevant and as irrelevant" in read.problems[1]


def test_json_lines_under_the_name_of_json_are_read(tmp_path):
    path = tmp_path / "f.json"
    path.write_text(GOOD + '{"question": "How?\u2028", "ids": "b"}\n', encoding="utf-8")
    assert len(read_labels(path)) == 2


def test_an_embedding_set_with_holes():
    whole = {"queries": {"1": "Why?", "2": "How?"}, "corpus": {"a": "A", "b": ""}, "relevant_docs": {"1": ["a", "z"]}}
    read = read_labels(whole)
    assert [answer.id for answer in read[0].answers] == ["a", "z"]
    assert "1 relevant documents have no text in the corpus and are known by id only: 'z'" in read.problems[0]
    assert any("queries['2']" in problem for problem in read.problems)
    with pytest.raises(FileFormatError, match="1 questions that queries lacks: '9'"):
        read_labels({**whole, "relevant_docs": {"9": ["a"]}})
    with pytest.raises(FileFormatError, match="queries, is .*expected an object by id"):
        read_labels({**whole, "queries": ["Why?"]})


@pytest.mark.parametrize("junk", [None, 7, "x", [], [[]], {}, {"a": 1}, float("nan"), [None]], ids=repr)
def test_junk_in_place_of_any_cell_is_refused_or_told(junk):
    """No reader falls over what it did not expect in a cell."""
    rows = {
        "ragas": {"user_input": "q", "reference_contexts": ["c"], "reference_context_ids": ["i"], "reference": "r"},
        "old": {"question": "q", "contexts": ["c"], "ground_truth": "g", "metadata": {}},
        "deepeval": {"input": "q", "context": ["c"], "source_file": "f", "expected_output": "e"},
        "langsmith": {
            "inputs": {"question": "q"},
            "outputs": {"contexts": ["c"]},
            "metadata": {"dataset_split": ["train"]},
        },
        "langfuse": {
            "input": "q",
            "expectedOutput": {"contexts": ["c"]},
            "metadata": {"source": "s"},
            "status": "ACTIVE",
        },
        "squad": {"question": "q", "context": "c", "answers": {"text": ["c"], "answer_start": [0]}, "title": "t"},
        "nested": {
            "title": "t",
            "paragraphs": [{"context": "c", "qas": [{"question": "q", "answers": [{"text": "c"}]}]}],
        },
        "pairs": {"anchor": "q", "positive": "c", "negative": "n", "label": 1},
        "columns": {"question": "q", "ids": ["i"], "contexts": ["c"], "split": "train", "id": "1"},
        "feedback": {"question": "q", "document_id": "d", "vote": "up", "time": "2026-01-01"},
        "phoenix": {
            "span_id": "s",
            "document_position": 0,
            "input": "q",
            "document": "d",
            "result": {"label": "relevant"},
        },
        "labelled rag": {"query": "q", "reference_contexts": ["c"], "reference_answer": "a"},
    }
    for whole in rows.values():
        for column in whole:
            assert outcome([whole, {**whole, column: junk}], "entry 2"), (whole, column)
    for part in ("queries", "corpus", "relevant_docs"):
        whole = {"queries": {"1": "Why?"}, "corpus": {"a": "A"}, "relevant_docs": {"1": ["a"]}}
        for broken in ({**whole, part: junk}, {**whole, part: {**whole[part], "1": junk}}):
            assert outcome(broken, part), broken


def outcome(given, culprit):
    """Whether it is read, or refused with the culprit named."""
    try:
        return len(read_labels(given)) >= 1
    except NudgeError as error:
        return culprit in str(error) or "holds no question with labels" in str(error) or "entry 2" in str(error)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threshold": "3"}, "threshold is '3'; expected a number"),
        ({"threshold": True}, "threshold is True; expected a number"),
        ({"meaning": ["good"]}, r"meaning is \['good'\]; expected what words mean"),
        ({"metadata": 3}, "metadata is 3; expected names of columns"),
        ({"ignore": [3]}, r"ignore is \[3\]; expected names of columns"),
        ({"ids": ["doc"]}, r"ids is \['doc'\]; expected a name of a column"),
        ({"form": "ragas", "retrieved": "no"}, "retrieved is 'no'; expected True or False"),
    ],
)
def test_options_of_another_kind(options, said):
    rows = [{"question": "Why?", "doc": "d0", "stars": 5}, {"question": "How?", "doc": "d1", "stars": 1}]
    with pytest.raises(InputError, match=said):
        read_labels(rows, **options)


def test_one_question_with_one_id_is_told_how_it_is_given():
    with pytest.raises(FileFormatError, match=r"if these are questions and ids, say so with lists, .*or form='pairs'"):
        read_labels({"Why?": "d0"})
    assert len(read_labels({"Why?": "d0"}, form="pairs")) == 1


def test_a_slice_is_questions_too():
    labels = read_labels([("a", ["1"]), ("b", ["2"]), ("c", ["3"])])
    assert [one.text for one in labels[1:]] == ["b", "c"]
    assert read_labels(labels[1:]) == labels[1:]
    vectors = read_labels(QuerySet(np.eye(3), [["1"], ["2"], ["3"]]))
    assert vectors[1:].vectors.tolist() == np.eye(3)[1:].tolist()
    with pytest.raises(InputError, match=r"questions\[0\] has no text, as it is one of a QuerySet"):
        read_labels(list(vectors))
