"""What is looked for: the texts, spans, ids and places that labelled questions name, each once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from nudge_integrations.labels.labelled import Answer, LabelledQuestions
from nudge_integrations.labels.matching.text import Text
from nudge_integrations.labels.values import id_of, list_of

SOURCE = (
    *("source", "file_name", "filename", "file_path", "path", "file", "url", "uri", "link"),
    *("document", "doc_id", "document_id"),
)
PAGE = ("page", "page_label", "page_number", "page_no")


class Place(NamedTuple):
    """Where a text comes from: parts of a path or address, the last first, and a page; empty where not known.

    `facts` are (key, value) of metadata that the user named: a document that holds another value is another document.
    """

    source: tuple[str, ...] = ()
    page: str = ""
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The named keys that nothing else stands for, as other names of a source or page do for each other."""
        return tuple(key for key, _ in self.facts if key not in (*SOURCE, *PAGE))

    def covers(self, metadata: Mapping[str, Any]) -> bool:
        """Whether all that is asked for is so of a stored document: a bare file name agrees with any path to it."""
        held = flat(metadata)
        there = {key for key, _ in self.facts if held.get(key) not in (None, "")}
        if not there.issuperset(self.needs):
            return False
        if any(value not in values_of(key, held[key]) for key, value in self.facts if key in there):
            return False
        stored = place_of(metadata)
        if self.page and there.isdisjoint(PAGE) and self.page != stored.page:
            return False
        if not self.source or not there.isdisjoint(SOURCE):
            return bool(self.page or there)
        shared = min(len(self.source), len(stored.source))
        return shared > 0 and self.source[:shared] == stored.source[:shared]

    @property
    def clues(self) -> list[tuple[str, ...]]:
        """What a document that it covers must have at least one of; () is had by all."""
        needed = next(((key, value) for key, value in self.facts if key in self.needs), None)
        if needed:
            return [needed]
        named = [(key, value) for key, value in self.facts if key in SOURCE]
        return [*named, *([("source", *self.source[:1])] if self.source else [])] or [()]


def clues_of(metadata: Mapping[str, Any], keys: Iterable[str]) -> set[tuple[str, ...]]:
    """The clues that a stored document has; those of the keys named."""
    held, source = flat(metadata), place_of(metadata).source
    named = {(key, value) for key in keys if held.get(key) not in (None, "") for value in values_of(key, held[key])}
    return {(), *named, *([("source", source[0])] if source else [])}


def flat(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Metadata, also what stands inside of an entry "metadata"."""
    inner = metadata.get("metadata")
    return {**inner, **metadata} if isinstance(inner, Mapping) else metadata


def values_of(key: str, value: Any) -> list[str]:
    """What a document holds under a key, as it is compared: of a path or address the last part, of a list each."""
    return [said for one in list_of(value, "") if (said := value_of(key, one))]


def value_of(key: str, value: Any) -> str:
    """One value of metadata as it is compared."""
    said = unicodedata.normalize("NFKC", str(id_of(value) or "")).casefold()
    return next(iter(_parts(said)), "") if key in SOURCE else said


def _parts(source: str) -> tuple[str, ...]:
    path = unicodedata.normalize("NFKC", unquote(source)).casefold().replace("\\", "/").split("://", 1)[-1]
    return tuple(part for part in reversed(path.split("/")) if part not in ("", "."))


def place_of(metadata: Mapping[str, Any], named: Iterable[str] = ()) -> Place:
    """Read source and page from whatever key is used for them, and the metadata that the user named."""
    held = flat(metadata)
    source, page = (
        next((str(held[key]) for key in keys if held.get(key) not in (None, "")), "") for keys in (SOURCE, PAGE)
    )
    facts = tuple((key, value) for key in named if held.get(key) is not None and (value := value_of(key, held[key])))
    return Place(_parts(source), page.strip().casefold().removesuffix(".0"), facts)


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
            place = place_of(answer.metadata, questions.keys)
            if answer.id is not None:
                wanted.ids.add(spelled.get(answer.id, answer.id))
            alone = (answer.id is None and reference is None) or (span and not text)
            if place.page or (any(place) and alone):
                wanted.places.add(place)
            wanted.asked.append(Asked(q, number, replace(answer, text=text), reference, span, place))
    return wanted
