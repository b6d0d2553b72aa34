"""Examples of LangSmith and items of Langfuse: objects with keys of the user's own choice, one of which is the question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector, Form
from nudge_integrations.labels.forms.contexts import answers_of, known
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import RELEVANT, TEXT, absent, first, list_of, object_of

TEXTS = ("reference_contexts", "contexts", "context", "reference_context", "source_documents", "passages", "passage")
IDS = tuple(key for key in RELEVANT if key not in ("documents", "relevant"))
PROVENANCE = ("source", "page", "file", "file_name", "file_path", "url", "title")
EXPECTED = ("expectedOutput", "expected_output")


@dataclass(frozen=True)
class Entry:
    """What holds the question, what may hold the answers, the likeliest first, and what may say where they stand."""

    where: str
    id: Any
    asked: Any
    parts: Sequence[Any]
    metadata: Any
    split: Any


def _is_langsmith(source: Source) -> bool:
    beside = source.named(("outputs", "metadata", "dataset_id", "reference_outputs"))
    return "inputs" in source.columns and beside is not None


def _read_langsmith(
    source: Source,
    *,
    question: str | None = None,
    texts: str | None = None,
    ids: str | None = None,
    spans: str | None = None,
) -> LabelledQuestions:
    """Questions labelled by what stands in outputs, inputs or metadata under the keys named.

    Args:
        source: Examples as `Client.list_examples` yields them, or exported as JSON, JSONL or CSV.
        question: Key of the question in inputs; without it "question", "query", "input" or the only key.
        texts: Key of the context texts or documents; without it "contexts", "context", "reference_contexts", ….
        ids: Key of the ids of documents; without it "ids", "document_ids", "relevant_ids", ….
        spans: Key of answers that are words of the text, which the right chunk must hold.
    """
    entries = []
    for row in source.rows:
        parts = [row.values.get(key) for key in ("outputs", "reference_outputs", "inputs", "metadata")]
        split = list_of(object_of(parts[3]).get("dataset_split"), row.where) or [row.values.get("split") or row.split]
        named = None if split[0] == "base" else split[0]
        entries.append(Entry(row.where, row.values.get("id"), parts[2], parts, parts[3], named))
    return _read(Collector(LANGSMITH.NAME, source), entries, question, {"texts": texts, "ids": ids, "spans": spans})


def _is_langfuse(source: Source) -> bool:
    return "input" in source.columns and source.named(EXPECTED) is not None


def _read_langfuse(
    source: Source,
    *,
    question: str | None = None,
    texts: str | None = None,
    ids: str | None = None,
    spans: str | None = None,
) -> LabelledQuestions:
    """Questions labelled by what stands in expectedOutput, input or metadata under the keys named; archived items are left out and told.

    Args:
        source: Items as `get_dataset(…).items` holds them, or exported as JSON or CSV.
        question: Key of the question in input; without it the input itself, "question", "query" or the only key.
        texts: See LangSmith, and so `ids`.
        ids: Key of the ids of documents.
        spans: Key of answers that are words of the text; "expectedOutput" where the whole of it is one.
    """
    collector, entries = Collector(LANGFUSE.NAME, source), []
    for row in source.rows:
        values = row.values
        if str(values.get("status", "")).rpartition(".")[2].upper() == "ARCHIVED":
            collector.odd("the item is archived and was left out", row.where)
            continue
        expected, asked, metadata = first(values, *EXPECTED), values.get("input"), values.get("metadata")
        parts = [dict.fromkeys(EXPECTED, expected), expected, asked, metadata]
        entries.append(Entry(row.where, values.get("id"), asked, parts, metadata, row.split))
    return _read(collector, entries, question, {"texts": texts, "ids": ids, "spans": spans})


LANGSMITH = Form("LangSmith examples", _is_langsmith, _read_langsmith)
LANGFUSE = Form("Langfuse dataset items", _is_langfuse, _read_langfuse)


def _read(
    collector: Collector, entries: Sequence[Entry], question: str | None, keys: dict[str, str | None]
) -> LabelledQuestions:
    """Questions labelled by what stands under the keys that the user names; None for the usual ones.

    Raises:
        FileFormatError: A key that no entry has, or questions that cannot be told.
    """
    for option, key in keys.items():
        parts = [part for entry in entries for part in map(object_of, entry.parts)]
        if key is not None and not any(key in part for part in parts):
            there = ", ".join(map(repr, dict.fromkeys(str(name) for part in parts for name in part)))
            raise FileFormatError(f"{collector.source.name}: no entry has the key {option}={key!r}; there are {there}")
    for entry in entries:
        asked = _question_in(entry.asked, question, entry.where)
        collector.add(asked, _answers_in(entry, keys), id=entry.id, split=entry.split, where=entry.where)
    return collector.done()


def _question_in(inputs: Any, key: str | None, where: str) -> Any:
    """The input itself where it is a text, else what stands under the key, or under one that says so, or under the only one.

    Raises:
        FileFormatError: The key is not there, or none is named and several could be meant.
    """
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


def _answers_in(entry: Entry, keys: dict[str, str | None]) -> list[Answer]:
    """Answers under the keys named, in whichever part holds them."""
    held = [part for part in map(object_of, entry.parts) if part]
    usual = {"texts": TEXTS, "ids": IDS, "spans": ()}
    texts, ids, spans = (
        next((value for part in held if not absent(value := first(part, *([key] if key else usual[option])))), None)
        for option, key in keys.items()
    )
    facts = known({key: value for key, value in object_of(entry.metadata).items() if key in PROVENANCE})
    return answers_of(entry.where, texts, ids, spans, facts or None) or ([Answer(metadata=facts)] if facts else [])
