"""Reading of CSV and TSV: every row has the cells of the header, and a fault is named by line and column."""

from __future__ import annotations

import csv
import threading
from collections.abc import Iterator

from nudge_core.errors import FileFormatError, InputError
from nudge_integrations.labels.source import Row

_limit = threading.Lock()


def read_table(text: str, name: str, delimiter: str | None = None) -> Iterator[Row]:
    """Read a table with a header.

    Args:
        text: The whole file.
        name: What it is called in messages.
        delimiter: Comma, semicolon or tab, whichever the header has most of, if it is not said.

    Raises:
        FileFormatError: A row of more or fewer cells than the header, a header with a name twice, quotes that do not match.
        InputError: A delimiter of more than one character.
    """
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise InputError(f"delimiter is {delimiter!r}; expected one character, such as ';'")
    delimiter = delimiter or max(",;\t", key=text.split("\n", 1)[0].count)
    header: list[str] | None = None
    for line, cells in _records(text, name, delimiter):
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            twice = sorted({cell for cell in header if header.count(cell) > 1})
            if twice:
                raise FileFormatError(f"{name}, line {line}: the header has {twice} more than once: rename them")
        elif len(cells) != len(header):
            extra = f"; the first too many is {cells[len(header)][:40]!r}" if len(cells) > len(header) else ""
            raise FileFormatError(
                f"{name}, line {line}, has {len(cells)} cells, and the header {len(header)} columns "
                f"({', '.join(header)}){extra}: put cells that hold {delimiter!r} or line ends in quotes"
            )
        else:
            yield Row(dict(zip(header, cells, strict=True)), f"{name}, line {line}")


def _records(text: str, name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    lines = (text if "\n" in text else text.replace("\r", "\n")).split("\n")
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    records = []
    start = 1
    with _limit:  # the limit is one of the whole process
        before = csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
        try:
            for cells in reader:
                records.append((start, cells))
                start = reader.line_num + 1
        except csv.Error as error:
            line, column = _fault(lines[start - 1 :], delimiter)
            raise FileFormatError(
                f"{name}, line {start + line}, column {column}: a quote opens here that is not closed, or it stands "
                f"inside a cell ({error}): write a quote in a cell twice, and the cell in quotes"
            ) from error
        finally:
            csv.field_size_limit(before)
    yield from records


def _fault(lines: list[str], delimiter: str) -> tuple[int, int]:
    """Where quotes go wrong: (lines after the first, column from 1) of the one that is not closed, or of one amid a cell."""
    opened, quoted, start = (0, 1), False, True
    for number, line in enumerate(lines):
        column = 0
        while column < len(line):
            if quoted and line[column] == '"':
                if line[column + 1 : column + 2] == '"':
                    column += 1
                else:
                    quoted = False
                    if line[column + 1 : column + 2] not in ("", "\r", delimiter):
                        return number, column + 1
            elif not quoted and start and line[column] == '"':
                quoted, opened = True, (number, column + 1)
            start = not quoted and line[column] == delimiter
            column += 1
        start = start if quoted else True
    return opened
