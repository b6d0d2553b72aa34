"""Test sets of Ragas: user_input and reference_contexts (0.2 and later), or question, contexts and ground_truth (before)."""

from __future__ import annotations

from nudge_integrations.labels.collecting import Collector
from nudge_integrations.labels.forms.contexts import answers_of
from nudge_integrations.labels.labelled import LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import absent, first

NAME = "Ragas test set"
CURRENT = ("reference_contexts", "reference_context_ids", "reference", "retrieved_contexts")
OLD = ("ground_truth", "ground_truths")


def fits(source: Source) -> bool:
    """Whether it has the columns of either time."""
    columns = set(source.columns)
    return _current(columns) or ({"question", "contexts"} <= columns and bool(columns & set(OLD)))


def _current(columns: set[str]) -> bool:
    return "user_input" in columns and bool(columns & set(CURRENT))


def read(source: Source, *, spans: bool = False, retrieved: bool = False) -> LabelledQuestions:
    """Questions labelled by the texts of reference contexts, and by their ids where the set has them.

    Args:
        source: Rows as Ragas exports them to CSV, JSONL, pandas or `datasets`.
        spans: Whether references are words of the text, which the right chunk must hold. A model writes them freely as a rule.
        retrieved: Whether the contexts beside an answer (old columns) are to be taken for the right ones. They are what some retriever found.
    """
    current = _current(set(source.columns))
    collector = Collector(NAME if current else f"{NAME}, old columns", source)
    for row in source.rows:
        values = row.values
        question = first(values, "user_input" if current else "question")
        if isinstance(question, list):
            collector.odd("the question is a conversation of several turns and was left out", row.where)
            continue
        texts = first(values, "reference_contexts") if current else first(values, "contexts")
        if not current and not retrieved and not absent(values.get("answer")) and texts is not None:
            collector.odd(
                "the contexts stand beside an answer: they are what was retrieved, not references, and were not taken "
                "(retrieved=True takes them)",
                row.where,
            )
            texts = None
        if (
            texts is None
            and not absent(values.get("retrieved_contexts"))
            and absent(values.get("reference_context_ids"))
        ):
            collector.odd("there are only retrieved_contexts, which are what was found, not what is right", row.where)
        answers = answers_of(
            row.where,
            texts,
            first(values, "reference_context_ids"),
            first(values, "reference", *OLD) if spans else None,
            None if current else values.get("metadata"),
        )
        collector.add(question, answers, split=row.split, where=row.where)
    return collector.done()
