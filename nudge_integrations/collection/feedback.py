"""Feedback: what somebody said of single answers to a question, checked before it is kept, and shown as labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nudge_core.apply import Journal
from nudge_core.apply.memory import feedback
from nudge_core.errors import InputError
from nudge_integrations.stores import StoreAdapter


def judged(question: str, relevant: Sequence[str], irrelevant: Sequence[str]) -> dict[str, bool]:
    """{document id: whether it answers}.

    Raises:
        InputError: No question, no documents, or one that is said to be both.
    """
    if not isinstance(question, str) or not question.strip():
        raise InputError(f"question is {question!r}; expected the text of a question")
    if isinstance(relevant, str) or isinstance(irrelevant, str):
        raise InputError('relevant and irrelevant are lists of document ids, for example relevant=["a"]')
    if both := set(map(str, relevant)) & set(map(str, irrelevant)):
        raise InputError(f"{sorted(both)} are given as relevant and as irrelevant: decide for one")
    judgements = {str(name): True for name in relevant} | {str(name): False for name in irrelevant}
    if not judgements:
        raise InputError("neither relevant nor irrelevant documents are given: name at least one")
    return judgements


def present(adapter: StoreAdapter, journal: Journal) -> tuple[dict[str, dict[str, bool]], tuple[str, ...]]:
    """The feedback on documents that are in the store, and those documents that no longer are."""
    said = feedback(journal)
    if not said:
        return {}, ()
    named = list(dict.fromkeys(adapter.spelled(name) for judgements in said.values() for name in judgements))
    there = adapter.fetch(named)
    kept = {
        question: {name: good for name, good in judgements.items() if adapter.spelled(name) in there}
        for question, judgements in said.items()
    }
    gone = tuple(name for name in named if name not in there)
    return {question: judgements for question, judgements in kept.items() if judgements}, gone


def as_labels(journal: Journal | None) -> list[dict[str, Any]]:
    """The feedback kept, one entry a question: {"question": …, "relevant": [ids], "irrelevant": [ids]}."""
    return [
        {
            "question": question,
            "relevant": [name for name, good in judgements.items() if good],
            "irrelevant": [name for name, good in judgements.items() if not good],
        }
        for question, judgements in ({} if journal is None else feedback(journal)).items()
    ]
