"""match: labelled questions and stored documents in, questions by stored ids out, with a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

from nudge_core.arguments import expect
from nudge_core.errors import InputError, first_few
from nudge_integrations.labels.labelled import LabelledQuestion, LabelledQuestions, Questions
from nudge_integrations.labels.matching.candidates import DOCUMENTS, gather
from nudge_integrations.labels.matching.found import Thresholds
from nudge_integrations.labels.matching.references import PAGE, SOURCE, Wanted, collect
from nudge_integrations.labels.matching.report import AnswerMatch, MatchReport, Outcome
from nudge_integrations.labels.matching.resolve import Resolver
from nudge_integrations.labels.matching.rules import check_rapidfuzz
from nudge_integrations.labels.matching.text import Grams
from nudge_integrations.stores.base import StoreAdapter


@dataclass(frozen=True, eq=False)
class Matched:
    """Questions by the ids of a store.

    Attributes:
        questions: Those that have a document in the store; one that stands twice has the documents of both.
        report: What became of every answer.
        splits: For each split that the source names, the questions of it.
    """

    questions: Questions
    report: MatchReport
    splits: Mapping[str, Questions]

    def __repr__(self) -> str:
        return repr(self.report)


def match(
    questions: LabelledQuestions,
    documents: Iterable[tuple[str, str, Mapping[str, Any]]] | StoreAdapter,
    *,
    fuzzy: float | None = 0.9,
    enough: float = 0.3,
    most: int = 20,
    shortest: int = 8,
) -> Matched:
    r"""Find the stored documents that the answers of labelled questions speak of.

    An answer is looked for by its id; else by its text: equal, equal but for case, white space, hyphens and forms of characters, held whole by a
    chunk, cut into several chunks, or much like one; of these chunks those win that hold its span, and those of its source and page. An answer
    without a text is looked for by its span alone, or by source and page.

    Args:
        questions: What a reader has read.
        documents: Id, text and metadata of each stored document, any number of them, gone through once; or the adapter of a store.
        fuzzy: Similarity from which texts that differ are taken for one another; None compares no such texts.
        enough: Share of the shorter of both texts that chunk and context have in common, from which the chunk is a piece of it.
        most: Number of chunks above which an answer matches too much, and counts for nothing.
        shortest: Length in letters from which a text is searched inside of chunks without anything else that says where.

    Returns:
        The questions by stored ids, and a report in which every answer stands.

    Raises:
        InputError: Other questions than `read_labels` returns, no questions or documents, thresholds out of range, or a store without texts.
        MissingExtraError: rapidfuzz is not installed.

    Example:
        >>> from nudge_integrations.labels.labelled import Answer, LabelledQuestion, LabelledQuestions
        >>> asked = LabelledQuestion("How fast is it?", (Answer(text="It runs at 40\u00a0km/h, at least down\xadhill."),))
        >>> stored = [("a", "It runs at 40 km/h, at least downhill. Uphill it does not.", {}), ("b", "Uphill it does not run.", {})]
        >>> done = match(LabelledQuestions((asked,), "pairs"), stored)
        >>> done
        1 of 1 questions matched to 2 stored documents, by containment 1.
        >>> done.questions.relevant
        ({'a': 1.0},)
    """
    thresholds = Thresholds(fuzzy, enough, most, shortest)
    if fuzzy is not None:
        check_rapidfuzz()
    expect(questions, LabelledQuestions, "questions", "read them with read_labels(…)")
    if not isinstance(documents, StoreAdapter | Iterable) or isinstance(documents, str | bytes | Mapping):
        raise InputError(f"documents is a {type(documents).__name__}; expected {DOCUMENTS}")
    if not len(questions):
        raise InputError("there are no questions to match: read some with read_labels(…)")
    named = {answer.id for question in questions for answer in question.answers if answer.id is not None}
    spelled: dict[str, str] = {}
    if isinstance(documents, StoreAdapter):
        spelled = {name: documents.spelled(name) for name in named}
        documents = (document for page in documents.texts(1000) for document in zip(*page, strict=True))
    wanted = collect(questions, spelled)
    gathered = gather(documents, wanted, thresholds)
    if not gathered.documents:
        raise InputError("there are no documents to match to: give (id, text, metadata) of each stored document")
    if unknown := [key for key in questions.keys if not gathered.keys.intersection(_spellings(key))]:
        there = first_few(sorted(map(str, gathered.keys))) or "none at all"
        raise InputError(
            f"no stored document has the metadata {first_few(unknown)}, which the labels are to be matched by; their keys are {there}: "
            "name one of these"
        )
    resolver = Resolver(wanted, gathered, thresholds, spelled)
    matches = tuple(_matches(questions, wanted, resolver, thresholds))
    problems = list(questions.problems)
    if gathered.empty:
        few = f"{gathered.empty} of {gathered.documents} stored documents hold no text"
        problems.append(f"{few}, and match by id or metadata only")
    problems += _two_versions(questions, wanted)
    relevant, against = _relevant(questions, matches)
    problems += against
    report = MatchReport(matches, len(questions), gathered.documents, thresholds, tuple(problems))
    names = dict.fromkeys(question.split for question in questions)
    splits = {name: _questions(questions, relevant, name) for name in names if name is not None}
    return Matched(_questions(questions, relevant), report, splits)


def _spellings(key: str) -> tuple[str, ...]:
    """The names under which documents may hold what a key says."""
    return next((names for names in (SOURCE, PAGE) if key in names), (key,))


def _matches(
    questions: LabelledQuestions, wanted: Wanted, resolver: Resolver, thresholds: Thresholds
) -> Iterator[AnswerMatch]:
    for asked, done in zip(wanted.asked, resolver.all(), strict=True):
        outcome: Outcome = "too much" if done.count > thresholds.most else "matched" if done.found else "nothing"
        question = questions[asked.question]
        yield AnswerMatch(
            question=asked.question,
            text=question.text,
            where=question.where,
            answer=asked.number,
            labelled=" and ".join(question.answers[asked.number].kinds),
            relevant=asked.relevant,
            outcome=outcome,
            found=tuple(done.found[: thresholds.most]),
            near=tuple(done.near) if outcome == "nothing" else (),
            count=done.count,
            copies=len(done.found) - len({found.chunk.text.folded for found in done.found}),
            note=done.note,
        )


def _relevant(questions: LabelledQuestions, matches: Iterable[AnswerMatch]) -> tuple[list[dict[str, float]], list[str]]:
    """For each question its documents and grades, and what speaks against some of them."""
    good: list[dict[str, float]] = [{} for _ in questions]
    bad: list[dict[str, None]] = [{} for _ in questions]
    for each in matches:
        grade = questions[each.question].answers[each.answer].grade
        for name in (found.chunk.id for found in each.found if each.outcome == "matched"):
            if each.relevant:
                good[each.question][name] = max(grade, good[each.question].get(name, 0.0))
            else:
                bad[each.question][name] = None
    against = [
        f"{_called(question)} has {name!r} as relevant and as irrelevant; it was left out"
        for place, question in enumerate(questions)
        for name in bad[place]
        if good[place].pop(name, None) is not None
    ]
    return good, against


def _called(question: LabelledQuestion) -> str:
    return f"{f'{question.where}: ' if question.where else ''}{question.text[:80]!r}"


def _questions(questions: LabelledQuestions, relevant: list[dict[str, float]], split: str | None = None) -> Questions:
    merged: dict[str, dict[str, float]] = {}
    for question, answers in zip(questions, relevant, strict=True):
        if answers and split in (None, question.split):
            held = merged.setdefault(question.text, {})
            for name, grade in answers.items():
                held[name] = max(grade, held.get(name, 0.0))
    return Questions(tuple(merged), tuple(merged.values()))


_SKETCH, _MOST = 64, 20
_SHARE = 0.4  # of all runs of both; of two texts in which each tenth sentence differs it is about 0.7


def _two_versions(questions: LabelledQuestions, wanted: Wanted) -> Iterator[str]:
    """Questions that are labelled with two texts which are nearly the same and not quite."""
    texts: dict[int, dict[int, int]] = {}
    for asked in wanted.asked:
        if asked.reference is not None and not asked.by_span_alone and asked.relevant:
            texts.setdefault(asked.question, {}).setdefault(asked.reference, asked.number)

    @cache
    def sketch(reference: int) -> frozenset[int]:
        """The smallest hashes of its runs."""
        text = wanted.references[reference]
        return frozenset(sorted(set(Grams(text.folded, text.gram).hashes.tolist()))[:_SKETCH])

    for place, numbers in texts.items():
        for a, b in combinations(sorted(numbers)[:_MOST], 2):
            first, second = wanted.references[a].folded, wanted.references[b].folded
            if first in second or second in first:
                continue
            smallest = sorted(sketch(a) | sketch(b))[:_SKETCH]
            if smallest and len(sketch(a).intersection(sketch(b), smallest)) >= _SHARE * len(smallest):
                yield (
                    f"{_called(questions[place])} is labelled with two versions of one text, answers {numbers[a] + 1} and "
                    f"{numbers[b] + 1}: keep the one that is stored"
                )
