"""LabelledQuestions: questions as a source labels them, with ids, context texts or answer spans, before they are matched to a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from nudge_core.errors import InputError


@dataclass(frozen=True)
class Answer:
    """What a source says of one document that answers a question, or that does not.

    Attributes:
        id: Id of a stored document or chunk.
        text: Text of the context.
        span: Text of the answer, which the right chunk must hold.
        metadata: What else is known of the document: source, page, ….
        relevant: False for a thumbs down.
        grade: How relevant; 1 where the source has no grades.
    """

    id: str | None = None
    text: str | None = None
    span: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    relevant: bool = True
    grade: float = 1.0

    @property
    def kinds(self) -> tuple[str, ...]:
        """How it names the document: "ids", "texts" and "spans", those that it has; else "metadata"."""
        named = (("ids", self.id), ("texts", self.text), ("spans", self.span))
        return tuple(kind for kind, value in named if value is not None) or ("metadata",)


@dataclass(frozen=True)
class LabelledQuestion:
    """A question with its answers.

    Attributes:
        text: The question.
        answers: Documents that answer it, and those that do not.
        id: Id of the question in the source.
        split: "train", "dev" or "test" where the source says.
        where: File and line or row, for messages.
    """

    text: str
    answers: tuple[Answer, ...]
    id: str | None = None
    split: str | None = None
    where: str = ""


@dataclass(frozen=True, repr=False)
class LabelledQuestions(Sequence[LabelledQuestion]):
    """Questions that a reader found.

    Attributes:
        questions: In the order of the source.
        form: The form that was recognised.
        documents: {id: text} where the source brings its corpus.
        problems: What was left out or looks odd, each in one sentence.
        keys: Metadata that the user named: a stored document must have it as the label says.
        vectors: (questions, dim) float32 of a `QuerySet`, whose questions may have no text; None where texts are to be embedded.
    """

    questions: tuple[LabelledQuestion, ...]
    form: str
    documents: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    vectors: NDArray[np.float32] | None = field(default=None, compare=False)

    @overload
    def __getitem__(self, index: int) -> LabelledQuestion: ...

    @overload
    def __getitem__(self, index: slice) -> LabelledQuestions: ...

    def __getitem__(self, index: int | slice) -> LabelledQuestion | LabelledQuestions:
        if not isinstance(index, slice):
            return self.questions[index]
        vectors = None if self.vectors is None else self.vectors[index]
        return replace(self, questions=self.questions[index], vectors=vectors)

    def __len__(self) -> int:
        return len(self.questions)

    def __iter__(self) -> Iterator[LabelledQuestion]:
        return iter(self.questions)

    @property
    def kinds(self) -> Mapping[str, int]:
        """How the answers name their documents: {"ids": …, "texts": …, "spans": …, "metadata": …}, those that occur."""
        return Counter(kind for question in self.questions for answer in question.answers for kind in answer.kinds)

    @property
    def content(self) -> tuple[Any, ...]:
        """What the questions ask and are answered by, whatever form they came in."""
        asked = tuple((question.text, question.answers) for question in self.questions)
        return asked, self.documents, self.vectors

    @property
    def splits(self) -> set[str]:
        """The splits that the source names."""
        return {question.split for question in self.questions if question.split is not None}

    def __repr__(self) -> str:
        labels = ", ".join(f"{count} {kind}" for kind, count in self.kinds.items()) or "nothing"
        odd = f", {len(self.problems)} problems" if self.problems else ""
        return f"LabelledQuestions({self.form}: {len(self)} questions, labelled by {labels}{odd})"


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
