"""Items of a Langfuse data set: input, expectedOutput and metadata, with keys of the user's own choice."""

from __future__ import annotations

from nudge_integrations.labels.collecting import Collector
from nudge_integrations.labels.forms.keyed import Entry, Keys, read_keyed
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
    collector, entries = Collector(NAME, source), []
    for row in source.rows:
        values = row.values
        if str(values.get("status", "")).rpartition(".")[2].upper() == "ARCHIVED":
            collector.odd("the item is archived and was left out", row.where)
            continue
        expected, asked, metadata = first(values, *EXPECTED), values.get("input"), values.get("metadata")
        parts = [dict.fromkeys(EXPECTED, expected), expected, asked, metadata]
        entries.append(Entry(row.where, values.get("id"), asked, parts, metadata, row.split))
    return read_keyed(collector, entries, Keys(question, texts, ids, spans))
