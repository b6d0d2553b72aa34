"""Annotations of documents in Phoenix, beside the retriever spans that say which document stood where and what was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nudge_core.errors import FileFormatError, InputError
from nudge_integrations.labels.collecting import Collector, Form, known
from nudge_integrations.labels.forms.feedback import Vote, count, time_of
from nudge_integrations.labels.judgements import is_up
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Row, Source
from nudge_integrations.labels.values import absent, first, id_of, list_of, object_of, text_of

SPAN = ("span_id", "context.span_id")
NUMBERED = re.compile(r"(?:attributes\.)?retrieval\.documents\.(\d+)\.(.+)")


def _fits(source: Source) -> bool:
    """Whether it has annotations by the place of a document in a span."""
    return source.named(SPAN) is not None and "document_position" in source.columns


def _read(
    source: Source,
    *,
    spans: Source | None = None,
    name: str | None = None,
    threshold: float | None = None,
    meaning: Mapping[str, bool] | None = None,
) -> LabelledQuestions:
    """Questions with what was said last of each document; contradictions are listed in `problems`.

    Args:
        source: Annotations with span_id, document_position and result {label, score}, nested or as columns.
        spans: Retriever spans: as `get_retrieved_documents` or `get_spans_dataframe` returns them, or as the API does. Not needed where the rows
            of the annotations hold input and document themselves.
        name: Which annotations are meant, where there are several kinds ("relevance", "user feedback").
        threshold: From which score on a document is relevant, where there is no label.
        meaning: What labels mean that are not the usual ones: {"partly": True}.
    """
    if not _fits(source):
        raise FileFormatError(
            f"{source.name} holds {source.shape}; expected annotations with span_id and document_position"
        )
    if not isinstance(spans, Source | None):
        raise InputError(f"spans is {spans!r}; expected the retriever spans: a file, a data frame or a list of rows")
    documents = dict(_documents(source if spans is None else spans))
    if not documents and spans is None:
        raise InputError(f"{source.name} holds annotations only: give the retriever spans too, read_labels(…, spans=…)")
    if not documents:
        raise FileFormatError(f"{spans and spans.name} holds no retrieved documents: expected retriever spans")
    kinds = [text_of(first(row.values, "name", "annotation_name")) for row in source.rows]
    several = [kind for kind in dict.fromkeys(kinds) if kind is not None]
    there = ", ".join(map(repr, several))
    if name is not None and name not in several:
        raise InputError(f"name is {name!r}; there are annotations of the names {there}")
    if name is None and len(several) > 1:
        raise InputError(f"{source.name} holds annotations of several names, {there}: say name='…'")
    collector, votes = Collector(PHOENIX.NAME, source), []
    for row, kind in zip(source.rows, kinds, strict=True):
        if name not in (None, kind):
            continue
        place = _place(row)
        if place not in documents:
            collector.odd("the annotation speaks of a document that no span holds and was left out", row.where)
            continue
        question, answer = documents[place]
        result = object_of(row.values.get("result"))
        label, score = (
            first(row.values, key, f"result.{key}") if absent(result.get(key)) else result[key]
            for key in ("label", "score")
        )
        up = is_up(score if label is None else label, row.where, threshold, meaning or {})
        if up is None or question is None:
            collector.odd(
                "the annotation has neither label nor score, or its span no input; it was left out", row.where
            )
            continue
        time = time_of(first(row.values, "updated_at", "created_at", "timestamp"), row.where)
        votes.append(Vote(question, answer, up, time, row.where))
    return count(votes, collector)


def _place(row: Row) -> tuple[str | None, int]:
    position = row.values.get("document_position")
    try:
        return id_of(first(row.values, *SPAN)), int(float(str(position)))
    except ValueError:
        raise FileFormatError(f"{row.where}: document_position is {position!r}; expected a number") from None


def _documents(spans: Source) -> Iterator[tuple[tuple[str | None, int], tuple[str | None, Answer]]]:
    """{(span, position): (question, document)} of spans in any of their forms."""
    for row in spans.rows:
        values = row.values
        if "document_position" in values:
            name = first(values, "document_id", "document.id")
            body = first(values, "document", "reference", "document.content", "document_content")
            facts = first(values, "document_metadata", "document.metadata")
            if body is not None:
                yield _place(row), (text_of(first(values, "input", "input.value")), _document(name, body, facts))
            continue
        attributes = {**values, **object_of(values.get("attributes"))}
        span = id_of(first(values, *SPAN) or object_of(values.get("context")).get("span_id"))
        asked = first(attributes, "input.value", "attributes.input.value")
        asked = asked or object_of(attributes.get("input")).get("value")
        for place, document in enumerate(_retrieved(attributes, row.where)):
            yield (span, place), (text_of(asked), document)


def _retrieved(attributes: Mapping[str, Any], where: str) -> list[Answer]:
    nested = object_of(attributes.get("retrieval")).get("documents")
    held = first(attributes, "retrieval.documents", "attributes.retrieval.documents") if nested is None else nested
    entries = [object_of(entry) for entry in list_of(held, where)]
    numbered: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if found := NUMBERED.fullmatch(key):
            numbered.setdefault(int(found[1]), {})[found[2]] = value
    entries += [numbered[place] for place in sorted(numbered)]
    inner = (
        object_of(entry.get("document")) or {key.removeprefix("document."): value for key, value in entry.items()}
        for entry in entries
    )
    return [_document(one.get("id"), one.get("content"), one.get("metadata")) for one in inner]


def _document(name: Any, body: Any, metadata: Any) -> Answer:
    return Answer(id_of(name), text_of(body), None, known(object_of(metadata)))


PHOENIX = Form("Phoenix document annotations", _fits, _read)
