"""Examples of LangSmith and items of Langfuse: objects with keys of the user's own choice, one of which is the question."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector, Form, answers_of, known
from nudge_integrations.labels.judgements import grade_of, own_judgement
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Row, Source
from nudge_integrations.labels.values import RELEVANT, TEXT, absent, first, list_of, object_of

TEXTS = ("reference_contexts", "contexts", "context", "reference_context", "source_documents", "passages", "passage")
IDS = tuple(key for key in RELEVANT if key not in ("documents", "relevant"))
PROVENANCE = ("source", "page", "file", "file_name", "file_path", "url", "title")
EXPECTED = ("expectedOutput", "expected_output")


Parts = tuple[list[Any], Any]
"""What may hold the answers of a row, the likeliest first, the input and the metadata last; and its split."""


def _of_langsmith(row: Row) -> Parts:
    parts = [row.values.get(key) for key in ("outputs", "reference_outputs", "inputs", "metadata")]
    split = list_of(object_of(parts[-1]).get("dataset_split"), row.where) or [row.values.get("split") or row.split]
    return parts, None if split[0] == "base" else split[0]


def _of_langfuse(row: Row) -> Parts | None:
    """None for an item that is archived."""
    if str(row.values.get("status", "")).rpartition(".")[2].upper() == "ARCHIVED":
        return None
    expected = first(row.values, *EXPECTED)
    return [dict.fromkeys(EXPECTED, expected), expected, row.values.get("input"), row.values.get("metadata")], row.split


def _form(name: str, asked: str, beside: tuple[str, ...], parts_of: Callable[[Row], Parts | None]) -> Form:
    def fits(source: Source) -> bool:
        return asked in source.columns and source.named(beside) is not None

    def read(
        source: Source,
        *,
        question: str | None = None,
        texts: str | None = None,
        ids: str | None = None,
        spans: str | None = None,
    ) -> LabelledQuestions:
        """Questions labelled by what stands in the output, input or metadata under the keys named; archived items are left out and told.

        Args:
            source: Examples as `Client.list_examples` of LangSmith yields them, items of `get_dataset(…)` of Langfuse, or either as exported.
            question: Key of the question in the input; without it the input itself, "question", "query", "input" or the only key.
            texts: Key of the context texts or documents; without it "contexts", "context", "reference_contexts", ….
            ids: Key of the ids of documents; without it "ids", "document_ids", "relevant_ids", ….
            spans: Key of answers that are words of the text, which the right chunk must hold; "expectedOutput" where the whole of it is one.
        """
        collector = Collector(name, source)
        entries: list[tuple[Row, list[Any], Any]] = []
        for row in source.rows:
            if found := parts_of(row):
                entries.append((row, *found))
            else:
                collector.odd("the item is archived and was left out", row.where)
        keys = {"texts": texts, "ids": ids, "spans": spans}
        held = [part for _, parts, _ in entries for part in map(object_of, parts)]
        for option, key in keys.items():
            if key is not None and not any(key in part for part in held):
                there = ", ".join(map(repr, dict.fromkeys(str(name) for part in held for name in part)))
                raise FileFormatError(f"{source.name}: no entry has the key {option}={key!r}; there are {there}")
        for row, parts, split in entries:
            text = _question_in(parts[-2], question, row.where)
            collector.add(text, _answers_in(row, parts, keys), id=row.values.get("id"), split=split, where=row.where)
        return collector.done()

    return Form(name, fits, read)


def _question_in(inputs: Any, key: str | None, where: str) -> Any:
    """The input itself where it is a text, else what stands under the key, or under one that says so, or under the only one."""
    held = object_of(inputs)
    if not held:
        return _unquoted(inputs)
    there = ", ".join(map(repr, held))
    if key is not None:
        if key not in held:
            raise FileFormatError(f"{where}: the input has no key {key!r}; it has {there}")
        return held[key]
    found = first(held, *TEXT)
    texts = [value for value in held.values() if isinstance(value, str)] if found is None else [found]
    if len(texts) == 1:
        return texts[0]
    raise FileFormatError(f"{where}: which of the input's keys {there} is the question? Say question='…'")


def _unquoted(text: Any) -> Any:
    """Without the quotes of JSON, which CSV exports leave around a text."""
    if isinstance(text, str) and len(text) > 1 and text.startswith('"') and text.endswith('"'):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _answers_in(row: Row, parts: list[Any], keys: dict[str, str | None]) -> list[Answer]:
    """Answers under the keys named, in whichever part holds them."""
    held = [part for part in map(object_of, parts) if part]
    usual = {"texts": TEXTS, "ids": IDS, "spans": ()}
    judged = next((value for part in held if (value := own_judgement(part)) is not None), None)
    grades = row.judged or tuple(grade_of(one, row.where) for one in list_of(judged, row.where))
    texts, ids, spans = (
        next((value for part in held if not absent(value := first(part, *([key] if key else usual[option])))), None)
        for option, key in keys.items()
    )
    facts = known({key: value for key, value in object_of(parts[-1]).items() if key in PROVENANCE})
    answers = answers_of(row.where, texts, ids, spans, facts or None, grades)
    return answers or ([Answer(metadata=facts)] if facts and not grades else [])


LANGSMITH = _form(
    "LangSmith examples", "inputs", ("outputs", "metadata", "dataset_id", "reference_outputs"), _of_langsmith
)
LANGFUSE = _form("Langfuse dataset items", "input", EXPECTED, _of_langfuse)
