"""Answers of the contexts that a source gives: texts, documents with metadata, ids beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nudge_integrations.labels.labelled import Answer
from nudge_integrations.labels.values import absent, first, id_of, list_of, number_of, object_of, plain, text_of

TEXT_KEYS = ("page_content", "text", "content", "document", "passage", "context", "document.content")
ID_KEYS = ("id", "_id", "id_", "doc_id", "document_id", "node_id", "chunk_id", "document.id")


def answers_of(where: str, texts: Any = None, ids: Any = None, spans: Any = None, metadata: Any = None) -> list[Answer]:
    """Answers of what stands in the columns of one row.

    Ids and texts of the same number belong together one by one, and so does metadata. Spans belong to the only context where there is one; where
    there are several or none, each span is an answer of its own, to be looked for in the store.

    Args:
        where: File and line, for messages.
        texts: Context texts, or documents ({"page_content": …, "metadata": …}).
        ids: Ids of documents, or {id: grade}.
        spans: Texts that the right chunk holds.
        metadata: One mapping for all, or one for each context.
    """
    grades = object_of(ids)
    names = list(grades) if grades else list_of(ids, where)
    bodies, facts = list_of(texts, where), _facts(metadata, where)
    if len(names) == len(bodies):
        pairs = list(zip(names, bodies, strict=True))
    else:
        pairs = [(name, None) for name in names] + [(None, body) for body in bodies]
    shared = facts[0] if len(facts) == 1 else {}
    given = facts if len(facts) == len(pairs) else [shared] * len(pairs)
    answers = [_answer(*pair, one, grades, where) for pair, one in zip(pairs, given, strict=True)]
    found = [text for text in map(text_of, list_of(spans, where)) if text is not None]
    if len(answers) == 1 and found:
        return [replace(answers[0], span=span) for span in found]
    return [*answers, *(Answer(span=span, metadata=shared) for span in found)]


def _answer(name: Any, body: Any, metadata: Mapping[str, Any], grades: Mapping[Any, Any], where: str) -> Answer:
    document = body if isinstance(body, Mapping) else {}
    held = first(document, "metadata", "meta", "document.metadata")
    grade = number_of(grades.get(name, 1.0), f"{where}: the grade of {name!r}")
    return Answer(
        id=id_of(first(document, *ID_KEYS) if absent(name) else name),
        text=text_of(first(document, *TEXT_KEYS) if document else body),
        metadata={**metadata, **object_of(held)},
        relevant=grade > 0,
        grade=grade,
    )


def _facts(metadata: Any, where: str) -> list[Mapping[str, Any]]:
    if absent(metadata):
        return []
    value = plain(metadata)
    if isinstance(value, str):
        value = object_of(value) or list_of(value, where)
    entries = value if isinstance(value, Sequence) else [value]
    return [known(object_of(entry)) for entry in entries]


def known(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata without its empty entries."""
    return {str(key): value for key, value in metadata.items() if not absent(value)}
