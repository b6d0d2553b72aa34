"""The one place where labels meet stored documents: labels by ids stay as they are, others become ids of the documents they speak of."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from nudge_core.errors import InputError
from nudge_integrations.labels import LabelledQuestions, Questions
from nudge_integrations.labels.matching import match
from nudge_integrations.labels.matching.report import MatchReport
from nudge_integrations.stores import StoreAdapter

Document: TypeAlias = tuple[str, str, Mapping[str, Any]]
"""Id, text and metadata."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ResolvedLabels:
    """Questions by the ids of stored documents.

    Attributes:
        train: Training questions, or those of an evaluation; none of them where feedback is all there is.
        validation: Validation questions.
        match: What became of each label that is no id; None where all are.
        problems: What the readers of the labels left out or found odd.
        gone: Documents that feedback speaks of, and that are no longer stored.
    """

    train: Questions
    validation: Questions | None
    match: MatchReport | None
    problems: tuple[str, ...]
    gone: tuple[str, ...] = ()

    def log_match(self) -> None:
        """Log what became of the labels, where no report of the job will say it."""
        if self.match is not None:
            _log.log(logging.WARNING if self.match.unmatched else logging.INFO, "%r", self.match)


def resolve(
    train: LabelledQuestions | None, validation: LabelledQuestions | None, documents: Sequence[Document] | StoreAdapter
) -> ResolvedLabels:
    """Questions by the ids of documents. Those that are labelled otherwise are matched in one pass over the documents."""
    parts = {name: part for name, part in (("train", train), ("dev", validation)) if part is not None}
    problems = tuple(dict.fromkeys([problem for part in parts.values() for problem in part.problems]))
    done, loose, report = dict[str, Questions](), dict[str, LabelledQuestions](), None
    for split, part in parts.items():
        if _ids_are_there(part, documents):
            done[split] = _by_ids(part)
        else:
            loose[split] = part
    if loose:
        rows = [
            replace(
                question,
                split=split,
                answers=tuple(
                    [replace(one, text=one.text or part.documents.get(one.id or "")) for one in question.answers]
                ),
            )
            for split, part in loose.items()
            for question in part.questions
        ]
        form = " and ".join({part.form: 0 for part in loose.values()})
        matched = match(LabelledQuestions(tuple(rows), form, {}, problems), documents)
        report = matched.report
        for split, part in loose.items():
            if not len(matched.splits[split]):
                raise InputError(
                    f"none of the {len(part)} questions could be matched to a stored document, the first: {report.matches[0]}. "
                    "match(labels, documents) of nudge_integrations.labels.matching reports on all of them"
                )
            done[split] = matched.splits[split]
    return ResolvedLabels(done.get("train", Questions((), ())), done.get("dev"), report, problems)


def _ids_are_there(labels: LabelledQuestions, documents: Sequence[Document] | StoreAdapter) -> bool:
    """Whether all labels are ids, and those that are not stored have no text either that could be looked for: they are refused by name."""
    answers = [answer for question in labels.questions for answer in question.answers if answer.relevant]
    if None in [answer.id for answer in answers]:
        return False
    texts = [str(one.id) for one in answers if (one.text or labels.documents.get(str(one.id))) is not None]
    if not texts:
        return True
    if not isinstance(documents, StoreAdapter):
        return {name for name, _, _ in documents}.issuperset(texts)
    names = list(dict.fromkeys(map(documents.spelled, texts)))
    return documents.fetch(names).keys() >= set(names)


def _by_ids(labels: LabelledQuestions) -> Questions:
    """One that stands twice has the documents of both."""
    merged: dict[str | int, dict[str, float]] = {}  # a question of a QuerySet may have no text
    for place, question in enumerate(labels.questions):
        grades = merged.setdefault(question.text or place, {})
        for answer in question.answers:
            if answer.relevant:
                name = str(answer.id)
                grades[name] = max(answer.grade, grades.get(name, 0.0))
    texts = tuple([text for text in merged if isinstance(text, str)])
    return Questions(texts if len(texts) == len(merged) else None, tuple(merged.values()), labels.vectors)
