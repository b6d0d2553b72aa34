"""From one answer of a source to stored chunks: which rules apply to it, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from nudge_integrations.labels.matching import rules
from nudge_integrations.labels.matching.candidates import Gathered, Pool
from nudge_integrations.labels.matching.decide import decide
from nudge_integrations.labels.matching.found import Chunk, Found, Thresholds
from nudge_integrations.labels.matching.references import Asked, Wanted, place_of
from nudge_integrations.labels.matching.span import find_span
from nudge_integrations.labels.matching.text import Text

_LONG = 100  # letters from which a span that stands in no chunk whole may be cut in pieces


@dataclass(eq=False)
class Resolved:
    """The chunks of one answer, the closest of the others, how many match, those not kept included, and what is odd about it."""

    found: list[Found]
    near: list[Found]
    count: int
    note: str = ""


class Resolver:
    """Answers, one after the other, by what a pass over the documents has gathered."""

    def __init__(self, wanted: Wanted, gathered: Gathered, thresholds: Thresholds, spelled: dict[str, str]) -> None:
        self._wanted, self._gathered, self._thresholds, self._spelled = wanted, gathered, thresholds, spelled
        self._decided: dict[int, tuple[list[Found], list[Found]]] = {}
        self._spans: dict[tuple[int, str, int | None], list[Found] | None] = {}

    def all(self) -> list[Resolved]:
        """Match every answer; those of one reference together, as what is worked out for it takes room."""
        resolved: dict[int, Resolved] = {}
        numbers = [-1 if asked.reference is None else asked.reference for asked in self._wanted.asked]
        places = sorted(range(len(numbers)), key=numbers.__getitem__)
        for number, group in groupby(places, key=numbers.__getitem__):
            resolved |= {i: self.resolve(self._wanted.asked[i]) for i in group}
            if number >= 0:
                self._wanted.references[number].forget()
                for chunk in self._gathered.pools[number].all:
                    chunk.text.forget()
        done = [resolved[i] for i in range(len(places))]
        _fill_from_siblings(self._wanted.asked, done)
        return done

    def resolve(self, asked: Asked) -> Resolved:
        """Match one answer."""
        notes = list[str]()
        if asked.answer.id is not None:
            chunk = self._gathered.by_id.get(self._spelled.get(asked.answer.id, asked.answer.id))
            if chunk is not None and self._agrees(asked, chunk):
                return Resolved([Found(chunk, "id", 1.0)], [], 1)
            notes.append(f"id {asked.answer.id!r} is {'not in the store' if chunk is None else 'that of another text'}")
        if asked.reference is not None and asked.span is not None and asked.by_span_alone:
            done = self._by_span(asked, asked.reference, asked.span)
        elif asked.reference is not None:
            done = self._by_text(asked, asked.reference)
        elif any(asked.place):
            done = self._by_place(asked)
            if not done.found:
                done.note = f"no document is of {dict(asked.answer.metadata)}"[:160]
        else:
            done = Resolved([], [], 0, "" if notes else "it has no text, no span, no source and no page")
        done.note = "; ".join([*notes, *filter(None, [done.note])])
        return done

    def _agrees(self, asked: Asked, chunk: Chunk) -> bool:
        """Whether the text of the chunk may be that of the answer; where either is unknown its id decides."""
        if asked.reference is None or not len(chunk.text):
            return True
        reference = self._wanted.references[asked.reference]
        if not len(reference) or asked.by_span_alone:
            return True
        if any(found.chunk is chunk for found in self._decide(asked.reference)[0]):
            return True
        inside = reference.folded in chunk.text.folded or chunk.text.folded in reference.folded
        return inside or rules.overlap(reference, chunk.text) >= self._thresholds.enough

    def _decide(self, number: int) -> tuple[list[Found], list[Found]]:
        if number not in self._decided:
            reference, pool = self._wanted.references[number], self._gathered.pools[number]
            self._decided[number] = decide(reference, pool, self._thresholds)
        return self._decided[number]

    def _by_text(self, asked: Asked, number: int) -> Resolved:
        reference, pool = self._wanted.references[number], self._gathered.pools[number]
        found, near = self._decide(number)
        if not len(reference):
            return Resolved([], [], 0, "its text is empty")
        if not found:
            elsewhere = self._by_place(asked) if asked.place.page else None
            if elsewhere and elsewhere.found:
                elsewhere.note = "its text was not found, but its page"
                return elsewhere
            short = reference.weight < self._thresholds.shortest
            return Resolved([], near, 0, "its text is too short to be searched for inside of others" if short else "")
        note, more = "", pool.more
        if asked.span is not None:
            holders = self._spanned(asked, number, asked.span, [f.chunk for f in found], pool.all)
            if not holders:
                note = f"{'its text does not hold' if holders is None else 'no chunk of its text holds'} its span"
                held = [each for each in found if each.chunk.text.places(asked.span, 1)]
                holders = [Found(each.chunk, "span", each.score) for each in held]
                note += ", but chunks do" if holders else ""
            found, more = holders or found, 0 if holders else more
        found, elsewhere_note = _prefer(found, asked)
        return Resolved(found, near, len(found) + more, "; ".join(filter(None, [note, elsewhere_note])))

    def _spanned(
        self, asked: Asked, number: int, span: Text, chunks: list[Chunk], others: list[Chunk]
    ) -> list[Found] | None:
        """The chunks that hold the span whole; those of the reference before others that share less with it."""
        given = asked.answer.metadata.get("answer_start")
        start = given if isinstance(given, int) else None
        key = (number, span.folded, start)
        if key not in self._spans:
            reference = self._wanted.references[number]
            held = find_span(span, start, reference, chunks, self._thresholds)
            if held is not None and not any(found.score > 0.95 for found in held) and len(others) > len(chunks):
                held = find_span(span, start, reference, others, self._thresholds) or held
            self._spans[key] = held
        return self._spans[key]

    def _by_span(self, asked: Asked, number: int, span: Text) -> Resolved:
        if any(asked.place):
            there = self._gathered.by_place.get(asked.place, Pool()).chunks
            held = [Found(chunk, "span", 1.0) for chunk in there if chunk.text.places(span, 1)]
            if held:
                return Resolved(held, [], len(held))
            if there:
                note = f"none of the {len(there)} chunks of its source and page holds its span"
                return Resolved([], [Found(chunk, "metadata", 1.0) for chunk in there[:3]], 0, note)
        decided, near = self._decide(number)
        long = span.weight >= _LONG
        wide = [f for f in decided if long or (f.rule != "overlap" and len(f.chunk.text) >= len(span))]
        found = [Found(f.chunk, "span", f.score) for f in wide]
        short = span.weight < self._thresholds.shortest and not found
        note = "its span is too short to be searched for without a text, source or page" if short else ""
        near = near or ([] if found else decided[:3])
        return Resolved(found, near, len(found) + self._gathered.pools[number].more, note)

    def _by_place(self, asked: Asked) -> Resolved:
        pool = self._gathered.by_place.get(asked.place, Pool())
        return Resolved([Found(chunk, "metadata", 1.0) for chunk in pool.chunks], [], len(pool.chunks) + pool.more)


def _prefer(found: list[Found], asked: Asked) -> tuple[list[Found], str]:
    """Those of the source and page that the answer names, if any are."""
    if not any(asked.place):
        return found, ""
    there = [each for each in found if asked.place.covers(each.chunk.metadata)]
    if asked.place.needs and not there:
        named = ", ".join(f"{key} {value!r}" for key, value in asked.place.facts)
        return [], f"its text stands only in documents that have not {named}"
    places = [place_of(each.chunk.metadata) for each in found]
    known = [where for where in places if (where.source and asked.place.source) or (where.page and asked.place.page)]
    return there or found, "its text stands elsewhere than its source and page say" if known and not there else ""


def _fill_from_siblings(asked: Sequence[Asked], resolved: Sequence[Resolved]) -> None:
    """Where the span of an answer stands nowhere, take the chunks of another span of the same question and text, if that was found."""
    spanned: dict[tuple[int, int | None], list[Found]] = {}
    for each, done in zip(asked, resolved, strict=True):
        if each.span is not None and done.found and not done.note and done.found[0].rule == "span":
            spanned.setdefault((each.question, each.reference), []).extend(done.found)
    for each, done in zip(asked, resolved, strict=True):
        others = spanned.get((each.question, each.reference))
        if others and each.span is not None and done.note:
            done.found = list({found.chunk.id: found for found in others}.values())
            done.count = len(done.found)
            done.note += "; another span of the question is in place of it"
