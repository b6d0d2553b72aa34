"""What a nudge learns from: the questions given, in any form, and the feedback kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nudge_core import QuerySet
from nudge_core.errors import InputError
from nudge_integrations.labels import LabelledQuestions, Questions, read_labels, read_questions
from nudge_integrations.labels.questions import of_split
from nudge_integrations.labels.values import RELEVANT
from nudge_integrations.stores import StoreAdapter

Given: TypeAlias = Questions | LabelledQuestions
"""Questions by the ids of documents; or as a source labels them, by ids, texts, spans or metadata."""


def read_both(questions: Any, validation: Any = None) -> tuple[Given | None, Given | None]:
    """Training and validation questions; a source that names its splits brings both."""
    train = _read(questions)
    try:
        held = _read(validation)
    except InputError as error:
        raise type(error)(f"validation: {error}") from error
    if held is None and isinstance(train, LabelledQuestions):
        held = train if {"train", "dev"} <= {question.split or "train" for question in train} else None
    return _part(train, "train"), _part(held, "dev")


def read_test(questions: Any) -> Given:
    """Questions to be measured by."""
    read = _part(_read(questions), "test")
    return read_questions(questions) if read is None else read  # which refuses None


def _part(given: Given | None, split: str) -> Given | None:
    return of_split(given, split) if isinstance(given, LabelledQuestions) else given


def _read(given: Any) -> Given | None:
    if given is None:
        return None
    given = list(given) if isinstance(given, Iterator) else given
    return read_questions(given) if _by_ids(given) else read_labels(given)


def _by_ids(given: Any) -> bool:
    """Whether these are objects that say by ids alone what answers a question: for all else there are the readers of labels."""
    if isinstance(given, str | Path | LabelledQuestions):
        return False
    if isinstance(given, Mapping):
        return all(isinstance(answers, str | int | Sequence) or _graded(answers) for answers in given.values())
    if isinstance(given, Sequence) and given and not isinstance(given, bytes):
        first = given[0]
        return (
            any(key in first for key in RELEVANT) if isinstance(first, Mapping) else isinstance(first, str | Sequence)
        )
    return isinstance(given, Questions | QuerySet | Sequence | np.ndarray | int | float)


def _graded(answers: Any) -> bool:
    return isinstance(answers, Mapping) and all(isinstance(grade, int | float) for grade in answers.values())


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
