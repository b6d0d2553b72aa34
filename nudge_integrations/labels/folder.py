"""read_beir: a folder of documents, questions and judgements, as BEIR, MTEB, TREC and MS MARCO write them."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from nudge_core.arguments import as_path
from nudge_core.errors import FileFormatError, UnknownIdError, counted, first_few
from nudge_integrations.labels.dataset import SPLITS, LabelledData
from nudge_integrations.labels.source import NAMES_OF_SPLITS

CORPUS, QUERIES, QRELS = ("corpus", "collection", "documents", "docs"), ("queries", "questions", "topics"), ("qrels",)
ENDINGS = (".jsonl", ".tsv", ".txt")
HEADER = "query-id<TAB>corpus-id<TAB>score"
IDS = (
    "_id",
    "id",
    "doc_id",
    "docid",
    "docno",
    "query_id",
    "query-id",
    "qid",
    "corpus-id",
    "corpus_id",
    "passage_id",
    "pid",
)
TEXTS = ("text", "contents", "content", "query", "question", "passage", "body")
Judged = dict[str, dict[str, float]]


def is_folder(path: Path) -> bool:
    """Whether this folder holds documents or judgements by the names that BEIR gives them."""
    if not path.is_dir():
        return False
    return (path / "qrels").is_dir() or bool(_files(path, CORPUS[:1]) or (_files(path, CORPUS) and _files(path, QRELS)))


def read_beir(folder: str | Path, *, missing: Literal["error", "skip"] = "skip") -> LabelledData:
    """Read a folder in BEIR form.

    Args:
        folder: Holds corpus.jsonl, queries.jsonl and qrels/ with train.tsv, dev.tsv and test.tsv; a split that is absent is left out. Files
            may be packed (.gz) or tables (collection.tsv, queries.train.tsv). Judgements may be in TREC's four columns, in JSON lines or without
            a header, and stand in qrels.train.tsv too. Documents may have a title only.
        missing: What to do with judgements of questions or documents that are not there: leave them out and tell in `problems`, or raise.

    Returns:
        The documents ("title text"), the questions and the judgements of each split, with their grades; 0 and below says not relevant.

    Raises:
        FileFormatError: A file that is missing, in another encoding than UTF-8, malformed, or with an id twice.
        UnknownIdError: More than half of the judgements of a split are of questions or documents that are not there, or one with missing="error".
    """
    path = as_path(folder, "folder")
    if not path.is_dir():
        away = "; what a URL leads to is not fetched: download it first" if "://" in str(folder) else ""
        raise FileFormatError(
            f"there is no folder {str(folder)!r}{away}: give one in BEIR form (corpus.jsonl, queries.jsonl, qrels/), or hf:NAME"
        )
    documents = _texts(_needed(path, CORPUS, "corpus.jsonl"))
    queries = _texts(_needed(path, QUERIES, "queries.jsonl"))
    qrels: dict[str, Judged] = {}
    for file in [*_files(path, QRELS), *sorted((path / "qrels").glob("*"))]:
        if _ending(file) in ENDINGS:
            _join(qrels.setdefault(_split_of(file), {}), _judgements(file))
    problems = () if missing == "error" else _drop_unknown(str(folder), qrels, queries, documents)
    ordered = {split: qrels[split] for split in SPLITS if split in qrels}
    return LabelledData(str(folder), documents, queries, ordered, path, tuple(problems))


def _files(path: Path, names: tuple[str, ...]) -> list[Path]:
    return [file for file in sorted(path.glob("*")) if file.name.split(".")[0] in names and _ending(file) in ENDINGS]


def _needed(path: Path, names: tuple[str, ...], usual: str) -> list[Path]:
    found = _files(path, names)
    if not found:
        raise FileFormatError(
            f"there is no file {str(path / usual)!r}: a folder in BEIR form holds corpus.jsonl, queries.jsonl and qrels/"
        )
    return found


def _ending(file: Path) -> str:
    return (Path(file.stem) if file.suffix == ".gz" else file).suffix.lower()


def _split_of(file: Path) -> str:
    """The split that the name of a file says; "train" where it says none."""
    return next((NAMES_OF_SPLITS[part] for part in file.name.lower().split(".") if part in NAMES_OF_SPLITS), "train")


def _texts(files: list[Path]) -> dict[str, str]:
    """{id: text} of all files."""
    seen: dict[str, tuple[Path, int]] = {}
    texts: dict[str, str] = {}
    for file in files:
        for number, key, text in _rows(file):
            if key in seen:
                before, line = seen[key]
                place = f"in line {line}" if before == file else f"in {str(before)!r}, line {line},"
                raise FileFormatError(
                    f"{str(file)!r}: the id {key!r} stands {place} and in line {number}: give each an id of its own"
                )
            seen[key], texts[key] = (file, number), text
    return texts


def _rows(file: Path) -> Iterator[tuple[int, str, str]]:
    """Line, id and text of each line."""
    for number, line in _lines(file):
        if _ending(file) != ".jsonl":
            key, tab, text = line.rstrip("\r\n").partition("\t")
            if not tab:
                raise FileFormatError(f"{str(file)!r}, line {number}, is {line.strip()[:80]!r}; expected id<TAB>text")
            yield number, key.strip(), " ".join(text.split("\t"))
            continue
        row = _object(file, number, line)
        name = next((row[name] for name in IDS if name in row), None)
        given = [row.get("title"), next((row[name] for name in TEXTS if row.get(name) is not None), None)]
        if name is None or not all(isinstance(text, str | None) for text in given) or given == [None, None]:
            raise FileFormatError(
                f'{str(file)!r}, line {number}, is {line.strip()[:80]!r}; expected {{"_id": "…", "text": "…"}}'
            )
        yield number, str(name), " ".join(text for text in given if text).strip()


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        packed = file.suffix == ".gz"
        with (
            gzip.open(file, "rt", encoding="utf-8-sig", newline="")
            if packed
            else file.open(encoding="utf-8-sig", newline="") as lines
        ):
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
    except (OSError, EOFError) as error:
        raise FileFormatError(
            f"{str(file)!r} cannot be read, after line {number} ({error}): copy or pack it anew"
        ) from error


def _object(file: Path, number: int, line: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"{str(file)!r}, line {number}, column {error.colno}: {error.msg}: write one JSON object a line"
        ) from error
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{str(file)!r}, line {number}: {str(error)[:120]}") from error
    return row if isinstance(row, dict) else {}


def _judgements(file: Path) -> Judged:
    """{question: {document: grade}} of one file."""
    judged: Judged = {}
    for place, (number, line) in enumerate(_lines(file)):
        where = f"{str(file)!r}, line {number},"
        question, document, score = _cells(file, number, line, where)
        grade = _number(score)
        if grade is None:
            if not place and _ending(file) != ".jsonl":
                continue  # the header
            raise FileFormatError(f"{where} grades with {score!r}; expected a number: 0 and below says not relevant")
        if judged.setdefault(question, {}).setdefault(document, grade) != grade:
            raise FileFormatError(
                f"{where} grades question {question!r} and document {document!r} a second time, differently: keep one"
            )
    return judged


def _cells(file: Path, number: int, line: str, where: str) -> tuple[str, str, str]:
    if _ending(file) == ".jsonl":
        row = _object(file, number, line)
        names = (
            ("query-id", "query_id", "qid"),
            ("corpus-id", "corpus_id", "doc_id", "docid", "pid"),
            ("score", "relevance", "label"),
        )
        found = [next((str(row[name]) for name in some if name in row), None) for some in names]
        if found[0] is None or found[1] is None or found[2] is None:
            raise FileFormatError(
                f'{where} is {line.strip()[:80]!r}; expected {{"query-id": "…", "corpus-id": "…", "score": 1}}'
            )
        return found[0], found[1], found[2]
    cells = [cell.strip() for cell in (line.rstrip("\r\n").split("\t") if "\t" in line else line.split())]
    if len(cells) == 4:  # TREC: question, round, document, grade
        del cells[1]
    if len(cells) != 3:
        raise FileFormatError(f"{where} has {len(cells)} columns: {cells}; expected {HEADER}, separated by tabs")
    return cells[0], cells[1], cells[2]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _join(into: Judged, more: Judged) -> None:
    for question, grades in more.items():
        into.setdefault(question, {}).update(grades)


def _drop_unknown(
    name: str, qrels: dict[str, Judged], queries: Mapping[str, str], documents: Mapping[str, str]
) -> Iterator[str]:
    """Take judgements of what is not there out, and say so; a split of which more than half would go is refused."""
    for split, judged in qrels.items():
        pairs = [(question, document) for question, grades in judged.items() for document in grades]
        lost = {pair: None for pair in pairs if pair[0] not in queries or pair[1] not in documents}
        if not lost:
            continue
        asked = first_few(dict.fromkeys(question for question, _ in lost if question not in queries))
        stored = first_few(dict.fromkeys(document for _, document in lost if document not in documents))
        of = "; ".join([*([f"questions {asked}"] if asked else []), *([f"documents {stored}"] if stored else [])])
        what = f"{counted(len(lost), 'judgement', 'judgements')} of {len(pairs)} in {split} of {name}"
        if 2 * len(lost) > len(pairs):
            raise UnknownIdError(
                f"{what} are of questions that are not in queries.jsonl or documents that are not in corpus.jsonl: {of}. "
                "Add these, or take the lines out"
            )
        for question, document in lost:
            del judged[question][document]
            if not judged[question]:
                del judged[question]
        yield f"{what} were left out, as what they speak of is not in the folder: {of}"
