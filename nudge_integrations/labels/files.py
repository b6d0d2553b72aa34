"""Reading of label files: JSON, JSONL, CSV and Parquet. Whatever is wrong with a file is named by line and column."""

from __future__ import annotations

import codecs
import csv
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nudge_core.errors import FileFormatError, InputError, MissingExtraError, first_few
from nudge_integrations.labels.folder import is_folder
from nudge_integrations.labels.source import NAMES_OF_SPLITS, Row, Source, rows_of, source_of

TABLES = {".csv": None, ".tsv": "\t"}
ENDINGS = (".json", ".jsonl", ".ndjson", *TABLES, ".parquet")
_limit = threading.Lock()


def read_file(path: str | Path, *, encoding: str | None = None, delimiter: str | None = None) -> Source:
    """Read one file of labels in JSON, JSONL, CSV, TSV or Parquet, known by the ending of its name, or a folder of them."""
    path = named_path(path)
    if path.is_dir():
        return _read_folder(path, encoding, delimiter)
    name, ending = repr(str(path)), path.suffix.lower()
    if not path.is_file():
        raise FileFormatError(
            f"there is no {'file' if ending else 'folder'} {name}: give the path of a file with labels, of a folder of them or in BEIR form "
            "(corpus.jsonl, queries.jsonl, qrels/), or hf:NAME"
        )
    if ending == ".parquet":
        return _read_parquet(path, name)
    if ending not in ENDINGS:
        raise FileFormatError(
            f"{name} ends in {ending!r}; expected one of {', '.join(ENDINGS)}: save it as one of these, or give a data frame of it"
        )
    text = read_text(path, encoding)
    if not text.strip():
        raise FileFormatError(f"{name} is empty")
    if ending == ".json":
        return _read_json(text, name)
    rows = _read_table(text, name, delimiter or TABLES[ending]) if ending in TABLES else _read_jsonl(text, name)
    return Source(name, tuple(rows))


def named_path(given: str | Path) -> Path:
    """A path that can be looked for, whether or not there is such a file; a text that is the labels themselves is refused."""
    text = str(given).strip()
    if not text or "\0" in text:
        raise InputError(f"the path is {str(given)!r}; expected that of a file with labels, or of a folder")
    if len(text) > 1000 or "\n" in text or text.startswith(("[{", "[[", '["', '{"')):
        raise InputError(
            f"a text is given, {text[:60]!r}…, where a path is expected: give what json.loads makes of it, or write it to a file"
        )
    return Path(given).expanduser()


def read_text(path: Path, encoding: str | None = None) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; other encodings are refused, not guessed."""
    content, name = path.read_bytes(), repr(str(path))
    if encoding is None and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileFormatError(f"{name} is in UTF-16: save it as UTF-8, or say encoding='utf-16'")
    try:
        text = content.decode(encoding or "utf-8-sig")
        if encoding is not None and _garbles(encoding, content):
            raise FileFormatError(f"{name} is in UTF-8, and encoding={encoding!r} would garble it: leave encoding out")
        if encoding is not None and (odd := re.search("[\x80-\x9f]", text)):
            line = text.count("\n", 0, odd.start()) + 1
            raise FileFormatError(
                f"{name}, line {line}, holds control characters when it is read as {encoding}: it is from Windows, say encoding='cp1252'"
            )
    except LookupError:
        raise FileFormatError(f"encoding is {encoding!r}, which Python does not know: for example 'cp1252'") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise FileFormatError(
            f"{name}, line {line}, byte {column} ({content[error.start]:#04x}), is not in {encoding or 'UTF-8'}: "
            "save it as UTF-8, or say what it is in: encoding='cp1252' for most files of Excel in Western Europe"
        ) from error
    text = text.removeprefix("\ufeff")
    if (at := text.find("\0")) >= 0:
        raise FileFormatError(
            f"{name}, line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}, holds a NUL byte: "
            "it is binary or in UTF-16; save it as UTF-8"
        )
    return text


def _garbles(encoding: str, content: bytes) -> bool:
    """Whether this is a file in UTF-8 that would be read as something else: with one byte a character, everything can be."""
    try:
        one_byte = codecs.lookup(encoding).name.startswith(("iso8859", "cp12", "mac-"))
        return one_byte and not content.decode().isascii()
    except UnicodeDecodeError:
        return False


def parse_json(text: str, where: str, line: int = 1) -> Any:
    """Parse JSON; what is wrong is named by line and column, and a key that stands twice is refused."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        held = dict(pairs)
        if len(held) < len(pairs):
            (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
            raise FileFormatError(f"{where} has the key {twice!r} twice in one object: give each a key of its own")
        return held

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise FileFormatError(f"{where}, line {line + error.lineno - 1}, column {error.colno}: {error.msg}") from error
    except FileFormatError:
        raise
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets nested by the thousand
        raise FileFormatError(f"{where}, line {line}: {str(error)[:120]}") from error


def _read_json(text: str, name: str) -> Source:
    try:
        tree = parse_json(text, name)
    except FileFormatError as error:
        cause = error.__cause__
        if not isinstance(cause, json.JSONDecodeError) or not cause.msg.startswith("Extra data"):
            raise
        return Source(name, tuple(_read_jsonl(text, name)))  # lines of objects under the name of .json are common
    if not isinstance(tree, dict | list) or not tree:
        raise FileFormatError(f"{name} holds {str(tree)[:80]!r}; expected a list of objects, or an object")
    return source_of(tree, name)


def _read_jsonl(text: str, name: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):  # not splitlines: a text may hold U+2028
        if line.strip():
            yield from rows_of([parse_json(line, name, number)], name, f"line {number}")


def _read_table(text: str, name: str, delimiter: str | None) -> Iterator[Row]:
    """Rows of a table with a header; the delimiter is comma, semicolon or tab, whichever the header has most of, if it is not said."""
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise InputError(f"delimiter is {delimiter!r}; expected one character, such as ';'")
    first = text.split("\n", 1)[0]
    if said := re.fullmatch(r'"?sep=(.)"?\s*', first):  # so does Excel say it
        text, delimiter = text.removeprefix(first), delimiter or said[1]
    delimiter = delimiter or max(",;\t", key=first.count)
    header: list[str] | None = None
    for line, cells in _records(text, name, delimiter):
        where = f"{name}, line {line}"
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            twice = sorted(cell for cell, count in Counter(header).items() if count > 1)
            if twice:
                raise FileFormatError(f"{where}: the header has {twice} more than once: rename them")
        elif len(cells) != len(header):
            extra = f"; the first too many is {cells[len(header)][:40]!r}" if len(cells) > len(header) else ""
            raise FileFormatError(
                f"{where}, has {len(cells)} cells, and the header {len(header)} columns "
                f"({', '.join(header)}){extra}: put cells that hold {delimiter!r} or line ends in quotes"
            )
        else:
            yield Row(dict(zip(header, cells, strict=True)), where)


def _records(text: str, name: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """The cells of each row, and the line in which it begins."""
    lines = (text if "\n" in text else text.replace("\r", "\n")).split("\n")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    records, start = [], 1
    with _limit:  # the limit is one of the whole process
        before = csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
        try:
            for cells in reader:
                records.append((start, cells))
                start = reader.line_num + 1
        except csv.Error as error:
            unclosed = "unexpected end" in str(error)
            line, what = (start, "is not closed") if unclosed else (reader.line_num, f"stands inside a cell ({error})")
            raise FileFormatError(
                f"{name}, line {line}, {lines[line - 1].rstrip()[:60]!r}: a quote {what}: "
                "write a quote in a cell twice, and the cell in quotes"
            ) from error
        finally:
            csv.field_size_limit(before)
    return records


def _read_parquet(path: Path, name: str) -> Source:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import read_table as read_parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "files", f"reading {name}") from error
    try:
        return source_of(read_parquet(path), name, "row {}")
    except (ArrowException, OSError) as error:
        raise FileFormatError(f"{name} cannot be read as Parquet: {str(error)[:160]}") from error


def _read_folder(path: Path, encoding: str | None, delimiter: str | None) -> Source:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS)
    if not files:
        inner = [str(part) for part in sorted(path.iterdir()) if is_folder(part)]
        raise FileFormatError(
            f"the folder {str(path)!r} holds neither corpus.jsonl and qrels/ nor a file that ends in one of {', '.join(ENDINGS)}"
            + (f"; it holds folders that do: give one of {first_few(inner, 5)}" if inner else "")
        )
    return joined([named_split(read_file(file, encoding=encoding, delimiter=delimiter), file) for file in files], path)


def named_split(source: Source, file: Path) -> Source:
    """The source of a file called train.jsonl, dev.csv, … with that split, where its rows do not say another."""
    split = NAMES_OF_SPLITS.get(file.stem.lower())
    return replace(source, rows=tuple(replace(row, split=row.split or split) for row in source.rows))


def joined(sources: list[Source], path: Path | str) -> Source:
    """Several files as one source; each must be a list of rows."""
    for source in sources:
        if not source.rows:
            raise FileFormatError(
                f"{source.name} holds {source.shape}: only files with rows are read together; read it alone"
            )
    return Source(repr(str(path)), tuple(row for source in sources for row in source.rows))
