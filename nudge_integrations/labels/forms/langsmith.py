"""Examples of a LangSmith data set: inputs, outputs and metadata, with keys of the user's own choice."""

from __future__ import annotations

from nudge_integrations.labels.collecting import Collector
from nudge_integrations.labels.forms.keyed import Entry, Keys, read_keyed
from nudge_integrations.labels.labelled import LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import first, list_of, object_of

NAME = "LangSmith examples"


def fits(source: Source) -> bool:
    """Whether it has inputs beside outputs or metadata."""
    columns = set(source.columns)
    return "inputs" in columns and bool(columns & {"outputs", "metadata", "dataset_id", "reference_outputs"})


def read(
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
        metadata = object_of(row.values.get("metadata"))
        split = list_of(first(metadata, "dataset_split"), row.where) or [row.values.get("split") or row.split]
        named = None if split[0] == "base" else split[0]
        entries.append(Entry(row.where, row.values.get("id"), row.values.get("inputs"), parts, metadata, named))
    return read_keyed(Collector(NAME, source), entries, Keys(question, texts, ids, spans))
