"""Reading a folder in BEIR form, and every way in which it can be broken."""

import gzip
import json

import pytest

from nudge_core.errors import FileFormatError, NudgeError, UnknownIdError
from nudge_integrations.labels import read_beir, read_data, read_labels


def test_reads_titles_texts_and_judgements(beir):
    data = read_beir(beir)
    assert data.documents["d3"] == "Title 3 Text of document 3."
    assert data.queries["q89"] == "Question 89?"
    assert data.qrels["test"]["q60"] == {"d10": 1.0}
    assert (data.home, len(data.qrels["train"])) == (beir, 40)
    assert "train 40, dev 20, test 30" in repr(read_data(str(beir)))


def test_absent_split_is_left_out(beir):
    (beir / "qrels" / "dev.tsv").unlink()
    assert set(read_beir(beir).qrels) == {"train", "test"}


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(beir):
    for name in ("corpus.jsonl", "qrels/train.tsv"):
        text = (beir / name).read_text(encoding="utf-8")
        (beir / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_beir(beir).qrels["train"]["q0"] == {"d0": 1.0}


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


BROKEN = {
    "grade no number": ("qrels/train.tsv", "q3\td3\t1", "q3\td3\tyes", FileFormatError, ["line 5", "'yes'"]),
    "grade not finite": ("qrels/train.tsv", "q3\td3\t1", "q3\td3\tnan", FileFormatError, ["line 5", "'nan'"]),
    "two grades": ("qrels/train.tsv", "q3\td3\t1", "q3\td3\t1\nq3\td3\t2", FileFormatError, ["line 6", "second time"]),
    "commas": ("qrels/train.tsv", "q3\td3\t1", "q3,d3,1", FileFormatError, ["line 5", "1 columns", "tabs"]),
    "cut off": ("corpus.jsonl", '{"_id": "d2", "title"', '{"_id": "d2", "ti', FileFormatError, ["line 3", "column"]),
    "no id": ("queries.jsonl", '"_id": "q4"', '"name": "q4"', FileFormatError, ["line 5", "_id"]),
    "no text": ("queries.jsonl", '"text": "Question 4?"', '"text": null', FileFormatError, ["line 5", "text"]),
    "a number as text": (
        "corpus.jsonl",
        '"text": "Text of document 2."',
        '"text": 7',
        FileFormatError,
        ["line 3", "text"],
    ),
    "id twice": ("corpus.jsonl", '"_id": "d2"', '"_id": "d1"', FileFormatError, ["'d1'", "line 2", "line 3"]),
}


@pytest.mark.parametrize(("file", "old", "new", "kind", "parts"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_named(beir, file, old, new, kind, parts):
    edit(beir / file, old, new)
    with pytest.raises(kind) as caught:
        read_beir(beir)
    assert all(part in str(caught.value) for part in parts), caught.value


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("file", ["corpus.jsonl", "qrels/train.tsv"])
def test_other_encodings_are_refused(beir, file, encoding):
    edit(beir / file, "d2", "dé")
    text = (beir / file).read_text(encoding="utf-8")
    (beir / file).write_text(text, encoding=encoding)
    with pytest.raises(FileFormatError, match="UTF-8"):
        read_beir(beir)


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl"])
def test_missing_files_are_named(beir, file):
    (beir / file).unlink()
    with pytest.raises(FileFormatError, match=file):
        read_beir(beir)


def test_a_folder_that_is_not_there_and_one_without_judgements(beir, tmp_path):
    with pytest.raises(FileFormatError, match="hf:NAME"):
        read_beir(tmp_path / "nowhere")
    for file in (beir / "qrels").iterdir():
        file.unlink()
    with pytest.raises(NudgeError, match=r"train\.tsv"):
        read_beir(beir)


def gzipped(folder, *names):
    for name in names:
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()


def rewritten(file, line, header=""):
    rows = [row.split("\t") for row in file.read_text(encoding="utf-8").splitlines()[1:]]
    file.write_text(header + "".join(line.format(*row) + "\n" for row in rows), encoding="utf-8")


def as_ms_marco(folder):
    for name, new, title in (("corpus", "collection", "title"), ("queries", "queries.train", "text")):
        lines = map(json.loads, (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
        rows = [
            f"{row['_id']}\t{row[title]} {row['text']}\n" if title == "title" else f"{row['_id']}\t{row['text']}\n"
            for row in lines
        ]
        (folder / f"{new}.tsv").write_text("".join(rows), encoding="utf-8")
        (folder / f"{name}.jsonl").unlink()
    for split in ("train", "dev", "test"):
        rewritten(folder / "qrels" / f"{split}.tsv", "{0}\t0\t{1}\t{2}")
        (folder / "qrels" / f"{split}.tsv").rename(folder / f"qrels.{split}.tsv")
    (folder / "qrels").rmdir()


VARIANTS = {
    "packed": lambda f: gzipped(f, "corpus.jsonl", "queries.jsonl", "qrels/train.tsv"),
    "id": lambda f: [edit_all(f / name, '"_id"', '"id"') for name in ("corpus.jsonl", "queries.jsonl")],
    "no header": lambda f: rewritten(f / "qrels/train.tsv", "{0}\t{1}\t{2}"),
    "TREC": lambda f: rewritten(f / "qrels/train.tsv", "{0} Q0 {1} {2}"),
    "spaces": lambda f: rewritten(f / "qrels/train.tsv", "{0} {1} {2}", "query-id corpus-id score\n"),
    "JSON lines": lambda f: (
        rewritten(f / "qrels/train.tsv", '{{"query-id": "{0}", "corpus-id": "{1}", "score": {2}}}'),
        (f / "qrels/train.tsv").rename(f / "qrels/train.jsonl"),
    ),
    "validation": lambda f: (f / "qrels/dev.tsv").rename(f / "qrels/validation.tsv"),
    "MS MARCO": as_ms_marco,
}


def edit_all(path, old, new):
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("variant", VARIANTS)
def test_folders_as_they_are_found(beir, variant):
    expected = read_beir(beir)
    VARIANTS[variant](beir)
    found = read_beir(beir)
    assert (found.documents, found.queries, found.qrels) == (expected.documents, expected.queries, expected.qrels)
    assert len(read_labels(beir)) == 90
    assert found.problems == ()


def test_documents_of_a_title_only(beir):
    edit(beir / "corpus.jsonl", '"text": "Text of document 2."', '"text": null')
    assert read_beir(beir).documents["d2"] == "Title 2"


@pytest.mark.parametrize("grade", ["0", "-1", "-2"])
def test_grades_of_zero_and_below_say_not_relevant(beir, grade):
    edit(beir / "qrels/train.tsv", "q3\td3\t1", f"q3\td3\t1\nq3\td4\t{grade}")
    assert read_beir(beir).qrels["train"]["q3"] == {"d3": 1.0, "d4": float(grade)}
    question = next(one for one in read_labels(beir) if one.text == "Question 3?")
    assert [(answer.id, answer.relevant) for answer in question.answers] == [("d3", True), ("d4", False)]


@pytest.mark.parametrize(
    ("file", "old", "new", "culprit"),
    [
        ("qrels/dev.tsv", "q40\td15", "q40\tdX", "documents 'dX'"),
        ("qrels/test.tsv", "q60\t", "qX\t", "questions 'qX'"),
    ],
)
def test_judgements_of_what_is_not_there_are_left_out_and_told(beir, file, old, new, culprit):
    edit(beir / file, old, new)
    data = read_beir(beir)
    (problem,) = data.problems
    assert problem.startswith("1 judgement of ")
    assert problem.endswith(f"not in the folder: {culprit}")
    assert read_labels(beir).problems == data.problems
    with pytest.raises(UnknownIdError, match=culprit.split()[1]):
        read_beir(beir, missing="error")


def test_a_split_that_is_mostly_of_other_documents_is_refused(beir):
    edit_all(beir / "qrels/dev.tsv", "\td", "\tother-")
    with pytest.raises(UnknownIdError, match=r"20 judgements of 20 in dev .*'other-15'.*Add these"):
        read_beir(beir)


def test_a_folder_of_folders_names_them(beir):
    with pytest.raises(FileFormatError, match=rf"it holds folders that do: give one of '{beir}'"):
        read_labels(beir.parent)
