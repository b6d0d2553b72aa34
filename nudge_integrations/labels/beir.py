"""Reader of a folder in BEIR form: corpus.jsonl (_id, title, text), queries.jsonl (_id, text), qrels/{train,dev,test}.tsv."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.dataset import SPLITS, LabelledData

HEADER = "query-id<TAB>corpus-id<TAB>score"


def read_beir(folder: str | Path) -> LabelledData:
    """Read a folder in BEIR form.

    Args:
        folder: Holds corpus.jsonl, queries.jsonl and qrels/ with train.tsv, dev.tsv and test.tsv; a split that is absent is left out.

    Returns:
        The documents ("title text"), the questions and the judgements of each split.

    Raises:
        FileFormatError: A file that is missing, in another encoding than UTF-8, malformed, without a header, or with an id twice.
        UnknownIdError: Judgements of questions or documents that are not there.
    """
    path = Path(folder)
    if not path.is_dir():
        raise FileFormatError(
            f"there is no folder {str(path)!r}: give one in BEIR form (corpus.jsonl, queries.jsonl, qrels/), or hf:NAME"
        )
    documents = {
        key: f"{row.get('title') or ''} {row['text']}".strip() for key, row in _read_jsonl(path / "corpus.jsonl")
    }
    queries = {key: str(row["text"]) for key, row in _read_jsonl(path / "queries.jsonl")}
    files = {split: path / "qrels" / f"{split}.tsv" for split in SPLITS}
    qrels = {split: _read_qrels(file) for split, file in files.items() if file.is_file()}
    return LabelledData(str(folder), documents, queries, qrels, path)


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    if not file.is_file():
        raise FileFormatError(
            f"there is no file {str(file)!r}: a folder in BEIR form holds corpus.jsonl, queries.jsonl and qrels/"
        )
    number = 0
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            for number, line in enumerate(lines, 1):
                if "\0" in line:
                    raise FileFormatError(
                        f"{str(file)!r}, line {number}, holds a NUL byte: it is binary or in UTF-16; save it as UTF-8"
                    )
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{str(file)!r} is not in UTF-8 (after line {number}, byte {error.object[error.start]:#04x}): save it as UTF-8"
        ) from error


def _read_jsonl(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    seen: dict[str, int] = {}
    for number, line in _lines(file):
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise FileFormatError(
                f"{str(file)!r}, line {number}, column {error.colno}: {error.msg}: write one JSON object a line"
            ) from error
        if not isinstance(row, dict) or "_id" not in row or not isinstance(row.get("text"), str):
            raise FileFormatError(
                f'{str(file)!r}, line {number}, is {line.strip()[:80]!r}; expected {{"_id": "…", "text": "…"}}'
            )
        key = str(row["_id"])
        if key in seen:
            raise FileFormatError(
                f"{str(file)!r}: the id {key!r} stands in line {seen[key]} and in line {number}: give each an id of its own"
            )
        seen[key] = number
        yield key, row


def _read_qrels(file: Path) -> dict[str, dict[str, float]]:
    judged: dict[str, dict[str, float]] = {}
    for place, (number, line) in enumerate(_lines(file)):
        row, where = line.rstrip("\r\n").split("\t"), f"{str(file)!r}, line {number},"
        if len(row) != 3:
            raise FileFormatError(f"{where} has {len(row)} columns: {row}; expected {HEADER}, separated by tabs")
        question, document, score = (cell.strip() for cell in row)
        grade = _number(score)
        if not place:
            if grade is not None:
                raise FileFormatError(
                    f"{str(file)!r} begins with {row}; expected a header: put the line {HEADER} first"
                )
            continue
        if grade is None or grade < 0:
            raise FileFormatError(f"{where} grades with {score!r}; expected a number from zero up")
        if judged.setdefault(question, {}).setdefault(document, grade) != grade:
            raise FileFormatError(
                f"{where} grades question {question!r} and document {document!r} a second time, differently: keep one"
            )
    return judged


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
