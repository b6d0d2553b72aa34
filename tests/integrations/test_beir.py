"""Reading a folder in BEIR form, and every way in which it can be broken."""

import pytest

from nudge_core.errors import FileFormatError, NudgeError, UnknownIdError
from nudge_integrations.labels import read_beir, read_data


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
    "no header": (
        "qrels/train.tsv",
        "query-id\tcorpus-id\tscore\n",
        "",
        FileFormatError,
        ["train.tsv", "header", "query-id"],
    ),
    "unknown document": ("qrels/dev.tsv", "q40\td15", "q40\tdX", UnknownIdError, ["dev", "'dX'", "corpus.jsonl"]),
    "unknown question": ("qrels/test.tsv", "q60\t", "qX\t", UnknownIdError, ["test", "'qX'", "queries.jsonl"]),
    "negative grade": ("qrels/train.tsv", "q3\td3\t1", "q3\td3\t-1", FileFormatError, ["line 5", "'-1'", "zero"]),
    "grade no number": ("qrels/train.tsv", "q3\td3\t1", "q3\td3\tyes", FileFormatError, ["line 5", "'yes'"]),
    "grade not finite": ("qrels/train.tsv", "q3\td3\t1", "q3\td3\tnan", FileFormatError, ["line 5", "'nan'"]),
    "two grades": ("qrels/train.tsv", "q3\td3\t1", "q3\td3\t1\nq3\td3\t2", FileFormatError, ["line 6", "second time"]),
    "commas": ("qrels/train.tsv", "q3\td3\t1", "q3,d3,1", FileFormatError, ["line 5", "1 columns", "tabs"]),
    "cut off": ("corpus.jsonl", '{"_id": "d2", "title"', '{"_id": "d2", "ti', FileFormatError, ["line 3", "column"]),
    "no id": ("queries.jsonl", '"_id": "q4"', '"id": "q4"', FileFormatError, ["line 5", "_id"]),
    "no text": ("corpus.jsonl", '"text": "Text of document 2."', '"text": null', FileFormatError, ["line 3", "text"]),
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
