"""What is looked for: the texts, spans, ids and places that labelled questions name, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.matching.metadata import Place, place
from nudge_integrations.labels.matching.text import Text


@dataclass(frozen=True, eq=False)
class Asked:
    """One answer, made ready.

    Attributes:
        question: The place of its question among the questions.
        number: Its place among the answers of the question.
        answer: As the source says it.
        reference: The number of its context text, or of its span where it has no text; None if it has neither.
        span: The answer that the chunk must hold; None if there is none.
        place: Its source and page.
    """

    question: int
    number: int
    answer: Answer
    reference: int | None
    span: Text | None
    place: Place

    @property
    def by_span_alone(self) -> bool:
        """Whether the reference is the span."""
        return self.reference is not None and self.span is not None and not (self.answer.text or "").strip()


@dataclass(eq=False)
class Wanted:
    """All answers, and each text that they name once.

    Attributes:
        asked: One an answer.
        references: The texts; `Asked.reference` is an index of it.
        ids: The ids that are named.
        places: The places of answers that have neither id nor text.
    """

    asked: list[Asked] = field(default_factory=list)
    references: list[Text] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    places: set[Place] = field(default_factory=set)


def collect(questions: LabelledQuestions, spelled: Mapping[str, str]) -> Wanted:
    """Read all answers.

    Args:
        questions: The questions.
        spelled: Ids as the store spells them, where that differs.
    """
    wanted, known = Wanted(), dict[str, int]()
    for q, question in enumerate(questions):
        for number, answer in enumerate(question.answers):
            text = answer.text
            if text is None and answer.id is not None:
                text = questions.documents.get(answer.id)
            span = Text(answer.span) if answer.span and answer.span.strip() else None
            looked_for = text if text and text.strip() else span.raw if span else None
            reference = None
            if looked_for is not None:
                reference = known.setdefault(looked_for, len(known))
                if reference == len(wanted.references):
                    wanted.references.append(Text(looked_for))
            where = place(answer.metadata)
            if answer.id is not None:
                wanted.ids.add(spelled.get(answer.id, answer.id))
            if (
                where.page
                or (where.source and answer.id is None and reference is None)
                or (where.source and span and not text)
            ):
                wanted.places.add(where)
            wanted.asked.append(Asked(q, number, _with_text(answer, text), reference, span, where))
    return wanted


def _with_text(answer: Answer, text: str | None) -> Answer:
    values: dict[str, Any] = {**answer.__dict__, "text": text}
    return Answer(**values)
