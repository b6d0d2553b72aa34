"""Rule: the chunk holds the answer. With a context text, the answer where it stands in that text, not the same words elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nudge_integrations.labels.matching import fuzzy
from nudge_integrations.labels.matching.folding import Text
from nudge_integrations.labels.matching.found import Chunk, Found
from nudge_integrations.labels.matching.hashing import Grams
from nudge_integrations.labels.matching.runs import mask

_EDGE = " \t\r\n.,;:!?…()[]{}。、，；：！？（）「」"


def regions(span: Text, reference: Text, least: float | None, start: int | None = None) -> list[tuple[int, int]]:
    """Where the answer stands in a reference, in characters of its folded text.

    Args:
        span: The answer.
        reference: The context.
        least: Similarity from which words that differ will do; None for none.
        start: The character of the context at which the answer begins, where the source says so.
    """
    for needle in (span, Text(span.raw.strip(_EDGE))):
        found = [(place, place + len(needle)) for place in reference.places(needle)] or _anywhere(needle, reference)
        if len(found) > 1 and start is not None and 0 <= start < len(reference.raw):
            before = len(Text(reference.raw[:start]))
            return [min(found, key=lambda region: abs(region[0] - before))]
        if found:
            return found
    close = fuzzy.place(span, reference, least) if least is not None and span.weight >= 2 * span.gram else None
    return [close] if close else []


def _anywhere(needle: Text, reference: Text) -> list[tuple[int, int]]:
    """Inside of words, for answers long enough to be no accident."""
    place = reference.folded.find(needle.folded) if needle.weight >= needle.gram else -1
    return [] if place < 0 else [(place, place + len(needle))]


def score(region: tuple[int, int], reference: Text, chunk: Text) -> float:
    """The share of the answer that the chunk holds, in a run of characters that goes on beyond it as in the reference."""
    start, end = region
    if chunk.folded == reference.folded:
        return 1.0
    size = reference.gram
    first, last = max(0, start - 3 * size), min(len(reference), end + 3 * size)
    near = reference.folded[first:last]
    if len(chunk) < 2 * size or len(near) < 2 * size:
        shorter, longer = sorted((chunk.folded, near), key=len)
        return 1.0 if shorter and shorter in longer and reference.folded[start:end] in chunk.folded else 0.0
    held = mask(Grams(near, size), chunk.grams(size), len(near))
    return float(np.mean(held[start - first : end - first]))


def choose(
    spots: Sequence[tuple[int, int]], reference: Text, chunks: Sequence[Chunk], enough: float, least: float | None
) -> list[Found]:
    """The chunks that hold the answer; where none holds it whole, those that hold enough of it; else the one that holds something like it."""
    best: list[Found] = []
    for chunk in chunks:
        best.append(Found(chunk, "span", max(score(spot, reference, chunk.text) for spot in spots)))
    whole = [found for found in best if found.score > 0.999]
    if whole:
        return whole
    top = max((found.score for found in best), default=0.0)
    if top >= enough:
        return [found for found in best if found.score >= enough]
    if least is None:
        return []
    close = []
    for start, end in spots[:3]:
        near = reference.folded[max(0, start - 20) : end + 20]
        around = Text(near, near)
        close += [
            Found(chunk, "fuzzy", fuzzy.score(around, chunk.text, least))
            for chunk in chunks
            if len(near) <= len(chunk.text)
        ]
    return [found for found in close if found.score >= max(least, max(f.score for f in close) - 0.02)]
