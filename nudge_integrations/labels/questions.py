"""Questions: labelled questions in the forms that people hand over, read into one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nudge_core import QuerySet
from nudge_core.errors import InputError, first_few
from nudge_integrations.labels.beir import read_beir
from nudge_integrations.labels.dataset import LabelledData
from nudge_integrations.labels.labelled import LabelledQuestions
from nudge_integrations.labels.values import RELEVANT, TEXT

FORMS = (
    'a list of pairs ("question", ["id", …]), a list of dicts {"question": …, "relevant": [ids]}, a dict {"question": [ids]}, a QuerySet, '
    "what read_labels returns, or a file, a folder, a data frame or rows that it reads"
)


@dataclass(frozen=True, eq=False, repr=False)
class Questions:
    """Questions as texts or vectors, and the ids of the documents that answer them.

    Attributes:
        texts: One for each question; None where there are vectors only.
        relevant: For each question {document id: grade}.
        vectors: (queries, dim) float32; None where the texts are to be embedded.
    """

    texts: tuple[str, ...] | None
    relevant: tuple[Mapping[str, float], ...]
    vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.relevant)

    def __repr__(self) -> str:
        return f"Questions({len(self)}, pairs={sum(map(len, self.relevant))}, {'texts' if self.vectors is None else 'vectors'})"

    def judged(self, feedback: Mapping[str, Mapping[str, bool]]) -> Questions:
        """With what people said of single answers: it goes before other labels of the same question."""
        if not feedback:
            return self
        if self.texts is None:
            raise InputError(
                "feedback is kept by the text of a question, and this QuerySet has no texts: give it texts=[…], or questions as texts"
            )
        merged = {text: dict(answers) for text, answers in zip(self.texts, self.relevant, strict=True)}
        if self.vectors is not None and any(text not in merged for text in feedback):
            raise InputError(
                "feedback speaks of questions that this QuerySet holds no vectors of: give questions as texts"
            )
        for text, judgements in feedback.items():
            answers = merged.setdefault(text, {})
            for document, good in judgements.items():
                answers.pop(document, None)
                if good:
                    answers[document] = 1.0
        return replace(self, texts=tuple(merged), relevant=tuple(merged.values()))


def read_questions(given: Any, split: str = "train") -> Questions:
    """Read labelled questions in any of the forms people have them in.

    Args:
        given: Pairs (question, ids), dicts, {question: ids}, a `QuerySet`, `LabelledData`, `LabelledQuestions` whose answers all have ids, or
            the path of a folder in BEIR form or of a file that `read_labels` reads. Ids are texts; in place of a list of ids a mapping {id: grade},
            or one id.
        split: Which questions of a labelled data set are meant.

    Returns:
        The questions; one that stands twice has the documents of both.

    Raises:
        InputError: Another form; the message names the first entry that cannot be read.
        FileFormatError: As for `read_beir`.

    Example:
        >>> read_questions([("How fast is it?", ["a", "b"]), {"query": "Where?", "ids": "c"}])
        Questions(2, pairs=3, texts)
    """
    if isinstance(given, Questions):
        return given
    if isinstance(given, QuerySet):
        return _of_query_set(given)
    if isinstance(given, str | Path):
        given = _read(given)
    if isinstance(given, LabelledQuestions):
        given = _by_ids(given, split)
    if isinstance(given, LabelledData):
        judged = given.qrels.get(split)
        if not judged:
            there = ", ".join(name for name, rows in given.qrels.items() if rows)
            raise InputError(f"{given.name} has no {split} questions; it has {there}")
        given = [(given.queries[name], answers) for name, answers in judged.items()]
    entries = given.items() if isinstance(given, Mapping) else given
    if isinstance(entries, bytes) or not isinstance(entries, Iterable):
        raise InputError(f"questions is a {type(given).__name__}; expected {FORMS}")
    merged: dict[str, dict[str, float]] = {}
    for place, entry in enumerate(entries):
        text, answers = _entry(entry, place)
        held = merged.setdefault(text, {})
        for document, grade in answers.items():
            held[document] = max(grade, held.get(document, 0.0))
    if not merged:
        raise InputError(f"there are no questions: expected {FORMS}")
    return Questions(tuple(merged), tuple(merged.values()))


def _read(path: str | Path) -> LabelledData | LabelledQuestions:
    from nudge_integrations.labels.reading import read_labels  # its readers know the usual names from here

    return read_labels(path) if Path(path).is_file() else read_beir(path)


def of_split(given: LabelledQuestions, split: str) -> LabelledQuestions:
    """The questions of a split, or all where there is but one; those without a split are to learn from.

    Raises:
        InputError: There are several, and not this one.
    """
    splits = list(dict.fromkeys(question.split or "train" for question in given))
    if len(splits) == 1:
        return given
    if split not in splits:
        raise InputError(f"{given!r} has no {split} questions; it has {', '.join(splits)}")
    return replace(given, questions=tuple(one for one in given if (one.split or "train") == split))


def _by_ids(given: LabelledQuestions, split: str) -> list[tuple[str, dict[str, float]]]:
    """Questions of the split with the documents that answer them."""
    chosen = of_split(given, split)
    bare = [one.text for one in chosen if any(answer.relevant and answer.id is None for answer in one.answers)]
    if bare:
        raise InputError(
            f"{len(bare)} of {len(chosen)} questions have answers without the id of a stored document: {first_few(bare, 3)}. "
            f"They are labelled by {', '.join(given.kinds)}: match these to the store first"
        )
    return [
        (question.text, {str(answer.id): answer.grade for answer in question.answers if answer.relevant})
        for question in chosen
    ]


def _of_query_set(given: QuerySet) -> Questions:
    relevant = tuple({str(name): grade for name, grade in given.relevance[i].items()} for i in range(len(given)))
    if given.texts is None or len(set(given.texts)) == len(given.texts):
        return Questions(given.texts, relevant, given.embeddings.numpy())
    twice = [text for text in dict.fromkeys(given.texts) if given.texts.count(text) > 1]
    raise InputError(
        f"the QuerySet holds questions more than once: {first_few(twice, 3)}. Put their documents into one"
    )


def _entry(entry: Any, place: int) -> tuple[str, dict[str, float]]:
    if isinstance(entry, Mapping):
        text, answers = (next((entry[key] for key in keys if key in entry), None) for keys in (TEXT, RELEVANT))
    elif isinstance(entry, Sequence) and not isinstance(entry, str | bytes) and len(entry) == 2:
        text, answers = entry
    else:
        text, answers = None, None
    if not isinstance(text, str) or not text.strip() or answers is None:
        raise InputError(f"questions[{place}] is {str(entry)[:120]!r}; expected {FORMS}")
    return text, _answers(answers, place, text)


def _answers(answers: Any, place: int, text: str) -> dict[str, float]:
    if isinstance(answers, str | int):
        answers = [answers]
    if not isinstance(answers, Mapping):
        if not isinstance(answers, Iterable):
            raise InputError(
                f"questions[{place}] ({text[:60]!r}) has the answers {answers!r}; expected a list of document ids"
            )
        listed = list(answers)
        if set(map(type, listed)) == {str}:
            return dict.fromkeys(listed, 1.0)
        return dict.fromkeys((str(_id(document, place, text)) for document in listed), 1.0)
    for document, grade in answers.items():
        _id(document, place, text)
        if (
            isinstance(grade, bool)
            or not isinstance(grade, int | float | np.number)
            or not 0 <= float(grade) < float("inf")
        ):
            raise InputError(
                f"questions[{place}] ({text[:60]!r}) grades document {document!r} with {grade!r}; expected a number from zero up"
            )
    return {str(document): float(grade) for document, grade in answers.items()}


def _id(document: Any, place: int, text: str) -> Any:
    if isinstance(document, bool) or not isinstance(document, str | int | np.integer):
        kind = type(document).__name__
        raise InputError(
            f"questions[{place}] ({text[:60]!r}) names a document by a {kind}, {str(document)[:60]!r}; expected its id, a text"
        )
    return document
