"""What a nudge learns from: the questions given, and the feedback kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nudge_core.errors import InputError
from nudge_integrations.labels import LabelledData, LabelledQuestions, Questions, read_data, read_labels, read_questions
from nudge_integrations.stores import StoreAdapter


def read_both(questions: Any, validation: Any) -> tuple[Questions | None, Questions | None]:
    """Training and validation questions; a labelled data set brings both."""
    if isinstance(questions, str | Path):
        questions = read_labels(questions) if Path(questions).is_file() else read_data(str(questions))
    if validation is None and isinstance(questions, LabelledData) and questions.qrels.get("dev"):
        validation = questions
    if validation is None and isinstance(questions, LabelledQuestions) and {"train", "dev"} <= questions.splits:
        validation = questions
    train = None if questions is None else read_questions(questions, "train")
    return train, None if validation is None else read_questions(validation, "dev")


def present(
    adapter: StoreAdapter, said: Mapping[str, Mapping[str, bool]]
) -> tuple[dict[str, dict[str, bool]], tuple[str, ...]]:
    """The feedback on documents that are in the store, and those that no longer are."""
    named = list(dict.fromkeys(adapter.spelled(name) for judgements in said.values() for name in judgements))
    there = adapter.fetch(named)
    kept = {
        question: {name: good for name, good in judgements.items() if adapter.spelled(name) in there}
        for question, judgements in said.items()
    }
    return {question: judgements for question, judgements in kept.items() if judgements}, tuple(
        name for name in named if name not in there
    )


def with_feedback(train: Questions | None, said: Mapping[str, Mapping[str, bool]]) -> Questions:
    """Training questions together with the feedback.

    Raises:
        InputError: There are neither.
    """
    train = Questions((), ()) if train is None else train
    merged = train.judged(said)
    if not any(merged.relevant):
        raise InputError(
            "there are no questions to learn from: give some, or keep feedback with add_feedback(question, relevant=[ids])"
        )
    return merged
