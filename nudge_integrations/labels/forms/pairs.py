"""Questions with the ids of documents, as objects: pairs, {question: ids}, a `QuerySet`, or what matching returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nudge_core import QuerySet
from nudge_core.errors import InputError, first_few
from nudge_integrations.labels.labelled import Answer, LabelledQuestion, LabelledQuestions, Questions
from nudge_integrations.labels.values import RELEVANT, TEXT

NAME = "pairs"
EXPECTED = (
    'a list of pairs ("question", ["id", …]), a list of dicts {"question": …, "relevant": [ids]}, a dict {"question": [ids]}, a QuerySet, '
    "or a file, a folder, a data frame or rows that read_labels reads"
)


def fits(given: Any) -> bool:
    """Whether these objects name documents by id alone. A pair of two texts may be an anchor with its positive: that takes form="pairs"."""
    if isinstance(given, Mapping):
        bare = all(isinstance(answers, str | int) for answers in given.values())  # an object with some keys of its own
        return not bare and all(_are_ids(answers) for answers in given.values())
    if isinstance(given, list | tuple):
        return any(
            isinstance(entry, list | tuple) and len(entry) == 2 and not isinstance(entry[1], str) and _are_ids(entry[1])
            for entry in given
        )
    return isinstance(given, QuerySet | Questions)


def _are_ids(answers: Any) -> bool:
    if isinstance(answers, Mapping):
        return all(isinstance(grade, int | float) for grade in answers.values())
    if isinstance(answers, list | tuple):
        return all(isinstance(name, str | int) for name in answers)
    return isinstance(answers, str | int)


def read(given: Any) -> LabelledQuestions:
    """Questions labelled by ids, one that is given twice with the documents of both."""
    if isinstance(given, QuerySet):
        return _of_query_set(given)
    vectors = None
    if isinstance(given, Questions):
        vectors, given = given.vectors, list(zip(given.texts or [""] * len(given), given.relevant, strict=True))
    entries = given.items() if isinstance(given, Mapping) else given
    if isinstance(entries, str | bytes) or not isinstance(entries, Iterable):
        raise InputError(f"questions is a {type(given).__name__}; expected {EXPECTED}")
    rows = []
    for place, entry in enumerate(entries):
        text: Any = ...  # nowhere to be found; None is a question left out
        answers: Any = None
        if isinstance(entry, Mapping):
            text = next((entry[key] for key in TEXT if key in entry), ...)
            answers = next((entry[key] for key in RELEVANT if key in entry), None)
        elif isinstance(entry, Sequence | np.ndarray) and not isinstance(entry, str | bytes) and len(entry) == 2:
            text, answers = entry
        if answers is not None and (text is None or (isinstance(text, str) and vectors is None and not text.strip())):
            raise InputError(
                f"questions[{place}] has the question {text!r} with the answers {str(answers)[:60]}: write the question, or leave these out"
            )
        if not isinstance(text, str) or answers is None:
            raise InputError(f"questions[{place}] is {str(entry)[:120]!r}; expected {EXPECTED}")
        if type(answers) is list and set(map(type, answers)) == {str}:
            found = tuple(map(Answer, answers))
        else:
            found = tuple(_answers(answers, f"questions[{place}] ({text[:60]!r})"))
        rows.append(LabelledQuestion(text, found))
    if not rows:
        raise InputError(f"there are no questions: expected {EXPECTED}")
    return LabelledQuestions(tuple(rows), NAME, vectors=vectors)


def _of_query_set(given: QuerySet) -> LabelledQuestions:
    texts = given.texts or ("",) * len(given)
    if given.texts is not None and len(set(texts)) < len(texts):
        twice = [text for text in dict.fromkeys(texts) if texts.count(text) > 1]
        raise InputError(
            f"the QuerySet holds questions more than once: {first_few(twice, 3)}. Put their documents into one"
        )
    rows = tuple(
        LabelledQuestion(text, tuple(Answer(str(name), grade=grade) for name, grade in given.relevance[i].items()))
        for i, text in enumerate(texts)
    )
    return LabelledQuestions(rows, "QuerySet", vectors=given.embeddings.numpy())


def _answers(answers: Any, where: str) -> Iterator[Answer]:
    answers = [answers] if isinstance(answers, str | int) else answers
    if not isinstance(answers, Iterable):
        raise InputError(f"{where} has the answers {answers!r}; expected a list of document ids")
    grades = answers if isinstance(answers, Mapping) else {}
    for document in answers:
        if isinstance(document, bool) or not isinstance(document, str | int | np.integer):
            raise InputError(
                f"{where} names a document by a {type(document).__name__}, {str(document)[:60]!r}; expected its id, a text"
            )
        grade = grades.get(document, 1.0)
        if not isinstance(grade, int | float | np.number) or not abs(float(grade)) < float("inf"):
            raise InputError(
                f"{where} grades document {document!r} with {grade!r}; expected a number: 0 and below says not relevant"
            )
        yield Answer(str(document), grade=float(grade), relevant=float(grade) > 0)
