"""Which rule decides: a chunk that is the reference or holds it whole goes before pieces of it, and likeness comes last."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nudge_integrations.labels.matching import rules
from nudge_integrations.labels.matching.candidates import Pool
from nudge_integrations.labels.matching.found import Chunk, Found, Thresholds
from nudge_integrations.labels.matching.text import Text, covered

_TIE, _CLOSEST, _TRIED = 0.02, 3, 16
_OWN = 0.5  # of what a chunk shares with the reference; repeated phrases elsewhere in a store share what others hold better


def decide(reference: Text, pool: Pool, thresholds: Thresholds) -> tuple[list[Found], list[Found]]:
    """Match one reference to the chunks gathered for it: those that match, and the closest of the others."""
    same = [
        Found(chunk, "exact" if reference.raw == chunk.text.raw else "normalised", 1.0)
        for chunk in pool.chunks
        if len(reference) and reference.folded == chunk.text.folded
    ]
    if same:
        return same, []
    if reference.weight < thresholds.shortest:
        return [], _best_first(_piece(reference, chunk) for chunk in pool.all[:100])[:_CLOSEST]
    inside = [Found(chunk, "containment", 1.0) for chunk in pool.chunks if rules.holds(chunk.text, reference)]
    if inside:
        return inside, []
    pieces = _best_first(_piece(reference, chunk) for chunk in pool.all)
    tried = max(_TRIED, thresholds.most + 1)  # one more than may match, so that too many are noticed
    alike = _alike(reference, [found.chunk for found in pieces[:tried]], thresholds.fuzzy)
    whole = [found for found in alike if _is_whole(found.chunk.text, reference, thresholds.fuzzy)]
    if whole and not any(found.rule == "containment" for found in pieces):
        best = max(found.score for found in whole)
        return [found for found in whole if found.score >= best - _TIE], []
    enough = {found.chunk.id: found for found in alike}
    enough |= {found.chunk.id: found for found in pieces if found.score >= thresholds.enough}
    near = [found for found in pieces if found.chunk.id not in enough]
    if not enough and thresholds.fuzzy is not None:
        scored = (Found(f.chunk, "fuzzy", rules.similarity(reference, f.chunk.text)) for f in near[:_TRIED])
        near = _best_first(scored)
    return _without_phrases(reference, enough.values(), thresholds.fuzzy), near[:_CLOSEST]


def _best_first(found: Iterable[Found]) -> list[Found]:
    return sorted(found, key=lambda each: -each.score)


def _piece(reference: Text, chunk: Chunk) -> Found:
    if rules.is_piece(chunk.text, reference):
        return Found(chunk, "containment", 1.0)
    return Found(chunk, "overlap", rules.overlap(reference, chunk.text))


def _alike(reference: Text, chunks: list[Chunk], least: float | None) -> list[Found]:
    """Those of the nearest chunks that are much like it, or like a part of it."""
    if least is None:
        return []
    long = [chunk for chunk in chunks if chunk.text.weight >= rules.WHOLE_WORDS]
    found = [Found(chunk, "fuzzy", rules.similarity(reference, chunk.text, least)) for chunk in long]
    return [each for each in found if each.score >= least]


def _is_whole(chunk: Text, reference: Text, least: float | None) -> bool:
    """Whether a chunk that is much like a reference is no mere piece of it."""
    if least is None or len(reference) <= len(chunk):
        return True
    return len(chunk) >= least * len(reference) and rules.likeness(reference.folded, chunk.folded, least) > 0


def _without_phrases(reference: Text, found: Iterable[Found], least: float | None) -> list[Found]:
    """Leave out chunks that share no more with the reference than a phrase of it which others hold too."""
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
        place = rules.locate(chunk, reference, least)
        if place is not None:
            part = np.zeros(len(reference), bool)
            part[slice(*place)] = True
            return part
    return covered(reference, chunk, reference.gram)
