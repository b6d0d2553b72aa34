"""Goldens of DeepEval, as `save_as` writes them (snake_case) or as Confident AI exports them (camelCase)."""

from __future__ import annotations

from typing import Any

from nudge_core.errors import FileFormatError
from nudge_integrations.labels.collecting import Collector
from nudge_integrations.labels.forms.contexts import answers_of
from nudge_integrations.labels.labelled import LabelledQuestions
from nudge_integrations.labels.source import Source
from nudge_integrations.labels.values import absent, first, written_list

NAME = "DeepEval goldens"
OWN = ("context", "retrieval_context", "retrievalContext", "source_file", "sourceFile", "actual_output", "actualOutput")
DELIMITER = "|"
"""What `save_as` puts between contexts in CSV and JSONL."""


def fits(source: Source) -> bool:
    """Whether it has inputs and one of the columns that are DeepEval's own; conversations too, to be refused by name."""
    columns = set(source.columns)
    return ("input" in columns and bool(columns & set(OWN))) or {"scenario", "turns"} <= columns


def read(source: Source, *, spans: bool = False, context_delimiter: str = DELIMITER) -> LabelledQuestions:
    """Questions labelled by the texts of their ideal contexts; retrieval_context is what some retriever found and is not taken.

    Args:
        source: Rows with input, context, expected_output and source_file, in either spelling.
        spans: Whether expected outputs are words of the text, which the right chunk must hold.
        context_delimiter: What stands between contexts where they are one text.

    Raises:
        FileFormatError: Goldens of conversations, which hold no single question.
    """
    if "input" not in source.columns:
        what = "goldens of conversations (scenario, turns)" if "scenario" in source.columns else source.shape
        raise FileFormatError(f"{source.name} holds {what}: expected goldens with an input each")
    collector = Collector(NAME, source)
    for row in source.rows:
        values = row.values
        file = first(values, "source_file", "sourceFile")
        answers = answers_of(
            row.where,
            _contexts(values.get("context"), context_delimiter, row.where),
            spans=first(values, "expected_output", "expectedOutput") if spans else None,
            metadata=None if file is None else {"source": file},
        )
        if not answers and not absent(first(values, "retrieval_context", "retrievalContext")):
            collector.odd("there is only a retrieval_context, which is what was found, not what is right", row.where)
        collector.add(values.get("input"), answers, id=first(values, "id"), split=row.split, where=row.where)
    return collector.done()


def _contexts(value: Any, delimiter: str, where: str) -> Any:
    if not isinstance(value, str) or absent(value) or written_list(value, where) is not None:
        return value
    return value.split(delimiter)
