"""Tables with columns of the user's own choice: plain CSV, JSONL, lists of dicts, data frames."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector, Form, answers_of, known
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import RELEVANT, TEXT, object_of, written_list

IDS = (*RELEVANT, "relevant_docs", "doc_ids", "node_ids", "chunk_ids", "document_id", "doc_id", "node_id", "chunk_id")
TEXTS = ("contexts", "context", "reference_contexts", "reference_context", "passages", "passage")
SPANS = ("spans", "span", "answer_span", "answer_spans")


def _fits(source: Source) -> bool:
    """Whether a question and something that answers it can be told by the usual names."""
    return source.named(TEXT) is not None and source.named((*IDS, *TEXTS, *SPANS)) is not None


def _read(
    source: Source,
    *,
    question: str | None = None,
    ids: str | None = None,
    texts: str | None = None,
    spans: str | None = None,
    metadata: str | Sequence[str] = (),
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
        metadata: Columns that say where the answer stands, such as source and page.
        id: Column of the question's own id.
        split: Column that says train, dev or test.
    """
    facts = [metadata] if isinstance(metadata, str) else list(metadata)
    wanted = {"question": question, "ids": ids, "texts": texts, "spans": spans, "id": id, "split": split}
    for option, name in (*wanted.items(), *(("metadata", name) for name in facts)):
        source.column(option, name)
    question = source.column("question", question, TEXT, needed=True)
    if not (ids or texts or facts):
        texts = source.named(TEXTS)  # spans stand in it
        ids, spans = (source.named(IDS), source.named(SPANS)) if spans is None else (None, spans)
        if not (ids or texts or spans):
            raise FileFormatError(
                f"{source.name}: which of the columns {', '.join(map(repr, source.columns))} says what answers a question? "
                "Say ids='…', texts='…', spans='…' or metadata=['…']"
            )
    id, split = id or source.named(("id", "_id", "question_id", "query_id")), split or source.named(("split",))  # noqa: A001
    collector = Collector(COLUMNS.NAME, source)
    for row in source.rows:
        cell: Callable[[Any], Any] = row.values.get  # None where no column is named
        named, known_facts = cell(ids), known({name: cell(name) for name in facts})
        several = isinstance(named, str) and re.search("[,;|]", named) and not object_of(named)
        if several and written_list(named, row.where) is None:
            collector.odd(f'{named[:60]!r} was taken for one id; several are written as JSON, ["a", "b"]', row.where)
        answers = answers_of(row.where, cell(texts), named, cell(spans), known_facts or None)
        if not answers and known_facts:
            answers = [Answer(metadata=known_facts)]
        own = None if id in (ids, question) else cell(id)
        collector.add(cell(question), answers, id=own, split=cell(split) or row.split, where=row.where)
    return collector.done()


COLUMNS = Form("columns", _fits, _read)
