"""What stands in a cell: texts, lists of texts, ids and documents, in the spellings that exports have."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
import math
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nudge_core.errors import FileFormatError

TEXT = ("question", "query", "text", "input", "user_input")
RELEVANT = ("relevant", "ids", "relevant_ids", "documents", "document_ids", "reference_context_ids")
IRRELEVANT = ("irrelevant", "irrelevant_ids", "not_relevant", "negative_ids")


def plain(value: Any) -> Any:
    """An object of a library as mappings and lists: pydantic models, data classes, data frames, arrays, `datasets`."""
    if value is None or isinstance(value, str | int | float | Mapping | list | tuple):
        return value
    for name in ("goldens", "items", "examples"):  # data sets of DeepEval, Langfuse and LlamaIndex
        held = getattr(value, name, None)
        if isinstance(held, list):
            return held
    for name in ("model_dump", "to_list", "to_dicts", "to_pylist", "tolist"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    if hasattr(value, "columns") and callable(getattr(value, "to_dict", None)):
        # a named index is a column too, and so is one of several levels
        names = [name for name in getattr(value.index, "names", ()) if name is not None and name not in value.columns]
        return (value.reset_index() if names else value).to_dict("records")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if hasattr(value, "texts"):  # InputExample of sentence-transformers
        return [*value.texts, value.label] if isinstance(getattr(value, "label", None), float) else list(value.texts)
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        return list(value)
    return value


def absent(value: Any) -> bool:
    """None, NaN (as data frames have it), and texts and lists without anything in them."""
    if isinstance(value, str):
        return not value or value.isspace()
    if isinstance(value, float):
        return math.isnan(value)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    value = plain(value)
    return isinstance(value, Sequence | Mapping) and not value


def text_of(value: Any) -> str | None:
    """A text, or None where there is none; numbers are spelled out."""
    if absent(value):
        return None
    if isinstance(value, str):
        return value
    return None if isinstance(value, Mapping | Sequence | bool) else id_of(value)


_FILE = re.compile(
    r"\S+://\S*|.*\.(pdf|docx?|html?|txt|md|rst|csv|tsv|xlsx?|pptx?|jsonl?|xml|rtf|epub|py)", re.IGNORECASE
)
_WORDS = re.compile(r"\s\S+\s|[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{8}|.{60}")


def holds_texts(values: Iterable[Any]) -> bool:
    """Whether most of these are passages of text, and no ids, numbers, file names or addresses."""
    given = [one for value in values for one in list_of(value, "")]
    return 2 * sum(is_passage(one) for one in given) > len(given)


def is_passage(value: Any) -> bool:
    """Whether this is a document, or a text of three words or more that is no file name or address."""
    if isinstance(value, Mapping):
        return True
    return isinstance(value, str) and bool(_WORDS.search(value)) and not is_file(value)


def is_file(value: Any) -> bool:
    """Whether this is the name of a file, or an address."""
    return isinstance(value, str) and bool(_FILE.fullmatch(value.strip()))


def id_of(value: Any) -> str | None:
    """An id as a text, without white space around it; data frames make 12.0 of 12 where a cell of the column is empty."""
    if absent(value):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def number_of(value: Any, what: str) -> float:
    """A finite number; anything else is refused."""
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FileFormatError(f"{what} is {value!r}; expected a number")
    return number


def list_of(value: Any, where: str) -> list[Any]:
    """A list of what a cell holds: lists as they are, lists written as texts (JSON, Python), else the value alone."""
    if absent(value):
        return []
    value = plain(value)
    if isinstance(value, str):
        parsed = written_list(value, where)
        return [value] if parsed is None else [item for item in parsed if not absent(item)]
    if isinstance(value, Sequence):
        return [item for item in map(plain, value) if not absent(item)]
    return [value]


def written_list(cell: str, where: str) -> list[Any] | None:
    """The list that a cell spells in JSON, in Python, or as numpy prints it (so do CSV files of `datasets`); None where it is an ordinary text."""
    cell = cell.strip()
    if not cell.startswith("["):
        return None
    try:
        found: list[Any] = json.loads(cell)
        return found
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(cell)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        if re.fullmatch(r"\[[\s\d.eE+-]+\]", cell):
            return _numbers(cell[1:-1].split())
        if not cell[1:].lstrip().startswith(("'", '"')):
            return None
        raise FileFormatError(
            f"{where}: the list {cell[:60]!r} cannot be read: it breaks off or holds a stray quote; write it as JSON"
        ) from None
    if not isinstance(value, list):
        return None
    if value and repr(value) != cell and all(isinstance(item, str) for item in value):
        # numpy puts no commas between items, and Python takes texts side by side for one
        tokens = tokenize.generate_tokens(io.StringIO(cell).readline)
        return [ast.literal_eval(token.string) for token in tokens if token.type == tokenize.STRING]
    return value


def _numbers(words: list[str]) -> list[Any] | None:
    """The numbers that numpy printed without commas; None where one is no number."""
    try:
        return [float(word) if set(word) & set(".eE") else int(word) for word in words]
    except ValueError:
        return None


def object_of(value: Any) -> Mapping[str, Any]:
    """A mapping, also where it is written as a text in JSON or Python; an empty one for anything else."""
    value = plain(value)
    if isinstance(value, str) and value.lstrip().startswith("{"):
        for read in (json.loads, ast.literal_eval):
            try:
                value = read(value)
                break
            except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
                continue
    return value if isinstance(value, Mapping) else {}


def first(values: Mapping[str, Any], *keys: str) -> Any:
    """The value of the first of these keys that holds something; None where none does."""
    return next((values[key] for key in keys if not absent(values.get(key))), None)
