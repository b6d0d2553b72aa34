"""What is looked for: the texts, spans, ids and places that labelled questions name, each once."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.matching.text import Text

SOURCE = (
    *("source", "file_name", "filename", "file_path", "path", "file", "url", "uri", "link"),
    *("document", "doc_id", "document_id"),
)
PAGE = ("page", "page_label", "page_number", "page_no")


class Place(NamedTuple):
    """Where a text comes from: parts of a path or address, the last first, and a page; empty where not known."""

    source: tuple[str, ...] = ()
    page: str = ""

    def covers(self, stored: Place) -> bool:
        """Whether all that is asked for is so: a bare file name agrees with any path to it."""
        if self.page and self.page != stored.page:
            return False
        if not self.source:
            return bool(self.page)
        shared = min(len(self.source), len(stored.source))
        return shared > 0 and self.source[:shared] == stored.source[:shared]


def place_of(metadata: Mapping[str, Any]) -> Place:
    """Read source and page from whatever key is used for them, also inside of an entry "metadata"."""
    inner = metadata.get("metadata")
    held = {**inner, **metadata} if isinstance(inner, Mapping) else metadata
    source, page = (
        next((str(held[key]) for key in keys if held.get(key) not in (None, "")), "") for keys in (SOURCE, PAGE)
    )
    path = unicodedata.normalize("NFKC", unquote(source)).casefold().replace("\\", "/").split("://", 1)[-1]
    parts = tuple(part for part in reversed(path.split("/")) if part not in ("", "."))
    return Place(parts, page.strip().casefold().removesuffix(".0"))


@dataclass(frozen=True, eq=False)
class Asked:
    """One answer, made ready: the places of its question and of itself, what the source says, and what is looked for.

    `reference` is the number of its context text, or of its span where it has no text; `span` the words that the chunk must hold.
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

    @property
    def relevant(self) -> bool:
        """Whether the source says that the document answers the question."""
        return self.answer.relevant and self.answer.grade > 0


@dataclass(eq=False)
class Wanted:
    """All answers, and each text, id and place that they name once; `Asked.reference` is an index of `references`."""

    asked: list[Asked] = field(default_factory=list)
    references: list[Text] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    places: set[Place] = field(default_factory=set)


def collect(questions: LabelledQuestions, spelled: Mapping[str, str]) -> Wanted:
    """Read all answers; `spelled` has ids as the store spells them."""
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
            place = place_of(answer.metadata)
            if answer.id is not None:
                wanted.ids.add(spelled.get(answer.id, answer.id))
            if place.page or (place.source and ((answer.id is None and reference is None) or (span and not text))):
                wanted.places.add(place)
            wanted.asked.append(Asked(q, number, replace(answer, text=text), reference, span, place))
    return wanted
