"""The one place where labels meet stored documents: labels by ids stay as they are, others become ids of the documents they speak of."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nudge_core.corpus.base import Missing
from nudge_core.errors import InputError, UnknownIdError, counted, first_few
from nudge_integrations.collection.named import Document, named, stored
from nudge_integrations.labels import LabelledQuestions, Questions
from nudge_integrations.labels.matching import match
from nudge_integrations.labels.matching.report import MatchReport
from nudge_integrations.stores import StoreAdapter
from nudge_integrations.stores.filtering import FilteredAdapter

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
        missing: Documents that labels name, and that are not stored, or do not pass the filter.
        filtered: Whether there is a filter.
        by_key: By which metadata labels by ids were found, one of `problems`; "" where they are ids of documents.
    """

    train: Questions
    validation: Questions | None
    match: MatchReport | None
    problems: tuple[str, ...]
    gone: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    filtered: bool = False
    by_key: str = ""

    @property
    def absent(self) -> str:
        """What documents are that labels name and that take no part."""
        return "not stored, or do not pass the filter" if self.filtered else "not stored"

    def why_none(self) -> str:
        """Why no document is relevant to any question, where documents that are absent are the cause."""
        return (
            f": the documents that labels name are {self.absent}: {first_few(self.missing, 3)}" if self.missing else ""
        )

    def log_match(self) -> None:
        """Log what became of the labels, where no report of the job will say it."""
        if self.missing:
            what = counted(len(self.missing), "document that labels name is", "documents that labels name are")
            _log.warning("%s %s, and their labels were left out: %s", what, self.absent, first_few(self.missing))
        for problem in self.problems:
            _log.warning("%s", problem)
        if self.match is not None:
            _log.log(logging.WARNING if self.match.unmatched else logging.INFO, "%r", self.match)


def resolve(
    train: LabelledQuestions | None,
    validation: LabelledQuestions | None,
    documents: Sequence[Document] | StoreAdapter,
    missing: Missing | None = "skip",
) -> ResolvedLabels:
    """Questions by the ids of documents. Those that are labelled otherwise are matched in one pass over the documents.

    Args:
        train: Training questions, or those of an evaluation.
        validation: Validation questions.
        documents: The store, or id, text and metadata of each document.
        missing: Whether labels whose document is gone are left out and listed, up to a half of them, or refused; None looks up no ids.

    Raises:
        UnknownIdError: Labels whose documents are gone, too many of them.
        InputError: Not one question could be matched.
    """
    parts = {name: part for name, part in (("train", train), ("dev", validation)) if part is not None}
    problems = tuple(dict.fromkeys([problem for part in parts.values() for problem in part.problems]))
    done, loose, report = dict[str, Questions](), dict[str, LabelledQuestions](), None
    gone: list[str] = []
    by_key = ""
    for split, part in parts.items():
        if missing is not None:
            looked_up = named(part, documents, missing)
            part, problems = looked_up.labels, tuple(dict.fromkeys([*problems, *looked_up.notes]))
            gone += looked_up.gone
            by_key = by_key or looked_up.by_key
        if _by_id_alone(part, documents):
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
        keys = tuple(dict.fromkeys(key for part in loose.values() for key in part.keys))
        matched = match(LabelledQuestions(tuple(rows), form, {}, problems, keys), documents)
        report = matched.report
        lost = [one for one in report.matches if one.relevant and one.question in report.unmatched]
        if missing == "error" and lost:
            raise UnknownIdError(f"{report.headline()} The first that is not: {lost[0]}")
        for split, part in loose.items():
            if not len(matched.splits[split]):
                raise InputError(
                    f"none of the {len(part)} questions could be matched to a stored document, the first: {report.matches[0]}. "
                    "match(labels, documents) of nudge_integrations.labels.matching reports on all of them"
                )
            done[split] = matched.splits[split]
    empty = Questions((), ())
    filtered = isinstance(documents, FilteredAdapter)
    absent = tuple(dict.fromkeys(gone))
    return ResolvedLabels(done.get("train", empty), done.get("dev"), report, problems, (), absent, filtered, by_key)


def _by_id_alone(labels: LabelledQuestions, documents: Sequence[Document] | StoreAdapter) -> bool:
    """Whether all labels are ids, and those with a text beside them are stored."""
    answers = [answer for question in labels.questions for answer in question.answers if answer.relevant]
    if None in [answer.id for answer in answers]:
        return False
    texts = [str(one.id) for one in answers if (one.text or labels.documents.get(str(one.id))) is not None]
    return not texts or stored(texts, documents) >= set(texts)


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
