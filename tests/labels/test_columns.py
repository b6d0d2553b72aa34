"""Tables with columns of one's own: CSV, JSONL, data frames, `datasets`, rows; chosen by name or by the usual names."""

import json

import pytest

from nudge_core.errors import FileFormatError, InputError
from nudge_integrations.labels import Answer, read_labels


def test_chosen_columns_of_a_csv(tmp_path):
    path = tmp_path / "faq.csv"
    path.write_text(
        'nr;frage;quelle;seite;worte\n7;"Wie ""lang""; ungefähr?";handbuch.pdf;12;"zwei\nZeilen"\n', encoding="utf-8"
    )
    read = read_labels(path, question="frage", metadata=["quelle", "seite"], spans="worte", id="nr")
    assert read.form == "columns"
    (question,) = read
    assert (question.text, question.id, question.where) == ('Wie "lang"; ungefähr?', "7", f"{str(path)!r}, line 2")
    assert question.answers == (Answer(span="zwei\nZeilen", metadata={"quelle": "handbuch.pdf", "seite": "12"}),)


def test_ids_in_every_spelling(tmp_path):
    rows = [
        {"question": "one", "ids": "a"},
        {"question": "list", "ids": ["a", 7]},
        {"question": "written", "ids": '["a", "b"]'},
        {"question": "python", "ids": "['a', 'b']"},
        {"question": "numpy", "ids": "[3 4]"},
        {"question": "grades", "ids": {"a": 2, "b": 0}},
        {"question": "written grades", "ids": '{"a": 2}'},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    expected = [["a"], ["a", "7"], ["a", "b"], ["a", "b"], ["3", "4"], ["a", "b"], ["a"]]
    for given in (path, rows):
        read = read_labels(given)
        assert [[answer.id for answer in question.answers] for question in read] == expected
        assert read[5].answers == (Answer("a", grade=2.0), Answer("b", relevant=False, grade=0.0))
    with pytest.raises(FileFormatError, match=r"entry 1: the grade of 'a' is 'high'; expected a number"):
        read_labels([{"question": "q", "ids": {"a": "high"}}])


def test_questions_as_a_mapping_and_as_pairs(tmp_path):
    path = tmp_path / "pairs.json"
    for given in ({"Why?": ["a", "b"], "How?": ["c"]}, [["Why?", ["a", "b"]], ["How?", ["c"]]]):
        path.write_text(json.dumps(given), encoding="utf-8")
        assert [question.answers for question in read_labels(path)] == [(Answer("a"), Answer("b")), (Answer("c"),)]


def test_texts_and_ids_side_by_side_and_documents_with_metadata():
    document = {
        "id": None,
        "page_content": "It rains.",
        "metadata": {"source": "sky.txt", "page": 3},
        "type": "Document",
    }
    rows = [{"question": "Why?", "context": [document, "Clouds."], "doc_ids": ["s", "c"]}]
    assert read_labels(rows)[0].answers == (
        Answer("s", "It rains.", None, {"source": "sky.txt", "page": 3}),
        Answer("c", "Clouds."),
    )


def test_a_data_frame_with_gaps():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "query": ["Why?", None, "How?", "When?"],
            "doc_id": [12, 13, 14, None],
            "split": ["train", "train", "val", None],
        }
    )
    read = read_labels(frame)
    assert [(question.text, question.answers, question.split) for question in read] == [
        ("Why?", (Answer("12"),), "train"),
        ("How?", (Answer("14"),), "dev"),
    ]
    assert read.problems == (
        "the question is an empty text and was left out: the DataFrame, entry 2",
        "the question has no labels and was left out: the DataFrame, entry 4",
    )


def test_a_parquet_file_of_a_data_frame_with_lists(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "rows.parquet"
    pandas.DataFrame({"question": ["Why?"], "ids": [["a", "b"]], "contexts": [["A", "B"]]}).to_parquet(path)
    expected = (Answer("a", "A"), Answer("b", "B"))
    assert read_labels(path)[0].answers == expected
    assert read_labels(pandas.read_parquet(path))[0].answers == expected  # arrays in cells


def test_datasets_by_split():
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list([{"question": "Why?", "ids": ["a"]}])
    read = read_labels(datasets.DatasetDict({"train": rows, "validation": rows}))
    assert [(question.text, question.split) for question in read] == [("Why?", "train"), ("Why?", "dev")]
    assert "1 questions stand in several splits: 'Why?'" in read.problems[0]


def test_missing_and_unknown_columns_list_those_present(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("alpha,beta\nx,y\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"1 rows with the columns 'alpha', 'beta'.*none of the forms"):
        read_labels(path)
    with pytest.raises(FileFormatError, match=r"has no column ids='gamma'; there are 'alpha', 'beta'"):
        read_labels(path, question="alpha", ids="gamma")
    with pytest.raises(FileFormatError, match="which of the columns 'alpha', 'beta' is the question"):
        read_labels(path, ids="beta")
    with pytest.raises(FileFormatError, match="says what answers a question"):
        read_labels(path, question="alpha")
    with pytest.raises(InputError, match="there is no option 'colour'; options are"):
        read_labels(path, colour="red")
    with pytest.raises(InputError, match="the form squad has no option 'ids'; it takes none"):
        read_labels(path, form="squad", ids="beta")
    with pytest.raises(InputError, match=r"form is 'csv'; expected one of columns, deepeval"):
        read_labels(path, form="csv")
    assert read_labels(path, question="alpha", ids="beta")[0].answers == (Answer("y"),)


def test_objects_without_rows_are_named():
    with pytest.raises(FileFormatError, match="an object with the keys 'a', 'b'"):
        read_labels({"a": 1, "b": "x"})
    for given in (7, None, b"bytes"):
        with pytest.raises(InputError, match=f"the {type(given).__name__} cannot be read as labelled questions"):
            read_labels(given)
    with pytest.raises(FileFormatError, match="holds no rows"):
        read_labels([])


def test_ids_are_read_as_people_write_them(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text('question , ids \nWhy?, a\nHow?,"b, c"\nWho?,"[""d"", ""e""]"\n', encoding="utf-8")
    read = read_labels(path)
    assert [[answer.id for answer in question.answers] for question in read] == [["a"], ["b, c"], ["d", "e"]]
    assert len(read.problems) == 1
    assert """'b, c' was taken for one id; several are written as JSON, ["a", "b"]""" in read.problems[0]


def test_one_question_and_questions_without_ids_in_json(tmp_path):
    path = tmp_path / "f.json"
    path.write_text('{"question": "Why?", "ids": ["a"]}', encoding="utf-8")
    assert read_labels(path)[0].answers[0].id == "a"
    path.write_text('{"Why?": ["a"], "How?": []}', encoding="utf-8")
    read = read_labels(path)
    assert [question.text for question in read] == ["Why?"]
    assert "no labels" in read.problems[0]


def test_scores_beyond_one_need_a_threshold():
    rows = [{"anchor": "Why?", "positive": "Since.", "score": 4}, {"anchor": "Why?", "positive": "No.", "score": 1}]
    with pytest.raises(FileFormatError, match="entry 1: score is 4, beyond -1 to 1: say.*threshold"):
        read_labels(rows)
    assert [answer.relevant for answer in read_labels(rows, threshold=3)[0].answers] == [True, False]


def test_a_span_is_taken_with_the_text_beside_it():
    rows = [{"question": "When?", "context": "It was picked in 1999, in spring.", "year": "1999"}]
    assert read_labels(rows, spans="year")[0].answers == (Answer(text=rows[0]["context"], span="1999"),)
    assert read_labels(rows, spans="year", metadata=["year"])[0].answers[0].text is None
