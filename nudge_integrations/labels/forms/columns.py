"""Tables with columns of the user's own choice: plain CSV, JSONL, lists of dicts, data frames."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector
from nudge_integrations.labels.forms.contexts import answers_of, known
from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import RELEVANT, TEXT, object_of, written_list

NAME = "columns"
IDS = (*RELEVANT, "relevant_docs", "doc_ids", "node_ids", "chunk_ids", "document_id", "doc_id", "node_id", "chunk_id")
TEXTS = ("contexts", "context", "reference_contexts", "reference_context", "passages", "passage")
SPANS = ("spans", "span", "answer_span", "answer_spans")


def fits(source: Source) -> bool:
    """Whether a question and something that answers it can be told by the usual names."""
    return bool(_named(source, TEXT) and (_named(source, IDS) or _named(source, TEXTS) or _named(source, SPANS)))


def _named(source: Source, names: Sequence[str]) -> str | None:
    columns = source.columns
    return next((name for name in names if name in columns), None)


def read(
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

    Raises:
        FileFormatError: A column that is not there; the message lists those that are.
    """
    facts = [metadata] if isinstance(metadata, str) else list(metadata)
    wanted = {"question": question, "ids": ids, "texts": texts, "spans": spans, "id": id, "split": split}
    for option, name in (*wanted.items(), *(("metadata", name) for name in facts)):
        if name is not None and name not in source.columns:
            raise FileFormatError(
                f"{source.name} has no column {option}={name!r}; there are {', '.join(map(repr, source.columns))}"
            )
    asked = question or _named(source, TEXT)
    if asked is None:
        raise FileFormatError(
            f"{source.name}: which of the columns {', '.join(map(repr, source.columns))} is the question? Say question='…'"
        )
    if not (ids or texts or facts):
        texts = _named(source, TEXTS)  # spans stand in it
        ids, spans = (_named(source, IDS), _named(source, SPANS)) if spans is None else (None, spans)
        if not (ids or texts or spans):
            raise FileFormatError(
                f"{source.name}: which of the columns {', '.join(map(repr, source.columns))} says what answers a question? "
                "Say ids='…', texts='…', spans='…' or metadata=['…']"
            )
    id, split = id or _named(source, ("id", "_id", "question_id", "query_id")), split or _named(source, ("split",))  # noqa: A001
    collector = Collector(NAME, source)
    for row in source.rows:

        def cell(name: str | None, values: Any = row.values) -> Any:
            return None if name is None else values.get(name)

        named = cell(ids)
        if (
            isinstance(named, str)
            and re.search("[,;|]", named)
            and object_of(named) == {}
            and written_list(named, row.where) is None
        ):
            collector.odd(f'{named[:60]!r} was taken for one id; several are written as JSON, ["a", "b"]', row.where)
        known_facts = known({name: cell(name) for name in facts})
        answers = answers_of(row.where, cell(texts), cell(ids), cell(spans), known_facts or None)
        if not answers and known_facts:
            answers = [Answer(metadata=known_facts)]
        collector.add(
            cell(asked),
            answers,
            id=None if id in (ids, asked) else cell(id),
            split=cell(split) or row.split,
            where=row.where,
        )
    return collector.done()
