"""LabelledRagDataset of LlamaIndex, as `save_json` writes it: examples with a query and the texts of its contexts."""

from __future__ import annotations

from nudge_integrations.labels.collecting import Collector
from nudge_integrations.labels.forms.contexts import answers_of
from nudge_integrations.labels.labelled import LabelledQuestions
from nudge_integrations.labels.source import Source

NAME = "LabelledRagDataset"


def fits(source: Source) -> bool:
    """Whether it has examples with a query and contexts."""
    return {"query", "reference_contexts"} <= set(source.columns)


def read(source: Source, *, spans: bool = False) -> LabelledQuestions:
    """Questions labelled by the texts of contexts; the form has no ids of nodes.

    Args:
        source: Rows with query, reference_contexts and reference_answer.
        spans: Whether reference answers are words of the text, which the right chunk must hold. A model writes them freely as a rule.
    """
    collector = Collector(NAME, source)
    for row in source.rows:
        answer = row.values.get("reference_answer") if spans else None
        answers = answers_of(row.where, row.values.get("reference_contexts"), spans=answer)
        collector.add(row.values.get("query"), answers, split=row.split, where=row.where)
    return collector.done()
