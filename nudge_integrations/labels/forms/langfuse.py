"""Items of a Langfuse data set: input, expectedOutput and metadata, with keys of the user's own choice."""

from __future__ import annotations

from nudge_integrations.labels.collecting import Collector
from nudge_integrations.labels.forms.keyed import answers_in, question_in, refuse_absent
from nudge_integrations.labels.labelled import LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import first

NAME = "Langfuse dataset items"
EXPECTED = ("expectedOutput", "expected_output")


def fits(source: Source) -> bool:
    """Whether it has inputs and expected outputs."""
    return "input" in source.columns and bool(set(source.columns) & set(EXPECTED))


def read(
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
        texts: Key of the context texts or documents; without it "contexts", "context", "reference_contexts", ….
        ids: Key of the ids of documents; without it "ids", "document_ids", "relevant_ids", ….
        spans: Key of answers that are words of the text; "expectedOutput" where the whole of it is one.
    """
    parts = [[first(row.values, *EXPECTED), row.values.get("input"), row.values.get("metadata")] for row in source.rows]
    for key, option in ((texts, "texts"), (ids, "ids"), (spans, "spans")):
        if key not in EXPECTED:
            refuse_absent(parts, key, source.name, option)
    collector = Collector(NAME, source)
    for row, held in zip(source.rows, parts, strict=True):
        if str(row.values.get("status", "")).rpartition(".")[2].upper() == "ARCHIVED":
            collector.odd("the item is archived and was left out", row.where)
            continue
        whole = [{key: held[0]} for key in (texts, spans) if key in EXPECTED]
        collector.add(
            question_in(row.values.get("input"), question, row.where),
            answers_in([*whole, *held], row.where, texts, ids, spans, row.values.get("metadata")),
            id=row.values.get("id"),
            split=row.split,
            where=row.where,
        )
    return collector.done()
