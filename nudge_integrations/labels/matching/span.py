"""Rule: the chunk holds the answer. With a context text, the answer where it stands in that text, not the same words elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nudge_integrations.labels.matching import rules
from nudge_integrations.labels.matching.found import Chunk, Found, Thresholds
from nudge_integrations.labels.matching.text import Grams, Text, covered, fold

_EDGE = " \t\r\n.,;:!?…()[]{}。、，；：！？（）「」"
_AROUND = 20  # runs on each side of an answer that are compared
_IN_PLACE, _TIE = 0.7, 0.05  # how much alike they must be, and how much less than the best


def find_span(
    span: Text, start: int | None, reference: Text, chunks: Sequence[Chunk], thresholds: Thresholds
) -> list[Found] | None:
    """The chunks that hold the answer where it stands in the reference; None where it does not stand there.

    Where no chunk holds it whole, those that hold enough of it. `start` is the character of the reference at which the answer begins, if known.
    """
    spots = _regions(span, reference, thresholds.fuzzy, start)
    if not spots:
        return None
    scored = []
    for chunk in chunks:
        held = (_score(spot, reference, chunk.text, thresholds.fuzzy is None) for spot in spots)
        share, like = max(held, key=lambda both: (both[1] >= _IN_PLACE) * both[0])
        scored.append((chunk, share, like))
    best = max((like for _, share, like in scored if share > 0), default=0.0)
    there = [entry for entry in scored if entry[2] >= max(_IN_PLACE, best - _TIE)]
    whole = [entry for entry in there if entry[1] > 0.999]
    return [Found(chunk, "span", share * like) for chunk, share, like in whole or there if share >= thresholds.enough]


def _regions(span: Text, reference: Text, least: float | None, start: int | None) -> list[tuple[int, int]]:
    """Where the answer stands in a reference, in characters of its folded text; words that differ will do from likeness `least` on."""
    for needle in (span, Text(span.raw.strip(_EDGE))):
        places = _same_case(needle, reference, reference.places(needle))
        if not places and len(needle) and needle.folded in reference.folded:
            places = [reference.folded.find(needle.folded)]  # inside of words too: the source says that it is there
        found = [(place, place + len(needle)) for place in places]
        if len(found) > 1 and start is not None and 0 <= start < len(reference.raw):
            before = len(Text(reference.raw[:start]))
            return [min(found, key=lambda region: abs(region[0] - before))]
        if found:
            return found
    if cut := _cut(span, reference):
        return [cut]
    if least is None or len(span) < span.gram:
        return []
    close = rules.locate(span, reference, least) or _cut_roughly(span, reference)
    return [close] if close else []


def _same_case(needle: Text, reference: Text, places: list[int]) -> list[int]:
    """Of several places those where it is written as the source writes it, if there are any: "Bats" is not "bats"."""
    if len(places) < 2 or not (raw := needle.raw.strip()):
        return places
    same, at = set[int](), reference.raw.find(raw)
    while at >= 0 and len(same) < len(places):
        same.add(len(fold(reference.raw[:at])))
        at = reference.raw.find(raw, at + 1)
    return [place for place in places if place in same] or places


def _cut(span: Text, reference: Text) -> tuple[int, int] | None:
    """Where the answer runs over an end of the context."""
    for length in range(min(len(span), len(reference)), span.gram - 1, -1):
        if reference.folded.endswith(span.folded[:length]):
            return len(reference) - length, len(reference)
        if reference.folded.startswith(span.folded[-length:]):
            return 0, length
    return None


def _cut_roughly(span: Text, reference: Text) -> tuple[int, int] | None:
    """The same where letters differ: what both have lies at an end of the context, and at the other end of the answer."""
    size = reference.gram
    held, ours = (np.flatnonzero(covered(*pair, size)) for pair in ((reference, span), (span, reference)))
    if len(held) < 2 * size or len(held) < 0.5 * (held[-1] - held[0]):
        return None
    if len(reference) - held[-1] <= 3 * size and ours[0] <= 3 * size:
        return max(0, int(held[0] - ours[0])), len(reference)
    if held[0] <= 3 * size and len(span) - ours[-1] <= 3 * size:
        return 0, min(len(reference), int(held[-1] + len(span) - ours[-1]))
    return None


def _score(region: tuple[int, int], reference: Text, chunk: Text, exact: bool) -> tuple[float, float]:
    """The share of the answer that the chunk holds, and how much alike both texts are around it, as far as both go."""
    start, end = region
    size = reference.gram
    first, last = max(0, start - _AROUND * size), min(len(reference), end + _AROUND * size)
    here, there = Grams(reference.folded[first:last], size).places(chunk.grams(size))
    if min(last - first, len(chunk)) < size:
        inside = chunk.folded in reference.folded and reference.folded[start:end] in chunk.folded
        return float(inside), float(inside)
    if not len(here):
        return 0.0, 0.0
    shifts, counts = np.unique(there - here - first, return_counts=True)
    shift = int(shifts[counts.argmax()])  # from a place in the reference to that in the chunk
    low, high = max(first, -shift), min(last, len(chunk) - shift)
    pairs = [
        (reference.folded[a:b], chunk.folded[a + shift : b + shift])
        for a, b in ((low, min(start, high)), (max(end, low), high))
        if a < b
    ]
    if sum(len(ours) for ours, _ in pairs) < size:  # the answer is all that both have
        pairs = [(reference.folded[low:high], chunk.folded[low + shift : high + shift])] if low < high else []
    compared = sum(len(ours) for ours, _ in pairs)
    like = sum(_alike(ours, theirs, exact) * len(ours) for ours, theirs in pairs) / max(compared, 1)
    slack = 0 if like == 1 else min(3, (end - start) // 4)  # where letters are missing, places are not exact
    held = max(0, min(end, high) - max(start, low))
    return min(1.0, (held + slack * (held > 0)) / (end - start)), like


def _alike(ours: str, theirs: str, exact: bool) -> float:
    if ours == theirs:
        return 1.0
    if exact:
        return sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(ours)
    return rules.likeness(ours, theirs)
