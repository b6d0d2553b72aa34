"""Which rule decides: a chunk that is the reference or holds it whole goes before pieces of it, and likeness comes last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nudge_integrations.labels.matching import containment, exact, normalised, overlap, span
from nudge_integrations.labels.matching import rules as fuzzy
from nudge_integrations.labels.matching.candidates import Pool
from nudge_integrations.labels.matching.found import Chunk, Found, Thresholds
from nudge_integrations.labels.matching.text import Text, covered

_TIE, _CLOSEST, _TRIED = 0.02, 3, 16


@dataclass(eq=False)
class Decision:
    """What became of one reference.

    Attributes:
        found: The chunks that match it.
        near: The closest of the others.
    """

    found: list[Found]
    near: list[Found]


def decide(reference: Text, pool: Pool, thresholds: Thresholds) -> Decision:
    """Match one reference to the chunks that it has gathered.

    Args:
        reference: The text.
        pool: Its chunks.
        thresholds: See `Thresholds`.
    """
    same = [
        Found(chunk, "exact" if exact.score(reference, chunk.text) else "normalised", 1.0)
        for chunk in pool.chunks
        if normalised.score(reference, chunk.text)
    ]
    if same:
        return Decision(same, [])
    if reference.weight < thresholds.shortest:
        return Decision([], _by_share(reference, pool.all))
    inside = [Found(chunk, "containment", 1.0) for chunk in pool.chunks if containment.score(reference, chunk.text)]
    if inside:
        return Decision(inside, [])
    pieces = [_piece(reference, chunk) for chunk in pool.all]
    pieces.sort(key=lambda found: -found.score)
    tried = max(_TRIED, thresholds.most + 1)  # one more than may match, so that too many are noticed
    alike = _alike(reference, [found.chunk for found in pieces[:tried]], thresholds.fuzzy)
    whole = [found for found in alike if _holds(found.chunk.text, reference, thresholds.fuzzy)]
    if whole and not any(found.rule == "containment" for found in pieces):
        best = max(found.score for found in whole)
        return Decision([found for found in whole if found.score >= best - _TIE], [])
    enough = {found.chunk.id: found for found in alike}
    enough |= {found.chunk.id: found for found in pieces if found.score >= thresholds.enough}
    near = [found for found in pieces if found.chunk.id not in enough]
    if not enough and thresholds.fuzzy is not None:
        near = sorted(
            (Found(f.chunk, "fuzzy", fuzzy.score(reference, f.chunk.text)) for f in near[:_TRIED]),
            key=lambda f: -f.score,
        )
    return Decision(choose(reference, enough.values(), thresholds.fuzzy), near[:_CLOSEST])


def decide_span(
    reference: Text, answer: Text, start: int | None, chunks: list[Chunk], thresholds: Thresholds
) -> list[Found] | None:
    """The chunks that hold the answer where it stands in the reference; None where it does not stand there."""
    spots = span.regions(answer, reference, thresholds.fuzzy, start)
    return span.choose(spots, reference, chunks, thresholds.enough, thresholds.fuzzy is None) if spots else None


def _piece(reference: Text, chunk: Chunk) -> Found:
    if containment.score_piece(reference, chunk.text):
        return Found(chunk, "containment", 1.0)
    return Found(chunk, "overlap", overlap.score(reference, chunk.text))


def _alike(reference: Text, chunks: list[Chunk], least: float | None) -> list[Found]:
    """Those of the nearest chunks that are much like it, or like a part of it."""
    if least is None:
        return []
    found = [
        Found(c, "fuzzy", fuzzy.score(reference, c.text, least)) for c in chunks if c.text.weight >= containment.SHORT
    ]
    return [f for f in found if f.score >= least]


def _holds(chunk: Text, reference: Text, least: float | None) -> bool:
    """Whether a chunk that is much like a reference is no mere piece of it."""
    if least is None or len(reference) <= len(chunk):
        return True
    return len(chunk) >= least * len(reference) and fuzzy.likeness(reference.folded, chunk.folded, least) > 0


def _by_share(reference: Text, chunks: list[Chunk]) -> list[Found]:
    found = [_piece(reference, chunk) for chunk in chunks[:100]]
    return sorted(found, key=lambda f: -f.score)[:_CLOSEST]


_OWN = 0.5  # of what a chunk shares with the reference; repeated phrases elsewhere in a store share what others hold better


def choose(reference: Text, found: Iterable[Found], least: float | None) -> list[Found]:
    """Leave out chunks that share no more with the reference than a phrase of it which others hold too.

    Args:
        reference: The text that was cut.
        found: Chunks that hold enough of it.
        least: Similarity from which texts that differ are taken for one another.
    """
    held = np.zeros(len(reference), bool)
    chosen, parts = list[Found](), list[tuple[int, Found, NDArray[np.bool_]]]()
    for each in found:
        if each.rule == "containment":
            place = reference.folded.find(each.chunk.text.folded)
            held[place : place + len(each.chunk.text)] = True
            chosen.append(each)
        else:
            part = _part(reference, each, least)
            parts.append((int(part.sum()), each, part))
    for size, each, part in sorted(parts, key=lambda entry: -entry[0]):
        copy = any(each.chunk.text.folded == other.chunk.text.folded for other in chosen)
        if copy or (part & ~held).sum() >= _OWN * size:
            held |= part
            chosen.append(each)
    return chosen


def _part(reference: Text, found: Found, least: float | None) -> NDArray[np.bool_]:
    """The characters of the reference that the chunk holds."""
    chunk = found.chunk.text
    if found.rule == "fuzzy" and least is not None and len(chunk) < len(reference):
        place = fuzzy.place(chunk, reference, least)
        if place is not None:
            part = np.zeros(len(reference), bool)
            part[slice(*place)] = True
            return part
    return covered(reference, chunk, reference.gram)
