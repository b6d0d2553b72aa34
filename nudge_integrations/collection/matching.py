"""The one place where labels meet stored documents: labels by ids that are there stay as they are, others become ids of what they speak of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from nudge_core.errors import InputError
from nudge_integrations.collection.questions import Given
from nudge_integrations.labels import LabelledQuestion, LabelledQuestions, Questions, read_questions
from nudge_integrations.labels.matching import match
from nudge_integrations.labels.matching.report import MatchReport
from nudge_integrations.stores import StoreAdapter

Document: TypeAlias = tuple[str, str, Mapping[str, Any]]
"""Id, text and metadata."""


@dataclass(frozen=True, eq=False)
class ById:
    """Questions by the ids of stored documents.

    Attributes:
        train: Those to learn from.
        held: Those that choose how far documents move.
        match: What became of each label that is no id; None where all are.
        problems: What the readers of the labels left out or found odd.
    """

    train: Questions | None
    held: Questions | None
    match: MatchReport | None
    problems: tuple[str, ...]


def by_id(train: Given | None, held: Given | None, documents: Sequence[Document] | StoreAdapter) -> ById:
    """Questions by the ids of documents, of which those that are labelled otherwise are matched in one pass over the documents.

    Args:
        train: Labelled by id, text, answer span or metadata.
        held: Likewise.
        documents: What is stored.

    Raises:
        InputError: None of the training questions, or none of the others, matches a document.
    """
    given = {"train": train, "dev": held}
    labels = {split: part for split, part in given.items() if isinstance(part, LabelledQuestions)}
    loose = {split: part for split, part in labels.items() if not _ids_are_there(part, documents)}
    done = {split: part for split, part in given.items() if isinstance(part, Questions)}
    done |= {split: read_questions(_undivided(part)) for split, part in labels.items() if split not in loose}
    problems = tuple(dict.fromkeys(problem for part in labels.values() for problem in part.problems))
    report = None
    if loose:
        rows = tuple(replace(one, split=split) for split, part in loose.items() for one in _with_texts(part))
        matched = match(
            LabelledQuestions(rows, " and ".join({part.form: 0 for part in loose.values()}), {}, problems), documents
        )
        report = matched.report
        for split, part in loose.items():
            if not len(matched.splits[split]):
                raise InputError(
                    f"none of the {len(part)} questions could be matched to a stored document, the first: {report.matches[0]}. "
                    "match(labels, documents) of nudge_integrations.labels.matching reports on all of them"
                )
            done[split] = matched.splits[split]
    return ById(done.get("train"), done.get("dev"), report, problems)


def _ids_are_there(labels: LabelledQuestions, documents: Sequence[Document] | StoreAdapter) -> bool:
    """Whether all labels are ids, and those that are not stored have no text either that could be looked for: they are refused by name."""
    texts: dict[str, str | None] = {}
    for answer in (answer for question in labels for answer in question.answers if answer.relevant):
        if answer.id is None:
            return False
        texts[answer.id] = answer.text or labels.documents.get(answer.id)
    if isinstance(documents, StoreAdapter):
        there = documents.fetch(list(dict.fromkeys(map(documents.spelled, texts))))
        return all(text is None for name, text in texts.items() if documents.spelled(name) not in there)
    held = {name for name, _, _ in documents}
    return all(text is None for name, text in texts.items() if name not in held)


def _undivided(labels: LabelledQuestions) -> LabelledQuestions:
    return replace(labels, questions=tuple(replace(question, split=None) for question in labels))


def _with_texts(labels: LabelledQuestions) -> Iterator[LabelledQuestion]:
    """The questions, with the texts that the source keeps beside them."""
    for question in labels:
        answers = (replace(one, text=one.text or labels.documents.get(one.id or "")) for one in question.answers)
        yield replace(question, answers=tuple(answers))
