"""Tables with columns of the user's own choice: plain CSV, JSONL, lists of dicts, data frames; one document a row with a judgement, or lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector, Form, answers_of, known
from nudge_integrations.labels.judgements import judged, judgement_column, refuse_unread
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import (
    IRRELEVANT,
    RELEVANT,
    TEXT,
    holds_texts,
    object_of,
    written_list,
)

IDS = (
    *(*RELEVANT, "relevant_docs", "doc_ids", "node_ids", "chunk_ids", "document_id", "doc_id", "node_id", "chunk_id"),
    *("docid", "docno", "pid", "passage_id", "corpus_id", "corpus-id", "product_id", "item_id"),
)
TEXTS = (
    *("contexts", "context", "reference_contexts", "reference_context", "passages", "passage", "ctxs"),
    *("passage_text", "document_text", "chunk", "chunk_text"),
)
EITHER = ("document", "doc", "docs", "chunks")
"""Columns of ids or of texts, whichever stands in them."""
JUDGED_TEXTS = ("answer", "response", "candidate", "candidates", "sentence", "text", "content", "title")
"""Columns of texts where a judgement says that they are documents."""
SPANS = ("spans", "span", "answer_span", "answer_spans")
ID = ("id", "_id", "question_id", "query_id", "qid", "query-id")


def _fits(source: Source) -> bool:
    """Whether a question and something that answers it can be told by the usual names."""
    question = source.named(TEXT)
    if question is None:
        return False
    labels = (*IDS, *TEXTS, *SPANS, *EITHER, *IRRELEVANT)
    return source.named(labels) is not None or (
        source.named(JUDGED_TEXTS) not in (None, question) and judgement_column(source, {question}) is not None
    )


def _read(
    source: Source,
    *,
    question: str | None = None,
    ids: str | None = None,
    texts: str | None = None,
    spans: str | None = None,
    metadata: str | Sequence[str] = (),
    relevance: str | None = None,
    threshold: float | None = None,
    meaning: Mapping[str, bool] | None = None,
    ignore: str | Sequence[str] = (),
    id: str | None = None,  # noqa: A002
    split: str | None = None,
) -> LabelledQuestions:
    """Questions labelled by the columns named. Where none is, and for the text beside a span, columns are looked for under their usual names.

    Args:
        source: Rows.
        question: Column of the question.
        ids: Column of the ids of documents: one id, a list, a list written as JSON, or {id: grade}.
        texts: Column of context texts: one or a list.
        spans: Column of answers that are words of the text, which the right chunk must hold.
        metadata: Columns that say where the answer stands, or which metadata it has: source and page, sku, tenant.
        relevance: Column that judges the documents of a row, one value for all or a list: grades, of which 0 and below says not relevant, true or
            false, or words.
        threshold: From which judgement on a document is relevant, where numbers are no grades from 0 up.
        meaning: What words of a judgement mean that are not the usual ones: {"so-so": False}.
        ignore: Columns of numbers that say nothing of documents.
        id: Column of the question's own id.
        split: Column that says train, dev or test.
    """
    facts = [metadata] if isinstance(metadata, str) else list(metadata)
    ignore = [ignore] if isinstance(ignore, str) else list(ignore)
    wanted = {"question": question, "ids": ids, "texts": texts, "spans": spans, "relevance": relevance, "id": id}
    wanted["split"] = split
    given = (*wanted.items(), *(("metadata", name) for name in facts), *(("ignore", name) for name in ignore))
    for option, name in given:
        source.column(option, name)
    question = source.column("question", question, TEXT, needed=True)
    relevance = relevance or judgement_column(source, {question, ids, texts, spans, id, split, *facts, *ignore})
    wrong = None
    if not (ids or texts or facts):
        ids, texts, spans = _usual(source, {question, relevance, *ignore}, spans, judged=relevance is not None)
        wrong = source.named(IRRELEVANT)
        if not (ids or texts or spans or wrong):
            raise FileFormatError(
                f"{source.name}: which of the columns {', '.join(map(repr, source.columns))} says what answers a question? "
                "Say ids='…', texts='…', spans='…' or metadata=['…']"
            )
    id, split = id or source.named(ID), split or source.named(("split",))  # noqa: A001
    refuse_unread(source, {question, ids, texts, spans, relevance, wrong, id, split, *facts}, ignore)
    collector = Collector(COLUMNS.NAME, source)
    for row in judged(source, relevance, threshold, meaning).rows:
        cell: Callable[[Any], Any] = row.values.get  # None where no column is named
        named, known_facts = cell(ids), known({name: cell(name) for name in facts})
        several = isinstance(named, str) and re.search("[,;|]", named) and not object_of(named)
        if several and written_list(named, row.where) is None:
            collector.odd(f'{named[:60]!r} was taken for one id; several are written as JSON, ["a", "b"]', row.where)
        answers = answers_of(row.where, cell(texts), named, cell(spans), known_facts or None, row.judged)
        if not answers and known_facts and not row.judged:
            answers = [Answer(metadata=known_facts)]
        if row.judged == (None,):
            collector.odd(f"{relevance} is empty, and the document was left out", row.where)
        if wrong is not None:
            answers += [replace(one, relevant=False, grade=0.0) for one in answers_of(row.where, ids=cell(wrong))]
        own = None if id in (ids, question) else cell(id)
        collector.add(cell(question), answers, id=own, split=cell(split) or row.split, where=row.where)
    return replace(collector.done(), keys=tuple(facts))


def _usual(
    source: Source, taken: set[str | None], spans: str | None, *, judged: bool
) -> tuple[str | None, str | None, str | None]:
    """The columns of ids, texts and spans under their usual names."""
    ids, texts = None if spans else source.named(IDS, taken), source.named(TEXTS, taken)  # spans stand in texts
    spans = spans or source.named(SPANS, taken)
    if either := source.named(EITHER, taken):
        if holds_texts(row.values.get(either) for row in source.rows):
            texts = texts or either
        elif not spans:
            ids = ids or either
    if judged and not (ids or texts or spans):
        texts = source.named(JUDGED_TEXTS, taken)
    return ids, texts, spans


COLUMNS = Form("columns", _fits, _read)
